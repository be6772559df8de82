//! Promises of a registry.

use solthrive_domain::access::Operator;
use solthrive_domain::registration::{Claim, Decision};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use crate::conformance::readable;
use crate::meta::{
    Asked, CodeHash, NewCode, NewDevice, Org, OrgKind, Provisioned, Registry, Site, Standing,
    TokenHash,
};

pub(super) const BY: Operator = Operator::at_the_console();

pub(super) fn at(ms: i64) -> UnixMillis {
    UnixMillis::try_from(ms).expect("a test's instant")
}
pub(super) fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}
pub(super) fn org(number: u128) -> OrgId {
    OrgId::from_uuid(Uuid::from_u128(number))
}
pub(super) fn site(number: u128) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(number))
}
pub(super) const fn token(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}
pub(super) const fn code(byte: u8) -> CodeHash {
    CodeHash([byte; 32])
}

/// Two installers, a site each with a code each (1 and 2, one use, until 1,000), three new devices
/// with tokens of their own numbers.
pub(super) async fn a_small_world(registry: &dyn Registry) {
    for number in [1u8, 2] {
        let id = u128::from(number);
        let new = Org {
            id: org(id),
            kind: OrgKind::Installer,
            name: format!("Sun & Sons {number}"),
            contact: (number == 1).then(|| "a@example.org".to_owned()),
        };
        registry.add_org(&BY, &new, at(1)).await.expect("adds");
        let home = Site {
            id: site(id),
            owner: org(id),
            name: format!("Home {number}"),
            time_zone: "America/Los_Angeles".to_owned(),
            size_w: (number == 1).then_some(7_600),
            place: (number == 1).then_some((-377, 1_449)),
        };
        assert!(registry.add_site(&BY, &home, at(1)).await.expect("adds"));
        let new = NewCode {
            id: Uuid::from_u128(id),
            hash: code(number),
            site: site(id),
            installer: org(id),
            expires_at: at(1_000),
            uses: 1,
        };
        assert!(registry.add_code(&BY, &new, at(1)).await.expect("adds"));
    }
    let told = registry
        .provision(&BY, &[new(1), new(2), new(3)], at(1))
        .await;
    assert_eq!(told.expect("provisions"), [Provisioned::New; 3]);
}

pub(super) fn new(number: u8) -> NewDevice {
    NewDevice {
        id: device(number.into()),
        serial: format!("ST-{number}"),
        token: token(number),
    }
}

pub(super) async fn register(registry: &dyn Registry, number: u8, with: u8, now: u32) -> Decision {
    register_as(registry, number, with, now, None).await
}

pub(super) async fn register_as(
    registry: &dyn Registry,
    number: u8,
    with: u8,
    now: u32,
    config: Option<&str>,
) -> Decision {
    let serial = format!("ST-{number}");
    let asked = Asked {
        claim: Claim {
            serial: &serial,
            device: device(number.into()),
        },
        token: token(number),
        code: code(with),
        model: "pi-4",
        firmware: "2.1.0",
        config,
    };
    let call = (u128::from(now) << 64) | (u128::from(number) << 16) | (u128::from(with) << 8);
    let ids = [Uuid::from_u128(call), Uuid::from_u128(call + 1)];
    registry
        .register(&asked, ids, at(now.into()))
        .await
        .expect("answers")
}

pub(super) async fn standing(registry: &dyn Registry, number: u8) -> Standing {
    let lines = registry.devices(&BY).await.expect("lists");
    let line = lines.iter().find(|line| line.id == device(number.into()));
    line.expect("is listed").standing
}

/// What was added is listed as it was added.
pub async fn orgs_and_sites_come_back_as_they_were_added(registry: &dyn Registry) {
    a_small_world(registry).await;
    let orgs = registry.orgs(&BY).await.expect("lists");
    assert_eq!(orgs.len(), 2);
    assert_eq!(
        (orgs[0].id, orgs[0].contact.as_deref()),
        (org(1), Some("a@example.org"))
    );
    assert_eq!(
        (orgs[1].kind, orgs[1].contact.as_deref()),
        (OrgKind::Installer, None)
    );
    let one = registry
        .site(readable(site(1)))
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!((one.size_w, one.place), (Some(7_600), Some((-377, 1_449))));
    assert_eq!(registry.sites(&BY).await.expect("lists")[0], one);
    assert_eq!(registry.site(readable(site(9))).await.expect("reads"), None);
}

/// A site needs its owner, a code its site and its installer.
pub async fn nothing_belongs_to_what_does_not_exist(registry: &dyn Registry) {
    a_small_world(registry).await;
    let home = registry
        .site(readable(site(1)))
        .await
        .expect("reads")
        .expect("is there");
    let orphan = Site {
        id: site(9),
        owner: org(9),
        ..home
    };
    assert!(
        !registry
            .add_site(&BY, &orphan, at(2))
            .await
            .expect("answers")
    );
    let lost = NewCode {
        id: Uuid::from_u128(9),
        hash: code(9),
        site: site(9),
        installer: org(1),
        expires_at: at(1_000),
        uses: 1,
    };
    assert!(!registry.add_code(&BY, &lost, at(2)).await.expect("answers"));
}

/// The same list again changes nothing; a list with somebody else's serial, id or token neither.
pub async fn provisioning_twice_is_once_and_takes_nothing_from_anybody(registry: &dyn Registry) {
    a_small_world(registry).await;
    let again = registry
        .provision(&BY, &[new(1), new(4)], at(2))
        .await
        .expect("answers");
    assert_eq!(again, [Provisioned::Same, Provisioned::New]);
    let thief = NewDevice {
        serial: "ST-1".to_owned(),
        ..new(5)
    };
    let told = registry
        .provision(&BY, &[new(6), thief], at(3))
        .await
        .expect("answers");
    assert_eq!(told, [Provisioned::New, Provisioned::Taken]);
    let same_token = NewDevice {
        token: token(1),
        ..new(7)
    };
    let told = registry
        .provision(&BY, &[same_token], at(3))
        .await
        .expect("answers");
    assert_eq!(told, [Provisioned::Taken]);
    let serials: Vec<_> = registry.devices(&BY).await.expect("lists");
    assert_eq!(serials.len(), 4, "nothing of a refused list is stored");
}

/// Binding, and the same answer to the same question for as long as it is asked.
pub async fn a_device_is_bound_once_and_a_lost_answer_is_given_again(registry: &dyn Registry) {
    a_small_world(registry).await;
    assert_eq!(standing(registry, 1).await, Standing::Waiting);
    assert_eq!(register(registry, 1, 1, 10).await, Decision::Bind(site(1)));
    assert_eq!(register(registry, 1, 1, 11).await, Decision::Bound(site(1)));
    assert_eq!(
        register(registry, 1, 1, 5_000).await,
        Decision::Bound(site(1))
    );
    assert_eq!(standing(registry, 1).await, Standing::Bound(site(1)));
    // The code had one use.
    assert_eq!(register(registry, 2, 1, 12).await, Decision::Refuse);
}

/// Late, unknown and strange: refused, and nothing changes.
pub async fn a_wrong_registration_changes_nothing(registry: &dyn Registry) {
    a_small_world(registry).await;
    assert_eq!(register(registry, 1, 1, 1_000).await, Decision::Refuse);
    assert_eq!(register(registry, 1, 9, 10).await, Decision::Refuse);
    let asked = Asked {
        claim: Claim {
            serial: "ST-2",
            device: device(1),
        },
        token: token(1),
        code: code(1),
        model: "x",
        firmware: "x",
        config: None,
    };
    let told = registry.register(&asked, [Uuid::nil(); 2], at(10)).await;
    assert_eq!(told.expect("answers"), Decision::Refuse);
    assert_eq!(standing(registry, 1).await, Standing::Waiting);
    assert_eq!(register(registry, 1, 1, 20).await, Decision::Bind(site(1)));
}

/// A second claim is refused, and both installers hear of it.
pub async fn a_second_claim_is_told_to_both(registry: &dyn Registry) {
    a_small_world(registry).await;
    register(registry, 1, 1, 10).await;
    let elsewhere = Decision::Elsewhere {
        at: site(1),
        wanted: site(2),
    };
    assert_eq!(register(registry, 1, 2, 20).await, elsewhere);
    assert_eq!(standing(registry, 1).await, Standing::Bound(site(1)));
    for number in [1, 2] {
        let notices = registry.notices(&BY, org(number)).await.expect("reads");
        assert_eq!(notices.len(), 1);
        assert_eq!(
            (notices[0].code.as_str(), notices[0].device),
            ("device_claimed_elsewhere", device(1))
        );
    }
    // The other's code was not used up.
    assert_eq!(register(registry, 2, 2, 30).await, Decision::Bind(site(2)));
}

/// A node that asks for what changed hears of every change, and of nothing else.
pub async fn what_changed_is_heard_of(registry: &dyn Registry) {
    a_small_world(registry).await;
    let all = registry.credentials(0).await.expect("reads");
    assert_eq!(all.len(), 3);
    let newest = all.iter().map(|it| it.revision).max().expect("three");
    assert_eq!(registry.credentials(newest).await.expect("reads"), []);

    register(registry, 2, 1, 10).await;
    let changed = registry.credentials(newest).await.expect("reads");
    assert_eq!(changed.len(), 1);
    assert_eq!(
        (changed[0].device, changed[0].standing),
        (device(2), Standing::Bound(site(1)))
    );
    assert_eq!(changed[0].tokens, [token(2)]);

    let newest = changed[0].revision;
    assert!(
        registry
            .deactivate(&BY, device(2), at(20))
            .await
            .expect("answers")
    );
    let changed = registry.credentials(newest).await.expect("reads");
    assert_eq!(
        (changed.len(), changed[0].standing),
        (1, Standing::Deactivated)
    );
    assert!(
        !registry
            .deactivate(&BY, device(99), at(20))
            .await
            .expect("answers")
    );
}

/// Two tokens work while one takes over; a third pushes the oldest out; a revoked one is gone.
pub async fn a_device_has_at_most_two_tokens(registry: &dyn Registry) {
    a_small_world(registry).await;
    let tokens = async || {
        let all = registry.credentials(0).await.expect("reads");
        let mine = all
            .into_iter()
            .find(|it| it.device == device(1))
            .expect("is there");
        let mut tokens = mine.tokens;
        tokens.sort();
        tokens
    };
    assert!(
        registry
            .add_token(&BY, device(1), token(11), at(2))
            .await
            .expect("adds")
    );
    assert_eq!(tokens().await, [token(1), token(11)]);
    assert!(
        registry
            .add_token(&BY, device(1), token(12), at(3))
            .await
            .expect("adds")
    );
    assert_eq!(tokens().await, [token(11), token(12)]);
    assert!(
        registry
            .revoke_token(&BY, token(11), at(4))
            .await
            .expect("revokes")
    );
    assert_eq!(tokens().await, [token(12)]);
    assert!(
        !registry
            .revoke_token(&BY, token(11), at(4))
            .await
            .expect("answers")
    );
    assert!(
        !registry
            .add_token(&BY, device(9), token(13), at(3))
            .await
            .expect("answers")
    );
}

/// A replacement takes the place over; who is somewhere already, or gone, does not.
pub async fn a_replacement_takes_the_place_over(registry: &dyn Registry) {
    a_small_world(registry).await;
    register(registry, 1, 1, 10).await;
    register(registry, 2, 2, 10).await;
    let replace = async |old: u128, new: u128, now| {
        let done = registry
            .replace(&BY, device(old), device(new), at(now))
            .await;
        done.expect("answers")
    };
    assert_eq!(replace(1, 2, 20).await, None, "2 is at home already");
    assert_eq!(replace(3, 1, 20).await, None, "3 is nowhere");
    assert_eq!(standing(registry, 1).await, Standing::Bound(site(1)));
    assert_eq!(replace(1, 3, 30).await, Some(site(1)));
    assert_eq!(standing(registry, 3).await, Standing::Bound(site(1)));
    assert_eq!(standing(registry, 1).await, Standing::Waiting);
    registry
        .deactivate(&BY, device(1), at(40))
        .await
        .expect("answers");
    assert_eq!(replace(3, 1, 50).await, None, "1 is gone");
    assert_eq!(standing(registry, 3).await, Standing::Bound(site(1)));
}

/// Two nodes that register a device at the same moment bind it once, and a code of one use binds one
/// device.
pub async fn two_nodes_bind_a_device_once(registry: &dyn Registry) {
    a_small_world(registry).await;
    let (one, other) = tokio::join!(register(registry, 1, 1, 10), register(registry, 1, 1, 11));
    let mut told = [one, other];
    told.sort_by_key(|decision| matches!(decision, Decision::Bound(_)));
    assert_eq!(told, [Decision::Bind(site(1)), Decision::Bound(site(1))]);
    let (two, three) = tokio::join!(register(registry, 2, 2, 20), register(registry, 3, 2, 21));
    let bound = [two, three]
        .iter()
        .filter(|told| **told == Decision::Bind(site(2)))
        .count();
    assert_eq!((bound, [two, three].contains(&Decision::Refuse)), (1, true));
}

//! Promises of a registry to who runs it, and to who follows it.

use solthrive_domain::registration::Decision;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};
use uuid::Uuid;

use super::registry::{
    BY, a_small_world, at, code, device, org, register, register_as, site, standing, token,
};
use crate::conformance::readable;
use crate::meta::{Assignment, Credential, NewCode, Registry, Site, Standing};

/// A second code for a site, of the first installer.
async fn another_code(registry: &dyn Registry, number: u8, for_site: u128) {
    let new = NewCode {
        id: Uuid::from_u128(number.into()),
        hash: code(number),
        site: site(for_site),
        installer: org(1),
        expires_at: at(1_000),
        uses: 5,
    };
    assert!(registry.add_code(&BY, &new, at(1)).await.expect("adds"));
}

/// Device, site, from, to.
type Stay = (DeviceId, SiteId, i64, Option<i64>);

async fn stays(registry: &dyn Registry, revision: i64) -> (Vec<Stay>, i64) {
    let all = registry.assignments(revision).await.expect("reads");
    let newest = all.iter().map(|it| it.revision).max().unwrap_or(revision);
    let stay = |it: &Assignment| {
        let to = it.to_at.map(UnixMillis::get);
        (it.device, it.site, it.from_at.get(), to)
    };
    (all.iter().map(stay).collect(), newest)
}

/// Who follows the assignments hears of every change of a device's places and of their time zone,
/// and of nothing else.
pub async fn followers_hear_of_every_assignment(registry: &dyn Registry) {
    a_small_world(registry).await;
    let (all, newest) = stays(registry, 0).await;
    assert_eq!(all, []);
    register(registry, 1, 1, 10).await;
    register(registry, 2, 2, 20).await;
    let (all, newest) = stays(registry, newest).await;
    let one = (device(1), site(1), 10, None);
    let two = (device(2), site(2), 20, None);
    assert_eq!(all, [one, two]);

    registry
        .replace(&BY, device(1), device(3), at(30))
        .await
        .expect("replaces");
    let (changed, newest) = stays(registry, newest).await;
    let ended = (device(1), site(1), 10, Some(30));
    let three = (device(3), site(1), 30, None);
    assert_eq!(changed, [ended, three]);
    assert_eq!(stays(registry, 0).await.0, [ended, two, three]);

    let home = registry.site(readable(site(1))).await.expect("reads");
    let home = home.expect("is there");
    let renamed = Site {
        name: "Elsewhere".to_owned(),
        ..home.clone()
    };
    assert!(
        registry
            .update_site(&BY, &renamed, at(40))
            .await
            .expect("updates")
    );
    assert_eq!(stays(registry, newest).await.0, [], "a name is none of it");
    let moved = Site {
        time_zone: "Europe/Paris".to_owned(),
        ..home
    };
    assert!(
        registry
            .update_site(&BY, &moved, at(50))
            .await
            .expect("updates")
    );
    let all = registry.assignments(newest).await.expect("reads");
    let zones: Vec<_> = all
        .iter()
        .map(|it| (it.device, it.time_zone.as_str()))
        .collect();
    assert_eq!(
        zones,
        [(device(1), "Europe/Paris"), (device(3), "Europe/Paris")]
    );
    assert_eq!(all[0].installer, org(1));
}

/// A site has one device that measures it: a second one is refused, its installer is told once a day,
/// and the code keeps its use.
pub async fn a_site_has_one_device_at_a_time(registry: &dyn Registry) {
    a_small_world(registry).await;
    another_code(registry, 7, 1).await;
    register(registry, 1, 1, 10).await;
    for now in [20, 30] {
        assert_eq!(
            register(registry, 2, 7, now).await,
            Decision::Taken(site(1))
        );
    }
    assert_eq!(standing(registry, 2).await, Standing::Waiting);
    let notices = registry.notices(&BY, org(1)).await.expect("reads");
    let told: Vec<_> = notices
        .iter()
        .map(|it| (it.code.as_str(), it.device))
        .collect();
    assert_eq!(told, [("site_taken", device(2))]);

    // A deactivated device measures nothing, and gives its place up.
    registry
        .deactivate(&BY, device(1), at(40))
        .await
        .expect("answers");
    assert_eq!(register(registry, 2, 7, 50).await, Decision::Bind(site(1)));
    let (all, _) = stays(registry, 0).await;
    let ended = (device(1), site(1), 10, Some(50));
    assert_eq!(all, [ended, (device(2), site(1), 50, None)]);
    let codes = registry.codes(&BY).await.expect("lists");
    let used = codes.iter().find(|it| it.id == Uuid::from_u128(7));
    assert_eq!(used.map(|it| it.uses_left), Some(4));
}

/// Two nodes that register two devices for one site at the same moment bind one of them.
pub async fn two_nodes_bind_one_device_to_a_site(registry: &dyn Registry) {
    a_small_world(registry).await;
    another_code(registry, 7, 1).await;
    let told = tokio::join!(register(registry, 1, 1, 10), register(registry, 2, 7, 11));
    let mut told = [told.0, told.1];
    told.sort_by_key(|decision| matches!(decision, Decision::Taken(_)));
    assert_eq!(told, [Decision::Bind(site(1)), Decision::Taken(site(1))]);
}

/// Codes are listed without what they are; a revoked one lets nobody in, and nobody out.
pub async fn a_revoked_code_lets_nobody_in(registry: &dyn Registry) {
    a_small_world(registry).await;
    another_code(registry, 7, 1).await;
    assert_eq!(register(registry, 1, 7, 10).await, Decision::Bind(site(1)));
    let (first, second) = (Uuid::from_u128(7), Uuid::from_u128(2));
    for id in [first, second, second] {
        assert!(
            registry
                .revoke_code(&BY, id, at(20))
                .await
                .expect("revokes")
        );
    }
    let nobodys = Uuid::from_u128(99);
    assert!(
        !registry
            .revoke_code(&BY, nobodys, at(20))
            .await
            .expect("answers")
    );
    assert_eq!(register(registry, 2, 2, 30).await, Decision::Refuse);
    assert_eq!(register(registry, 1, 7, 30).await, Decision::Bound(site(1)));
    let codes = registry.codes(&BY).await.expect("lists");
    let mut listed: Vec<_> = codes
        .iter()
        .map(|it| (it.id.as_u128(), it.uses_left, it.revoked_at))
        .collect();
    listed.sort_unstable_by_key(|(id, ..)| *id);
    let revoked = Some(at(20));
    assert_eq!(listed, [(1, 1, None), (2, 1, revoked), (7, 4, revoked)]);
    let (one, expires_at) = (codes[0].created_at, codes[0].expires_at);
    assert_eq!((one, expires_at), (at(1), at(1_000)));
}

/// A site changes as a whole and for its owner only.
pub async fn a_site_is_changed_as_a_whole(registry: &dyn Registry) {
    a_small_world(registry).await;
    let home = registry.site(readable(site(1))).await.expect("reads");
    let changed = Site {
        name: "Annex".to_owned(),
        time_zone: "America/Denver".to_owned(),
        size_w: None,
        place: Some((407, -739)),
        ..home.expect("is there")
    };
    assert!(
        registry
            .update_site(&BY, &changed, at(2))
            .await
            .expect("updates")
    );
    let now = registry.site(readable(site(1))).await.expect("reads");
    assert_eq!(now.as_ref(), Some(&changed));
    for wrong in [
        Site {
            owner: org(2),
            ..changed.clone()
        },
        Site {
            id: site(9),
            ..changed.clone()
        },
    ] {
        assert!(
            !registry
                .update_site(&BY, &wrong, at(3))
                .await
                .expect("answers")
        );
    }
    let now = registry.site(readable(site(1))).await.expect("reads");
    assert_eq!(now, Some(changed));
}

/// Each configuration that differs from the one before stays with the site.
pub async fn configurations_stay_with_their_site(registry: &dyn Registry) {
    a_small_world(registry).await;
    let told = [Some("{}"), Some("{}"), None, Some("[1]"), Some("{}")];
    for (now, config) in (10..).zip(told) {
        register_as(registry, 1, 1, now, config).await;
    }
    // Whoever is refused changes nothing.
    register_as(registry, 3, 1, 30, Some("[3]")).await;
    let configs = registry
        .site_configs(readable(site(1)))
        .await
        .expect("reads");
    let told: Vec<_> = configs
        .iter()
        .map(|it| (it.at.get(), it.json.as_str()))
        .collect();
    assert_eq!(told, [(14, "{}"), (13, "[1]"), (10, "{}")]);
    assert_eq!(
        (configs[0].told_by.as_str(), configs[0].device),
        ("device", Some(device(1)))
    );
    assert!(configs[0].revision > configs[1].revision);
    let others = registry
        .site_configs(readable(site(2)))
        .await
        .expect("reads");
    assert_eq!(others, []);
}

/// The token that took over pushes the older one out; one that is not the device's pushes nothing.
pub async fn an_older_token_is_retired(registry: &dyn Registry) {
    a_small_world(registry).await;
    let add = registry.add_token(&BY, device(1), token(11), at(2)).await;
    assert!(add.expect("adds"));
    let retire = async |keep| {
        let done = registry
            .retire_older_tokens(&BY, device(1), token(keep), at(3))
            .await;
        done.expect("answers")
    };
    assert!(!retire(2).await, "that is another device's");
    assert!(retire(11).await);
    assert!(retire(11).await, "twice is once");
    let all: Vec<Credential> = registry.credentials(0).await.expect("reads");
    let mine = all
        .iter()
        .find(|it| it.device == device(1))
        .expect("is there");
    assert_eq!(mine.tokens, [token(11)]);
    assert_eq!(
        all.last().map(|it| it.device),
        Some(device(1)),
        "nodes hear of it"
    );
}

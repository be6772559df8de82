//! Promises about people: who is believed to be whom, and what he reaches.

use std::collections::BTreeSet;

use solthrive_domain::access::{
    Actor, By, Credential, Membership, OrgKind, Role, Scope, Scopes, SecondFactor,
};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, SiteId, UserId};
use uuid::Uuid;

use super::archive::{BY, at, org, site};
use super::registry::a_small_world;
use crate::meta::{AuditCheck, Registry, TokenHash};
use crate::people::{
    Accounts, Added, EmailKey, HomeFilter, Homes, NewSession, NewToken, NewUser, Page, PageKey,
    Proof,
};

/// Half an hour.
pub(super) const IDLE: i64 = 1_800_000;

pub(super) fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn person(number: u128, email: &str, member_of: Vec<(OrgId, Role)>) -> NewUser {
    NewUser {
        id: user(number),
        email: email.to_owned(),
        key: EmailKey::of(email).expect("an address"),
        name: "Ada".to_owned(),
        locale: "en".to_owned(),
        password: Some("$argon2id$".to_owned()),
        proven: true,
        member_of,
    }
}

pub(super) async fn ada(store: &(impl Registry + Accounts)) {
    a_small_world(store).await;
    let ada = person(1, "Ada@example.org", vec![(org(1), Role::Admin)]);
    let added = store.add_user(By::Console, &ada, at(10)).await;
    assert_eq!(added.expect("adds"), Added::Done);
}

pub(super) fn session(byte: u8, of: u128, expires_at: i64) -> NewSession {
    NewSession {
        hash: TokenHash([byte; 32]),
        id: Uuid::from_u128(byte.into()),
        user: user(of),
        expires_at: at(expires_at),
        factor: byte == 2,
        agent: Some("Browser".to_owned()),
    }
}

/// One address is one person, however it is typed; what is wrong leaves nothing.
pub async fn an_address_is_one_persons(store: &(impl Registry + Accounts)) {
    assert!(store.is_empty().await.expect("reads"));
    ada(store).await;
    assert!(!store.is_empty().await.expect("reads"));
    let other = person(2, "ADA@EXAMPLE.ORG", Vec::new());
    let added = store.add_user(By::Console, &other, at(11)).await;
    assert_eq!(added.expect("answers"), Added::Taken);
    let lost = person(3, "bob@example.org", vec![(org(99), Role::Admin)]);
    let added = store.add_user(By::Console, &lost, at(11)).await;
    assert_eq!(added.expect("answers"), Added::NoSuchOrg);
    let bob = EmailKey::of("bob@example.org").expect("an address");
    assert_eq!(store.sign_in(&bob).await.expect("reads"), None);
    let key = EmailKey::of("ada@example.org").expect("an address");
    let found = store.sign_in(&key).await.expect("reads").expect("is known");
    assert_eq!((found.user, found.deactivated), (user(1), false));
    let seen = store.user(user(1)).await.expect("reads").expect("is known");
    assert_eq!(
        (seen.email.as_str(), seen.second_factor),
        ("Ada@example.org", false)
    );
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }), "{check:?}");
}

/// The first one runs the platform, and there is one first one.
pub async fn the_first_person_runs_the_platform(store: &(impl Registry + Accounts)) {
    let (one, other) = (
        person(1, "ada@example.org", Vec::new()),
        person(2, "bob@example.org", Vec::new()),
    );
    let both = tokio::join!(
        store.add_first(&one, at(10)),
        store.add_first(&other, at(10))
    );
    let both = [both.0.expect("answers"), both.1.expect("answers")];
    assert_ne!(both[0], both[1]);
    let first = if both[0] { &one } else { &other };
    let found = store.sign_in(&first.key).await.expect("reads");
    let found = found.expect("is known");
    let mine: Vec<_> = found.memberships.iter().collect();
    assert_eq!(
        (mine[0].kind, mine[0].role),
        (OrgKind::Platform, Role::Admin)
    );
    assert_eq!(mine.len(), 1);
    let late = person(3, "cy@example.org", Vec::new());
    assert!(!store.add_first(&late, at(11)).await.expect("answers"));
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }), "{check:?}");
}

/// A session is known while it is used and not over, and to nobody else's id.
pub async fn a_session_ends_by_time_by_idling_and_by_hand(store: &(impl Registry + Accounts)) {
    ada(store).await;
    let day = 86_400_000;
    for (byte, end) in [(1, day), (2, day), (3, 100_000)] {
        let begun = store.begin_session(&session(byte, 1, end), at(1_000)).await;
        assert!(begun.expect("begins"));
    }
    let nobody = store.begin_session(&session(4, 77, day), at(1_000)).await;
    assert!(!nobody.expect("answers"));
    let by = |byte: u8, now: i64| store.by_session(TokenHash([byte; 32]), IDLE, at(now));
    let caller = by(1, 2_000).await.expect("reads").expect("is known");
    assert_eq!(
        (caller.user, caller.factor, caller.confined),
        (user(1), false, None)
    );
    let orgs: Vec<_> = caller.memberships.iter().map(|mine| mine.org).collect();
    assert_eq!(orgs, [org(1)]);
    assert!(by(2, 2_000).await.expect("reads").expect("is known").factor);
    assert!(by(3, 99_999).await.expect("reads").is_some());
    assert!(by(3, 100_000).await.expect("reads").is_none());
    assert!(by(9, 2_000).await.expect("reads").is_none());
    // The first is used again and again, the second not.
    for minute in 1..60 {
        assert!(by(1, minute * 60_000).await.expect("reads").is_some());
    }
    assert!(by(2, 3_600_000).await.expect("reads").is_none());
    let listed = store
        .sessions(user(1), IDLE, at(3_600_000))
        .await
        .expect("reads");
    let listed: Vec<_> = listed.iter().map(|line| line.id).collect();
    assert_eq!(listed, [Uuid::from_u128(1)]);
    let foreign = store.end_session(user(2), Uuid::from_u128(1)).await;
    assert!(!foreign.expect("answers"));
    let mine = store.end_session(user(1), Uuid::from_u128(1)).await;
    assert!(mine.expect("ends"));
    assert!(by(1, 3_600_000).await.expect("reads").is_none());
}

/// Signing out everywhere spares at most the session it is asked in.
pub async fn all_sessions_of_a_person_end_at_once(store: &(impl Registry + Accounts)) {
    ada(store).await;
    let bob = person(2, "bob@example.org", Vec::new());
    store
        .add_user(By::Console, &bob, at(10))
        .await
        .expect("adds");
    for (byte, of) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        let begun = store
            .begin_session(&session(byte, of, 9_000_000), at(1_000))
            .await;
        assert!(begun.expect("begins"));
    }
    let ended = store.end_sessions(user(1), Some(Uuid::from_u128(2))).await;
    assert_eq!(ended.expect("ends"), 2);
    for (byte, known) in [(1, false), (2, true), (3, false), (4, true)] {
        let caller = store
            .by_session(TokenHash([byte; 32]), IDLE, at(2_000))
            .await;
        assert_eq!(caller.expect("reads").is_some(), known, "{byte}");
    }
    assert_eq!(store.end_sessions(user(1), None).await.expect("ends"), 1);
}

fn script(byte: u8, sites: Option<BTreeSet<SiteId>>, expires_at: Option<UnixMillis>) -> NewToken {
    NewToken {
        id: Uuid::from_u128(byte.into()),
        hash: TokenHash([byte; 32]),
        user: user(1),
        name: "plots".to_owned(),
        scopes: Scopes::of(&[Scope::Production]),
        sites,
        expires_at,
    }
}

/// A token is confined as it was made, and ends by time and by hand.
pub async fn a_token_keeps_its_bounds_and_ends(store: &(impl Registry + Accounts)) {
    ada(store).await;
    let here = BTreeSet::from([site(1), site(2)]);
    let tokens = [
        script(1, Some(here.clone()), None),
        script(2, None, Some(at(5_000))),
    ];
    for token in &tokens {
        store
            .add_script_token(token, at(1_000))
            .await
            .expect("adds");
    }
    let by = |byte: u8, now: i64| store.by_token(TokenHash([byte; 32]), at(now));
    let caller = by(1, 2_000).await.expect("reads").expect("is known");
    let bounds = (Scopes::of(&[Scope::Production]), Some(here));
    assert_eq!(caller.confined, Some(bounds));
    assert!(by(2, 4_999).await.expect("reads").is_some());
    assert!(by(2, 5_000).await.expect("reads").is_none());
    let listed = store.tokens(user(1), at(5_000)).await.expect("reads");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].used_at, Some(at(2_000)));
    let gone = |of| store.revoke_script_token(user(of), Uuid::from_u128(1), at(6_000));
    assert!(!gone(2).await.expect("answers"));
    assert!(gone(1).await.expect("revokes"));
    assert!(!gone(1).await.expect("answers"));
    assert!(by(1, 7_000).await.expect("reads").is_none());
}

/// A member of this org, in a session that went all the way.
fn member(of: OrgId) -> Actor {
    Actor {
        user: Some(user(1)),
        client: None,
        credential: Credential::Session(SecondFactor::NotAsked),
        memberships: vec![Membership {
            org: of,
            kind: OrgKind::Household,
            role: Role::Admin,
        }],
        support: Vec::new(),
    }
}

/// The sites of one's own org are found by name, page by page, and nobody else's.
pub async fn homes_are_listed_page_by_page_and_no_others(
    store: &(impl Registry + Accounts + Homes),
) {
    ada(store).await;
    let me = member(org(1));
    let all = |after| Page { after, most: 1 };
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .homes(&me, &HomeFilter::default(), &all(after), at(50))
            .await;
        let Some(home) = page.expect("reads").pop() else {
            break;
        };
        after = Some(PageKey {
            name: home.site.name.clone(),
            site: home.site.id,
        });
        assert_eq!(home.site.owner, org(1));
        found.push(home.site.id);
    }
    let by = BY;
    let everything = store.sites(&by).await.expect("reads");
    let mine = everything.iter().filter(|site| site.owner == org(1));
    let mine: Vec<_> = mine.map(|site| site.id).collect();
    assert!(!mine.is_empty());
    assert_eq!(found, mine);
    for site in &everything {
        let home = store.home(&me, site.id, at(50)).await.expect("reads");
        assert_eq!(home.is_some(), site.owner == org(1), "{site:?}");
    }
    let named = |name: &str| HomeFilter {
        name: Some(name.to_owned()),
        ..HomeFilter::default()
    };
    for (text, count) in [
        ("%", 0),
        ("_", 0),
        ("\\", 0),
        ("no such", 0),
        ("", mine.len()),
    ] {
        let page = Page {
            after: None,
            most: 50,
        };
        let homes = store.homes(&me, &named(text), &page, at(50)).await;
        assert_eq!(homes.expect("reads").len(), count, "{text:?}");
    }
}

/// Ada with two sessions, 1 and 3, and Bob with session 4.
async fn ada_and_bob(store: &(impl Registry + Accounts)) {
    ada(store).await;
    let bob = person(2, "bob@example.org", Vec::new());
    let added = store.add_user(By::Console, &bob, at(10)).await;
    assert_eq!(added.expect("adds"), Added::Done);
    for (byte, of) in [(1, 1), (3, 1), (4, 2)] {
        let begun = store
            .begin_session(&session(byte, of, 9_000_000), at(1_000))
            .await;
        assert!(begun.expect("begins"));
    }
}

fn id(byte: u8) -> Uuid {
    Uuid::from_u128(byte.into())
}

/// Whether this session went all the way.
async fn went_all_the_way(store: &impl Accounts, byte: u8) -> bool {
    let caller = store
        .by_session(TokenHash([byte; 32]), IDLE, at(2_000))
        .await;
    caller.expect("reads").expect("is known").factor
}

const RECOVERY: [TokenHash; 2] = [TokenHash([7; 32]), TokenHash([8; 32])];

/// Sets up a factor with its code of step 5, in session 1.
async fn set_up(store: &impl Accounts) {
    let begun = store.begin_factor(user(1), b"secret").await;
    assert!(begun.expect("begins"));
    let proven = store
        .prove_factor(user(1), id(1), 5, &RECOVERY, at(1_500))
        .await;
    assert!(proven.expect("proves"));
}

/// A factor can be begun anew until it is proven, in one's own session; from then on it counts.
pub async fn a_second_factor_counts_once_it_was_proven(store: &(impl Registry + Accounts)) {
    ada_and_bob(store).await;
    assert_eq!(store.factor(user(1)).await.expect("reads"), None);
    let passed = store
        .pass_factor(user(1), id(1), &Proof::Code(7), at(2_000))
        .await;
    assert!(!passed.expect("answers"), "nothing is set up");
    assert!(store.begin_factor(user(1), b"one").await.expect("begins"));
    let key = EmailKey::of("ada@example.org").expect("an address");
    let told = store.sign_in(&key).await.expect("reads").expect("is known");
    assert_eq!(told.totp, None, "it is not proven yet");
    let foreign = store
        .prove_factor(user(1), id(4), 5, &RECOVERY, at(1_500))
        .await;
    assert!(!foreign.expect("answers"), "the session is another's");
    set_up(store).await;
    let factor = store.factor(user(1)).await.expect("reads");
    let factor = factor.expect("is set up");
    assert_eq!(factor.sealed, b"secret");
    assert_eq!((factor.proven, factor.step), (true, Some(5)));
    let again = store.begin_factor(user(1), b"three").await;
    assert!(!again.expect("answers"));
    assert!(went_all_the_way(store, 1).await);
    assert!(!went_all_the_way(store, 3).await);
}

/// A code and a recovery code prove it once, in a session of the same person.
pub async fn each_code_passes_a_session_once(store: &(impl Registry + Accounts)) {
    ada_and_bob(store).await;
    set_up(store).await;
    for (of, session, proof, passes) in [
        (1, 3, Proof::Code(5), false),
        (1, 4, Proof::Code(6), false),
        (1, 3, Proof::Code(6), true),
        (1, 3, Proof::Code(6), false),
        (2, 4, Proof::Recovery(RECOVERY[0]), false),
        (1, 3, Proof::Recovery(RECOVERY[0]), true),
        (1, 3, Proof::Recovery(RECOVERY[0]), false),
        (1, 3, Proof::Recovery(RECOVERY[1]), true),
    ] {
        let passed = store
            .pass_factor(user(of), id(session), &proof, at(2_000))
            .await;
        assert_eq!(passed.expect("answers"), passes, "{proof:?}");
    }
    assert!(went_all_the_way(store, 3).await);
    assert!(!went_all_the_way(store, 4).await);
}

//! Promises about the platform's office.

use solthrive_domain::access::{By, Operator, OrgKind, Role};
use solthrive_domain::{OrgId, UserId};
use uuid::Uuid;

use super::archive::{BY, at, org, site};
use super::people::{IDLE, ada, person, session, user};
use crate::meta::{AuditCheck, Org, Registry, TokenHash};
use crate::people::{Accounts, AuditFilter, EmailKey, NewToken, Office, ShutOut};

const PLATFORM: u128 = 50;

/// Two people who run the platform: 31 and 32.
async fn operators(store: &(impl Registry + Accounts)) {
    ada(store).await;
    let platform = OrgId::from_uuid(Uuid::from_u128(PLATFORM));
    let new = Org {
        id: platform,
        kind: OrgKind::Platform,
        name: "Platform".to_owned(),
        contact: None,
    };
    store.add_org(&BY, &new, at(5)).await.expect("adds");
    for (number, email) in [(31, "olga@example.org"), (32, "otto@example.org")] {
        let one = person(number, email, vec![(platform, Role::Admin)]);
        store
            .add_user(By::Console, &one, at(6))
            .await
            .expect("adds");
    }
}

/// What is looked for is found by id, by letters of a name, a serial number or an address, and signs of LIKE mean themselves.
pub async fn everything_is_found_by_what_is_known_of_it(
    store: &(impl Registry + Accounts + Office),
) {
    operators(store).await;
    let by: &Operator = &BY;
    let counts = async |text: &str, most: u32| {
        let found = store.find(by, text, most).await.expect("finds");
        [
            found.sites.len(),
            found.devices.len(),
            found.people.len(),
            found.orgs.len(),
        ]
    };
    assert_eq!(counts("home", 9).await, [2, 0, 0, 0]);
    assert_eq!(counts("HOME 1", 9).await, [1, 0, 0, 0]);
    assert_eq!(counts("home", 1).await, [1, 0, 0, 0]);
    assert_eq!(counts("st-", 9).await[1], 3);
    assert_eq!(counts("ADA@", 9).await, [0, 0, 1, 0]);
    assert_eq!(counts("sun & sons", 9).await, [0, 0, 0, 2]);
    assert_eq!(counts(&site(2).to_string(), 9).await[0], 1);
    for sign in ["%", "_", "\\", "%%", "' OR 1=1 --"] {
        assert_eq!(counts(sign, 9).await, [0; 4], "{sign}");
    }
    let one = store.person(by, user(31)).await.expect("reads");
    let one = one.expect("is known");
    assert_eq!(one.orgs.len(), 1);
    assert_eq!(
        (one.orgs[0].0.kind, one.orgs[0].1),
        (OrgKind::Platform, Role::Admin)
    );
    let nobody = store.person(by, UserId::from_uuid(Uuid::max())).await;
    assert!(nobody.expect("reads").is_none());
}

/// Who is shut out has no session and no token any more, and none of them comes back when he is let in again.
pub async fn who_is_shut_out_gets_in_by_no_door(store: &(impl Registry + Accounts + Office)) {
    operators(store).await;
    let open = session(7, 1, 9_000_000);
    assert!(store.begin_session(&open, at(1_000)).await.expect("begins"));
    let token = NewToken {
        id: Uuid::from_u128(8),
        hash: TokenHash([8; 32]),
        user: user(1),
        name: "script".to_owned(),
        scopes: solthrive_domain::access::Scopes::ALL,
        sites: None,
        expires_at: None,
    };
    store
        .add_script_token(&token, at(1_000))
        .await
        .expect("adds");
    let gets_in = async |now: i64| {
        let session = store.by_session(TokenHash([7; 32]), IDLE, at(now)).await;
        let token = store.by_token(TokenHash([8; 32]), at(now)).await;
        [
            session.expect("reads").is_some(),
            token.expect("reads").is_some(),
        ]
    };
    assert_eq!(gets_in(1_100).await, [true, true]);
    let out = store.shut_out(&BY, user(1), at(1_200)).await;
    assert_eq!(out.expect("does"), ShutOut::Done);
    let again = store.shut_out(&BY, user(1), at(1_201)).await;
    assert_eq!(again.expect("answers"), ShutOut::Nobody);
    assert_eq!(gets_in(1_300).await, [false, false]);
    let key = EmailKey::of("ada@example.org").expect("an address");
    let known = store.sign_in(&key).await.expect("reads").expect("known");
    assert!(known.deactivated);
    assert!(
        store
            .let_in_again(&BY, user(1), at(1_400))
            .await
            .expect("does")
    );
    assert!(
        !store
            .let_in_again(&BY, user(1), at(1_401))
            .await
            .expect("answers")
    );
    assert_eq!(gets_in(1_500).await, [false, false]);
    let known = store.sign_in(&key).await.expect("reads").expect("known");
    assert!(!known.deactivated);
}

/// Of two operators who shut each other out one stays.
pub async fn somebody_always_runs_the_platform(store: &(impl Registry + Accounts + Office)) {
    operators(store).await;
    let both = tokio::join!(
        store.shut_out(&BY, user(31), at(20)),
        store.shut_out(&BY, user(32), at(20)),
    );
    let mut both = [both.0.expect("answers"), both.1.expect("answers")];
    both.sort_unstable_by_key(|one| *one == ShutOut::LastOperator);
    assert_eq!(both, [ShutOut::Done, ShutOut::LastOperator]);
}

/// Acts are found by what they are about and by whom, page by page, and the chain holds.
pub async fn acts_are_found_by_what_they_are_about(store: &(impl Registry + Accounts + Office)) {
    operators(store).await;
    let out = store.shut_out(&BY, user(1), at(1_200)).await;
    assert_eq!(out.expect("does"), ShutOut::Done);
    let found = async |filter: AuditFilter, before, most| {
        let acts = store.acts(&BY, &filter, before, most).await;
        acts.expect("reads")
    };
    let all = found(AuditFilter::default(), None, 500).await;
    assert!(all.windows(2).all(|two| two[0].seq == two[1].seq + 1));
    let page = found(AuditFilter::default(), Some(all[1].seq), 2).await;
    assert_eq!(page, all[2..4]);
    let of_site = AuditFilter {
        site: Some(site(1)),
        ..AuditFilter::default()
    };
    let of_site = found(of_site, None, 500).await;
    assert!(!of_site.is_empty() && of_site.iter().all(|act| act.site == Some(site(1))));
    let users = AuditFilter {
        action: Some("user.".to_owned()),
        actor: Some("console".to_owned()),
        ..AuditFilter::default()
    };
    let users = found(users, None, 500).await;
    assert_eq!(users[0].action, "user.deactivated");
    let other = AuditFilter {
        org: Some(org(9)),
        ..AuditFilter::default()
    };
    assert_eq!(found(other, None, 500).await, []);
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }), "{check:?}");
}

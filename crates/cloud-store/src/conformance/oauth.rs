//! Promises about programs and apps: whose they are, and what is taken once.

use std::collections::BTreeSet;

use solthrive_domain::access::{
    Actor, By, Credential, ManagedOrg, Membership, OrgKind, Role, Scope, Scopes, SecondFactor,
};
use solthrive_domain::{ClientId, OrgId, UserId};
use uuid::Uuid;

use super::archive::{BY, at, org, site};
use super::registry::a_small_world;
use crate::meta::{AuditCheck, Registry, TokenHash};
use crate::people::{
    Accounts, Added, BroughtCode, Consents, EmailKey, Exchanged, NewConsent, NewProgram,
    NewRefresh, NewUser, Programs, SigningKey,
};

const BACK: &str = "https://app.example/cb";
const WANTED: Scopes = Scopes::of(&[Scope::Production, Scope::Alerts]);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(id(number))
}

fn client(number: u128) -> ClientId {
    ClientId::from_uuid(id(number))
}

fn hash(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}

/// The right to manage an org, as its admin has it.
fn managed(of: OrgId) -> ManagedOrg {
    let admin = Actor {
        user: Some(user(1)),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: of,
            kind: OrgKind::Partner,
            role: Role::Admin,
        }],
        support: Vec::new(),
    };
    admin.manages_org(of).expect("is its admin")
}

fn program(number: u128, secret: Option<TokenHash>) -> NewProgram {
    NewProgram {
        id: client(number),
        name: "Heat app".to_owned(),
        secret,
        redirect_uris: vec![BACK.to_owned(), "http://127.0.0.1:1/".to_owned()],
        scopes: WANTED,
    }
}

/// Ada, and two apps of an org.
async fn ada_and_apps(store: &(impl Registry + Accounts + Programs)) {
    a_small_world(store).await;
    let ada = NewUser {
        id: user(1),
        email: "ada@example.org".to_owned(),
        key: EmailKey::of("ada@example.org").expect("an address"),
        name: "Ada".to_owned(),
        locale: "en".to_owned(),
        password: None,
        proven: true,
        member_of: vec![(org(1), Role::Admin)],
    };
    let added = store.add_user(By::Console, &ada, at(10)).await;
    assert_eq!(added.expect("adds"), Added::Done);
    for number in [1, 2] {
        let new = program(number, None);
        let added = store.add_program(By::User(user(1)), managed(org(1)), &new, at(20));
        added.await.expect("adds");
    }
}

/// A consent to app 1 whose code ends at 2,000.
fn consent(number: u8) -> NewConsent {
    NewConsent {
        id: id(number.into()),
        client: client(1),
        user: user(1),
        scopes: WANTED,
        sites: Some(BTreeSet::from([site(1)])),
        code: hash(number),
        redirect_uri: BACK.to_owned(),
        challenge: [9; 32],
        expires_at: at(2_000),
    }
}

fn brought(code: u8) -> BroughtCode<'static> {
    BroughtCode {
        hash: hash(code),
        client: client(1),
        redirect_uri: BACK,
        challenge: [9; 32],
    }
}

fn next(byte: u8) -> NewRefresh {
    NewRefresh {
        hash: hash(byte),
        expires_at: at(100_000),
    }
}

/// Brings a code at this time for the refresh token `100 + code`.
async fn redeem(store: &impl Consents, code: BroughtCode<'_>, now: i64) -> Exchanged {
    let next = next(100 + code.hash.0[0]);
    let exchanged = store.redeem(code, next, at(now)).await;
    exchanged.expect("answers")
}

async fn refresh(store: &impl Consents, of: u128, token: u8, now: i64) -> Exchanged {
    let next = next(token + 1);
    let exchanged = store.refresh(client(of), hash(token), None, next, at(now));
    exchanged.await.expect("answers")
}

async fn counts(store: &impl Consents, consent: u128) -> bool {
    let caller = store.by_consent(client(1), id(consent)).await;
    caller.expect("reads").is_some()
}

/// A program is its org's: others neither see nor end it, and once ended it is nobody's.
pub async fn a_program_is_its_orgs(store: &(impl Registry + Accounts + Programs)) {
    ada_and_apps(store).await;
    let secret = program(3, Some(hash(7)));
    let added = store.add_program(By::Console, managed(org(2)), &secret, at(30));
    added.await.expect("adds");
    let of = async |number| {
        let listed = store.programs(managed(org(number))).await.expect("reads");
        let mut ids: Vec<_> = listed.into_iter().map(|line| line.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(of(1).await, [client(1), client(2)]);
    assert_eq!(of(2).await, [client(3)]);
    let known = store.program(client(3)).await.expect("reads");
    let known = known.expect("is known");
    assert_eq!((known.org.id, known.secret), (org(2), Some(hash(7))));
    assert_eq!(
        (known.redirect_uris, known.scopes),
        (secret.redirect_uris, WANTED)
    );
    let gone = |number, program| {
        store.revoke_program(By::Console, managed(org(number)), client(program), at(40))
    };
    assert!(!gone(1, 3).await.expect("answers"));
    assert!(gone(2, 3).await.expect("revokes"));
    assert!(!gone(2, 3).await.expect("answers"));
    assert_eq!(store.program(client(3)).await.expect("reads"), None);
    assert!(of(2).await.is_empty());
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }), "{check:?}");
}

/// A code is taken once, in time, by its app, from its address and with its proof; a second time ends what
/// came of it.
pub async fn a_code_is_taken_once_as_it_was_given(
    store: &(impl Registry + Accounts + Programs + Consents),
) {
    ada_and_apps(store).await;
    for number in 1..=6 {
        let added = store.add_consent(&consent(number), at(1_000)).await;
        added.expect("adds");
    }
    let other_app = BroughtCode {
        client: client(2),
        ..brought(1)
    };
    let other_address = BroughtCode {
        redirect_uri: "https://app.example/",
        ..brought(2)
    };
    let other_proof = BroughtCode {
        challenge: [8; 32],
        ..brought(3)
    };
    for (code, now) in [
        (other_app, 1_500),
        (other_address, 1_500),
        (other_proof, 1_500),
        (brought(4), 2_000),
        (brought(99), 1_500),
    ] {
        assert_eq!(
            redeem(store, code, now).await,
            Exchanged::Refused,
            "{code:?}"
        );
    }
    assert_eq!(
        redeem(store, brought(3), 1_600).await,
        Exchanged::Again,
        "it was used up"
    );
    let Exchanged::Done(given) = redeem(store, brought(5), 1_500).await else {
        panic!("the code is good");
    };
    assert_eq!(
        (given.consent, given.user, given.scopes),
        (id(5), user(1), WANTED)
    );
    let caller = store.by_consent(client(1), id(5)).await.expect("reads");
    let caller = caller.expect("counts");
    assert_eq!(
        caller.confined,
        Some((WANTED, Some(BTreeSet::from([site(1)]))))
    );
    assert_eq!((caller.user, caller.memberships.len()), (user(1), 1));
    assert_eq!(
        store.by_consent(client(2), id(5)).await.expect("reads"),
        None
    );
    assert_eq!(redeem(store, brought(5), 1_600).await, Exchanged::Again);
    assert!(!counts(store, 5).await);
    assert!(counts(store, 6).await);
    assert_eq!(refresh(store, 1, 105, 1_700).await, Exchanged::Refused);
}

/// A refresh token is taken once, by its app, for no more than was given; one that comes again ends its
/// family, and no other.
pub async fn a_refresh_token_that_comes_again_ends_its_family(
    store: &(impl Registry + Accounts + Programs + Consents),
) {
    ada_and_apps(store).await;
    for number in [1, 20] {
        store
            .add_consent(&consent(number), at(1_000))
            .await
            .expect("adds");
        let taken = redeem(store, brought(number), 1_500).await;
        assert!(matches!(taken, Exchanged::Done(_)), "{taken:?}");
    }
    assert_eq!(
        refresh(store, 2, 101, 1_600).await,
        Exchanged::Refused,
        "another app's"
    );
    let wide = store.refresh(
        client(1),
        hash(101),
        Some(Scopes::ALL),
        next(102),
        at(1_600),
    );
    assert_eq!(wide.await.expect("answers"), Exchanged::TooWide);
    let less = Scopes::of(&[Scope::Alerts]);
    let narrow = store.refresh(client(1), hash(101), Some(less), next(102), at(1_600));
    let narrow = narrow.await.expect("answers");
    assert!(
        matches!(narrow, Exchanged::Done(given) if given.scopes == less),
        "{narrow:?}"
    );
    let whole = refresh(store, 1, 102, 1_700).await;
    assert!(
        matches!(whole, Exchanged::Done(given) if given.scopes == WANTED),
        "{whole:?}"
    );
    assert!(counts(store, 1).await);
    assert_eq!(refresh(store, 1, 102, 1_700).await, Exchanged::Again);
    assert!(!counts(store, 1).await);
    assert_eq!(refresh(store, 1, 103, 1_800).await, Exchanged::Refused);
    assert!(counts(store, 20).await);
    assert_eq!(
        refresh(store, 1, 120, 100_000).await,
        Exchanged::Refused,
        "it is over"
    );
    let end = |of| store.end_refresh(client(of), hash(120), at(1_900));
    assert!(!end(2).await.expect("answers"));
    assert!(end(1).await.expect("ends"));
    assert!(!counts(store, 20).await);
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }), "{check:?}");
}

/// Of two nodes that are brought the same code or refresh token at once, one takes it, and it counts as brought
/// twice.
pub async fn two_nodes_take_nothing_twice(
    store: &(impl Registry + Accounts + Programs + Consents),
) {
    ada_and_apps(store).await;
    for number in [1, 20] {
        let added = store.add_consent(&consent(number), at(1_000)).await;
        added.expect("adds");
    }
    let taken = redeem(store, brought(20), 1_500).await;
    assert!(matches!(taken, Exchanged::Done(_)), "{taken:?}");
    let (code, nexts) = (brought(1), [next(51), next(52)]);
    let codes = tokio::join!(
        store.redeem(code, nexts[0], at(1_500)),
        store.redeem(code, nexts[1], at(1_500)),
    );
    let (old, nexts) = (hash(120), [next(53), next(54)]);
    let tokens = tokio::join!(
        store.refresh(client(1), old, None, nexts[0], at(1_600)),
        store.refresh(client(1), old, None, nexts[1], at(1_600)),
    );
    for (one, other) in [codes, tokens] {
        let both = [one.expect("answers"), other.expect("answers")];
        let done = both.iter().filter(|it| matches!(it, Exchanged::Done(_)));
        assert_eq!(done.count(), 1, "{both:?}");
        assert!(both.contains(&Exchanged::Again), "{both:?}");
    }
    assert!(!counts(store, 1).await && !counts(store, 20).await);
}

/// A consent is listed while something of it can be used, is its person's to end, and ends with its app.
pub async fn a_consent_ends_by_its_person_and_with_its_app(
    store: &(impl Registry + Accounts + Programs + Consents),
) {
    ada_and_apps(store).await;
    for number in [1, 2, 3] {
        store
            .add_consent(&consent(number), at(1_000))
            .await
            .expect("adds");
    }
    let listed = async |now| {
        let listed = store.consents(user(1), at(now)).await.expect("reads");
        let mut ids: Vec<_> = listed.into_iter().map(|line| line.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(listed(1_500).await, [id(1), id(2), id(3)]);
    for number in [1, 2] {
        let taken = redeem(store, brought(number), 1_500).await;
        assert!(matches!(taken, Exchanged::Done(_)), "{taken:?}");
    }
    assert_eq!(listed(2_000).await, [id(1), id(2)]);
    let end = |of, consent| store.revoke_consent(user(of), id(consent), at(2_100));
    assert!(!end(2, 1).await.expect("answers"));
    assert!(end(1, 1).await.expect("ends"));
    assert!(!end(1, 1).await.expect("answers"));
    assert!(!counts(store, 1).await && counts(store, 2).await);
    assert_eq!(listed(2_200).await, [id(2)]);
    assert_eq!(refresh(store, 1, 101, 2_200).await, Exchanged::Refused);
    let gone = store.revoke_program(By::Console, managed(org(1)), client(1), at(2_300));
    assert!(gone.await.expect("revokes"));
    assert!(!counts(store, 2).await);
    assert!(listed(2_400).await.is_empty());
    assert_eq!(refresh(store, 1, 102, 2_400).await, Exchanged::Refused);
}

fn key(number: u128, retires_at: i64) -> SigningKey {
    SigningKey {
        id: id(number),
        public: vec![1; 32],
        sealed: vec![2; 60],
        retires_at: at(retires_at),
    }
}

/// There is one key that signs; those that retired are known until they are forgotten.
pub async fn one_key_signs_and_old_ones_are_forgotten(store: &impl Programs) {
    let add = async |key: SigningKey, forget: i64, now: i64| {
        let added = store.add_signing_key(&key, at(forget), at(now)).await;
        added.expect("adds");
    };
    let known = async |after| {
        let keys = store.signing_keys(at(after)).await.expect("reads");
        keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    add(key(1, 1_000), 0, 10).await;
    add(key(2, 1_001), 0, 11).await;
    assert_eq!(known(0).await, [id(1)], "one signs already");
    add(key(3, 2_000), 0, 1_000).await;
    assert_eq!(known(999).await, [id(3), id(1)]);
    assert_eq!(known(1_000).await, [id(3)]);
    let one = store.signing_key(id(1)).await.expect("reads");
    assert_eq!(one, Some(key(1, 1_000)));
    add(key(4, 3_000), 1_001, 2_000).await;
    assert_eq!(store.signing_key(id(1)).await.expect("reads"), None);
    assert_eq!(known(0).await, [id(4), id(3)]);
}

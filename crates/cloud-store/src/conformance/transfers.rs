//! Promises about homes that change, and that change hands.

use solthrive_domain::access::{
    Actor, By, Credential, Membership, OrgKind, OwnedSite, Role, Scope, Scopes, SecondFactor,
};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{GrantId, OrgId};
use uuid::Uuid;

use super::archive::{at, org, site};
use super::people::{ada, person, user};
use crate::meta::{Registry, TokenHash};
use crate::people::{
    Accounts, Edited, EmailKey, History, Home, Homes, NewGrant, NewTransfer, SiteEdit, Taken,
    Tenancy, Transfers,
};

pub(super) const DAY: i64 = 86_400_000;
pub(super) const BUYER: u128 = 5;

pub(super) fn member(of: OrgId, role: Role) -> Actor {
    Actor {
        user: Some(user(1)),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: of,
            kind: OrgKind::Household,
            role,
        }],
        support: Vec::new(),
    }
}

pub(super) async fn home(store: &impl Homes, actor: &Actor, now: i64) -> Option<Home> {
    store.home(actor, site(1), at(now)).await.expect("reads")
}

/// The site and its owner's right; its owner is org 1.
async fn owned(store: &impl Homes, now: i64) -> OwnedSite {
    let mine = member(org(1), Role::Admin);
    let home = home(store, &mine, now).await.expect("his own");
    home.access.owned().expect("an owner")
}

fn hash(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}

pub(super) fn to_buyer(byte: u8, history: History) -> NewTransfer {
    NewTransfer {
        id: Uuid::from_u128(byte.into()),
        hash: hash(byte),
        email: "Buyer@example.org".to_owned(),
        key: EmailKey::of("buyer@example.org").expect("an address"),
        history,
        expires_at: at(14 * DAY),
    }
}

pub(super) async fn sale(store: &(impl Registry + Accounts + Homes)) -> OwnedSite {
    ada(store).await;
    let buyer = person(BUYER, "buyer@example.org", Vec::new());
    let added = store.add_user(By::Console, &buyer, at(10)).await;
    added.expect("adds");
    owned(store, 20).await
}

const fn by() -> By {
    By::Console
}

/// Of two who edit the same version one is told that it is stale, and nothing of the other's is lost.
pub async fn an_edit_overwrites_nothing_that_it_did_not_see(
    store: &(impl Registry + Accounts + Homes + Transfers),
) {
    ada(store).await;
    let mine = owned(store, 20).await;
    let reader = member(org(1), Role::Viewer);
    let before = home(store, &reader, 20).await.expect("seen");
    let edit = |name: &str| SiteEdit {
        name: Some(name.to_owned()),
        size_w: None,
    };
    let (one, other) = (edit("one"), edit("other"));
    let both = tokio::join!(
        store.edit_site(by(), mine, before.version, &one, at(30)),
        store.edit_site(by(), mine, before.version, &other, at(30)),
    );
    let both = [both.0.expect("answers"), both.1.expect("answers")];
    let done = both.iter().position(|one| *one != Edited::Stale);
    let done = done.expect("one wins");
    assert_eq!(both[1 - done], Edited::Stale);
    let after = home(store, &reader, 40).await.expect("seen");
    assert_eq!(after.site.name, ["one", "other"][done]);
    assert_eq!(both[done], Edited::Done(after.version));
    assert_eq!(after.site.size_w, before.site.size_w, "stays as it is");
    let size = SiteEdit {
        name: None,
        size_w: Some(9_000),
    };
    let edited = store.edit_site(by(), mine, after.version, &size, at(50));
    assert_ne!(edited.await.expect("edits"), Edited::Stale);
    let last = home(store, &reader, 60).await.expect("seen").site;
    assert_eq!((last.name, last.size_w), (after.site.name, Some(9_000)));
}

pub(super) async fn take(store: &impl Transfers, byte: u8, who: u128, now: i64) -> Taken {
    let household = OrgId::from_uuid(Uuid::from_u128(1_000 + u128::from(byte)));
    let taken = store.take(hash(byte), user(who), household, at(now)).await;
    taken.expect("answers")
}

/// A home is taken once, by whom it was offered to, until the offer ends; the last owner sees nothing of it then.
pub async fn a_home_is_taken_once_and_by_whom_it_was_offered_to(
    store: &(impl Registry + Accounts + Homes + Tenancy + Transfers),
) {
    let mine = sale(store).await;
    let grant = NewGrant {
        id: GrantId::from_uuid(Uuid::from_u128(7)),
        org: org(2),
        scopes: Scopes::of(&[Scope::Production]),
        valid_to: None,
        data_from: None,
    };
    assert!(
        store
            .add_grant(by(), mine, &grant, at(30))
            .await
            .expect("gives")
    );
    let one = person(6, "friend@example.org", vec![(org(2), Role::Viewer)]);
    store
        .add_user(By::Console, &one, at(11))
        .await
        .expect("adds");
    let friend = Actor {
        user: Some(user(6)),
        ..member(org(2), Role::Viewer)
    };
    assert!(home(store, &friend, 40).await.is_some());
    let offer = to_buyer(1, History::All);
    assert!(
        store
            .offer(by(), mine, &offer, at(40))
            .await
            .expect("offers")
    );
    let other = to_buyer(2, History::All);
    let second = store.offer(by(), mine, &other, at(41));
    assert!(!second.await.expect("answers"), "one at a time");
    let seen = store.offered(hash(1), at(42)).await.expect("reads");
    assert_eq!(seen.expect("open").history, "all");
    assert_eq!(take(store, 1, 1, 50).await, Taken::NotTheirs);
    assert_eq!(take(store, 1, BUYER, 14 * DAY).await, Taken::Gone);
    assert_eq!(take(store, 9, BUYER, 50).await, Taken::Gone);
    let both = tokio::join!(take(store, 1, BUYER, 60), take(store, 1, BUYER, 60));
    let mut both = [both.0, both.1];
    both.sort_unstable_by_key(|one| *one == Taken::Gone);
    let [Taken::Done(taken, household), Taken::Gone] = both else {
        panic!("{both:?}");
    };
    assert_eq!(taken, site(1));
    for over in [member(org(1), Role::Admin), friend] {
        assert!(home(store, &over, 70).await.is_none());
    }
    let new = owner(BUYER, household);
    let seen = home(store, &new, 70).await.expect("his own");
    assert!(seen.access.owned().is_some());
    let right = seen.access.readable(Scope::Production).expect("all");
    assert_eq!(right.since(), None);
}

/// Who owns through this household.
pub(super) fn owner(who: u128, household: OrgId) -> Actor {
    Actor {
        user: Some(user(who)),
        ..member(household, Role::Admin)
    }
}

async fn since(store: &impl Homes, who: u128, household: OrgId, now: i64) -> Option<UnixMillis> {
    let new = owner(who, household);
    let seen = home(store, &new, now).await.expect("his own");
    let right = seen.access.readable(Scope::Production);
    right.expect("all").since()
}

/// Nobody hands over more of the past than he sees, whoever he sells to.
pub async fn the_past_goes_along_as_far_as_was_said_and_never_further(
    store: &(impl Registry + Accounts + Homes + Transfers),
) {
    let mine = sale(store).await;
    let offer = to_buyer(1, History::From(at(500)));
    assert!(
        store
            .offer(by(), mine, &offer, at(1_000))
            .await
            .expect("offers")
    );
    let Taken::Done(_, first) = take(store, 1, BUYER, 2_000).await else {
        panic!("taken");
    };
    assert_eq!(since(store, BUYER, first, 2_001).await, Some(at(500)));
    let second = sell(
        store,
        (BUYER, first),
        2,
        ("ada@example.org", 1),
        History::All,
    )
    .await;
    assert_eq!(since(store, 1, second, 8_000).await, Some(at(500)));
    let third = sell(
        store,
        (1, second),
        3,
        ("buyer@example.org", BUYER),
        History::Nothing,
    )
    .await;
    assert_eq!(since(store, BUYER, third, 8_000).await, Some(at(6_000)));
}

/// Offers at 5,000, takes at 6,000.
async fn sell(
    store: &(impl Homes + Transfers),
    seller: (u128, OrgId),
    byte: u8,
    (email, buyer): (&str, u128),
    history: History,
) -> OrgId {
    let owner = owner(seller.0, seller.1);
    let seen = home(store, &owner, 3_000).await.expect("his own");
    let right = seen.access.owned().expect("an owner");
    let offer = NewTransfer {
        email: email.to_owned(),
        key: EmailKey::of(email).expect("an address"),
        ..to_buyer(byte, history)
    };
    let offered = store.offer(by(), right, &offer, at(5_000)).await;
    assert!(offered.expect("offers"));
    match take(store, byte, buyer, 6_000).await {
        Taken::Done(_, household) => household,
        other => panic!("{other:?}"),
    }
}

/// Taken back or declined, an offer is worth nothing, and the next one is free.
pub async fn an_offer_that_is_over_is_in_nobodys_way(
    store: &(impl Registry + Accounts + Homes + Transfers),
) {
    let mine = sale(store).await;
    let offer = to_buyer(1, History::All);
    assert!(
        store
            .offer(by(), mine, &offer, at(40))
            .await
            .expect("offers")
    );
    let foreign = store.decline(hash(1), user(1), at(41)).await;
    assert!(!foreign.expect("answers"));
    assert!(
        store
            .withdraw(by(), mine, offer.id, at(42))
            .await
            .expect("ends")
    );
    assert!(
        !store
            .withdraw(by(), mine, offer.id, at(43))
            .await
            .expect("answers")
    );
    assert_eq!(take(store, 1, BUYER, 44).await, Taken::Gone);
    let next = to_buyer(2, History::Nothing);
    assert!(
        store
            .offer(by(), mine, &next, at(45))
            .await
            .expect("offers")
    );
    let declined = store.decline(hash(2), user(BUYER), at(46)).await;
    assert!(declined.expect("ends"));
    assert_eq!(take(store, 2, BUYER, 47).await, Taken::Gone);
    let last = to_buyer(3, History::Nothing);
    assert!(
        store
            .offer(by(), mine, &last, at(48))
            .await
            .expect("offers")
    );
    let listed = store.transfers(mine).await.expect("reads");
    let ended: Vec<_> = listed.iter().map(|line| line.ended_at.is_some()).collect();
    assert_eq!(ended, [false, true, true]);
    // One that ended by itself, too.
    let late = to_buyer(4, History::All);
    let late = NewTransfer {
        expires_at: at(30 * DAY),
        ..late
    };
    let offered = store.offer(by(), mine, &late, at(15 * DAY)).await;
    assert!(offered.expect("offers"));
}

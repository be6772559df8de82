//! Promises about rights that end while a call is under way: it was judged before, and writes after.

use solthrive_domain::access::{Actor, By, OwnedSite, Role, Scope, Scopes};
use solthrive_domain::{GrantId, OrgId, SupportId};
use uuid::Uuid;

use super::archive::{at, org, site};
use super::people::{person, user};
use super::transfers::{BUYER, DAY, home, member, owner, sale, take, to_buyer};
use crate::StoreError;
use crate::meta::Registry;
use crate::people::{
    Accounts, Changed, EmailKey, EndedBy, History, Homes, NewGrant, NewTransfer, Orgs, SiteEdit,
    Taken, Tenancy, Transfers,
};

fn grant(number: u128) -> NewGrant {
    NewGrant {
        id: GrantId::from_uuid(Uuid::from_u128(number)),
        org: org(2),
        scopes: Scopes::of(&[Scope::Production]),
        valid_to: None,
        data_from: None,
    }
}

fn is_over<T>(done: &Result<T, StoreError>) -> bool {
    matches!(done, Err(StoreError::RightOver))
}

async fn owner_of(store: &impl Homes, who: u128, of: OrgId, now: i64) -> OwnedSite {
    let mine = owner(who, of);
    let home = home(store, &mine, now).await.expect("his own");
    home.access.owned().expect("an owner")
}

/// Who sold a home gives no right, takes none, offers nothing and changes nothing there, however long ago his call began.
pub async fn a_right_that_was_judged_before_a_sale_writes_nothing_after_it(
    store: &(impl Registry + Accounts + Homes + Tenancy + Transfers),
) {
    let old = sale(store).await;
    let by = By::User(user(1));
    let first = to_buyer(1, History::All);
    let offered = store.offer(By::Console, old, &first, at(40)).await;
    assert!(offered.expect("offers"));
    let Taken::Done(_, household) = take(store, 1, BUYER, 50).await else {
        panic!("taken");
    };
    let new = owner_of(store, BUYER, household, 60).await;
    let theirs = grant(7);
    let given = store.add_grant(By::Console, new, &theirs, at(60)).await;
    assert!(given.expect("gives"));
    let next = to_buyer(2, History::All);
    let offered = store.offer(By::Console, new, &next, at(60)).await;
    assert!(offered.expect("offers"));
    let before = home(store, &owner(BUYER, household), 61).await;

    for by in [by, By::Console] {
        let again = to_buyer(3, History::All);
        assert!(is_over(&store.offer(by, old, &again, at(70)).await));
        assert!(is_over(&store.withdraw(by, old, next.id, at(70)).await));
        assert!(is_over(&store.add_grant(by, old, &grant(8), at(70)).await));
        let revoked = store.revoke_grant(by, old, theirs.id, at(70)).await;
        assert!(is_over(&revoked));
        let edit = SiteEdit {
            name: Some("mine".to_owned()),
            size_w: None,
        };
        let version = before.as_ref().expect("seen").version;
        let edited = store.edit_site(by, old, version, &edit, at(70)).await;
        assert!(is_over(&edited));
        let visit = SupportId::from_uuid(Uuid::from_u128(9));
        let ended = store.end_support(by, EndedBy::Owner(old), visit, at(70));
        assert!(is_over(&ended.await));
    }
    let mine = store.transfers(old).await.expect("reads");
    let ids: Vec<_> = mine.iter().map(|line| line.id).collect();
    assert_eq!(ids, [first.id], "his own offer, and not the next owner's");
    let after = home(store, &owner(BUYER, household), 80).await;
    assert_eq!(before, after);
    let open = store.grants(new).await.expect("reads");
    let counting = open.iter().filter(|line| line.grant.revoked_at.is_none());
    assert!(counting.into_iter().any(|line| line.grant.id == theirs.id));
}

/// Ada sells to the buyer and he to her, ten times, while each gives a right away: none of them outlives the sale.
pub async fn what_an_owner_gives_while_he_sells_is_over_or_refused(
    store: &(impl Registry + Accounts + Homes + Tenancy + Transfers),
) {
    let mut mine = sale(store).await;
    let people = [("buyer@example.org", BUYER), ("ada@example.org", 1)];
    for (round, (email, who)) in (0_u8..10).zip(people.into_iter().cycle()) {
        let now = 100 * i64::from(round + 1);
        let offer = NewTransfer {
            email: email.to_owned(),
            key: EmailKey::of(email).expect("an address"),
            expires_at: at(DAY),
            ..to_buyer(round + 1, History::All)
        };
        let offered = store.offer(By::Console, mine, &offer, at(now)).await;
        assert!(offered.expect("offers"));
        let given = grant(100 + u128::from(round));
        let (taken, given) = tokio::join!(
            take(store, round + 1, who, now + 10),
            store.add_grant(By::Console, mine, &given, at(now + 10)),
        );
        assert!(matches!(given, Ok(true) | Err(StoreError::RightOver)));
        let Taken::Done(taken, household) = taken else {
            panic!("round {round}: {taken:?}");
        };
        assert_eq!(taken, site(1));
        mine = owner_of(store, who, household, now + 20).await;
        let grants = store.grants(mine).await.expect("reads");
        let open = grants.iter().filter(|line| line.grant.revoked_at.is_none());
        let open: Vec<_> = open.map(|line| line.grant.id).collect();
        assert_eq!(open, [], "round {round}");
    }
}

/// Of two admins who take each other out while a third is there the second is told that he is none any more.
pub async fn a_manager_who_was_taken_out_manages_nothing(
    store: &(impl Registry + Accounts + Homes + Tenancy + Transfers + Orgs),
) {
    let home = sale(store).await;
    let of = org(1);
    for (number, email) in [(11, "one@example.org"), (12, "other@example.org")] {
        let one = person(number, email, vec![(of, Role::Admin)]);
        store
            .add_user(By::Console, &one, at(11))
            .await
            .expect("adds");
    }
    let manager = |number: u128| {
        let actor = Actor {
            user: Some(user(number)),
            ..member(of, Role::Admin)
        };
        actor.manages_org(of).expect("an admin")
    };
    let (one, other) = (manager(11), manager(12));
    let both = tokio::join!(
        store.remove_member(By::User(user(11)), one, user(12), at(30)),
        store.remove_member(By::User(user(12)), other, user(11), at(30)),
    );
    let done = [&both.0, &both.1].map(|one| matches!(one, Ok(Changed::Done)));
    assert_ne!(done[0], done[1], "{both:?}");
    let gone = if done[0] { 12 } else { 11 };
    assert!(is_over(if done[0] { &both.1 } else { &both.0 }));
    let by = By::User(user(gone));
    let given = store.add_grant(by, home, &grant(7), at(40)).await;
    assert!(is_over(&given), "nor a home of the org");
}

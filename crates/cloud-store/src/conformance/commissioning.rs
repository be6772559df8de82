//! Promises about homes on their way.

use solthrive_domain::access::{
    Actor, By, CommissioningOrg, Credential, Membership, OrgKind, Role, Scope, Scopes,
    SecondFactor, WritableSite,
};
use solthrive_domain::{GrantId, OrgId, SiteId};
use uuid::Uuid;

use super::archive::{at, org, site};
use super::people::{ada, person, user};
use super::transfers::{BUYER, sale, take, to_buyer};
use crate::StoreError;
use crate::meta::{CodeHash, Registry};
use crate::people::{
    Accounts, Commissioning, History, Homes, NewGrant, NewHome, SiteCode, Taken, Tenancy, Transfers,
};

fn technician(number: u128, of: OrgId) -> Actor {
    Actor {
        user: Some(user(number)),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: of,
            kind: OrgKind::Installer,
            role: Role::Technician,
        }],
        support: Vec::new(),
    }
}

/// Whoever works for org 2.
async fn worker(store: &impl Accounts) -> (Actor, CommissioningOrg) {
    let tess = person(21, "tess@example.org", vec![(org(2), Role::Technician)]);
    let added = store.add_user(By::Console, &tess, at(11)).await;
    added.expect("adds");
    let actor = technician(21, org(2));
    let right = actor.commissions_for(org(2)).expect("an installer");
    (actor, right)
}

fn code(number: u8) -> SiteCode {
    SiteCode {
        id: Uuid::from_u128(900 + u128::from(number)),
        hash: CodeHash([100 + number; 32]),
        expires_at: at(1_000_000),
    }
}

async fn writable(store: &impl Homes, actor: &Actor, of: SiteId) -> WritableSite {
    let home = store.home(actor, of, at(30)).await.expect("reads");
    let home = home.expect("reached");
    home.access.writable(Scope::ConfigWrite).expect("may wire")
}

/// Which of org 2's codes are good.
async fn good(store: &impl Commissioning, of: CommissioningOrg) -> Vec<Uuid> {
    let codes = store.site_codes(of).await.expect("reads");
    let good = codes.iter().filter(|code| code.revoked_at.is_none());
    good.map(|code| code.id).collect()
}

/// A home that is begun is the installer's, its codes are listed for him alone and end by his hand; who works there no
/// more begins nothing.
pub async fn an_installer_begins_homes_and_makes_codes(
    store: &(impl Registry + Accounts + Homes + Commissioning),
) {
    ada(store).await;
    let (tess, right) = worker(store).await;
    let by = By::User(user(21));
    let new = NewHome {
        id: SiteId::from_uuid(Uuid::from_u128(77)),
        name: "New".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        size_w: Some(5_000),
    };
    store
        .begin_home(by, right, &new, at(20))
        .await
        .expect("begins");
    let home = store.home(&tess, new.id, at(30)).await.expect("reads");
    let home = home.expect("his");
    assert_eq!((home.site.owner, home.handed_over_at), (org(2), None));
    let there = writable(store, &tess, new.id).await;
    let before = good(store, right).await;
    for number in [1, 2] {
        let made = store
            .add_site_code(by, right, there, &code(number), at(31))
            .await;
        made.expect("makes");
    }
    let strange = technician(1, org(1)).commissions_for(org(1));
    let strange = strange.expect("an installer");
    let foreign = store.revoke_site_code(By::Console, strange, code(1).id, at(32));
    assert!(!foreign.await.expect("answers"));
    let own = store.revoke_site_code(by, right, code(1).id, at(33)).await;
    assert!(own.expect("ends"));
    let again = store.revoke_site_code(by, right, code(1).id, at(34)).await;
    assert!(!again.expect("answers"));
    assert_eq!(
        good(store, right).await,
        [vec![code(2).id], before].concat()
    );

    let nobody = By::User(user(99));
    let refused = store.begin_home(nobody, right, &new, at(40)).await;
    assert!(matches!(refused, Err(StoreError::RightOver)));
    let refused = store
        .add_site_code(nobody, right, there, &code(3), at(40))
        .await;
    assert!(matches!(refused, Err(StoreError::RightOver)));
}

/// A code lets its installer in when it is used, so it ends with what it was made by: the grant, or the owner's time.
pub async fn a_code_does_not_outlive_the_right_that_it_was_made_by(
    store: &(impl Registry + Accounts + Homes + Tenancy + Transfers + Commissioning),
) {
    let mine = sale(store).await;
    let (tess, right) = worker(store).await;
    let by = By::User(user(21));
    let grant = NewGrant {
        id: GrantId::from_uuid(Uuid::from_u128(7)),
        org: org(2),
        scopes: Scopes::of(&[Scope::Production, Scope::ConfigWrite]),
        valid_to: None,
        data_from: None,
    };
    let given = store.add_grant(By::Console, mine, &grant, at(20)).await;
    assert!(given.expect("gives"));
    let there = writable(store, &tess, site(1)).await;
    // What the console made for another site stays as it is.
    let before = good(store, right).await.len();
    let made = store
        .add_site_code(by, right, there, &code(1), at(31))
        .await;
    made.expect("makes");
    let ended = store
        .revoke_grant(By::Console, mine, grant.id, at(40))
        .await;
    assert!(ended.expect("ends"));
    assert_eq!(good(store, right).await.len(), before);
    let late = store
        .add_site_code(by, right, there, &code(2), at(41))
        .await;
    assert!(matches!(late, Err(StoreError::RightOver)));

    let again = NewGrant {
        id: GrantId::from_uuid(Uuid::from_u128(8)),
        ..grant
    };
    let given = store.add_grant(By::Console, mine, &again, at(50)).await;
    assert!(given.expect("gives"));
    let made = store
        .add_site_code(by, right, there, &code(3), at(51))
        .await;
    made.expect("makes");
    let offer = to_buyer(1, History::All);
    let offered = store.offer(By::Console, mine, &offer, at(60)).await;
    assert!(offered.expect("offers"));
    let taken = take(store, 1, BUYER, 70).await;
    assert!(matches!(taken, Taken::Done(..)));
    assert_eq!(good(store, right).await.len(), before);
}

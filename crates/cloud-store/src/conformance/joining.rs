//! Promises about who belongs to an org, and about links in letters.

use solthrive_domain::access::{
    Actor, By, Credential, ManagedOrg, Membership, OrgKind, Role, SecondFactor,
};
use solthrive_domain::{OrgId, UserId};
use uuid::Uuid;

use super::archive::{at, org};
use super::people::{IDLE, ada, person, session, user};
use crate::meta::{Registry, TokenHash};
use crate::people::{
    Accepted, Accepting, Accounts, Changed, EmailKey, NewInvitation, Orgs, Recovery,
};

const HOUR: i64 = 3_600_000;

fn managed(by: UserId) -> ManagedOrg {
    let actor = Actor {
        user: Some(by),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: org(1),
            kind: OrgKind::Installer,
            role: Role::Admin,
        }],
        support: Vec::new(),
    };
    actor.manages_org(org(1)).expect("an admin")
}

const fn hash(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}

/// A forgotten password is set once, by the newest link or an older one, and everything before is over.
pub async fn a_link_sets_a_password_once(store: &(impl Registry + Accounts + Recovery)) {
    ada(store).await;
    let key = EmailKey::of("ada@example.org").expect("an address");
    let nobody = EmailKey::of("x@example.org").expect("an address");
    let begin = |byte: u8, now: i64| store.begin_reset(&key, hash(byte), at(now + HOUR), at(now));
    let begun = begin(1, 1_000).await.expect("answers").expect("is known");
    assert_eq!((begun.user, begun.name.as_str()), (user(1), "Ada"));
    let unknown = store.begin_reset(&nobody, hash(9), at(HOUR), at(1_000));
    assert_eq!(unknown.await.expect("answers"), None);
    assert!(begin(2, 1_100).await.expect("answers").is_some());
    let open = session(7, 1, 9 * HOUR);
    let begun = store.begin_session(&open, at(1_200));
    assert!(begun.await.expect("begins"));

    let late = store.reset_password(hash(1), "p", at(1_000 + HOUR));
    assert_eq!(late.await.expect("answers"), None, "after its end");
    let set = store.reset_password(hash(2), "new", at(2_000));
    assert_eq!(set.await.expect("sets"), Some(user(1)));
    for byte in [1, 2, 9] {
        let again = store.reset_password(hash(byte), "evil", at(2_001)).await;
        assert_eq!(again.expect("answers"), None, "link {byte}");
    }
    let password = store.password_of(user(1)).await.expect("reads");
    assert_eq!(password.as_deref(), Some("new"));
    let over = store.by_session(hash(7), IDLE, at(2_002)).await;
    assert!(over.expect("reads").is_none());
}

/// Nobody's letter box is filled by others.
pub async fn a_person_gets_five_links_an_hour(store: &(impl Registry + Accounts + Recovery)) {
    ada(store).await;
    let key = EmailKey::of("ada@example.org").expect("an address");
    let begin = |byte: u8, now: i64| store.begin_reset(&key, hash(byte), at(now + HOUR), at(now));
    for byte in 1..=5 {
        let begun = begin(byte, 1_000 + i64::from(byte)).await;
        assert!(begun.expect("answers").is_some());
    }
    assert!(begin(6, 2_000).await.expect("answers").is_none());
    assert!(begin(7, 2_000 + HOUR).await.expect("answers").is_some());
}

/// Another password ends every other session, and this one stays.
pub async fn a_changed_password_ends_the_other_sessions(
    store: &(impl Registry + Accounts + Recovery),
) {
    ada(store).await;
    for byte in [1, 2] {
        let open = session(byte, 1, 9 * HOUR);
        let begun = store.begin_session(&open, at(1_000));
        assert!(begun.await.expect("begins"));
    }
    let keep = Uuid::from_u128(1);
    let changed = store.change_password(user(1), "new", keep, at(2_000)).await;
    assert!(changed.expect("changes"));
    for (byte, known) in [(1, true), (2, false)] {
        let caller = store.by_session(hash(byte), IDLE, at(2_001)).await;
        assert_eq!(caller.expect("reads").is_some(), known);
    }
    let nobody = store.change_password(user(9), "new", keep, at(2_000)).await;
    assert!(!nobody.expect("answers"));
}

fn asked(byte: u8, email: &str, expires_at: i64) -> NewInvitation {
    NewInvitation {
        id: Uuid::from_u128(byte.into()),
        hash: hash(byte),
        email: email.to_owned(),
        key: EmailKey::of(email).expect("an address"),
        role: Role::Technician,
        expires_at: at(expires_at),
    }
}

async fn roles(store: &impl Orgs, of: OrgId) -> Vec<(UserId, Role)> {
    let reader = Actor {
        user: Some(user(1)),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: of,
            kind: OrgKind::Installer,
            role: Role::Viewer,
        }],
        support: Vec::new(),
    };
    let org = reader.reads_org(of).expect("a member");
    let members = store.members(org).await.expect("reads");
    let mut roles: Vec<_> = members.iter().map(|line| (line.user, line.role)).collect();
    roles.sort_unstable_by_key(|(user, _)| user.as_uuid());
    roles
}

/// An invitation is good once, until its end, for the address that was asked.
pub async fn an_invitation_joins_whom_it_was_meant_for_and_once(
    store: &(impl Registry + Accounts + Orgs),
) {
    ada(store).await;
    let (by, org_one) = (By::User(user(1)), managed(user(1)));
    let invite = |new: NewInvitation| async move {
        let invited = store.invite(by, org_one, &new, at(1_000)).await;
        invited.expect("answers")
    };
    assert!(!invite(asked(1, "ADA@example.org", HOUR)).await, "is there");
    assert!(invite(asked(2, "Bob@example.org", HOUR)).await);
    assert!(invite(asked(3, "bob@example.org", HOUR)).await);
    let gone = store.invitation(hash(2), at(2_000)).await.expect("reads");
    assert_eq!(gone, None, "the newer letter counts");
    let seen = store.invitation(hash(3), at(2_000)).await.expect("reads");
    let seen = seen.expect("waits");
    assert_eq!(
        (seen.org.id, seen.role, seen.known),
        (org(1), Role::Technician, false)
    );

    let stranger = Accepting::Known(user(1));
    let wrong = store.accept(hash(3), stranger, at(2_000)).await;
    assert_eq!(wrong.expect("answers"), Accepted::NotTheirs);
    // What the new person says of his address does not count: the letter's does.
    let bob = person(2, "mallory@example.org", Vec::new());
    let late = store.accept(hash(3), Accepting::New(&bob), at(HOUR)).await;
    assert_eq!(late.expect("answers"), Accepted::Gone);
    let first = store.accept(hash(3), Accepting::New(&bob), at(3_000));
    let second = store.accept(hash(3), Accepting::New(&bob), at(3_000));
    let both = tokio::join!(first, second);
    let mut both = [both.0.expect("answers"), both.1.expect("answers")];
    both.sort_unstable_by_key(|one| matches!(one, Accepted::Gone));
    assert_eq!(both, [Accepted::Done(org(1), user(2)), Accepted::Gone]);
    let key = EmailKey::of("bob@example.org").expect("an address");
    assert!(store.sign_in(&key).await.expect("reads").is_some());
    let expected = [(user(1), Role::Admin), (user(2), Role::Technician)];
    assert_eq!(roles(store, org(1)).await, expected);
}

/// Taken back, it is worth nothing; somebody else's is not taken back.
pub async fn an_invitation_is_taken_back_by_its_own_org(store: &(impl Registry + Accounts + Orgs)) {
    ada(store).await;
    let (by, mine) = (By::User(user(1)), managed(user(1)));
    let new = asked(1, "bob@example.org", HOUR);
    assert!(store.invite(by, mine, &new, at(1_000)).await.expect("asks"));
    let listed = store.invitations(mine, at(1_001)).await.expect("reads");
    assert_eq!(listed.len(), 1);
    assert_eq!(store.invitations(mine, at(HOUR)).await.expect("reads"), []);
    let foreign = store.revoke_invitation(by, mine, Uuid::from_u128(9), at(1_002));
    assert!(!foreign.await.expect("answers"));
    let back = store.revoke_invitation(by, mine, new.id, at(1_002)).await;
    assert!(back.expect("takes back"));
    assert_eq!(
        store.invitation(new.hash, at(1_003)).await.expect("reads"),
        None
    );
    let known = Accepting::Known(user(1));
    let late = store.accept(new.hash, known, at(1_003)).await;
    assert_eq!(late.expect("answers"), Accepted::Gone);
}

/// Two admins who take each other out at the same time leave one.
pub async fn an_org_always_keeps_an_admin(store: &(impl Registry + Accounts + Orgs)) {
    ada(store).await;
    for (number, email) in [(2, "bob@example.org"), (3, "cy@example.org")] {
        let admin = person(number, email, vec![(org(1), Role::Admin)]);
        let added = store.add_user(By::Console, &admin, at(10)).await;
        added.expect("adds");
    }
    let mine = managed(user(2));
    let down = store.set_role(By::Console, mine, user(1), Role::Viewer, at(15));
    assert_eq!(down.await.expect("changes"), Changed::Done);
    let out =
        |by: u128, who: u128| store.remove_member(By::User(user(by)), mine, user(who), at(20));
    let both = tokio::join!(out(2, 3), out(3, 2));
    let mut both = [both.0.ok(), both.1.ok()];
    both.sort_unstable_by_key(Option::is_none);
    assert_eq!(
        both,
        [Some(Changed::Done), None],
        "the other is none any more"
    );
    let left = roles(store, org(1)).await;
    let (admin, role) = left[1];
    assert_eq!((left.len(), role), (2, Role::Admin));
    let by = By::User(admin);
    let down = store.set_role(by, mine, admin, Role::Viewer, at(30)).await;
    assert_eq!(down.expect("answers"), Changed::LastAdmin);
    let nobody = store.set_role(by, mine, user(9), Role::Admin, at(30)).await;
    assert_eq!(nobody.expect("answers"), Changed::NoSuchMember);
    let up = store.set_role(by, mine, user(1), Role::Admin, at(30)).await;
    assert_eq!(up.expect("changes"), Changed::Done);
    let down = store.set_role(by, mine, admin, Role::Viewer, at(31)).await;
    assert_eq!(down.expect("changes"), Changed::Done);
}

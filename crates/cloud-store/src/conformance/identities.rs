//! Promises about who people are elsewhere.

use solthrive_domain::access::{By, Role};
use uuid::Uuid;

use super::archive::{BY, at, org};
use super::people::{ada, person, session, user};
use crate::meta::{Org, OrgKind, Registry, TokenHash};
use crate::people::{
    Accounts, Identities, Linked, Linking, NewTrip, Office, ShutOut, WhoElsewhere,
};

fn elsewhere(subject: &str) -> WhoElsewhere {
    WhoElsewhere {
        issuer: "https://id.example".to_owned(),
        subject: subject.to_owned(),
    }
}

/// In the session that the promises below begin for each.
fn linking(of: u8) -> Linking {
    Linking {
        user: user(of.into()),
        session: Uuid::from_u128(of.into()),
    }
}

async fn sessions(store: &(impl Registry + Accounts)) {
    let other = person(2, "bo@example.org", Vec::new());
    let added = store.add_user(By::Console, &other, at(11)).await;
    added.expect("adds");
    for of in [1, 2] {
        let begun = store
            .begin_session(&session(of, of.into(), 900), at(12))
            .await;
        assert!(begun.expect("begins"));
    }
}

fn trip(byte: u8, expires_at: i64) -> NewTrip {
    NewTrip {
        hash: TokenHash([byte; 32]),
        issuer: "https://id.example".to_owned(),
        nonce: "nonce".to_owned(),
        verifier: vec![byte; 40],
        return_to: "/home".to_owned(),
        links: (byte == 2).then(|| linking(1)),
        expires_at: at(expires_at),
    }
}

/// A trip comes back once, in time, and as it left; what did not come back is deleted.
pub async fn a_trip_ends_once_and_in_time(store: &(impl Registry + Accounts + Identities)) {
    ada(store).await;
    for (byte, end) in [(1, 100), (2, 200), (3, 100)] {
        let left = store.begin_trip(&trip(byte, end), at(10)).await;
        left.expect("leaves");
    }
    let end = async |byte: u8, now: i64| {
        let ended = store.end_trip(TokenHash([byte; 32]), at(now)).await;
        ended.expect("answers")
    };
    let both = tokio::join!(end(2, 150), end(2, 150));
    let mut back = [both.0, both.1].into_iter().flatten();
    let one = back.next().expect("one of the two");
    assert!(back.next().is_none(), "once");
    assert_eq!((one.links, one.created_at), (Some(linking(1)), at(10)));
    assert_eq!(
        (one.verifier, one.return_to.as_str()),
        (vec![2; 40], "/home")
    );
    assert!(end(1, 100).await.is_none(), "its time is over");
    assert!(end(9, 20).await.is_none(), "it never left");
    let later = store.begin_trip(&trip(4, 900), at(300)).await;
    later.expect("leaves");
    assert!(end(3, 50).await.is_none(), "it was deleted");
    assert_eq!(end(4, 310).await.expect("back").links, None);
}

/// An identity is one person's, whoever links it at the same moment; only its person unlinks it.
pub async fn an_identity_is_one_persons(store: &(impl Registry + Accounts + Identities)) {
    ada(store).await;
    sessions(store).await;
    let link = async |of: u8, id: u128| {
        let who = elsewhere("s1");
        let linked = store.link(linking(of), &who, Uuid::from_u128(id), at(20));
        linked.await.expect("answers")
    };
    let both = tokio::join!(link(1, 71), link(2, 72));
    let mut both = [both.0, both.1];
    let first = if both[0] == Linked::Done { 1 } else { 2 };
    both.sort_by_key(|linked| *linked == Linked::Taken);
    assert_eq!(both, [Linked::Done, Linked::Taken]);
    assert_eq!(link(first, 73).await, Linked::Done, "twice is once");
    let whose = store.whose(&elsewhere("s1")).await.expect("reads");
    assert_eq!(whose, Some(user(first.into())));
    let lines = store.identities(user(first.into())).await.expect("reads");
    assert_eq!(lines.len(), 1);
    let (id, stranger) = (lines[0].id, user((3 - first).into()));
    assert!(!store.unlink(stranger, id, at(30)).await.expect("answers"));
    assert!(
        store
            .unlink(user(first.into()), id, at(30))
            .await
            .expect("does")
    );
    assert!(
        !store
            .unlink(user(first.into()), id, at(31))
            .await
            .expect("answers")
    );
    assert_eq!(store.whose(&elsewhere("s1")).await.expect("reads"), None);
    let acts = store.audit(&BY, None, 2).await.expect("reads");
    let acts: Vec<_> = acts.iter().map(|act| act.action.as_str()).collect();
    assert_eq!(acts, ["identity.unlinked", "identity.linked"]);
}

/// The same subject of another provider is another, and who is refused is written down without a name.
pub async fn an_identity_of_nobody_signs_nobody_in(
    store: &(impl Registry + Accounts + Identities),
) {
    ada(store).await;
    sessions(store).await;
    let who = elsewhere("s1");
    let linked = store.link(linking(1), &who, Uuid::from_u128(71), at(20));
    assert_eq!(linked.await.expect("does"), Linked::Done);
    for strange in [
        elsewhere("s2"),
        elsewhere("S1"),
        WhoElsewhere {
            issuer: "https://other.example".to_owned(),
            ..elsewhere("s1")
        },
    ] {
        assert_eq!(store.whose(&strange).await.expect("reads"), None);
    }
    let noted = store.refused(By::Service, "https://id.example", "clock", at(30));
    noted.await.expect("does");
    let newest = store.audit(&BY, None, 1).await.expect("reads");
    let details = newest[0].details.as_deref().unwrap_or_default();
    assert_eq!(
        details,
        "{\"issuer\":\"https://id.example\",\"why\":\"clock\"}"
    );
}

/// What was judged before a session ended, an identity was unlinked or a person shut out links and lets in nobody after it.
pub async fn a_right_that_is_over_links_nothing_and_lets_nobody_in(
    store: &(impl Registry + Accounts + Identities + Office),
) {
    ada(store).await;
    sessions(store).await;
    let (who, id) = (elsewhere("s1"), Uuid::from_u128(71));
    let link = async |by: Linking, now: i64| {
        let linked = store.link(by, &who, id, at(now)).await;
        linked.expect("answers")
    };
    let strange = Linking {
        session: linking(2).session,
        ..linking(1)
    };
    assert_eq!(link(strange, 20).await, Linked::Over, "another's session");
    assert_eq!(link(linking(1), 900).await, Linked::Over, "it ended");
    assert_eq!(link(linking(1), 30).await, Linked::Done);
    let begin = async |byte: u8, of: u128, now: i64| {
        let begun = store.let_in(&who, &session(byte, of, 900), at(now)).await;
        begun.expect("answers")
    };
    assert!(begin(7, 1, 40).await);
    assert!(!begin(8, 2, 41).await, "it is not his");
    assert!(store.unlink(user(1), id, at(50)).await.expect("does"));
    assert!(!begin(9, 1, 51).await, "it is nobody's any more");
    assert_eq!(link(linking(1), 60).await, Linked::Done);
    store
        .end_session(user(1), linking(1).session)
        .await
        .expect("ends");
    assert_eq!(link(linking(1), 70).await, Linked::Over, "he signed out");
    // Somebody has to run the platform.
    let platform = Org {
        id: org(9),
        kind: OrgKind::Platform,
        name: "Platform".to_owned(),
        contact: None,
    };
    store.add_org(&BY, &platform, at(75)).await.expect("adds");
    let runs_it = person(3, "op@example.org", vec![(org(9), Role::Admin)]);
    let added = store.add_user(By::Console, &runs_it, at(76)).await;
    added.expect("adds");
    let shut = store.shut_out(&BY, user(1), at(80)).await;
    assert_eq!(shut.expect("answers"), ShutOut::Done);
    assert!(!begin(10, 1, 90).await, "he is shut out");
    let known = store.whose(&who).await.expect("reads");
    assert_eq!(known, Some(user(1)));
}

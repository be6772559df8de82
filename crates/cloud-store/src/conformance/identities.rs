//! Promises about who people are elsewhere.

use solthrive_domain::access::By;
use uuid::Uuid;

use super::archive::{BY, at};
use super::people::{ada, person, user};
use crate::meta::{Registry, TokenHash};
use crate::people::{Accounts, Identities, Linked, NewTrip, WhoElsewhere};

fn elsewhere(subject: &str) -> WhoElsewhere {
    WhoElsewhere {
        issuer: "https://id.example".to_owned(),
        subject: subject.to_owned(),
    }
}

fn trip(byte: u8, expires_at: i64) -> NewTrip {
    NewTrip {
        hash: TokenHash([byte; 32]),
        issuer: "https://id.example".to_owned(),
        nonce: "nonce".to_owned(),
        verifier: vec![byte; 40],
        return_to: "/home".to_owned(),
        links: (byte == 2).then(|| user(1)),
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
    assert_eq!(one.links, Some(user(1)));
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
    let other = person(2, "bo@example.org", Vec::new());
    store
        .add_user(By::Console, &other, at(11))
        .await
        .expect("adds");
    let link = async |of: u128, id: u128| {
        let who = elsewhere("s1");
        let linked = store.link(user(of), &who, Uuid::from_u128(id), at(20));
        linked.await.expect("answers")
    };
    let both = tokio::join!(link(1, 71), link(2, 72));
    let mut both = [both.0, both.1];
    let first = if both[0] == Linked::Done { 1 } else { 2 };
    both.sort_by_key(|linked| *linked == Linked::Taken);
    assert_eq!(both, [Linked::Done, Linked::Taken]);
    assert_eq!(link(first, 73).await, Linked::Done, "twice is once");
    let whose = store.whose(&elsewhere("s1")).await.expect("reads");
    assert_eq!(whose, Some(user(first)));
    let lines = store.identities(user(first)).await.expect("reads");
    assert_eq!(lines.len(), 1);
    let (id, stranger) = (lines[0].id, user(3 - first));
    assert!(!store.unlink(stranger, id, at(30)).await.expect("answers"));
    assert!(store.unlink(user(first), id, at(30)).await.expect("does"));
    assert!(
        !store
            .unlink(user(first), id, at(31))
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
    let who = elsewhere("s1");
    let linked = store.link(user(1), &who, Uuid::from_u128(71), at(20));
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
    let noted = store.note(
        By::Service,
        "identity.refused",
        "https://id.example",
        Some("clock"),
        at(30),
    );
    noted.await.expect("does");
    let newest = store.audit(&BY, None, 1).await.expect("reads");
    let details = newest[0].details.as_deref().unwrap_or_default();
    assert_eq!(
        details,
        "{\"issuer\":\"https://id.example\",\"why\":\"clock\"}"
    );
}

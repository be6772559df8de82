//! Promises about work that takes a while.

use solthrive_domain::access::{By, ReadableSite};
use uuid::Uuid;

use super::archive::{BY, at, site};
use super::people::{ada, user};
use crate::meta::{AuditCheck, Registry};
use crate::people::{Accounts, Job, JobKind, JobState, Jobs, NewJob, Office};

fn right() -> ReadableSite {
    BY.may_read(site(1)).expect("the console")
}

fn new(number: u128) -> NewJob {
    NewJob {
        id: Uuid::from_u128(number),
        kind: JobKind::Export,
        format: "csv".to_owned(),
        asked_by: user(1),
        asked: "{}".to_owned(),
    }
}

async fn ask(store: &impl Jobs, number: u128, now: i64) -> bool {
    let by = By::User(user(1));
    let asked = store.ask(by, right(), &new(number), 2, at(now)).await;
    asked.expect("answers")
}

async fn claim(store: &impl Jobs, silent: i64, now: i64) -> Option<Job> {
    let claimed = store.claim(JobKind::Export, at(silent), at(now)).await;
    claimed.expect("answers")
}

async fn state(store: &impl Jobs, number: u128) -> JobState {
    let job = store.job(Uuid::from_u128(number), JobKind::Export).await;
    job.expect("reads").expect("is known").state
}

/// So many wait or run at a site, and each is done by one node at a time, the oldest first.
pub async fn work_is_done_once_and_by_one_node(store: &(impl Registry + Accounts + Jobs)) {
    ada(store).await;
    assert!(ask(store, 1, 10).await);
    assert!(ask(store, 2, 11).await);
    assert!(!ask(store, 3, 12).await, "two at once");
    let both = tokio::join!(claim(store, 0, 20), claim(store, 0, 20));
    let both = [both.0, both.1].map(|job| job.map(|job| job.id.as_u128()));
    let mut got: Vec<_> = both.into_iter().flatten().collect();
    got.sort_unstable();
    got.dedup();
    // One of two who asked at the same moment may come away with nothing; the next look finds the rest.
    while let Some(job) = claim(store, 0, 21).await {
        assert!(!got.contains(&job.id.as_u128()), "twice");
        got.push(job.id.as_u128());
    }
    got.sort_unstable();
    assert_eq!(got, [1, 2]);
    let mine = store.asked_by(right(), user(1), JobKind::Export).await;
    let ids: Vec<_> = mine
        .expect("reads")
        .iter()
        .map(|job| job.id.as_u128())
        .collect();
    assert_eq!(ids, [2, 1], "the newest first");
    let others = store.asked_by(right(), user(2), JobKind::Export).await;
    assert_eq!(others.expect("reads"), []);
}

/// A node that fell silent loses its work, and what it wrote; it finds that out with its next word.
pub async fn a_silent_nodes_work_is_somebody_elses(store: &(impl Registry + Accounts + Jobs)) {
    ada(store).await;
    assert!(ask(store, 1, 10).await);
    let first = claim(store, 0, 20).await.expect("waits");
    let proof = store.go_on(&first, "{}", Some((0, b"old")), at(30)).await;
    let first = Job {
        changed_at: proof.expect("stores").expect("still its own"),
        ..first
    };
    assert!(
        claim(store, 30, 40).await.is_none(),
        "it was heard of at 30"
    );
    let second = claim(store, 31, 50).await.expect("taken over");
    assert_eq!(second.id, first.id);
    let part = store.part(first.id, 0).await.expect("reads");
    assert_eq!(part, None, "begun anew");
    let late = store.go_on(&first, "{}", Some((1, b"old")), at(60)).await;
    assert_eq!(late.expect("answers"), None);
    assert!(
        !store
            .done(&first, "{}", at(99), at(60))
            .await
            .expect("answers")
    );
    assert!(!store.failed(&first, "x", at(60)).await.expect("answers"));
    let proof = store
        .go_on(&second, "{\"done\":1}", Some((0, b"new")), at(70))
        .await;
    let second = Job {
        changed_at: proof.expect("stores").expect("its own"),
        ..second
    };
    assert!(
        store
            .done(&second, "{}", at(1_000), at(80))
            .await
            .expect("does")
    );
    let part = store.part(first.id, 0).await.expect("reads");
    assert_eq!(part.as_deref(), Some(b"new".as_slice()));
    assert_eq!(state(store, 1).await, JobState::Done);
}

/// What is taken back, fails or grows old leaves no file.
pub async fn nothing_is_left_of_a_file_that_is_over(
    store: &(impl Registry + Accounts + Jobs + Office),
) {
    ada(store).await;
    let by = By::User(user(1));
    for (number, how) in [
        (1, "cancelled"),
        (2, "expired"),
        (3, "failed"),
        (4, "taken back"),
    ] {
        assert!(ask(store, number, 10).await);
        let job = claim(store, 0, 20).await.expect("waits");
        let proof = store.go_on(&job, "{}", Some((0, b"file")), at(30)).await;
        let job = Job {
            changed_at: proof.expect("stores").expect("its own"),
            ..job
        };
        match how {
            "failed" => assert!(store.failed(&job, "why", at(40)).await.expect("does")),
            "cancelled" => assert!(store.cancel(by, job.id, at(40)).await.expect("does")),
            _ => assert!(store.done(&job, "{}", at(100), at(40)).await.expect("does")),
        }
        if how == "taken back" {
            assert!(store.cancel(by, job.id, at(50)).await.expect("does"));
        }
        if how == "expired" {
            assert_eq!(store.expire(at(99)).await.expect("does"), 0);
            assert_eq!(store.expire(at(100)).await.expect("does"), 1);
        }
        let part = store.part(job.id, 0).await.expect("reads");
        assert_eq!(part, None, "{how}");
        assert!(
            !store.cancel(by, job.id, at(200)).await.expect("answers"),
            "{how}"
        );
    }
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }));
}

/// Who was shut out is nobody for whom work goes on.
pub async fn work_goes_on_for_who_can_sign_in(store: &(impl Registry + Accounts + Jobs + Office)) {
    ada(store).await;
    let known = store.still(user(1)).await.expect("reads");
    assert_eq!(known.expect("is known").len(), 1);
    assert!(store.still(user(9)).await.expect("reads").is_none());
    // Somebody has to be left who runs the platform, so it is two.
    let platform = crate::meta::Org {
        id: super::archive::org(50),
        kind: solthrive_domain::access::OrgKind::Platform,
        name: "Platform".to_owned(),
        contact: None,
    };
    store.add_org(&BY, &platform, at(5)).await.expect("adds");
    let of = vec![(platform.id, solthrive_domain::access::Role::Admin)];
    let olga = super::people::person(3, "olga@example.org", of);
    store
        .add_user(By::Console, &olga, at(5))
        .await
        .expect("adds");
    let out = store.shut_out(&BY, user(1), at(6)).await;
    assert_eq!(out.expect("does"), crate::people::ShutOut::Done);
    assert!(store.still(user(1)).await.expect("reads").is_none());
}

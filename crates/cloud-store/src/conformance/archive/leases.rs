//! Jobs that one process at a time does.

use uuid::Uuid;

use super::things::at;
use crate::archive::{Archive, Lease};

const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

async fn take(store: &impl Archive, holder: Uuid, now: i64, until: i64) -> Option<Lease> {
    let lease = store.lease("merge", holder, at(now), at(until)).await;
    lease.expect("answers")
}

/// A job has one holder, until its time is over; who has it can prolong it.
pub async fn a_job_has_one_holder_at_a_time(store: &impl Archive) {
    let lease = take(store, ONE, 0, 10).await.expect("is free");
    assert_eq!((lease.job.as_str(), lease.holder), ("merge", ONE));
    assert_eq!((lease.until, lease.done_at), (at(10), None));
    assert_eq!(take(store, OTHER, 9, 20).await, None);
    let lease = take(store, ONE, 9, 30).await.expect("prolongs");
    assert_eq!(lease.until, at(30));
    assert_eq!(take(store, OTHER, 29, 40).await, None);
    let lease = take(store, OTHER, 30, 40).await.expect("is over");
    assert_eq!(lease.holder, OTHER);
    assert_eq!(take(store, ONE, 31, 50).await, None);
    let another = store.lease("expire", ONE, at(31), at(50)).await;
    assert!(another.expect("answers").is_some());
}

/// A job that was given back is free, and says when it was last done to its end.
pub async fn a_job_that_was_given_back_is_free(store: &impl Archive) {
    take(store, ONE, 0, 100).await.expect("is free");
    store
        .release("merge", ONE, Some(at(5)))
        .await
        .expect("releases");
    let lease = take(store, OTHER, 6, 100).await.expect("is free");
    assert_eq!(lease.done_at, Some(at(5)));
    store.release("merge", OTHER, None).await.expect("releases");
    let lease = take(store, ONE, 7, 100).await.expect("is free");
    assert_eq!(lease.done_at, Some(at(5)));
}

/// Who lost a job takes nothing from who has it now.
pub async fn who_lost_a_job_gives_nothing_back(store: &impl Archive) {
    take(store, ONE, 0, 10).await.expect("is free");
    take(store, OTHER, 10, 20).await.expect("is over");
    store
        .release("merge", ONE, Some(at(11)))
        .await
        .expect("answers");
    assert_eq!(take(store, ONE, 12, 30).await, None);
    let lease = take(store, OTHER, 12, 30).await.expect("has it");
    assert_eq!(lease.done_at, None);
}

/// Two processes that ask at once do not both get it.
pub async fn two_processes_do_not_both_get_a_job(store: &impl Archive) {
    let (one, other) = tokio::join!(take(store, ONE, 0, 10), take(store, OTHER, 0, 10));
    assert!(one.is_some() != other.is_some(), "{one:?} {other:?}");
}

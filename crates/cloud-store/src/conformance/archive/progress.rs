//! What a checkpoint changes, and when it does not.

use super::things::{BY, DAY_MS, device, everything, june, org, piece, site, status, stretch};
use crate::archive::{Archive, Checkpoint, Cursors, Fleet, PackedDay, Past, Period, Views, Wrote};
use crate::conformance::readable;
use crate::hot::Seq;

/// Panics unless the archive holds exactly this, of what [`everything`] says.
pub async fn holds(store: &(impl Archive + Views), expected: &Checkpoint) {
    let status = store.device_status(device(1)).await.expect("reads");
    assert_eq!(status.as_ref(), expected.statuses.first());
    let state = store.site_state(site(1)).await.expect("reads");
    assert_eq!(
        state.as_ref(),
        expected.sites.first().map(|(_, state)| state)
    );
    let buckets = store.bucket_days(site(1), 20_600..20_601).await;
    assert_eq!(buckets.expect("reads"), expected.buckets);
    let days = store.site_days(site(1), june(1)..june(2)).await;
    assert_eq!(days.expect("reads"), expected.days);
    let month = store.site_month(site(1), june(1)).await.expect("reads");
    assert_eq!(month.as_ref(), expected.months.first());
    let fleets = [
        (Fleet::All, Period::Day(june(1))),
        (Fleet::Installer(org(9)), Period::Month(june(1))),
    ];
    for (place, (fleet, period)) in fleets.into_iter().enumerate() {
        let total = store.total(fleet, period).await.expect("reads");
        assert_eq!(total, expected.totals.get(place).map(|total| total.sums));
    }
    let quarters = store.quarters(Fleet::All, 20_600).await.expect("reads");
    assert_eq!(quarters.as_ref(), expected.quarters.first());
    let told = store.told(site(1), june(1)..june(2)).await.expect("reads");
    assert_eq!(told, expected.told);
    let events = store.events(readable(site(1)), 10).await;
    assert_eq!(events.expect("reads"), expected.events);
}

async fn folded(store: &impl Archive) -> i64 {
    store.cursors().await.expect("reads").folded.get()
}

/// A new archive knows nothing, and says so.
pub async fn a_new_archive_knows_nothing(store: &(impl Archive + Views)) {
    assert_eq!(store.cursors().await.expect("reads"), Cursors::default());
    holds(store, &Checkpoint::default()).await;
    assert!(store.sealed_to().await.expect("reads").is_empty());
    assert!(store.statuses(&BY).await.expect("reads").is_empty());
}

/// What a checkpoint brings is there as it was brought, in place of what was there before.
pub async fn a_checkpoint_is_read_as_it_was_written(store: &(impl Archive + Views)) {
    let first = everything(0, 5, 100);
    assert_eq!(store.checkpoint(&first).await.expect("writes"), Wrote::Done);
    holds(store, &first).await;
    let mut second = everything(5, 9, 200);
    assert_eq!(
        store.checkpoint(&second).await.expect("writes"),
        Wrote::Done
    );
    second.events.extend(first.events);
    holds(store, &second).await;
    assert_eq!(folded(store).await, 9);
}

/// A checkpoint of a stretch that is folded already changes nothing: twice is once.
pub async fn a_checkpoint_that_was_overtaken_changes_nothing(store: &(impl Archive + Views)) {
    let first = everything(0, 5, 100);
    assert_eq!(store.checkpoint(&first).await.expect("writes"), Wrote::Done);
    for late in [
        everything(0, 5, 300),
        everything(3, 9, 300),
        everything(7, 9, 300),
    ] {
        let told = store.checkpoint(&late).await.expect("answers");
        assert_eq!(told, Wrote::Overtaken);
    }
    holds(store, &first).await;
    assert_eq!(folded(store).await, 5);
}

/// A checkpoint may stay where it is, for work that no entry asked for; it never goes back.
pub async fn a_checkpoint_never_goes_back(store: &(impl Archive + Views)) {
    let first = everything(0, 5, 100);
    assert_eq!(store.checkpoint(&first).await.expect("writes"), Wrote::Done);
    let back = store.checkpoint(&everything(5, 4, 300)).await;
    assert_eq!(back.expect("answers"), Wrote::Overtaken);
    holds(store, &first).await;
    let mut stays = everything(5, 5, 200);
    assert_eq!(store.checkpoint(&stays).await.expect("writes"), Wrote::Done);
    stays.events.extend(first.events);
    holds(store, &stays).await;
}

/// Of two checkpoints of the same stretch at once, one takes effect.
pub async fn two_nodes_write_a_stretch_once(store: &(impl Archive + Views)) {
    let (one, other) = (everything(0, 5, 100), everything(0, 5, 200));
    let (first, second) = tokio::join!(store.checkpoint(&one), store.checkpoint(&other));
    let (first, second) = (first.expect("answers"), second.expect("answers"));
    assert_ne!(first, second);
    holds(store, if first == Wrote::Done { &one } else { &other }).await;
}

/// A checkpoint of thousands of rows is one, and of two rows with one key the later one counts.
pub async fn a_large_checkpoint_is_read_as_it_was_written(store: &(impl Archive + Views)) {
    let statuses = (1..=3_000).map(|number| status(number, 5));
    let mut large = Checkpoint {
        statuses: statuses.collect(),
        ..stretch(0, 1)
    };
    large.statuses.push(status(7, 6));
    assert_eq!(store.checkpoint(&large).await.expect("writes"), Wrote::Done);
    let all = store.statuses(&BY).await.expect("reads");
    assert_eq!(all.len(), 3_000);
    assert!(all.is_sorted_by_key(|status| status.device));
    let seventh = store.device_status(device(7)).await.expect("reads");
    assert_eq!(seventh, Some(status(7, 6)));
}

/// A past is there as a whole beside a log that has not moved, and its buckets whether they came packed or not. It
/// never comes over a day that has a chunk already.
pub async fn a_past_comes_in_once_and_moves_no_cursor(store: &(impl Archive + Views)) {
    let mut past = Past {
        checkpoint: everything(0, 0, 100),
        days: vec![piece(1, (5, 6), 1), piece(1, (DAY_MS, DAY_MS + 9), 2)],
        ..Past::default()
    };
    let expected = past.checkpoint.clone();
    for day in past.checkpoint.buckets.drain(..) {
        past.buckets.push(PackedDay::of(&day).expect("packs"));
    }
    assert_eq!(store.bring(&past).await.expect("writes"), Wrote::Done);
    holds(store, &expected).await;
    assert_eq!(store.cursors().await.expect("reads"), Cursors::default());
    let parts = store.parts_of_days(device(1), 0..2).await.expect("reads");
    let parts: Vec<_> = parts.iter().map(|part| (part.day, part.part)).collect();
    assert_eq!(parts, [(0, 0), (1, 0)]);
    let sealed = store.sealed_to().await.expect("reads");
    assert_eq!(sealed, [(device(1), DAY_MS + 9)]);

    let mut again = Past {
        checkpoint: everything(0, 0, 200),
        days: vec![piece(2, (5, 6), 3), piece(1, (DAY_MS + 10, DAY_MS + 11), 3)],
        ..Past::default()
    };
    assert_eq!(store.bring(&again).await.expect("reads"), Wrote::Overtaken);
    again.days.clear();
    again.checkpoint.from = Seq::new(3);
    again.checkpoint.folded = Seq::new(3);
    assert_eq!(store.bring(&again).await.expect("reads"), Wrote::Overtaken);
    holds(store, &expected).await;
    assert_eq!(store.sealed_to().await.expect("reads").len(), 1);
}

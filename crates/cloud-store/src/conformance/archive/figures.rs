//! Buckets, days, fleets and events, as they are found again.

use jiff::civil::date;
use solthrive_domain::Quarter;

use super::things::{
    BY, at, bucket, bucket_day, device, event, everything, june, org, quarter, seq, site, site_day,
    state, stretch, sums,
};
use crate::archive::{Archive, Checkpoint, Event, Fleet, Views};
use crate::conformance::readable;

/// Ranges hold their start and not their end, and are in order.
pub async fn ranges_hold_their_start_and_not_their_end(store: &(impl Archive + Views)) {
    let day = |day: i64| bucket_day(1, day, vec![bucket(day * 96, 7)]);
    let checkpoint = Checkpoint {
        buckets: [5, 3, 4, -1, 6].map(day).into(),
        days: [3, 1, 2, 4]
            .map(|of_june| site_day(1, june(of_june), 1, true))
            .into(),
        ..stretch(0, 1)
    };
    store.checkpoint(&checkpoint).await.expect("writes");
    let buckets = store.bucket_days(site(1), -1..6).await.expect("reads");
    let days: Vec<_> = buckets.iter().map(|day| day.day).collect();
    assert_eq!(days, [-1, 3, 4, 5]);
    let days = store.site_days(site(1), june(1)..june(4)).await;
    let dates: Vec<_> = days
        .expect("reads")
        .iter()
        .map(|day| day.day.date)
        .collect();
    assert_eq!(dates, [june(1), june(2), june(3)]);
    let seen = store.days(readable(site(1)), june(4)..june(30)).await;
    assert_eq!(seen.expect("reads").len(), 1);
    let other = store.site_days(site(2), june(1)..june(4)).await;
    assert!(other.expect("reads").is_empty());
}

/// Days that are over and not final are found, the oldest first.
pub async fn days_that_are_not_final_are_found(store: &(impl Archive + Views)) {
    let days = [
        (2, 1, false),
        (1, 1, false),
        (1, 2, true),
        (1, 3, false),
        (1, 4, false),
    ];
    let day = |(number, of_june, is_final)| site_day(number, june(of_june), 1, is_final);
    let mut checkpoint = stretch(0, 1);
    checkpoint.days = days.map(day).into();
    store.checkpoint(&checkpoint).await.expect("writes");
    let found = store.days_not_final(june(4), 10).await.expect("reads");
    assert_eq!(
        found,
        [(site(1), june(1)), (site(2), june(1)), (site(1), june(3))]
    );
    let oldest = store.days_not_final(june(4), 1).await.expect("reads");
    assert_eq!(oldest, [(site(1), june(1))]);
    let mut closed = stretch(1, 2);
    closed.days = vec![site_day(1, june(1), 1, true)];
    store.checkpoint(&closed).await.expect("writes");
    let found = store.days_not_final(june(2), 10).await.expect("reads");
    assert_eq!(found, [(site(2), june(1))]);
}

/// The same event twice is one, and the newest comes first.
pub async fn the_same_event_twice_is_one(store: &(impl Archive + Views)) {
    let of_device = Event {
        device: Some(device(1)),
        ..event(1, 5, "ct_reversed")
    };
    let again = Event {
        received_at: at(999),
        ..of_device.clone()
    };
    let mut checkpoint = stretch(0, 1);
    checkpoint.events = vec![
        event(1, 5, "ct_reversed"),
        event(1, 5, "ct_reversed"),
        event(1, 7, "restated"),
        event(2, 8, "restated"),
        of_device.clone(),
        again.clone(),
    ];
    store.checkpoint(&checkpoint).await.expect("writes");
    let mut later = stretch(1, 2);
    later.events = vec![again, event(1, 7, "restated"), event(1, 6, "ct_reversed")];
    store.checkpoint(&later).await.expect("writes");
    let events = store.events(readable(site(1)), 10).await;
    let expected = [
        event(1, 7, "restated"),
        event(1, 6, "ct_reversed"),
        event(1, 5, "ct_reversed"),
        of_device,
    ];
    assert_eq!(events.expect("reads"), expected);
    let newest = store.events(readable(site(1)), 2).await;
    assert_eq!(newest.expect("reads"), expected[..2]);
}

/// Fleets are told apart, days from months, and their quarters are cut at any quarter.
pub async fn fleets_are_seen_by_day_and_quarter(store: &(impl Archive + Views)) {
    for (from, value) in [(0, 100), (1, 200)] {
        store
            .checkpoint(&everything(from, from + 1, value))
            .await
            .expect("writes");
    }
    let all = store.fleet_days(&BY, Fleet::All, june(1)..june(30)).await;
    assert_eq!(all.expect("reads"), [(june(1), sums(200))]);
    let none = store
        .fleet_days(&BY, Fleet::Installer(org(9)), june(1)..june(30))
        .await;
    assert!(none.expect("reads").is_empty());
    let first = 20_600 * Quarter::PER_DAY;
    let last = quarter(first + 95);
    let seen = store
        .fleet_quarters(&BY, Fleet::All, quarter(first + 1)..last.next())
        .await;
    assert_eq!(seen.expect("reads"), [(last, sums(200))]);
    let seen = store
        .fleet_quarters(&BY, Fleet::All, quarter(first)..last)
        .await;
    assert_eq!(seen.expect("reads"), [(quarter(first), sums(200))]);
}

/// Open buckets stand in place of the stored ones, and beside them.
pub async fn open_buckets_are_newer_than_stored_ones(store: &(impl Archive + Views)) {
    let mut checkpoint = stretch(0, 1);
    checkpoint.buckets = vec![
        bucket_day(1, 0, vec![bucket(94, 1), bucket(95, 1)]),
        bucket_day(1, 1, vec![bucket(96, 1)]),
    ];
    checkpoint.sites = vec![(site(1), state(vec![bucket(95, 2), bucket(97, 2)]))];
    store.checkpoint(&checkpoint).await.expect("writes");
    let seen = store
        .buckets(readable(site(1)), quarter(95)..quarter(98))
        .await;
    assert_eq!(
        seen.expect("reads"),
        [bucket(95, 2), bucket(96, 1), bucket(97, 2)]
    );
    let seen = store
        .buckets(readable(site(1)), quarter(94)..quarter(95))
        .await;
    assert_eq!(seen.expect("reads"), [bucket(94, 1)]);
    let other = store
        .buckets(readable(site(2)), quarter(0)..quarter(98))
        .await;
    assert!(other.expect("reads").is_empty());
}

/// The day that is not over is seen as far as it got.
pub async fn today_is_seen_as_far_as_it_got(store: &(impl Archive + Views)) {
    let mut today = site_day(1, june(2), 70, false).day;
    today.rollup.as_of = at(1_780_000_000_124).into();
    let mut checkpoint = stretch(0, 1);
    checkpoint.days = vec![
        site_day(1, june(1), 50, true),
        site_day(1, june(2), 60, false),
    ];
    let mut state = state(Vec::new());
    state.today = Some(today.clone());
    checkpoint.sites = vec![(site(1), state)];
    store.checkpoint(&checkpoint).await.expect("writes");
    let seen = store.days(readable(site(1)), june(1)..june(3)).await;
    assert_eq!(
        seen.expect("reads"),
        [site_day(1, june(1), 50, true).day, today]
    );
    let months = store
        .months(readable(site(1)), june(1)..date(2027, 1, 1))
        .await;
    assert!(months.expect("reads").is_empty());
    let yesterday = store.days(readable(site(1)), june(1)..june(2)).await;
    assert_eq!(yesterday.expect("reads").len(), 1);
    assert_eq!(seq(1), store.cursors().await.expect("reads").folded);
}

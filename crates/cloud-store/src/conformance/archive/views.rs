//! What each site sees of devices that come and go, and how long it keeps it.

use std::num::NonZeroU32;

use solthrive_domain::access::{
    Actor, Credential, Membership, OrgKind, ReadableSite, Role, Scope, SecondFactor, SiteFacts,
};
use solthrive_domain::registration::Decision;

use super::things::{
    BY, DAY_MS, at, bucket, bucket_day, device, event, june, org, piece, quarter, sample, seq,
    site, site_day, site_month, status, stretch,
};
use crate::archive::{Archive, Piece, SiteChunk, Views};
use crate::conformance::readable;
use crate::conformance::registry::{a_small_world, register};
use crate::meta::Registry;

/// Device 1 is at site 1 until 500, and at site 2 from 600; device 2 is at site 1 from 500. What they
/// recorded before they were anywhere belongs to the first site of each.
async fn a_device_that_moved(store: &(impl Registry + Archive), pieces: &[Piece]) {
    a_small_world(store).await;
    let bound = register(store, 1, 1, 100).await;
    assert_eq!(bound, Decision::Bind(site(1)));
    let replaced = store.replace(&BY, device(1), device(2), at(500)).await;
    assert_eq!(replaced.expect("replaces"), Some(site(1)));
    let bound = register(store, 1, 2, 600).await;
    assert_eq!(bound, Decision::Bind(site(2)));
    store.checkpoint(&stretch(0, 10)).await.expect("folds");
    store.seal(seq(0), seq(1), pieces).await.expect("seals");
}

/// First bytes and ranges.
fn seen(chunks: &[SiteChunk]) -> Vec<(u8, i64, i64)> {
    let of = |chunk: &SiteChunk| (chunk.stored.bytes[0], chunk.within.start, chunk.within.end);
    chunks.iter().map(of).collect()
}

/// A site sees the rows of its own time only, of every device that was there.
pub async fn a_site_sees_chunks_of_its_own_time(store: &(impl Registry + Archive + Views)) {
    let pieces = [
        piece(1, (-DAY_MS, -DAY_MS + 5), 1),
        piece(1, (100, 900), 2),
        piece(1, (520, 580), 3),
        piece(1, (DAY_MS, DAY_MS + 5), 4),
        piece(2, (50, 60), 5),
        piece(3, (50, 60), 6),
    ];
    a_device_that_moved(store, &pieces).await;
    let all = -9 * DAY_MS..9 * DAY_MS;
    let of_one = store.chunks(readable(site(1)), all.clone()).await;
    let (first, last) = (i64::MIN, i64::MAX);
    assert_eq!(
        seen(&of_one.expect("reads")),
        [(1, first, 500), (2, first, 500), (5, first, last)]
    );
    let stays = store.stays(readable(site(1))).await.expect("reads");
    let told = [(device(1), first..500), (device(2), first..last)];
    assert_eq!(stays, told);
    let of_two = store.chunks(readable(site(2)), all).await;
    assert_eq!(
        seen(&of_two.expect("reads")),
        [(2, 600, last), (4, 600, last)]
    );
    for (span, expected) in [
        (0..100, vec![5]),
        (0..101, vec![2, 5]),
        (60..61, vec![5]),
        (500..900, vec![]),
        (499..900, vec![2]),
        (-DAY_MS + 5..0, vec![1]),
        (-DAY_MS + 6..0, vec![]),
    ] {
        let chunks = store.chunks(readable(site(1)), span.clone()).await;
        let bytes: Vec<_> = seen(&chunks.expect("reads"))
            .iter()
            .map(|seen| seen.0)
            .collect();
        assert_eq!(bytes, expected, "{span:?}");
    }
}

/// A site sees the devices that are there now, without samples from elsewhere.
pub async fn a_site_sees_the_devices_that_are_there_now(store: &(impl Registry + Archive + Views)) {
    a_device_that_moved(store, &[]).await;
    let mut before = stretch(10, 11);
    before.statuses = vec![status(1, 400), status(2, 400), status(3, 400)];
    store.checkpoint(&before).await.expect("writes");
    let of_one = store.status(readable(site(1))).await.expect("reads");
    assert_eq!(of_one, [status(2, 400)]);
    let of_two = store.status(readable(site(2))).await.expect("reads");
    let [moved] = &of_two[..] else {
        panic!("{of_two:?}")
    };
    let told = (moved.device, moved.site, moved.newest, moved.rows);
    assert_eq!(told, (device(1), Some(site(2)), None, 3));
    let mut after = stretch(11, 12);
    after.statuses = vec![status(1, 600)];
    store.checkpoint(&after).await.expect("writes");
    let of_two = store.status(readable(site(2))).await.expect("reads");
    assert_eq!(of_two[0].newest, Some(sample(600)));
    let all = store.statuses(&BY).await.expect("reads");
    let places: Vec<_> = all.iter().map(|status| status.site).collect();
    assert_eq!(places, [Some(site(2)), Some(site(1)), None]);
}

/// Chunks go when the site that they are of does not keep them longer; of two sites, the longer counts.
pub async fn chunks_are_kept_as_long_as_their_site_says(store: &(impl Registry + Archive + Views)) {
    let on = |day: i64| (day * DAY_MS + 100, day * DAY_MS + 900);
    let pieces = [
        piece(1, on(-1), 1),
        piece(1, on(0), 2),
        piece(1, on(1), 3),
        piece(2, on(0), 4),
        piece(2, on(3), 5),
        piece(3, on(0), 6),
        piece(3, on(1), 7),
        piece(3, on(2), 8),
    ];
    a_device_that_moved(store, &pieces).await;
    let kept = store
        .keep_raw(&BY, site(1), NonZeroU32::new(8), at(9))
        .await;
    assert!(kept.expect("sets"));
    let kept = store.raw_days(&BY, site(1)).await.expect("answers");
    assert_eq!(kept, NonZeroU32::new(8));
    assert!(
        !store
            .keep_raw(&BY, site(9), None, at(9))
            .await
            .expect("answers")
    );
    // Site 1 keeps 8 days, site 2 and nobody's devices the usual 5.
    let left = async || {
        let all = store.scan(None, 99).await.expect("reads");
        let mut bytes: Vec<_> = all.iter().map(|chunk| chunk.bytes[0]).collect();
        bytes.sort_unstable();
        bytes
    };
    assert_eq!(store.expire(5, 5, 99).await.expect("expires"), 0);
    assert_eq!(store.expire(7, 5, 99).await.expect("expires"), 3);
    assert_eq!(left().await, [1, 2, 4, 5, 8]);
    assert_eq!(store.expire(8, 5, 99).await.expect("expires"), 2);
    assert_eq!(left().await, [2, 4, 5]);
    assert_eq!(store.expire(12, 5, 1).await.expect("expires"), 1);
    assert_eq!(store.expire(12, 5, 1).await.expect("expires"), 1);
    assert_eq!(store.expire(12, 5, 1).await.expect("expires"), 1);
    assert_eq!(store.expire(12, 5, 1).await.expect("expires"), 0);
}

/// A site that keeps less than usual, and one that goes back to the usual time.
pub async fn a_site_can_keep_less_than_usual(store: &(impl Registry + Archive + Views)) {
    let pieces = [piece(2, (100, 900), 1)];
    a_device_that_moved(store, &pieces).await;
    store
        .keep_raw(&BY, site(1), NonZeroU32::new(2), at(9))
        .await
        .expect("sets");
    store
        .keep_raw(&BY, site(1), None, at(9))
        .await
        .expect("sets");
    assert_eq!(store.expire(3, 5, 99).await.expect("expires"), 0);
    store
        .keep_raw(&BY, site(1), NonZeroU32::new(2), at(9))
        .await
        .expect("sets");
    assert_eq!(store.expire(3, 5, 99).await.expect("expires"), 1);
}

/// The right of an owner who was given the site's history from a time on.
fn since(ms: i64) -> ReadableSite {
    let me = Membership {
        org: org(1),
        kind: OrgKind::Household,
        role: Role::Admin,
    };
    let actor = Actor {
        user: None,
        client: None,
        credential: Credential::Session(SecondFactor::NotAsked),
        memberships: vec![me],
        support: Vec::new(),
    };
    let facts = SiteFacts {
        site: site(1),
        owner: org(1),
        owner_data_from: Some(at(ms)),
        handed_over_at: None,
        grants: Vec::new(),
    };
    let access = actor.at(&facts, at(0)).expect("it is his");
    access.readable(Scope::Production).expect("an owner reads")
}

/// Whoever was given the history from a time on sees nothing older, nor what cannot be told from older.
pub async fn what_is_older_than_the_right_is_not_shown(store: &(impl Registry + Archive + Views)) {
    let pieces = [
        piece(1, (0, 99), 1),
        piece(1, (100, 400), 2),
        piece(1, (DAY_MS, DAY_MS + 5), 3),
    ];
    a_device_that_moved(store, &pieces).await;
    let first = quarter(1_977_000);
    let begin = first.start().get();
    let mut stored = stretch(10, 11);
    stored.statuses = vec![status(2, 600)];
    stored.buckets = vec![bucket_day(
        1,
        first.utc_day(),
        vec![bucket(1_977_000, 5), bucket(1_977_001, 6)],
    )];
    stored.days = vec![site_day(1, june(1), 1, true)];
    stored.months = vec![site_month(1, june(1), 1)];
    stored.events = vec![event(1, 50, "api_stall"), event(1, 700, "api_stall")];
    store.checkpoint(&stored).await.expect("writes");
    let right = since(200);
    let chunks = store.chunks(right, 0..9 * DAY_MS).await.expect("reads");
    assert_eq!(seen(&chunks), [(2, 200, 500)]);
    let events = store.events(right, 9).await.expect("reads");
    assert_eq!(
        events.iter().map(|event| event.at).collect::<Vec<_>>(),
        [at(700)]
    );
    let newest = store.status(since(601)).await.expect("reads")[0].newest;
    assert_eq!(newest, None);
    for (from, buckets, whole) in [
        (begin, 2, 1),
        (begin + 1, 1, 0),
        (begin + 900_000, 1, 0),
        (begin + 900_001, 0, 0),
    ] {
        let right = since(from);
        let all = quarter(1_976_000)..quarter(1_978_000);
        let told = store.buckets(right, all).await.expect("reads");
        assert_eq!(told.len(), buckets, "from {from}");
        let days = store.days(right, june(1)..june(9)).await.expect("reads");
        let months = store.months(right, june(1)..june(9)).await.expect("reads");
        assert_eq!((days.len(), months.len()), (whole, whole), "from {from}");
    }
}

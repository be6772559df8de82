//! Chunks: sealed, merged, set aside, checked.

use std::collections::BTreeSet;

use super::things::{BY, DAY_MS, at, device, open_day, piece, seq, stretch};
use crate::archive::{Archive, Stored, Views, Wrote};

/// An archive whose log is folded up to 10.
async fn fold(store: &impl Archive) {
    store.checkpoint(&stretch(0, 10)).await.expect("folds");
}

async fn parts(store: &impl Archive, number: u128, day: i64) -> Vec<Stored> {
    store.parts(open_day(number, day)).await.expect("reads")
}

fn numbers(parts: &[Stored]) -> BTreeSet<i64> {
    parts.iter().map(|part| part.part).collect()
}

fn first_bytes(parts: &[Stored]) -> Vec<u8> {
    parts.iter().map(|part| part.bytes[0]).collect()
}

/// Pieces come back in the order in which they were sealed, with numbers of their own.
pub async fn sealed_pieces_come_back_in_their_order(store: &impl Archive) {
    fold(store).await;
    let first = [
        piece(1, (5, 9), 1),
        piece(2, (5, 9), 2),
        piece(1, (7, 8), 3),
    ];
    let told = store.seal(seq(0), seq(4), &first).await.expect("seals");
    assert_eq!(told, Wrote::Done);
    let second = [piece(1, (1, 2), 4), piece(1, (DAY_MS, DAY_MS + 1), 5)];
    let told = store.seal(seq(4), seq(10), &second).await.expect("seals");
    assert_eq!(told, Wrote::Done);
    let day = parts(store, 1, 0).await;
    assert_eq!(first_bytes(&day), [1, 3, 4]);
    assert!(numbers(&day).iter().all(|part| *part > 0) && numbers(&day).len() == 3);
    assert_eq!(day[0].bytes, first[0].bytes);
    let days = store.parts_of_days(device(1), 0..2).await.expect("reads");
    assert_eq!(first_bytes(&days), [1, 3, 4, 5]);
    let sealed = store.sealed_to().await.expect("reads");
    assert_eq!(sealed, [(device(1), DAY_MS + 1), (device(2), 9)]);
    assert_eq!(store.cursors().await.expect("reads").sealed, seq(10));
}

/// A look at the whole fleet finds each device's parts of these days, once, and what was set aside not.
pub async fn the_whole_fleets_days_are_found_once(store: &(impl Archive + Views)) {
    fold(store).await;
    assert_eq!(store.fleet_chunks(&BY, 0..9).await.expect("reads"), []);
    let mut all = Vec::new();
    for number in 1..=5_u8 {
        for (day, byte) in [(0, number), (1, 10 + number), (2, 20 + number)] {
            let first = day * DAY_MS;
            all.push(piece(number.into(), (first, first + 5), byte));
        }
    }
    store.seal(seq(0), seq(4), &all).await.expect("seals");
    let found = store.fleet_chunks(&BY, 1..3).await.expect("reads");
    let expected = [11, 21, 12, 22, 13, 23, 14, 24, 15, 25];
    assert_eq!(first_bytes(&found), expected);
    assert!(found.iter().all(|part| part.bytes.len() == 3_000));
    store
        .set_aside(&found[4], "flipped", at(7))
        .await
        .expect("sets aside");
    let found = store.fleet_chunks(&BY, 1..3).await.expect("reads");
    assert_eq!(first_bytes(&found), [11, 21, 12, 22, 23, 14, 24, 15, 25]);
}

/// A piece of older rows does not take back how far a device is sealed.
pub async fn how_far_a_device_is_sealed_only_grows(store: &impl Archive) {
    fold(store).await;
    for (from, span) in [(0, (500, 900)), (1, (100, 200))] {
        let pieces = [piece(1, span, 1)];
        store
            .seal(seq(from), seq(from + 1), &pieces)
            .await
            .expect("seals");
    }
    let sealed = store.sealed_to().await.expect("reads");
    assert_eq!(sealed, [(device(1), 900)]);
}

/// Sealing goes on from where it is, and not beyond what is folded.
pub async fn sealing_goes_on_from_where_it_is_and_not_beyond_the_fold(store: &impl Archive) {
    fold(store).await;
    let some = [piece(1, (5, 9), 1)];
    store.seal(seq(0), seq(4), &some).await.expect("seals");
    for (from, to) in [(0, 4), (3, 5), (5, 6), (4, 11), (4, 3)] {
        let told = store
            .seal(seq(from), seq(to), &some)
            .await
            .expect("answers");
        assert_eq!(told, Wrote::Overtaken, "{from} to {to}");
    }
    assert_eq!(parts(store, 1, 0).await.len(), 1);
    assert_eq!(store.cursors().await.expect("reads").sealed, seq(4));
}

/// Thousands of pieces are sealed as one.
pub async fn many_pieces_are_sealed_at_once(store: &impl Archive) {
    fold(store).await;
    let pieces: Vec<_> = (0..2_000)
        .map(|number| piece(number / 2 + 1, (5, 9), 1))
        .collect();
    store.seal(seq(0), seq(1), &pieces).await.expect("seals");
    assert_eq!(store.sealed_to().await.expect("reads").len(), 1_000);
    assert_eq!(parts(store, 1_000, 0).await.len(), 2);
}

/// Days with pieces are found, the oldest first; a merged day is none.
pub async fn days_with_pieces_are_found_until_they_are_merged(store: &impl Archive) {
    fold(store).await;
    let (early, late) = ((DAY_MS, DAY_MS + 9), (2 * DAY_MS, 2 * DAY_MS + 9));
    let pieces = [
        piece(2, late, 1),
        piece(2, early, 2),
        piece(1, early, 3),
        piece(1, early, 4),
    ];
    store.seal(seq(0), seq(1), &pieces).await.expect("seals");
    let found = store.days_with_pieces(2, 9).await.expect("reads");
    assert_eq!(found, [open_day(1, 1), open_day(2, 1)]);
    let found = store.days_with_pieces(3, 1).await.expect("reads");
    assert_eq!(found, [open_day(1, 1)]);
    let there = numbers(&parts(store, 1, 1).await);
    let told = store
        .merge(open_day(1, 1), &there, &piece(1, early, 9))
        .await;
    assert_eq!(told.expect("merges"), Wrote::Done);
    let found = store.days_with_pieces(3, 9).await.expect("reads");
    assert_eq!(found, [open_day(2, 1), open_day(2, 2)]);
    let merged = parts(store, 1, 1).await;
    assert_eq!((first_bytes(&merged), merged[0].part), (vec![9], 0));
}

/// A merge replaces exactly the parts that were read. Whoever read others changes nothing.
pub async fn a_merge_replaces_what_was_read_and_nothing_else(store: &impl Archive) {
    fold(store).await;
    let day = open_day(1, 0);
    let some = [piece(1, (5, 9), 1), piece(1, (10, 19), 2)];
    store.seal(seq(0), seq(1), &some).await.expect("seals");
    let read = numbers(&parts(store, 1, 0).await);
    store
        .seal(seq(1), seq(2), &[piece(1, (20, 29), 3)])
        .await
        .expect("seals");
    let merged = piece(1, (5, 19), 9);
    let told = store.merge(day, &read, &merged).await.expect("answers");
    assert_eq!(told, Wrote::Overtaken);
    assert_eq!(first_bytes(&parts(store, 1, 0).await), [1, 2, 3]);
    let read = numbers(&parts(store, 1, 0).await);
    let told = store.merge(day, &read, &merged).await.expect("merges");
    assert_eq!(told, Wrote::Done);
    // The number of a piece that is gone is not given to another one.
    store
        .seal(seq(2), seq(3), &[piece(1, (30, 39), 4)])
        .await
        .expect("seals");
    let told = store.merge(day, &read, &merged).await.expect("answers");
    assert_eq!(told, Wrote::Overtaken);
    for wrong in [
        BTreeSet::new(),
        BTreeSet::from([0]),
        BTreeSet::from([0, 77]),
    ] {
        let told = store.merge(day, &wrong, &merged).await.expect("answers");
        assert_eq!(told, Wrote::Overtaken);
    }
    let both = parts(store, 1, 0).await;
    assert_eq!(first_bytes(&both), [9, 4]);
    let told = store
        .merge(day, &numbers(&both), &piece(1, (5, 39), 8))
        .await;
    assert_eq!(told.expect("merges"), Wrote::Done);
    assert_eq!(first_bytes(&parts(store, 1, 0).await), [8]);
}

/// Two merges of the same parts at once are one.
pub async fn two_nodes_merge_a_day_once(store: &impl Archive) {
    fold(store).await;
    let day = open_day(1, 0);
    let some = [piece(1, (5, 9), 1), piece(1, (10, 19), 2)];
    store.seal(seq(0), seq(1), &some).await.expect("seals");
    let read = numbers(&parts(store, 1, 0).await);
    let chunk = piece(1, (5, 19), 9);
    let (one, other) = tokio::join!(
        store.merge(day, &read, &chunk),
        store.merge(day, &read, &chunk)
    );
    assert_ne!(one.expect("answers"), other.expect("answers"));
    assert_eq!(first_bytes(&parts(store, 1, 0).await), [9]);
}

/// What was set aside is read by nobody, and stays; its place is free.
pub async fn what_was_set_aside_is_hidden_and_kept(store: &impl Archive) {
    fold(store).await;
    let some = [piece(1, (5, 9), 1), piece(1, (10, 19), 2)];
    store.seal(seq(0), seq(1), &some).await.expect("seals");
    let there = parts(store, 1, 0).await;
    let changed = Stored {
        bytes: vec![7],
        ..there[0].clone()
    };
    store
        .set_aside(&changed, "other bytes", at(5))
        .await
        .expect("answers");
    assert_eq!(parts(store, 1, 0).await, there);
    for part in &there {
        store
            .set_aside(part, "the header is damaged", at(5))
            .await
            .expect("sets aside");
    }
    assert!(parts(store, 1, 0).await.is_empty());
    assert!(
        store
            .days_with_pieces(9, 9)
            .await
            .expect("reads")
            .is_empty()
    );
    let kept = store.scan(None, 9).await.expect("reads");
    assert_eq!(first_bytes(&kept), [2, 1]);
    let chunk = piece(1, (5, 9), 3);
    let told = store.merge(open_day(1, 0), &BTreeSet::new(), &chunk).await;
    assert_eq!(told.expect("merges"), Wrote::Done);
    let merged = parts(store, 1, 0).await;
    store
        .set_aside(&merged[0], "again", at(6))
        .await
        .expect("sets aside");
    assert_eq!(store.scan(None, 9).await.expect("reads").len(), 3);
}

/// A scan sees every chunk once, however few at a time.
pub async fn a_scan_sees_every_chunk_once(store: &impl Archive) {
    fold(store).await;
    let next = (DAY_MS, DAY_MS + 9);
    let pieces = [
        piece(u128::MAX, (5, 9), 5),
        piece(1, (5, 9), 1),
        piece(1, (-9, -5), 0),
        piece(1, next, 3),
        piece(1, (5, 9), 2),
        piece(2, next, 4),
    ];
    store.seal(seq(0), seq(1), &pieces).await.expect("seals");
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let some = store.scan(after, 2).await.expect("reads");
        let Some(last) = some.last() else { break };
        let Stored {
            device, day, part, ..
        } = *last;
        after = Some((crate::archive::OpenDay { device, day }, part));
        seen.extend(first_bytes(&some));
    }
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
}

//! Promises of a hot log.

use solthrive_domain::telemetry::UnixMillis;

use crate::hot::{Appended, Entry, HotLog, Seq};

fn at(ms: i64) -> UnixMillis {
    UnixMillis::try_from(ms).expect("a test's instant")
}

async fn append(log: &dyn HotLog, last: Seq, byte: u8) -> Seq {
    match log.append(last, at(1_000), vec![byte; 10]).await {
        Ok(Appended::At(seq)) => seq,
        other => panic!("{other:?}"),
    }
}

fn bytes(entries: &[Entry]) -> Vec<u8> {
    entries.iter().map(|entry| entry.blob[0]).collect()
}

/// Entries come back in the order in which they were appended, whole.
pub async fn entries_come_back_in_order(log: &dyn HotLog) {
    let mut last = Seq::START;
    for byte in 1..=5 {
        last = append(log, last, byte).await;
    }
    let all = log.after(Seq::START, usize::MAX).await.expect("reads");
    assert_eq!(bytes(&all), [1, 2, 3, 4, 5]);
    assert!(all.is_sorted_by_key(|entry| entry.seq));
    assert_eq!((all[4].seq, all[4].received_at), (last, at(1_000)));
    let rest = log.after(all[2].seq, usize::MAX).await.expect("reads");
    assert_eq!(bytes(&rest), [4, 5]);
}

/// Reading a little at a time reads everything.
pub async fn a_reader_with_little_room_still_gets_on(log: &dyn HotLog) {
    let mut last = Seq::START;
    for byte in 1..=5 {
        last = append(log, last, byte).await;
    }
    let (mut seq, mut heard) = (Seq::START, Vec::new());
    loop {
        let some = log.after(seq, 15).await.expect("reads");
        let Some(newest) = some.last() else { break };
        assert!(some.len() <= 2);
        seq = newest.seq;
        heard.extend(bytes(&some));
    }
    assert_eq!((heard, seq), (vec![1, 2, 3, 4, 5], last));
}

/// Who has not seen the newest entry appends nothing and is told what it missed.
pub async fn who_is_behind_appends_nothing_and_learns_what_it_missed(log: &dyn HotLog) {
    let first = append(log, Seq::START, 1).await;
    let second = append(log, first, 2).await;
    let answer = log
        .append(first, at(2_000), vec![9])
        .await
        .expect("answers");
    let Appended::Behind(missed) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(bytes(&missed), [2]);
    assert_eq!(log.after(second, usize::MAX).await.expect("reads"), []);
}

/// Forgotten entries are gone, and their numbers are not used again.
pub async fn a_forgotten_number_is_not_used_again(log: &dyn HotLog) {
    let first = append(log, Seq::START, 1).await;
    let second = append(log, first, 2).await;
    log.forget_through(second).await.expect("forgets");
    assert_eq!(log.after(Seq::START, usize::MAX).await.expect("reads"), []);
    let third = append(log, second, 3).await;
    assert!(third > second);
    log.forget_through(first).await.expect("twice is once");
    let left = log.after(Seq::START, usize::MAX).await.expect("reads");
    assert_eq!(bytes(&left), [3]);
}

/// A large entry comes back bit for bit, an empty one too.
pub async fn large_and_empty_entries_come_back(log: &dyn HotLog) {
    let large: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let first = log.append(Seq::START, at(1), large.clone()).await;
    let Ok(Appended::At(first)) = first else {
        panic!("{first:?}");
    };
    let second = log.append(first, at(2), Vec::new()).await;
    assert!(matches!(second, Ok(Appended::At(_))), "{second:?}");
    let all = log.after(Seq::START, usize::MAX).await.expect("reads");
    assert!(all[0].blob == large && all[1].blob.is_empty());
}

/// The newest number outlives its entry, and is 0 before there was one.
pub async fn the_newest_number_is_known_even_when_its_entry_is_forgotten(log: &dyn HotLog) {
    assert_eq!(log.newest().await.expect("answers"), Seq::START);
    let last = append(log, append(log, Seq::START, 1).await, 2).await;
    assert_eq!(log.newest().await.expect("answers"), last);
    log.forget_through(last).await.expect("forgets");
    assert_eq!(log.newest().await.expect("answers"), last);
}

/// Whether days were made ready or not, now, twice or for another time: entries are taken.
pub async fn appends_work_on_any_day_prepared_or_not(log: &dyn HotLog) {
    const DAY_MS: i64 = 86_400_000;
    let mut last = Seq::START;
    for (byte, day) in (1..).zip([0, 20_000, 20_001, 20_009, 19_000]) {
        log.prepare(at(20_000 * DAY_MS)).await.expect("prepares");
        let told = log.append(last, at(day * DAY_MS), vec![byte]).await;
        let Ok(Appended::At(seq)) = told else {
            panic!("{told:?}");
        };
        last = seq;
    }
    // Some of it lies where tables are to be now.
    log.prepare(at(20_008 * DAY_MS)).await.expect("prepares");
    let all = log.after(Seq::START, usize::MAX).await.expect("reads");
    assert_eq!(bytes(&all), [1, 2, 3, 4, 5]);
    log.forget_through(all[3].seq).await.expect("forgets");
    let left = log.after(Seq::START, usize::MAX).await.expect("reads");
    assert_eq!(bytes(&left), [5]);
}

/// Two nodes that append as fast as they can lose nothing and double nothing, and see every entry
/// once and in the same order.
pub async fn two_nodes_see_every_entry_once_and_in_order(one: &dyn HotLog, other: &dyn HotLog) {
    const EACH: u8 = 60;
    let (of_one, of_other) = tokio::join!(node(one, 0, EACH), node(other, 100, EACH));
    let all = one.after(Seq::START, usize::MAX).await.expect("reads");
    let numbers: Vec<i64> = all.iter().map(|entry| entry.seq.get()).collect();
    assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]));
    let mut told = bytes(&all);
    // Each stopped seeing when it was done; up to there, both saw the same.
    assert!(told.starts_with(&of_one) && told.starts_with(&of_other));
    told.sort_unstable();
    let expected: Vec<u8> = (0..EACH).chain(100..100 + EACH).collect();
    assert_eq!(told, expected);
}

/// Appends its bytes one by one, and returns all that it saw on the way.
async fn node(log: &dyn HotLog, first: u8, count: u8) -> Vec<u8> {
    let (mut seen, mut last) = (Vec::new(), Seq::START);
    for byte in first..first + count {
        loop {
            match log.append(last, at(1_000), vec![byte]).await {
                Ok(Appended::At(seq)) => {
                    last = seq;
                    seen.push(byte);
                    break;
                }
                Ok(Appended::Behind(missed)) => {
                    assert!(!missed.is_empty());
                    seen.extend(bytes(&missed));
                    last = missed.last().map_or(last, |entry| entry.seq);
                }
                Err(error) => panic!("{error}"),
            }
        }
        // On one thread, the other node's turn.
        tokio::task::yield_now().await;
    }
    seen
}

//! The buckets of a site and one UTC day as bytes: exact, and small enough to be kept for ever.
//!
//! Buckets become columns of integers ([`columns`]). Each column is foretold by what stands before it
//! ([`guide`]): home's energy by the others', a swing's area by its energy, extremes by their mean.
//! What is left is split at the step that values usually have, a watt-hour or a watt ([`residuals`]),
//! and packed ([`naturals`]). The encoder tries the guides and steps that make sense for a column and takes those
//! that leave the least, by integers only, so the same buckets give the same bytes everywhere.
//!
//! Layout: version; number of buckets, each quarter's distance from the one before; which energies and
//! swings are known, as changes from bucket to bucket; the columns; CRC-32C. Numbers of columns,
//! guides and steps are part of the format: they are added, never changed.

mod columns;
mod guide;
mod layout;
mod naturals;
mod residuals;

use solthrive_domain::bucket::{Bucket, BucketRow, Quarter};

use self::columns::Columns;
use self::layout::COLUMNS;
use self::naturals::{put_signed, take_signed};
use super::UtcDay;
use super::sealed::{BadBytes, open, seal};
use crate::chunk::bytes::{Reader, put_size};

/// The format's version, in the first byte.
const VERSION: u8 = 1;
/// Days whose decoding takes longer than a thread takes to begin: about 2 ms.
const WORTH_A_THREAD: usize = 48;
/// The most buckets of a day.
const MOST: usize = 96;

/// The buckets of `day` as bytes; they must be in order, none twice.
///
/// # Errors
/// [`BadBytes::Content`] when they are not buckets of that day in order, or one breaks the rules of
/// buckets.
pub fn encode(day: UtcDay, buckets: &[Bucket]) -> Result<Vec<u8>, BadBytes> {
    check(day, buckets)?;
    let rows: Vec<BucketRow> = buckets.iter().map(BucketRow::from).collect();
    // Better to refuse it now than to find out when it is needed.
    rows.iter().try_for_each(|row| bucket(row).map(drop))?;
    let mut out = Vec::new();
    put_size(&mut out, rows.len());
    let first = day.wrapping_mul(Quarter::PER_DAY);
    put_signed(&mut out, &steps(rows.iter().map(|row| row.quarter - first)));
    let columns = Columns::of(&rows);
    put_signed(&mut out, &columns.known_changes());
    for column in 0..COLUMNS {
        columns.put(&mut out, column);
    }
    Ok(seal(VERSION, &out))
}

/// What [`encode`] was given.
///
/// # Errors
/// [`BadBytes`]; nothing of damaged bytes is believed.
pub fn decode(day: UtcDay, bytes: &[u8]) -> Result<Vec<Bucket>, BadBytes> {
    let mut buckets = Vec::new();
    decode_onto(day, bytes, &mut buckets)?;
    Ok(buckets)
}

/// The buckets of several days, one day after the other. More than a few days are decoded by two threads.
///
/// # Errors
/// As [`decode`], for all of them.
pub fn decode_all(days: &[(UtcDay, Vec<u8>)]) -> Result<Vec<Bucket>, BadBytes> {
    let part = |days: &[(UtcDay, Vec<u8>)]| {
        let mut buckets = Vec::with_capacity(days.len() * MOST);
        for (day, bytes) in days {
            decode_onto(*day, bytes, &mut buckets)?;
        }
        Ok(buckets)
    };
    if days.len() < WORTH_A_THREAD {
        return part(days);
    }
    let (first, second) = days.split_at(days.len() / 2);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| part(second));
        let mut buckets = part(first)?;
        let second = second.join().map_err(|_| BadBytes::Content("a day"))?;
        buckets.append(&mut second?);
        Ok(buckets)
    })
}

fn decode_onto(day: UtcDay, bytes: &[u8], buckets: &mut Vec<Bucket>) -> Result<(), BadBytes> {
    let mut from = Reader(open(VERSION, bytes)?);
    let columns = take_columns(&mut from).ok_or(BadBytes::Content("columns"))?;
    let begin = buckets.len();
    for (row, quarter) in quarters(day, &columns.0).enumerate() {
        let row = columns.1.row(row, quarter);
        buckets.push(bucket(&row.ok_or(BadBytes::Content("columns"))?)?);
    }
    check(day, &buckets[begin..])
}

fn bucket(row: &BucketRow) -> Result<Bucket, BadBytes> {
    Bucket::try_from(row).map_err(|_| BadBytes::Content("a bucket that cannot be"))
}

/// How many quarters are missing before each bucket, and the columns.
fn take_columns(from: &mut Reader<'_>) -> Option<(Vec<i64>, Columns)> {
    let count = from.size(MOST)?;
    let steps = take_signed(from, count)?;
    let known = take_signed(from, count)?;
    let mut columns = Columns::known_by(&known);
    for column in 0..COLUMNS {
        columns.take(from, column)?;
    }
    from.is_at_end().then_some((steps, columns))
}

/// The quarters of the buckets, from what [`steps`] made of them.
fn quarters(day: UtcDay, steps: &[i64]) -> impl Iterator<Item = i64> {
    let first = day.wrapping_mul(Quarter::PER_DAY).wrapping_sub(1);
    steps.iter().scan(first, |at, step| {
        *at = at.wrapping_add(*step).wrapping_add(1);
        Some(*at)
    })
}

/// How many quarters are missing before each.
fn steps(of_day: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut next = 0;
    of_day
        .map(|at| {
            let missing = at - next;
            next = at + 1;
            missing
        })
        .collect()
}

fn check(day: UtcDay, buckets: &[Bucket]) -> Result<(), BadBytes> {
    let in_order = buckets.is_sorted_by(|one, next| one.quarter < next.quarter);
    if in_order && buckets.iter().all(|bucket| bucket.quarter.utc_day() == day) {
        Ok(())
    } else {
        Err(BadBytes::Content(
            "buckets that are not the day's, in order",
        ))
    }
}

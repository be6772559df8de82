//! Which local day and month a minute belongs to.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_domain::day::{local_date, local_day, local_month};

use super::columns::Span;
use super::packed::instant;

/// Days and months of a zone, in UTC minutes.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// The day that contains this minute, empty. `None` at the edge of what can be represented.
    pub(super) fn day_of(&self, minute: i64) -> Option<Span> {
        let date = local_date(&self.zone, instant(minute));
        // Where a clock is set back over midnight, an hour's local date is that of the day before
        // again, while the instants belong to the day that had begun.
        [Some(date), date.tomorrow().ok(), date.yesterday().ok()]
            .into_iter()
            .flatten()
            .filter_map(|date| self.day(date))
            .find(|day| day.contains(minute))
    }

    /// The month of a day, empty.
    pub(super) fn month_of(&self, day: &Span) -> Option<Span> {
        let span = local_month(&self.zone, date_of(day.key)?).ok()?;
        Some(span_of(month_of_key(day.key), &span))
    }

    fn day(&self, date: Date) -> Option<Span> {
        Some(span_of(key_of(date), &local_day(&self.zone, date).ok()?))
    }
}

/// yyyymmdd.
pub(super) fn key_of(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// yyyymm of a day's key.
pub(super) fn month_of_key(day: i64) -> i64 {
    day.div_euclid(100)
}

/// The date of a day's key.
pub(super) fn date_of(key: i64) -> Option<Date> {
    let (month, day) = (key.div_euclid(100), key.rem_euclid(100));
    let (year, month) = (month.div_euclid(100), month.rem_euclid(100));
    Date::new(
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    )
    .ok()
}

fn span_of(key: i64, span: &Range<Timestamp>) -> Span {
    // A minute belongs to the span in which it starts.
    let first = |at: Timestamp| -(-at.as_second()).div_euclid(60);
    Span {
        key,
        from: first(span.start),
        to: first(span.end),
        ..Span::default()
    }
}

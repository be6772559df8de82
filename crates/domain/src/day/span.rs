//! Where a local day or month begins and ends.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

/// The day `date` in this zone, `[from, to)`. Empty where the zone skipped the whole day.
///
/// # Errors
/// When the date lies at the edge of what can be represented.
pub fn local_day(zone: &TimeZone, date: Date) -> Result<Range<Timestamp>, jiff::Error> {
    Ok(start_of(zone, date)?..start_of(zone, date.tomorrow()?)?)
}

/// The month that `date` lies in, in this zone, `[from, to)`.
///
/// # Errors
/// When the date lies at the edge of what can be represented.
pub fn local_month(zone: &TimeZone, date: Date) -> Result<Range<Timestamp>, jiff::Error> {
    let first = date.first_of_month();
    Ok(start_of(zone, first)?..start_of(zone, first.checked_add(1.month())?)?)
}

/// The date it is at this instant in this zone.
#[must_use]
pub fn local_date(zone: &TimeZone, at: Timestamp) -> Date {
    zone.to_datetime(at).date()
}

/// The first instant of a day: midnight, or where the clock skips that, the end of the skip.
fn start_of(zone: &TimeZone, date: Date) -> Result<Timestamp, jiff::Error> {
    let midnight = zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0));
    let skipped = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
    let start = midnight.compatible()?;
    // Midnight plus the skip may lie later than the day's first instant, which is the transition.
    let skip = if skipped {
        zone.preceding(start + SignedDuration::from_nanos(1)).next()
    } else {
        None
    };
    Ok(skip.map_or(start, |transition| transition.timestamp()))
}

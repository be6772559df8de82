//! Local days and months of a site, and what its installer sees of all of them.
//!
//! A day is the sum of the buckets that start between two local midnights of the site's zone. All
//! midnights since 2010 lie on the quarter-hour grid, so a day of 23, 24.5 or no hours at all is
//! whole buckets. Sums are of integers: a month is the same whether made of days or of buckets.

mod day;
mod fleet;
mod mismatch;
mod sums;

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use self::day::{DayRollup, MonthRollup, Rollup};
pub use self::fleet::{FleetSums, SiteTally};
pub use self::mismatch::{Compared, DailyMismatch, Difference, daily_mismatch};
pub use self::sums::Sums;
use crate::Quarter;
use crate::day::{local_date, local_day, local_month};

/// The quarters that start on this local day; none where the zone skipped it.
///
/// # Errors
/// When the date lies at the edge of what can be represented.
pub fn quarters_of_day(zone: &TimeZone, date: Date) -> Result<Range<Quarter>, jiff::Error> {
    let day = local_day(zone, date)?;
    Ok(Quarter::not_before(day.start)..Quarter::not_before(day.end))
}

/// The quarters that start in the local month that `date` lies in.
///
/// # Errors
/// When the date lies at the edge of what can be represented.
pub fn quarters_of_month(zone: &TimeZone, date: Date) -> Result<Range<Quarter>, jiff::Error> {
    let month = local_month(zone, date)?;
    Ok(Quarter::not_before(month.start)..Quarter::not_before(month.end))
}

/// The local day that a quarter counts for.
///
/// Nearly always the date it is when the quarter starts. Where clocks go back shortly after
/// midnight (in Newfoundland until 2011, from 00:01 to 23:01), the date falls back too; the day has
/// begun at its first midnight and stays begun.
#[must_use]
pub fn day_of(zone: &TimeZone, quarter: Quarter) -> Date {
    let date = local_date(zone, Timestamp::from(quarter.start()));
    let is_on = |day: &Date| quarters_of_day(zone, *day).is_ok_and(|day| day.contains(&quarter));
    let around = [Ok(date), date.tomorrow(), date.yesterday()];
    around.into_iter().flatten().find(is_on).unwrap_or(date)
}

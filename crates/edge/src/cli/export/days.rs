//! Local days and months, as the summaries of the HTTP interface have them.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use solthrive_domain::Summary;
use solthrive_domain::day::{local_date, local_day, local_month};

use super::Rows;
use crate::http::passed;
use crate::http::wire::Figures;
use crate::store::Reader;

const FIGURES: [&str; 12] = [
    "solar_kwh",
    "home_kwh",
    "import_kwh",
    "export_kwh",
    "battery_charge_kwh",
    "battery_discharge_kwh",
    "ev_kwh",
    "self_consumption",
    "solar_offset",
    "self_sufficiency",
    "peak_demand_kw",
    "coverage",
];

/// Days that begin in the span, and the one it begins in, as of `now`.
pub(super) fn write_days(
    reader: &Reader,
    span: Range<Timestamp>,
    zone: &TimeZone,
    now: Timestamp,
    rows: &mut Rows<'_>,
) -> anyhow::Result<()> {
    let (first, end) = dates(&span, zone);
    let names = names("date");
    rows.heads(&names)?;
    for mut day in reader.days(first, end)? {
        passed(&mut day.summary, &local_day(zone, day.date)?, now);
        rows.row(&names, &values(json!(day.date), &day.summary))?;
    }
    Ok(())
}

/// Months that the span touches, as of `now`.
pub(super) fn write_months(
    reader: &Reader,
    span: Range<Timestamp>,
    zone: &TimeZone,
    now: Timestamp,
    rows: &mut Rows<'_>,
) -> anyhow::Result<()> {
    let (first, end) = dates(&span, zone);
    let names = names("month");
    rows.heads(&names)?;
    for mut month in reader.months(first.first_of_month(), end)? {
        passed(&mut month.summary, &local_month(zone, month.first)?, now);
        rows.row(
            &names,
            &values(
                json!(month.first.strftime("%Y-%m").to_string()),
                &month.summary,
            ),
        )?;
    }
    Ok(())
}

/// The first date of the span, and the one after its last.
fn dates(span: &Range<Timestamp>, zone: &TimeZone) -> (Date, Date) {
    let last = local_date(zone, span.end - SignedDuration::from_nanos(1));
    (
        local_date(zone, span.start),
        last.tomorrow().unwrap_or(Date::MAX),
    )
}

fn names(first: &str) -> Vec<String> {
    std::iter::once(first)
        .chain(FIGURES)
        .map(ToOwned::to_owned)
        .collect()
}

fn values(first: Value, summary: &Summary) -> Vec<Value> {
    // Money depends on today's tariff, not on what was measured: it stays out.
    let figures = serde_json::to_value(Figures::new(summary, None, 1)).unwrap_or_default();
    std::iter::once(first)
        .chain(FIGURES.iter().map(|name| figures[*name].clone()))
        .collect()
}

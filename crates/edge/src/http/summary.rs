//! Days and months: `/api/daily_summary`, `/api/monthly_summary`, `/api/days`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use solthrive_domain::{DaySummary, Summary, local_day};
use utoipa::ToSchema;

use super::access::Holder;
use super::problem::ApiError;
use super::query::Params;
use super::reply::{Problems, json};
use super::state::{AppState, Shared};
use super::wire::{DailySummary, Figures, MonthlySummary};

/// The most days of one request.
const MOST_DAYS: i32 = 1_100;

/// Energies, ratios, peak and savings of one local day.
#[utoipa::path(get, path = "/api/daily_summary", tag = "history", operation_id = "dailySummary", security(("token" = []), ("session" = [])),
    params(("date" = Option<Date>, Query, description = "Local date; today if absent.")),
    responses((status = 200, body = DailySummary), Problems))]
pub(super) async fn daily(
    State(app): State<AppState>,
    holder: Holder,
    mut params: Params,
) -> Result<Response, ApiError> {
    let date = params.optional("date", "a date such as 2026-06-21", read_date);
    params.finish(&["date"])?;
    let date = date.unwrap_or_else(|| today(&app));
    let days = days(&app, &holder, date, after(date, 1)).await?;
    let body = days
        .first()
        .map(|day| DailySummary::new(day, app.tariff.as_ref()));
    Ok(json(&body.unwrap_or_else(|| DailySummary::unknown(date))))
}

/// A local month and its days.
#[utoipa::path(get, path = "/api/monthly_summary", tag = "history", operation_id = "monthlySummary", security(("token" = []), ("session" = [])),
    params(("month" = Option<String>, Query, pattern = "^[0-9]{4}-[0-9]{2}$", description = "Such as `2026-06`; the current one if absent.")),
    responses((status = 200, body = MonthlySummary), Problems))]
pub(super) async fn monthly(
    State(app): State<AppState>,
    holder: Holder,
    mut params: Params,
) -> Result<Response, ApiError> {
    let month = params.optional("month", "a month such as 2026-06", |text| {
        read_date(&format!("{text}-01"))
    });
    params.finish(&["month"])?;
    let first = month.unwrap_or_else(|| today(&app)).first_of_month();
    let next = first.checked_add(1.month()).unwrap_or(Date::MAX);
    let days = days(&app, &holder, first, next).await?;
    let (summary, charged) = together(&app, &days, first, next);
    Ok(json(&MonthlySummary {
        month: first.strftime("%Y-%m").to_string(),
        figures: Figures::new(&summary, app.tariff.as_ref(), charged),
        days: days
            .iter()
            .map(|day| DailySummary::new(day, app.tariff.as_ref()))
            .collect(),
    }))
}

/// Some local days.
#[derive(Serialize, ToSchema)]
pub(super) struct Days {
    /// Oldest first; days without any data are left out.
    items: Vec<DailySummary>,
}

/// Summaries of the local days in `[from, to)`.
#[utoipa::path(get, path = "/api/days", tag = "history", operation_id = "days", security(("token" = []), ("session" = [])),
    params(
        ("from" = Date, Query, description = "First local date."),
        ("to" = Option<Date>, Query, description = "Local date after the last; tomorrow if absent."),
    ),
    responses((status = 200, body = Days), Problems))]
pub(super) async fn list(
    State(app): State<AppState>,
    holder: Holder,
    mut params: Params,
) -> Result<Response, ApiError> {
    let from = params.optional("from", "a date such as 2026-06-01", read_date);
    let to = params.optional("to", "a date such as 2026-07-01", read_date);
    let to = to.unwrap_or_else(|| after(today(&app), 1));
    match from {
        None => params.refuse("from", "needed: a date such as 2026-06-01"),
        Some(from) if from >= to => params.refuse("to", "must be after from"),
        Some(from) if from.until(to).is_ok_and(|span| span.get_days() > MOST_DAYS) => {
            params.refuse("from", format!("at most {MOST_DAYS} days before to"));
        }
        Some(_) => {}
    }
    params.finish(&["from", "to"])?;
    let days = days(&app, &holder, from.unwrap_or(to), to).await?;
    Ok(json(&Days {
        items: days
            .iter()
            .map(|day| DailySummary::new(day, app.tariff.as_ref()))
            .collect(),
    }))
}

fn read_date(text: &str) -> Option<Date> {
    // The parser takes an instant too and drops its time; a date is ten characters.
    if text.len() == 10 {
        text.parse().ok()
    } else {
        None
    }
}

fn today(app: &AppState) -> Date {
    app.clock.now().to_zoned(app.site.tz.clone()).date()
}

fn after(date: Date, days: i32) -> Date {
    date.checked_add(days.days()).unwrap_or(Date::MAX)
}

/// A span has passed up to `now`, whether anything was measured or not: what counts is the calendar,
/// also on the day the appliance was installed and while its meter is dead.
pub(crate) fn passed(summary: &mut Summary, span: &Range<Timestamp>, now: Timestamp) {
    let passed = now.min(span.end).duration_since(span.start);
    summary.elapsed = Duration::try_from(passed).unwrap_or_default();
}

/// A day as it is to be shown now.
pub(super) fn as_of_now(app: &Shared, mut day: DaySummary) -> DaySummary {
    if let Ok(span) = local_day(&app.site.tz, day.date) {
        passed(&mut day.summary, &span, app.clock.now());
    }
    day
}

/// Days in `[from, to)` that have data. Today's is the live one: the store's is up to a minute old.
async fn days(
    app: &AppState,
    holder: &Holder,
    from: Date,
    to: Date,
) -> Result<Vec<DaySummary>, ApiError> {
    let history = app.history(holder);
    let read = tokio::task::spawn_blocking(move || Arc::clone(&history).days(from, to)).await;
    let mut days = read
        .map_err(|error| ApiError::Internal(error.into()))?
        .map_err(ApiError::History)?;
    if let Some(frame) = app.live.frame()
        && (from..to).contains(&frame.today.date)
    {
        days.retain(|day| day.date != frame.today.date);
        let at = days.partition_point(|day| day.date < frame.today.date);
        days.insert(at, (*frame.today).clone());
    }
    Ok(days.into_iter().map(|day| as_of_now(app, day)).collect())
}

/// The days as one, and how many days of it have begun. A day without data counts as not covered.
fn together(app: &AppState, days: &[DaySummary], first: Date, next: Date) -> (Summary, u32) {
    let mut all = days
        .iter()
        .fold(Summary::default(), |all, day| all.merged(&day.summary));
    let end = next.min(after(today(app), 1));
    let mut begun = 0;
    for date in first.series(1.day()).take_while(|date| *date < end) {
        begun += 1;
        if !days.iter().any(|day| day.date == date)
            && let Ok(span) = local_day(&app.site.tz, date)
        {
            let mut nothing = Summary::default();
            passed(&mut nothing, &span, app.clock.now());
            all.elapsed += nothing.elapsed;
        }
    }
    (all, begun)
}

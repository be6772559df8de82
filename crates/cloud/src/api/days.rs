//! Local days and months of a site.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use solthrive_domain::access::{ReadableSite, Scope};
use solthrive_domain::rollup::Rollup;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::answer::tagged;
use super::arrival::Queried;
use super::guard::{Allowed, AtSite};
use super::problem::{Problem, ProblemBody};
use super::span::dates;

/// Which days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The first local date.
    #[param(format = Date)]
    from: String,
    /// The local date after the last.
    #[param(format = Date)]
    to: String,
}

/// A local day or month. What is not known, or not shown to the caller, is left out.
#[derive(Serialize, ToSchema)]
pub(super) struct Stretch {
    /// The local date; of a month its first.
    #[schema(value_type = String, format = Date)]
    date: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    solar_kwh: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_kwh: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_kwh: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    export_kwh: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    battery_charge_kwh: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    battery_discharge_kwh: Option<f64>,
    /// `(solar - export) / solar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    self_consumption: Option<f64>,
    /// `(solar - export) / home`.
    #[serde(skip_serializing_if = "Option::is_none")]
    solar_offset: Option<f64>,
    /// kW, highest mean of import over a quarter of an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_demand_kw: Option<f64>,
    /// Measured share of the time that has passed, 0 to 1.
    coverage: f64,
    /// How often it changed after it was over.
    revision: u32,
    /// Nothing is expected to change any more.
    is_final: bool,
    /// When this was known.
    as_of: Timestamp,
}

/// Days or months.
#[derive(Serialize, ToSchema)]
pub(super) struct Stretches {
    items: Vec<Stretch>,
}

/// What of a day is shown: production to whom it is granted, the rest to whom consumption is.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) production: bool,
    pub(super) consumption: bool,
}

impl Stretch {
    pub(super) fn of(date: Date, rollup: &Rollup, shown: Shown) -> Self {
        let summary = rollup.summary();
        let energy = &summary.energy;
        let production = |kwh: Option<f64>| kwh.filter(|_| shown.production);
        let consumption = |kwh: Option<f64>| kwh.filter(|_| shown.consumption);
        let both = |share: Option<f64>| {
            let share = share.map(|share| (share * 1e4).round() / 1e4);
            share.filter(|_| shown.production && shown.consumption)
        };
        let kwh = |energy: Option<solthrive_domain::units::WattHours>| {
            energy.map(|energy| (energy.kwh() * 1e3).round() / 1e3)
        };
        let ratios = rollup.ratios();
        Self {
            date,
            solar_kwh: production(kwh(energy.solar)),
            export_kwh: consumption(kwh(energy.export)),
            home_kwh: consumption(kwh(energy.home)),
            import_kwh: consumption(kwh(energy.import)),
            battery_charge_kwh: consumption(kwh(energy.battery_charge)),
            battery_discharge_kwh: consumption(kwh(energy.battery_discharge)),
            self_consumption: both(ratios.self_consumption),
            solar_offset: both(ratios.solar_offset),
            peak_demand_kw: consumption(
                summary.peak_demand.map(solthrive_domain::units::Watts::kw),
            ),
            coverage: rollup.coverage(),
            revision: rollup.sums.revision,
            is_final: rollup.is_final,
            as_of: rollup.as_of,
        }
    }
}

/// The right to read days: what both scopes hide stays hidden.
fn right(access: &solthrive_domain::access::SiteAccess) -> Result<(ReadableSite, Shown), Problem> {
    let (production, consumption) = (
        access.readable(Scope::Production),
        access.readable(Scope::Consumption),
    );
    let shown = Shown {
        production: production.is_some(),
        consumption: consumption.is_some(),
    };
    let right = match (production, consumption) {
        (Some(one), Some(other)) => one.and(other),
        (one, other) => one.or(other),
    };
    Ok((right.ok_or(Problem::not_allowed())?, shown))
}

/// `GET /api/v1/sites/{site}/daily`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/daily", tag = "sites", operation_id = "daily", params(("site" = uuid::Uuid, Path), Wanted), responses(
    (status = 200, body = Stretches), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn daily(
    Allowed((_, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (site, shown) = right(&home.access)?;
    let (from, to) = dates(&wanted.from, &wanted.to)?;
    let days = api.views.days(site, from..to).await?;
    let items = days
        .iter()
        .map(|day| Stretch::of(day.date, &day.rollup, shown));
    let days = Stretches {
        items: items.collect(),
    };
    Ok(tagged(&headers, &days))
}

/// `GET /api/v1/sites/{site}/monthly`: months that begin in the stretch.
#[utoipa::path(get, path = "/api/v1/sites/{site}/monthly", tag = "sites", operation_id = "monthly", params(("site" = uuid::Uuid, Path), Wanted), responses(
    (status = 200, body = Stretches), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn monthly(
    Allowed((_, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (site, shown) = right(&home.access)?;
    let (from, to) = dates(&wanted.from, &wanted.to)?;
    let months = api.views.months(site, from..to).await?;
    let items = months
        .iter()
        .map(|month| Stretch::of(month.month, &month.rollup, shown));
    let months = Stretches {
        items: items.collect(),
    };
    Ok(tagged(&headers, &months))
}

//! An installer's fleet: sums of its sites' days.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use solthrive_domain::rollup::SiteTally;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::answer::tagged;
use super::arrival::Queried;
use super::guard::{Allowed, WorksFor};
use super::problem::{Problem, ProblemBody};
use super::span::dates;

/// Which days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The first date, local at each site.
    #[param(format = Date)]
    from: String,
    /// The date after the last.
    #[param(format = Date)]
    to: String,
}

/// A sum, and of how many sites it is: the others did not tell.
#[derive(Serialize, ToSchema)]
pub(super) struct Sum {
    kwh: f64,
    sites: i64,
}

impl From<SiteTally> for Sum {
    fn from(tally: SiteTally) -> Self {
        let kwh = tally.energy.get() as f64 / 1e9;
        Self {
            kwh: (kwh * 1e3).round() / 1e3,
            sites: tally.sites,
        }
    }
}

/// A day of the fleet.
#[derive(Serialize, ToSchema)]
pub(super) struct FleetDay {
    #[schema(value_type = String, format = Date)]
    date: Date,
    sites: i64,
    /// Sites whose figures are final.
    final_sites: i64,
    /// Measured share of the time that has passed for all of them, 0 to 1.
    coverage: f64,
    solar: Sum,
    home: Sum,
    import: Sum,
    export: Sum,
}

/// Days of the fleet.
#[derive(Serialize, ToSchema)]
pub(super) struct FleetDays {
    items: Vec<FleetDay>,
}

/// `GET /api/v1/installers/{installer}/fleet`.
#[utoipa::path(get, path = "/api/v1/installers/{installer}/fleet", tag = "installers", operation_id = "fleet", params(("installer" = uuid::Uuid, Path), Wanted), responses(
    (status = 200, body = FleetDays), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn fleet(
    Allowed(right): Allowed<WorksFor>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (from, to) = dates(&wanted.from, &wanted.to)?;
    let days = api.views.own_fleet_days(right, from..to).await?;
    let items = days.into_iter().map(|(date, sums)| FleetDay {
        date,
        sites: sums.sites,
        final_sites: sums.final_sites,
        coverage: sums.coverage(),
        solar: sums.solar.into(),
        home: sums.home.into(),
        import: sums.import.into(),
        export: sums.export.into(),
    });
    let days = FleetDays {
        items: items.collect(),
    };
    Ok(tagged(&headers, &days))
}

//! A site's power and energy as columns, as finely as is asked for.
//!
//! Points of quarters and longer come from buckets, minutes and rows from what devices sent. A JSON answer is made as
//! a whole and so is bounded; CSV and JSON lines are written while they are read.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

mod block;
mod lines;
mod local;
mod plan;
mod resolution;
mod rows;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub(super) use self::block::{Block, words};
pub(super) use self::lines::unit;
pub(super) use self::plan::{Asked, Plan};
use self::resolution::LONGEST_S;
pub(super) use self::resolution::Resolution;
use self::text::streamed;
pub(super) use self::text::{Format, head, lines};
use super::Api;
use super::answer::tagged;
use super::arrival::Queried;
use super::guard::{Allowed, AtSite};
use super::problem::{Problem, ProblemBody};
use super::sight::{Again, Sight};
use super::span::instants;

/// Which stretch, and how finely.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Its first instant, with an offset. Points that begin within the stretch are told, each whole.
    #[param(format = DateTime)]
    from: String,
    /// The first instant after it.
    #[param(format = DateTime)]
    to: String,
    /// `raw`, `1m`, `5m`, `15m`, `30m`, `1h`, `2h`, `3h`, `6h`, `12h`, `1d`, `1mo`, or `auto`, which is the finest
    /// that needs no more than `points`. Hours, days and months are the site's local ones.
    resolution: Option<String>,
    /// For `auto`: at most so many points, 1 to 5,000; 1,000 if it is not said.
    points: Option<u32>,
    /// Names of columns, by commas; all that there are if it is not said.
    fields: Option<String>,
    /// `json`, `csv` or `ndjson`; if it is not said, `Accept` decides.
    format: Option<String>,
}

/// Columns of numbers: `series[name][n]` belongs to the point that begins, or to the row that was measured, at `t[n]`.
/// `null` is not known.
#[derive(Serialize, ToSchema)]
pub(super) struct Columns<'a> {
    /// How finely it is told.
    resolution: &'static str,
    /// IANA; hours, days and months are local.
    time_zone: &'a str,
    /// The names of the columns: `solar_kw`, `solar_kw_min`, `solar_kw_max`, `solar_kwh` and so on for points; what
    /// the device sent for rows. What the caller may not see is not among them.
    fields: Vec<&'a str>,
    /// The unit of each.
    unit: BTreeMap<&'a str, &'static str>,
    /// The begin of each point, or the time of each row.
    t: Vec<Timestamp>,
    /// Measured share of each point, 0 to 1. Rows have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Vec<f64>>,
    /// What speaks against each row: `ok`, or codes of flags by spaces. Points have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<Vec<String>>,
    /// By name.
    #[schema(value_type = BTreeMap<String, Vec<Option<f64>>>)]
    series: BTreeMap<&'a str, Vec<f64>>,
}

/// `GET /api/v1/sites/{site}/telemetry`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/telemetry", tag = "sites", operation_id = "telemetry", params(("site" = uuid::Uuid, Path), Wanted), responses(
    (status = 200, description = "Also as `text/csv` and `application/x-ndjson`, of up to five years at any resolution; such an answer is broken off where something fails on the way.", content(
        (Columns = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"))),
    (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn telemetry(
    Allowed((_, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<Wanted>,
    parts: Parts,
) -> Result<Response, Problem> {
    let sight = Sight::of(&home.access)?;
    let format = Format::of(wanted.format.as_deref(), &parts.headers);
    let format = format.ok_or_else(|| Problem::field("format", "one of json, csv, ndjson"))?;
    let zone = TimeZone::get(&home.site.time_zone).unwrap_or(TimeZone::UTC);
    let asked = asked(&wanted, format, zone)?;
    let mut plan = Plan::new(&api, sight, asked).await?;
    if format != Format::Json {
        let name = format!("solthrive-{}-{}", home.site.id, plan.resolution.name());
        let again = Again::new(parts, sight, None);
        return Ok(streamed(api, plan, format, again, &name));
    }
    let mut whole = Block::default();
    while let Some(block) = plan.next(&api).await? {
        whole.append(block);
    }
    let answer = columns(whole, &plan, &home.site.time_zone, wanted.fields.is_some());
    Ok(tagged(&parts.headers, &answer))
}

/// What is asked for, checked.
fn asked(wanted: &Wanted, format: Format, zone: TimeZone) -> Result<Asked<'_>, Problem> {
    let (from, to) = instants(&wanted.from, &wanted.to)?;
    let seconds = to.as_second().saturating_sub(from.as_second());
    if seconds > LONGEST_S {
        return Err(Problem::field("to", "at most five years after `from`"));
    }
    let points = wanted.points.unwrap_or(1_000);
    if !(1..=5_000).contains(&points) {
        return Err(Problem::field("points", "1 to 5,000"));
    }
    let resolution = match wanted.resolution.as_deref() {
        None | Some("auto") => Resolution::auto(seconds, points.into()),
        Some(name) => name.parse().map_err(|unknown: resolution::Unknown| {
            Problem::field("resolution", unknown.to_string())
        })?,
    };
    if format == Format::Json && seconds > resolution.longest_json() {
        let days = resolution.longest_json() / 86_400;
        let detail = format!(
            "at most {days} days after `from` at this resolution; ask for a coarser one, or for `format=csv`"
        );
        return Err(Problem::field("to", detail));
    }
    let fields = wanted.fields.as_deref().map(|fields| {
        let names = fields.split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).collect()
    });
    Ok(Asked {
        resolution,
        from,
        to,
        zone,
        fields,
    })
}

fn columns<'a>(whole: Block, plan: &'a Plan, time_zone: &'a str, all: bool) -> Columns<'a> {
    let mut series = BTreeMap::new();
    let mut fields = Vec::with_capacity(plan.fields.len());
    for (name, values) in plan.fields.iter().zip(whole.series) {
        // A home without a battery has no columns of nothing, unless they were asked for.
        if all || values.iter().any(|value| !value.is_nan()) {
            fields.push(name.as_str());
            series.insert(name.as_str(), values);
        }
    }
    let unit = fields.iter().map(|name| (*name, unit(name))).collect();
    let quality = whole
        .quality
        .map(|all| all.into_iter().map(words).collect());
    Columns {
        resolution: plan.resolution.name(),
        time_zone,
        fields,
        unit,
        t: whole.t,
        coverage: whole.coverage,
        quality,
        series,
    }
}

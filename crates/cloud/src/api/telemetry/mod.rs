//! A site's power and energy as columns, by quarters of an hour or longer.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_domain::Stat;
use solthrive_domain::access::{ReadableSite, Scope, SiteAccess};
use solthrive_domain::bucket::{Bucket, Quarter};
use solthrive_domain::telemetry::MicroWattHours;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::answer::tagged;
use super::guard::{Allowed, AtSite};
use super::problem::{Problem, ProblemBody};
use super::span::instants;

const QUARTER_S: i64 = 900;
/// Years of one answer.
const MOST_S: i64 = 5 * 366 * 86_400;

/// Which stretch, and how finely.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Its first instant, with an offset.
    from: String,
    /// The first instant after it.
    to: String,
    /// At most so many points, 1 to 5,000; 1,000 if it is not said. A point is a whole number of quarters of an hour.
    points: Option<u32>,
}

/// Columns of numbers: `series[name][n]` belongs to the point that begins at `t[n]`. `null` is not known.
#[derive(Serialize, ToSchema)]
pub(super) struct Columns {
    /// Seconds from one point to the next.
    step_s: i64,
    /// The begin of each point.
    t: Vec<Timestamp>,
    /// Measured share of each point, 0 to 1.
    coverage: Vec<f64>,
    /// By name: `solar_kw`, `solar_kw_min`, `solar_kw_max`, `solar_kwh` and so on, as far as the caller may see them.
    series: BTreeMap<&'static str, Vec<Option<f64>>>,
}

/// `GET /api/v1/sites/{site}/telemetry`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/telemetry", tag = "sites", operation_id = "telemetry", params(("site" = uuid::Uuid, Path), Wanted), responses(
    (status = 200, body = Columns), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn telemetry(
    Allowed((_, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (site, lines) = right(&home.access)?;
    let Query(wanted) = wanted.map_err(|error| Problem::field("query", error.body_text()))?;
    let (from, to) = instants(&wanted.from, &wanted.to)?;
    let most = wanted.points.unwrap_or(1_000);
    if !(1..=5_000).contains(&most) {
        return Err(Problem::field("points", "1 to 5,000"));
    }
    if to.as_second() - from.as_second() > MOST_S {
        return Err(Problem::field("to", "at most five years after `from`"));
    }
    let quarter = |at: Timestamp| Quarter::not_before(at);
    let span = quarter(from)..quarter(to);
    let buckets = api.views.buckets(site, span.clone()).await?;
    let count = (span.end.index() - span.start.index()).max(1);
    let most = i64::from(most);
    let per_point = (count + most - 1) / most;
    let columns = columns(&buckets, span.start, per_point, &lines);
    Ok(tagged(&headers, &columns))
}

/// One energy of a quarter.
type Energy = fn(&Bucket) -> Option<MicroWattHours>;

/// A line of the chart: its names, its place among [`Bucket::powers`], the energies that go with it.
struct Line {
    names: [&'static str; 3],
    place: usize,
    energies: &'static [(&'static str, Energy)],
}

const SOLAR: Line = Line {
    names: ["solar_kw", "solar_kw_min", "solar_kw_max"],
    place: 0,
    energies: &[("solar_kwh", |bucket| bucket.energy.solar)],
};
const HOME: Line = Line {
    names: ["home_kw", "home_kw_min", "home_kw_max"],
    place: 1,
    energies: &[("home_kwh", |bucket| bucket.energy.home)],
};
const GRID: Line = Line {
    names: ["grid_kw", "grid_kw_min", "grid_kw_max"],
    place: 2,
    energies: &[
        ("import_kwh", |bucket| bucket.energy.import),
        ("export_kwh", |bucket| bucket.energy.export),
    ],
};
const BATTERY: Line = Line {
    names: ["battery_kw", "battery_kw_min", "battery_kw_max"],
    place: 3,
    energies: &[
        ("battery_charge_kwh", |bucket| bucket.energy.battery_charge),
        ("battery_discharge_kwh", |bucket| {
            bucket.energy.battery_discharge
        }),
    ],
};

/// What the caller may see; what one of several scopes hides stays hidden.
fn right(access: &SiteAccess) -> Result<(ReadableSite, Vec<Line>), Problem> {
    let (production, consumption) = (
        access.readable(Scope::Production),
        access.readable(Scope::Consumption),
    );
    let mut lines = Vec::new();
    if production.is_some() {
        lines.push(SOLAR);
    }
    if consumption.is_some() {
        lines.extend([HOME, GRID, BATTERY]);
    }
    let right = match (production, consumption) {
        (Some(one), Some(other)) => one.and(other),
        (one, other) => one.or(other),
    };
    Ok((right.ok_or(Problem::not_allowed())?, lines))
}

/// Points of `per_point` quarters each; those of which nothing is known are left out.
fn columns(buckets: &[Bucket], first: Quarter, per_point: i64, lines: &[Line]) -> Columns {
    let mut columns = Columns {
        step_s: per_point * QUARTER_S,
        t: Vec::new(),
        coverage: Vec::new(),
        series: BTreeMap::new(),
    };
    let point = |bucket: &Bucket| (bucket.quarter.index() - first.index()).div_euclid(per_point);
    for group in buckets.chunk_by(|one, next| point(one) == point(next)) {
        let begin = (first.index() + point(&group[0]) * per_point) * QUARTER_S;
        columns
            .t
            .push(Timestamp::from_second(begin).unwrap_or_default());
        let covered: f64 = group.iter().map(Bucket::coverage).sum();
        columns.coverage.push(round(covered / per_point as f64));
        for line in lines {
            let [mean, min, max] = line.names;
            let whole = stat(group, line.place);
            let kw = |value: Option<f64>| value.map(|watts| round(watts / 1000.0));
            let powers = [
                (mean, kw(whole.map(|stat| stat.mean))),
                (min, kw(whole.map(|stat| stat.min))),
                (max, kw(whole.map(|stat| stat.max))),
            ];
            let energies = line.energies.iter().map(|(name, energy)| {
                let sum = sum(group, *energy);
                (*name, sum.map(|steps| round(steps as f64 / 1e9)))
            });
            for (name, value) in powers.into_iter().chain(energies) {
                columns.series.entry(name).or_default().push(value);
            }
        }
    }
    // A home without a battery has no columns of nothing.
    columns
        .series
        .retain(|_, values| values.iter().any(Option::is_some));
    columns
}

/// Mean over the measured time, and the extremes, of several quarters.
fn stat(group: &[Bucket], place: usize) -> Option<Stat> {
    let known = group.iter().filter_map(|bucket| {
        let weight = f64::from(bucket.covered_ms.max(1));
        bucket.powers()[place].map(|stat| (stat, weight))
    });
    let mut whole: Option<(Stat, f64)> = None;
    for (stat, weight) in known {
        whole = Some(match whole {
            None => (stat, weight),
            Some((before, sum)) => {
                let mean = (before.mean * sum + stat.mean * weight) / (sum + weight);
                let (min, max) = (before.min.min(stat.min), before.max.max(stat.max));
                (Stat { mean, min, max }, sum + weight)
            }
        });
    }
    whole.map(|(stat, _)| stat)
}

/// The energy of those quarters of which it is known; `None` where it is of none.
fn sum(group: &[Bucket], energy: Energy) -> Option<i64> {
    let known = group.iter().filter_map(energy).map(MicroWattHours::get);
    known.reduce(i64::saturating_add)
}

/// To the watt or watt-hour: more digits would be noise.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

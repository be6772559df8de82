//! What is in the file of an export, and in which order.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;
use serde_json::{Value, json};
use solthrive_cloud_store::people::Home;
use solthrive_domain::DeviceId;

use super::file::{Contents, Ended};
use super::shown::{Order, Shown};
use super::table::{Format, Table};
use crate::api::problem::Problem;
use crate::api::sight::Sight;
use crate::api::telemetry::{Asked, Plan, Resolution};
use crate::api::{Api, alerts, days, events, grants, homes, installed, support};

const README: &str = include_str!("README.txt");
/// Events that are read at once lie within so many ms.
const WINDOW_MS: i64 = 30 * 86_400_000;

/// Why a file is not made.
#[derive(Debug)]
pub(super) enum Broke {
    /// The answer to somebody who would ask for the same: away for now, damaged, not allowed any more.
    Problem(Problem),
    /// Packing ended.
    Ended,
    /// It cannot be written so.
    Format(String),
}

impl From<Problem> for Broke {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<solthrive_cloud_store::StoreError> for Broke {
    fn from(error: solthrive_cloud_store::StoreError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Ended> for Broke {
    fn from(_: Ended) -> Self {
        Self::Ended
    }
}

impl From<parquet::errors::ParquetError> for Broke {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Format(error.to_string())
    }
}

/// How far it is: months of rows that are written, and that there are.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) done: AtomicU64,
    pub(super) of: AtomicU64,
}

impl Progress {
    pub(super) fn told(&self) -> Value {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        json!({ "done": of(&self.done), "of": of(&self.of) })
    }
}

/// A site, what of it is shown, and how it is written.
pub(super) struct Export<'a> {
    pub(super) api: &'a Api,
    pub(super) home: &'a Home,
    pub(super) shown: Shown,
    pub(super) order: Order,
    pub(super) format: Format,
    pub(super) progress: &'a Progress,
    pub(super) to: Contents,
}

impl Export<'_> {
    /// Writes all of it.
    pub(super) async fn write(self) -> Result<(), Broke> {
        self.to.file("README.txt").await?;
        self.to.bytes(README.as_bytes()).await?;
        self.json("site.json", &homes::Site::from(self.home))
            .await?;
        let sight = Sight::of(&self.home.access)?;
        let zone = TimeZone::get(&self.home.site.time_zone).unwrap_or(TimeZone::UTC);
        let [rows, quarters] = self.api.views.beginnings(sight.right).await?;
        let now = Timestamp::from(self.api.clock.now());
        // The newest rows are in no chunk yet.
        let recent = now.as_millisecond() - 2 * 86_400_000;
        let rows = self.span(rows.unwrap_or(recent).min(recent), now);
        let all = self.span(quarters.unwrap_or(recent).min(recent), now);
        self.tables(sight, &zone, rows, all).await?;
        self.days(sight, &zone, all).await?;
        self.happened(sight).await?;
        if self.shown.config {
            let stays = self.api.views.stays(sight.right).await?;
            let devices = stays.iter().map(|(device, within)| {
                json!({ "device": device.as_uuid(), "from": instant(within.start), "to": instant(within.end) })
            });
            self.json("devices.json", &devices.collect::<Vec<_>>())
                .await?;
            let told = self.api.registry.site_configs(sight.right).await?;
            let held = installed::held(told, sight.right).into_iter();
            let held = held.map(
                |(device, held)| json!({ "device": device.map(DeviceId::as_uuid), "held": held }),
            );
            self.lines("configurations.ndjson", held).await?;
        }
        self.owners().await
    }

    /// The stretch that was asked for, of what there is.
    fn span(&self, first: i64, now: Timestamp) -> (Timestamp, Timestamp) {
        let bounds = [Some(first), self.order.from, self.shown.since];
        let from = bounds.into_iter().flatten().max().unwrap_or(first);
        let to = self
            .order
            .to
            .unwrap_or(i64::MAX)
            .min(now.as_millisecond() + 1);
        let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or(now);
        (at(from), at(to.max(from)))
    }

    /// Rows by month, and quarters, days and months as points.
    async fn tables(
        &self,
        sight: Sight,
        zone: &TimeZone,
        rows: (Timestamp, Timestamp),
        all: (Timestamp, Timestamp),
    ) -> Result<(), Broke> {
        let months = months(zone, rows);
        self.progress
            .of
            .store(months.len() as u64, Ordering::Relaxed);
        for (name, from, to) in months {
            let name = format!("rows/{name}");
            self.table(&name, sight, zone, Resolution::Raw, (from, to))
                .await?;
            self.progress.done.fetch_add(1, Ordering::Relaxed);
        }
        for (name, resolution) in [
            ("quarters", "15m"),
            ("points-by-day", "1d"),
            ("points-by-month", "1mo"),
        ] {
            let resolution = resolution.parse().map_err(|_| Problem::internal())?;
            self.table(name, sight, zone, resolution, all).await?;
        }
        Ok(())
    }

    async fn table(
        &self,
        name: &str,
        sight: Sight,
        zone: &TimeZone,
        resolution: Resolution,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<(), Broke> {
        let asked = Asked {
            resolution,
            from,
            to,
            zone: zone.clone(),
            fields: None,
        };
        let mut plan = Plan::new(self.api, self.masked(sight), asked).await?;
        let (mut table, head) = Table::begin(self.format, &plan)?;
        self.to
            .file(format!("{name}.{}", self.format.as_str()))
            .await?;
        self.to.bytes(head).await?;
        while let Some(block) = plan.next(self.api).await? {
            self.to.bytes(table.rows(&plan, &block)?).await?;
        }
        self.to.bytes(table.end()?).await?;
        Ok(())
    }

    /// Of what the asker sees now, what he saw when he asked.
    fn masked(&self, sight: Sight) -> Sight {
        Sight {
            production: sight.production && self.shown.production,
            consumption: sight.consumption && self.shown.consumption,
            ..sight
        }
    }

    /// Local days and months as they are billed, and as the devices summed them up themselves.
    async fn days(
        &self,
        sight: Sight,
        zone: &TimeZone,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<(), Broke> {
        let date = |at: Timestamp| at.to_zoned(zone.clone()).date();
        let end = date(to).tomorrow().unwrap_or(Date::MAX);
        // A day or month in which the right began cannot be told apart from what was before.
        let whole = |first: Date, next: Date| {
            let since = self.shown.since.and_then(instant);
            let begins = first.to_zoned(zone.clone()).map(|day| day.timestamp());
            let hidden = since.is_some_and(|since| begins.is_ok_and(|begins| begins < since));
            if hidden { next } else { first }
        };
        let first = date(from);
        let first = whole(first, first.tomorrow().unwrap_or(Date::MAX));
        let month = date(from).first_of_month();
        let month = whole(month, month.checked_add(1.month()).unwrap_or(Date::MAX));
        let shown = days::Shown {
            production: self.shown.production,
            consumption: self.shown.consumption,
        };
        let days = self.api.views.days(sight.right, first..end).await?;
        let lines = days
            .iter()
            .map(|day| days::Stretch::of(day.date, &day.rollup, shown));
        self.lines("days.ndjson", lines).await?;
        let months = self
            .api
            .views
            .months(sight.right, month..end.max(month))
            .await?;
        let lines = months
            .iter()
            .map(|month| days::Stretch::of(month.month, &month.rollup, shown));
        self.lines("months.ndjson", lines).await?;
        // A device's own sums tell of production and consumption together.
        if self.shown.production && self.shown.consumption {
            let told = self.api.views.told_days(sight.right, first..end).await?;
            let lines = told.iter().map(|day| {
                let day_of = serde_json::from_str::<Value>(&day.json).unwrap_or_default();
                json!({ "date": day.date, "device": day.device.as_uuid(), "told_at": Timestamp::from(day.told_at), "day": day_of })
            });
            self.lines("days-by-device.ndjson", lines).await?;
        }
        Ok(())
    }

    async fn happened(&self, sight: Sight) -> Result<(), Broke> {
        if !self.shown.alerts {
            return Ok(());
        }
        self.events(sight).await?;
        // A home has few of them: one for each time that something was wrong.
        let alerts = self.api.views.alerts(sight.right, false, u32::MAX).await?;
        self.lines("alerts.ndjson", alerts.into_iter().map(alerts::Alert::from))
            .await
    }

    /// All of the stretch that was asked for, a month at a time.
    async fn events(&self, sight: Sight) -> Result<(), Broke> {
        let views = &self.api.views;
        self.to.file("events.ndjson").await?;
        let Some(first) = views.events_begin(sight.right).await? else {
            return Ok(());
        };
        let now = self.api.clock.now().get();
        let end = self.order.to.unwrap_or(i64::MAX);
        let mut from = first.max(self.order.from.unwrap_or(i64::MIN));
        while from < end {
            // What a wrong clock put into the future comes at once, at the end.
            let to = if from < now {
                end.min(from.saturating_add(WINDOW_MS))
            } else {
                end
            };
            let events = views.events_within(sight.right, from..to).await?;
            let text = lines_of(events.into_iter().map(events::Event::from))?;
            self.to.bytes(text).await?;
            from = to;
        }
        Ok(())
    }

    /// Who else sees the home.
    async fn owners(&self) -> Result<(), Broke> {
        let Some(owned) = self.home.access.owned().filter(|_| self.shown.owner) else {
            return Ok(());
        };
        let grants = self.api.tenancy.grants(owned).await?;
        self.lines("grants.ndjson", grants.into_iter().map(grants::Grant::from))
            .await?;
        let visits = self.api.tenancy.supports(owned).await?;
        self.lines(
            "support-visits.ndjson",
            visits.into_iter().map(support::Visit::from),
        )
        .await
    }

    async fn json(&self, name: &str, value: &impl Serialize) -> Result<(), Broke> {
        let text = serde_json::to_vec_pretty(value);
        self.to.file(name).await?;
        self.to
            .bytes(text.map_err(|error| Broke::Format(error.to_string()))?)
            .await?;
        Ok(())
    }

    async fn lines<T: Serialize>(
        &self,
        name: &str,
        lines: impl Iterator<Item = T>,
    ) -> Result<(), Broke> {
        self.to.file(name).await?;
        self.to.bytes(lines_of(lines)?).await?;
        Ok(())
    }
}

fn lines_of<T: Serialize>(lines: impl Iterator<Item = T>) -> Result<Vec<u8>, Broke> {
    let mut text = Vec::new();
    for line in lines {
        let written = serde_json::to_writer(&mut text, &line);
        written.map_err(|error| Broke::Format(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}

/// What has no beginning or no end is absent.
fn instant(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok()
}

/// Local months of a stretch, each with its name and what of it lies within.
fn months(
    zone: &TimeZone,
    (from, to): (Timestamp, Timestamp),
) -> Vec<(String, Timestamp, Timestamp)> {
    let mut all = Vec::new();
    let mut month = from.to_zoned(zone.clone()).date().first_of_month();
    let mut begin = from;
    while begin < to {
        let Ok(next) = month.checked_add(1.month()) else {
            break;
        };
        let end = next
            .to_zoned(zone.clone())
            .map_or(to, |next| next.timestamp());
        let end = end.min(to);
        all.push((month.strftime("%Y-%m").to_string(), begin, end));
        (month, begin) = (next, end);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_cover_a_stretch_without_gap_and_begin_at_local_midnight() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let all = months(
            &zone,
            (at("2026-02-15T12:00:00Z"), at("2026-04-01T00:00:00Z")),
        );
        let expected = [
            ("2026-02", "2026-02-15T12:00:00Z", "2026-02-28T23:00:00Z"),
            ("2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
            ("2026-04", "2026-03-31T22:00:00Z", "2026-04-01T00:00:00Z"),
        ];
        let expected = expected.map(|(name, from, to)| (name.to_owned(), at(from), at(to)));
        assert_eq!(all, expected);
        assert_eq!(
            months(
                &zone,
                (at("2026-02-15T12:00:00Z"), at("2026-02-15T12:00:00Z"))
            ),
            []
        );
    }
}

//! The five questions, asked of the store in this process.

use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::ToSpan as _;
use jiff::civil::Date;
use solthrive_cloud::app::Stores;
use solthrive_cloud::config::Place;
use solthrive_cloud_store::archive::{Fleet, OpenDay, Stored};
use solthrive_cloud_store::chunk::{Codec, ColumnId, Header, Known, Pick, Statistics};
use solthrive_domain::bucket::Quarter;
use solthrive_domain::telemetry::UnixMillis;

use crate::fleet::Device;
use crate::measures::operator;
use crate::table::{Table, now, quantile};

const DAY_MS: i64 = 86_400_000;
const TIMES: usize = 50;

/// Asks each of them many times.
pub(crate) async fn measure(
    place: &Place,
    fleet: &[Device],
    begin: i64,
    table: &mut Table,
) -> Result<()> {
    let stores = Stores::open(place).await?;
    let asks = Asks {
        stores: &stores,
        fleet,
        begin,
    };
    let homes = fleet.len();
    asks.latest(table).await?;
    asks.one_day(table).await?;
    asks.quarters(table).await?;
    asks.totals(table).await?;
    asks.raw(homes, table).await?;
    stores.sql.close().await;
    Ok(())
}

struct Asks<'a> {
    stores: &'a Stores,
    fleet: &'a [Device],
    begin: i64,
}

/// Milliseconds of each, sorted.
struct Times(Vec<f64>);

impl Times {
    fn add(&mut self, began: Instant) {
        self.0.push(began.elapsed().as_secs_f64() * 1e3);
    }

    fn say(mut self, name: &str, target: &str, table: &mut Table) {
        self.0.sort_by(f64::total_cmp);
        let figures = format!(
            "{:.2} / {:.2} ms",
            quantile(&self.0, 0.5),
            quantile(&self.0, 0.95)
        );
        table.add(&format!("{name}, p50 / p95"), figures, target);
    }
}

impl Asks<'_> {
    async fn latest(&self, table: &mut Table) -> Result<()> {
        let mut times = Times(Vec::new());
        for _ in 0..TIMES {
            let began = now();
            let all = self.stores.views.statuses(&operator()).await?;
            times.add(began);
            ensure!(
                all.len() == self.fleet.len(),
                "{} of {}",
                all.len(),
                self.fleet.len()
            );
        }
        times.say(
            &format!("Q1 latest of {} devices", self.fleet.len()),
            "1 ms at 1,000",
            table,
        );
        Ok(())
    }

    async fn one_day(&self, table: &mut Table) -> Result<()> {
        let mut times = Times(Vec::new());
        let mut codec = Codec::new()?;
        for device in self.fleet.iter().cycle().take(TIMES) {
            let site = operator().may_read(device.site);
            let span = self.begin + DAY_MS..self.begin + 2 * DAY_MS;
            let began = now();
            let chunks = self.stores.views.chunks(site, span).await?;
            let mut rows = 0;
            for chunk in &chunks {
                rows += codec.decode(&chunk.stored.bytes, Pick::All)?.rows();
            }
            times.add(began);
            ensure!(rows == 2_880, "{rows} rows of a day");
        }
        times.say("Q2 one site, 24 h raw, all columns", "1 ms", table);
        Ok(())
    }

    /// The history has three days; a year would be its buckets 122 times over, so the figure is for what is there.
    async fn quarters(&self, table: &mut Table) -> Result<()> {
        let mut times = Times(Vec::new());
        for device in self.fleet.iter().cycle().take(TIMES) {
            let site = operator().may_read(device.site);
            let quarter = |ms: i64| UnixMillis::try_from(ms).map(Quarter::of);
            let span = quarter(self.begin)?..quarter(self.begin + 3 * DAY_MS)?;
            let began = now();
            let buckets = self.stores.views.buckets(site, span).await?;
            times.add(began);
            ensure!(
                buckets.len() >= 287,
                "{} buckets of three days",
                buckets.len()
            );
        }
        times.say("one site, 3 days by quarter", "-", table);
        Ok(())
    }

    async fn totals(&self, table: &mut Table) -> Result<()> {
        let first: Date = UnixMillis::try_from(self.begin)
            .map(jiff::Timestamp::from)?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let dates = first..first.checked_add(3.days())?;
        let mut times = Times(Vec::new());
        for _ in 0..TIMES {
            let began = now();
            let days = self
                .stores
                .views
                .fleet_days(&operator(), Fleet::All, dates.clone())
                .await?;
            times.add(began);
            ensure!(days.len() >= 3, "{} days of the fleet", days.len());
        }
        times.say("Q4 daily kWh of the fleet, by rollup", "1 ms", table);
        let quarter = |ms: i64| UnixMillis::try_from(ms).map(Quarter::of);
        let span = quarter(self.begin)?..quarter(self.begin + 3 * DAY_MS)?;
        let mut times = Times(Vec::new());
        for _ in 0..TIMES {
            let began = now();
            let quarters = self
                .stores
                .views
                .fleet_quarters(&operator(), Fleet::All, span.clone())
                .await?;
            times.add(began);
            ensure!(
                quarters.len() >= 287,
                "{} quarters of the fleet",
                quarters.len()
            );
        }
        times.say(
            "Q5 fleet power per 15 min, 3 days, by rollup",
            "1 ms",
            table,
        );
        Ok(())
    }

    /// Without rollups: every chunk of every home.
    async fn raw(&self, homes: usize, table: &mut Table) -> Result<()> {
        let (mut headers, mut scans) = (Times(Vec::new()), Times(Vec::new()));
        for _ in 0..3 {
            let all = self.every_chunk().await?;
            let began = now();
            let energy = energy(&all)?;
            headers.add(began);
            ensure!(energy > 0.0, "no energy");
            let began = now();
            let sums = self.power(&all)?;
            scans.add(began);
            ensure!(sums.iter().any(|sum| *sum != 0.0), "no power");
        }
        headers.say(
            &format!("Q4 raw: {homes} homes x 3 days, from chunk headers"),
            "200 ms at 1,000",
            table,
        );
        scans.say(
            &format!("Q5 raw: {homes} homes x 3 days, one column decoded"),
            "120 ms at 1,000",
            table,
        );
        Ok(())
    }

    async fn every_chunk(&self) -> Result<Vec<Stored>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let some = self.stores.archive.scan(after, 500).await?;
            let Some(last) = some.last() else {
                return Ok(all);
            };
            let day = OpenDay {
                device: last.device,
                day: last.day,
            };
            after = Some((day, last.part));
            all.extend(some);
        }
    }

    /// Of the fleet, every 5 minutes.
    fn power(&self, all: &[Stored]) -> Result<Vec<f64>> {
        let grid: [ColumnId; 1] = [Known::GridKw.into()];
        let (mut sums, mut values) = (vec![0.0; 3 * 288], Vec::new());
        let mut codec = Codec::new()?;
        for stored in all {
            let table = codec.decode(&stored.bytes, Pick::Only(&grid))?;
            let Some(column) = table.column(&grid[0]) else {
                continue;
            };
            values.clear();
            column.scan_into(&mut values);
            for (row, value) in values.iter().enumerate() {
                let at = table.time(row).unwrap_or(self.begin) - self.begin;
                let place = usize::try_from(at / 300_000)?;
                if let Some(sum) = sums.get_mut(place) {
                    *sum += value;
                }
            }
        }
        Ok(sums)
    }
}

/// Imported by all, from the headers alone.
fn energy(all: &[Stored]) -> Result<f64> {
    let mut energy = 0.0;
    for stored in all {
        let header = Header::read(&stored.bytes)?;
        let total = header.column(&Known::ImportKwhTotal.into());
        if let Some(Statistics::Numbers(stats)) = total.map(|column| column.statistics) {
            energy += stats.last.value - stats.first.value;
        }
    }
    Ok(energy)
}

//! The five questions, asked of the store in this process.

use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::ToSpan as _;
use jiff::civil::Date;
use solthrive_cloud::app::Stores;
use solthrive_cloud::config::Place;
use solthrive_cloud_store::archive::{Fleet, Stored};
use solthrive_cloud_store::chunk::{
    Codec, ColumnId, Header, Known, Pick, Statistics, Table as Rows,
};
use solthrive_domain::access::Machinery;
use solthrive_domain::bucket::{Bucket, Quarter};
use solthrive_domain::telemetry::UnixMillis;

use crate::fleet::Device;
use crate::measures::operator;
use crate::table::{Table, now, quantile};
use crate::wide::{self, DAY_MS};

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
    asks.one_day(table).await?;
    asks.quarters(table).await?;
    asks.totals(table).await?;
    stores.sql.close().await;
    Ok(())
}

/// What depends on how many devices there are, and how long they have been there.
pub(crate) async fn measure_wide(
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
    asks.latest(table).await?;
    asks.year(table).await?;
    asks.raw(table).await?;
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
            let site = Machinery::of_the_service().may_read(device.site);
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

    async fn quarters(&self, table: &mut Table) -> Result<()> {
        let mut times = Times(Vec::new());
        for device in self.fleet.iter().cycle().take(TIMES) {
            let site = Machinery::of_the_service().may_read(device.site);
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

    /// A year of one site at 1,000 points: its buckets, put together 35 at a time.
    async fn year(&self, table: &mut Table) -> Result<()> {
        let site = Machinery::of_the_service().may_read(self.fleet[0].site);
        let end = self.begin + wide::DAYS * DAY_MS;
        let quarter = |ms: i64| UnixMillis::try_from(ms).map(Quarter::of);
        let span = quarter(end - wide::YEAR * DAY_MS)?..quarter(end)?;
        let mut times = Times(Vec::new());
        for _ in 0..TIMES {
            let began = now();
            let buckets = self.stores.views.buckets(site, span.clone()).await?;
            let points = buckets.chunks(buckets.len().div_ceil(1_000));
            let means: Vec<f64> = points.map(mean_grid).collect();
            times.add(began);
            ensure!(buckets.len() > 35_000, "{} buckets", buckets.len());
            ensure!(means.iter().any(|mean| *mean != 0.0), "no power");
        }
        times.say("Q3 one site, a year at 1,000 points", "15 ms", table);
        Ok(())
    }

    /// Without rollups: every chunk of every home in these days, from the disk's cache to the sums.
    async fn raw(&self, table: &mut Table) -> Result<()> {
        let (mut headers, mut scans) = (Times(Vec::new()), Times(Vec::new()));
        let homes = self.fleet.len();
        for _ in 0..10 {
            let began = now();
            let energy = energy(&self.every_chunk().await?)?;
            headers.add(began);
            ensure!(energy > 0.0, "no energy");
            let began = now();
            let all = self.every_chunk().await?;
            let sums = std::thread::scope(|scope| {
                let halves = all.chunks(all.len().div_ceil(2));
                let halves: Vec<_> = halves
                    .map(|half| scope.spawn(|| self.power(half)))
                    .collect();
                let joined = halves.into_iter().map(std::thread::ScopedJoinHandle::join);
                joined.collect::<Vec<_>>()
            });
            scans.add(began);
            for sum in sums {
                let sum = sum.map_err(|_| anyhow::anyhow!("a scan panicked"))??;
                ensure!(sum.iter().all(|sum| sum.is_finite()), "power of no number");
                ensure!(sum.iter().any(|sum| *sum != 0.0), "no power");
            }
        }
        headers.say(
            &format!("Q4 raw: {homes} homes x 3 days, read, from chunk headers"),
            "200 ms at 1,000",
            table,
        );
        scans.say(
            &format!("Q5 raw: {homes} homes x 3 days, read, one column decoded"),
            "120 ms at 1,000",
            table,
        );
        Ok(())
    }

    async fn every_chunk(&self) -> Result<Vec<Stored>> {
        let first = self.begin.div_euclid(DAY_MS);
        let days = first..first + wide::DAYS;
        Ok(self.stores.views.fleet_chunks(&operator(), days).await?)
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
            add_by_time(&mut sums, self.begin, &table, &values);
        }
        Ok(sums)
    }
}

/// Adds the values that are there to the sum of their 5 minutes.
fn add_by_time(sums: &mut [f64], begin: i64, table: &Rows, values: &[f64]) {
    const SPAN: i64 = 300_000;
    let (mut place, mut end) = (usize::MAX, i64::MIN);
    for (time, value) in table.times().zip(values) {
        // Times grow, so the place is looked for once every 5 minutes.
        if time >= end {
            let span = (time - begin).div_euclid(SPAN);
            place = usize::try_from(span).unwrap_or(usize::MAX);
            end = begin + (span + 1) * SPAN;
        }
        if let Some(sum) = sums.get_mut(place)
            && !value.is_nan()
        {
            *sum += value;
        }
    }
}

fn mean_grid(buckets: &[Bucket]) -> f64 {
    let all = buckets.iter().filter_map(|bucket| bucket.powers()[1]);
    let (mut sum, mut count) = (0.0, 0.0);
    for stat in all {
        (sum, count) = (sum + stat.mean, count + 1.0);
    }
    sum / f64::max(count, 1.0)
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

//! Homes that are erased: their telemetry goes, and the sums of fleets are as if they had never been counted.
//!
//! The one who follows the log does it, in between two entries, so that nothing it has in mind brings a home back. What a
//! device of such a home still delivers is thrown away when it is read ([`super::places::Places::is_erased_at`]).

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::ToSpan as _;
use jiff::civil::Date;
use solthrive_cloud_store::archive::{
    Checkpoint, Closed, Going, GoingPart, OpenDay, Piece, SiteDay, Stored, UtcDay, Wrote,
};
use solthrive_cloud_store::chunk::{ChunkError, Codec, Pick, Table, Value};
use solthrive_domain::DeviceId;
use solthrive_domain::telemetry::UnixMillis;
use tokio::task;

use super::fleets::Exchange;
use super::memory::Memory;
use super::{Trouble, Worker, is_due};
use crate::tail::DAY_MS;

/// Every date that a device can have told of.
const DATES: Range<Date> = Date::constant(1, 1, 1)..Date::constant(9999, 12, 31);
/// Days whose sums are taken out of the fleets' at once.
const DAYS_AT_ONCE: i64 = 64;
/// Chunks that are deleted at once.
const CHUNKS_AT_ONCE: u32 = 500;

impl Worker {
    /// Erases what was closed long enough ago, and begins anew with what is left in mind.
    pub(super) async fn deal_with_erased(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        let now = (self.now)();
        if !is_due(self.times.erase, self.settings.erase_every, now) {
            return Ok(());
        }
        let settled = i64::try_from(self.settings.settled.as_millis()).unwrap_or(i64::MAX);
        let before = now.plus_ms(-settled);
        let closed = self.stores.purge.to_purge(before).await?;
        if !closed.is_empty() {
            // Whatever is in mind of them is not to be stored. The rest is in the log, and read again.
            self.refresh_places().await?;
            self.memory = None;
            *memory = self.recall().await?;
        }
        for of in closed {
            self.erase(memory, of, now).await?;
        }
        self.times.erase = Some(now);
        Ok(())
    }

    async fn erase(&mut self, memory: &Memory, of: Closed, now: UnixMillis) -> Result<(), Trouble> {
        tracing::info!(site.id = %of.site, erasure = %of.erasure, "a home is erased");
        self.erase_days(memory, of).await?;
        self.erase_buckets(memory, of).await?;
        self.stores.purge.let_rest_go(of).await?;
        for (device, span) in self.places.erased_at(of.site) {
            self.erase_rows(of, device, &span).await?;
        }
        let through = self.stores.log.newest().await?;
        self.let_go = self.let_go.max(Some(through));
        self.stores.purge.purged(of, through, now).await?;
        Ok(())
    }

    /// Its days and months, a month at a time: each leaves the sums and the table in one step.
    async fn erase_days(&self, memory: &Memory, of: Closed) -> Result<(), Trouble> {
        let archive = &self.stores.archive;
        let Some(days) = self.sound(archive.site_days(of.site, DATES).await)? else {
            return Ok(());
        };
        let month_of = |day: &SiteDay| day.day.date.first_of_month();
        for days in days.chunk_by(|a, b| month_of(a) == month_of(b)) {
            let Some(first) = days.first().map(month_of) else {
                continue;
            };
            let mut exchange = Exchange::default();
            for day in days {
                exchange.day_leaves(day);
            }
            let month = archive.site_month(of.site, first).await;
            if let Some(month) = self.sound(month)?.flatten() {
                exchange.month_leaves(&month);
            }
            let next = first.checked_add(1.month()).unwrap_or(Date::MAX);
            self.leave(memory, of, exchange, (first..next, 0..0))
                .await?;
        }
        Ok(())
    }

    /// Its buckets, a couple of months at a time.
    async fn erase_buckets(&self, memory: &Memory, of: Closed) -> Result<(), Trouble> {
        let Some(span) = self.stores.purge.bucket_span(of.site).await? else {
            return Ok(());
        };
        let mut first = span.start;
        while first < span.end {
            let days = first..span.end.min(first.saturating_add(DAYS_AT_ONCE));
            first = days.end;
            let stored = self.stores.archive.bucket_days(of.site, days.clone()).await;
            let mut exchange = Exchange::default();
            for bucket in self
                .sound(stored)?
                .iter()
                .flatten()
                .flat_map(|day| &day.buckets)
            {
                let installer = self.places.installer_at(of.site, bucket.quarter.start());
                exchange.quarter_leaves(installer, bucket);
            }
            self.leave(memory, of, exchange, (Date::MIN..Date::MIN, days))
                .await?;
        }
        Ok(())
    }

    async fn leave(
        &self,
        memory: &Memory,
        of: Closed,
        exchange: Exchange,
        (dates, days): (Range<Date>, Range<UtcDay>),
    ) -> Result<(), Trouble> {
        let mut sums = Checkpoint::default();
        self.add_fleets(exchange, &mut sums).await?;
        let going = Going {
            of,
            dates,
            days,
            totals: sums.totals,
            quarters: sums.quarters,
        };
        let wrote = self
            .stores
            .purge
            .let_go(memory.stored.folded, &going)
            .await?;
        if wrote == Wrote::Overtaken {
            return Err(Trouble::Overtaken);
        }
        Ok(())
    }

    /// A device's rows of its time there: whole days at once, and what is another home's of the others stays.
    async fn erase_rows(
        &self,
        of: Closed,
        device: DeviceId,
        span: &Range<i64>,
    ) -> Result<(), Trouble> {
        let whole = whole_days(span);
        loop {
            let gone = self
                .stores
                .purge
                .let_chunks_go(of, device, whole.clone(), CHUNKS_AT_ONCE)
                .await?;
            if gone < u64::from(CHUNKS_AT_ONCE) {
                break;
            }
        }
        for day in shared_days(span) {
            self.erase_part(of, OpenDay { device, day }, span).await?;
        }
        Ok(())
    }

    async fn erase_part(&self, of: Closed, day: OpenDay, span: &Range<i64>) -> Result<(), Trouble> {
        let stored = self.stores.archive.parts(day).await?;
        let parts: BTreeSet<i64> = stored.iter().map(|part| part.part).collect();
        let within = span.clone();
        let left = task::spawn_blocking(move || without(&stored, day, &within)).await;
        let left = left.map_err(|error| Trouble::Task(error.to_string()))?;
        let (left, rows) = left.map_err(|error| Trouble::Task(error.to_string()))?;
        let part = GoingPart {
            of,
            day,
            span: span.clone(),
            rows,
        };
        let wrote = self.stores.purge.let_rows_go(&part, &parts, &left).await?;
        if wrote == Wrote::Overtaken {
            return Err(Trouble::Overtaken);
        }
        Ok(())
    }
}

/// The UTC days that lie within as a whole.
fn whole_days(span: &Range<i64>) -> Range<UtcDay> {
    let first = if span.start == i64::MIN {
        i64::MIN
    } else {
        span.start.div_euclid(DAY_MS) + i64::from(span.start.rem_euclid(DAY_MS) > 0)
    };
    first..span.end.div_euclid(DAY_MS).max(first)
}

/// The UTC days that lie within in part.
fn shared_days(span: &Range<i64>) -> BTreeSet<UtcDay> {
    let edges = [span.start, span.end].into_iter();
    let inner = edges.filter(|at| !matches!(*at, i64::MIN | i64::MAX) && at.rem_euclid(DAY_MS) > 0);
    inner.map(|at| at.div_euclid(DAY_MS)).collect()
}

/// What is left of these parts, one piece for each that has something left, and how many rows are not.
fn without(
    stored: &[Stored],
    day: OpenDay,
    span: &Range<i64>,
) -> Result<(Vec<Piece>, u64), ChunkError> {
    let mut codec = Codec::new()?;
    let (mut left, mut gone) = (Vec::new(), 0);
    for part in stored {
        let table = match codec.decode(&part.bytes, Pick::All) {
            Ok(table) => table,
            // What of it is the home's cannot be told, and a home that is to be gone goes.
            Err(error) => {
                tracing::error!(device.id = %day.device, day = day.day, %error, "a damaged chunk goes with an erased home");
                gone += 1;
                continue;
            }
        };
        let mut kept = Table::default();
        for row in 0..table.rows() {
            let Some(at) = table.time(row).filter(|at| !span.contains(at)) else {
                gone += 1;
                continue;
            };
            let cells: Vec<(_, Value)> = table
                .row(row)
                .map(|(column, value)| (column.clone(), value))
                .collect();
            // It fits: it came out of a table with more.
            if let Err(error) = kept.insert(at, &cells) {
                tracing::error!(device.id = %day.device, day = day.day, %error, "a row beside an erased home is lost");
            }
        }
        if let Some(span) = kept.span() {
            left.push(Piece {
                device: day.device,
                day: day.day,
                span,
                rows: kept.rows(),
                bytes: codec.encode(&kept)?,
            });
        }
    }
    Ok((left, gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_another_home_has_part_of_are_not_taken_as_a_whole() {
        let day = DAY_MS;
        assert_eq!(whole_days(&(0..2 * day)), 0..2);
        assert!(shared_days(&(0..2 * day)).is_empty());
        assert_eq!(whole_days(&(1..3 * day - 1)), 1..2);
        assert_eq!(shared_days(&(1..3 * day - 1)), BTreeSet::from([0, 2]));
        assert!(whole_days(&(5..9)).is_empty());
        assert_eq!(shared_days(&(5..9)), BTreeSet::from([0]));
        assert_eq!(whole_days(&(i64::MIN..day + 1)), i64::MIN..1);
        let all = whole_days(&(i64::MIN..i64::MAX));
        assert_eq!(all.start, i64::MIN);
        assert!(all.end > 1_000_000_000 && shared_days(&(i64::MIN..i64::MAX)).is_empty());
        assert_eq!(whole_days(&(-day..i64::MAX)).start, -1);
    }
}

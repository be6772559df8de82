//! A wide fleet and a long year, written through the store's own port: what takes an hour to send.
//!
//! Days of a few homes serve for all devices, under each device's own key: the store reads and decodes
//! as many bytes as if each were its own.

use anyhow::{Result, ensure};
use solthrive_cloud::app::Stores;
use solthrive_cloud::config::Place;
use solthrive_cloud::rows::samples_of;
use solthrive_cloud_store::archive::{
    Archive, BucketDay, Checkpoint, DeviceStatus, OpenDay, Piece, Wrote,
};
use solthrive_cloud_store::chunk::{Codec, Table as Rows};
use solthrive_domain::bucket::{Buckets, Fold, RollupRules, append};
use solthrive_domain::telemetry::UnixMillis;

use crate::fleet::Device;
use crate::homes::{Metering, reports};
use crate::table::now;

pub(crate) const DAY_MS: i64 = 86_400_000;
/// Days of every device.
pub(crate) const DAYS: i64 = 3;
/// Days of the first device.
pub(crate) const YEAR: i64 = 365;
/// Homes that differ.
const HOMES: usize = 16;
/// Rows of a day at 30 s.
const ROWS: usize = 2_880;

/// A day as it is stored, and its rows.
struct Day {
    piece: Piece,
    rows: Rows,
}

fn days(seed: u64, device: &Device, begin: i64, count: i64, codec: &mut Codec) -> Result<Vec<Day>> {
    let mut reports = reports(seed, begin, 30, Metering::Noisy);
    let mut days = Vec::new();
    for day in 0..count {
        let mut rows = Rows::default();
        for (time, cells) in reports.by_ref().take(ROWS) {
            rows.insert(time, &cells)?;
        }
        let first = begin + day * DAY_MS;
        let piece = Piece {
            device: device.id,
            day: first.div_euclid(DAY_MS),
            span: (first, first + DAY_MS - 30_000),
            rows: ROWS,
            bytes: codec.encode(&rows)?,
        };
        days.push(Day { piece, rows });
    }
    Ok(days)
}

/// Stores three days and a status of every device, and a year of the first one.
pub(crate) async fn fill(place: &Place, fleet: &[Device], begin: i64) -> Result<()> {
    let stores = Stores::open(place).await?;
    let archive = stores.archive.as_ref();
    let mut codec = Codec::new()?;
    let began = now();
    statuses(archive, fleet, begin, &mut codec).await?;
    let mut kinds = Vec::new();
    for (seed, device) in (0..).zip(fleet.iter().take(HOMES)) {
        let all = days(seed, device, begin, DAYS, &mut codec)?;
        kinds.push(all.into_iter().map(|day| day.piece).collect::<Vec<_>>());
    }
    for (number, device) in fleet.iter().enumerate().skip(1) {
        for piece in &kinds[number % kinds.len()] {
            let piece = Piece {
                device: device.id,
                ..piece.clone()
            };
            merged(archive, &piece).await?;
        }
    }
    year(
        archive,
        &fleet[0],
        begin - (YEAR - DAYS) * DAY_MS,
        &mut codec,
    )
    .await?;
    eprintln!(
        "wide: {} devices stored in {:.0} s",
        fleet.len(),
        began.elapsed().as_secs_f64()
    );
    stores.sql.close().await;
    Ok(())
}

/// A day that was merged already.
async fn merged(archive: &dyn Archive, piece: &Piece) -> Result<()> {
    let day = OpenDay {
        device: piece.device,
        day: piece.day,
    };
    let done = archive
        .merge(day, &std::collections::BTreeSet::new(), piece)
        .await?;
    ensure!(done == Wrote::Done, "a day was there already");
    Ok(())
}

async fn statuses(
    archive: &dyn Archive,
    fleet: &[Device],
    begin: i64,
    codec: &mut Codec,
) -> Result<()> {
    let last = UnixMillis::try_from(begin + DAYS * DAY_MS)?;
    let some = days(1, &fleet[0], begin, 1, codec)?;
    let newest = samples_of(&some[0].rows, i64::MIN..i64::MAX).pop();
    let status = |device: &Device| DeviceStatus {
        device: device.id,
        site: Some(device.site),
        last_seen: last,
        newest,
        rows: 8_640,
        firmware: Some("2.0.0".to_owned()),
        firmware_since: Some(last),
        system_at: Some(last),
        clock_offset_ms: Some(-25),
        system: Some("{\"uptime_s\":4000,\"boot_count\":3,\"temperature_c\":51.2}".to_owned()),
    };
    let checkpoint = Checkpoint {
        statuses: fleet.iter().map(status).collect(),
        ..Checkpoint::default()
    };
    ensure!(archive.checkpoint(&checkpoint).await? == Wrote::Done);
    Ok(())
}

/// Chunks and buckets of a whole year, the buckets as the worker makes them.
async fn year(archive: &dyn Archive, device: &Device, begin: i64, codec: &mut Codec) -> Result<()> {
    let mut fold = Fold::new(RollupRules::default());
    let mut buckets = Buckets::new();
    let mut checkpoint = Checkpoint::default();
    for day in days(7, device, begin, YEAR, codec)? {
        append(
            &mut fold,
            &mut buckets,
            &samples_of(&day.rows, i64::MIN..i64::MAX),
        );
        merged(archive, &day.piece).await?;
    }
    let first = begin.div_euclid(DAY_MS);
    for day in first..first + YEAR {
        let of_day = buckets
            .values()
            .filter(|bucket| bucket.quarter.utc_day() == day);
        checkpoint.buckets.push(BucketDay {
            site: device.site,
            day,
            buckets: of_day.copied().collect(),
        });
    }
    ensure!(archive.checkpoint(&checkpoint).await? == Wrote::Done);
    Ok(())
}

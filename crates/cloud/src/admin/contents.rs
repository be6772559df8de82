//! Whether what is stored can be read, all of it, by the same code that the service reads it with.

use anyhow::Result;
use jiff::civil::Date;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive as _, OpenDay, Stored, UtcDay};
use solthrive_cloud_store::chunk::{Codec, Pick};
use solthrive_cloud_store::hot::{self, HotLog, Seq};
use solthrive_cloud_store::meta::{AuditCheck, Registry as _};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::SiteId;
use solthrive_domain::access::Operator;

use super::findings::Findings;
use super::output::{DAY_MS, day};
use super::progress::Progress;

/// Chunks that are read at a time: about 10 MB.
const CHUNKS: u32 = 64;
/// Bytes of the log that are read at a time.
const LOG: usize = 8 << 20;
/// All days that there are samples of: from 1422 to 2517.
const DAYS: (UtcDay, UtcDay) = (-200_000, 200_000);

/// Everything in the database, but for the chunks.
pub(super) async fn archive(
    sql: &SqlStore,
    operator: &Operator,
    progress: &mut Progress,
    findings: &mut Findings,
) -> Result<()> {
    match sql.audit_check(operator).await? {
        AuditCheck::Whole { rows, .. } => findings.saw("audit rows", rows.unsigned_abs()),
        AuditCheck::Broken { seq } => {
            findings.problem(
                "audit",
                format!("row {seq} is missing, or not as it was written"),
            );
        }
    }
    for site in sql.sites(operator).await? {
        of_site(sql, site.id, findings).await?;
        progress.say(|| format!("{} sites checked", findings.seen("sites")));
    }
    for device in sql.devices(operator).await? {
        let at = || format!("status of device {}", device.serial);
        let status = sql.device_status(device.id).await;
        noted(status, at, findings)?;
        findings.saw("devices", 1);
    }
    Ok(())
}

async fn of_site(sql: &SqlStore, site: SiteId, findings: &mut Findings) -> Result<()> {
    let state = sql.site_state(site).await;
    noted(state, || format!("state of site {site}"), findings)?;
    let days = sql.site_days(site, Date::MIN..Date::MAX).await;
    noted(days, || format!("days of site {site}"), findings)?;
    // Halved until the damaged days are alone, so that each is named.
    let mut open = vec![DAYS];
    while let Some((from, to)) = open.pop() {
        match sql.bucket_days(site, from..to).await {
            Ok(days) => findings.saw("bucket days", days.len() as u64),
            Err(StoreError::Damaged(what)) if to - from == 1 => {
                findings.problem(format!("buckets of site {site}, {}", day(from)), what);
            }
            Err(StoreError::Damaged(_)) => {
                let middle = from + (to - from) / 2;
                open.extend([(middle, to), (from, middle)]);
            }
            Err(other) => return Err(other.into()),
        }
    }
    findings.saw("sites", 1);
    Ok(())
}

/// Damage is noted, anything else ends the check.
fn noted<T>(
    read: Result<T, StoreError>,
    at: impl FnOnce() -> String,
    findings: &mut Findings,
) -> Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Damaged(what)) => {
            findings.problem(at(), what);
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

/// Every chunk decodes, and its rows are of its day.
pub(super) async fn chunks(
    sql: &SqlStore,
    progress: &mut Progress,
    findings: &mut Findings,
) -> Result<()> {
    let mut codec = Codec::new()?;
    let mut after = None;
    loop {
        let page = sql.scan(after, CHUNKS).await?;
        let Some(last) = page.last() else { break };
        let key = OpenDay {
            device: last.device,
            day: last.day,
        };
        after = Some((key, last.part));
        for stored in &page {
            chunk(&mut codec, stored, findings);
        }
        progress.say(|| format!("{} chunks checked", findings.seen("chunks")));
    }
    Ok(())
}

fn chunk(codec: &mut Codec, stored: &Stored, findings: &mut Findings) {
    findings.saw("chunks", 1);
    let at = || {
        format!(
            "chunk of device {}, {}, part {}",
            stored.device,
            day(stored.day),
            stored.part
        )
    };
    let table = match codec.decode(&stored.bytes, Pick::All) {
        Ok(table) => table,
        Err(error) => return findings.problem(at(), error.to_string()),
    };
    if stored.part < 0 {
        findings.problem(at(), "it was set aside as damaged, but it decodes");
    }
    findings.saw("snapshots in chunks", table.rows() as u64);
    let start = stored.day.saturating_mul(DAY_MS);
    let of_day = start..start.saturating_add(DAY_MS);
    let inside = table
        .span()
        .is_none_or(|(first, last)| of_day.contains(&first) && of_day.contains(&last));
    if !inside {
        findings.problem(at(), "it has rows of another day");
    }
}

/// Every entry of the log decodes, and none is missing.
///
/// The service may append, seal and forget meanwhile. What is not found in the log was sealed before it
/// was forgotten, so how far sealing is has to be asked afterwards.
pub(super) async fn log(
    sql: &SqlStore,
    log: &dyn HotLog,
    newest: Seq,
    progress: &mut Progress,
    findings: &mut Findings,
) -> Result<()> {
    let mut last = Seq::START;
    while last < newest {
        let entries = log.after(last, LOG).await?;
        if entries.is_empty() {
            return gap(sql, last, newest.get() + 1, findings).await;
        }
        for entry in entries {
            if entry.seq.get() != last.get() + 1 {
                gap(sql, last, entry.seq.get(), findings).await?;
            }
            last = entry.seq;
            findings.saw("log entries", 1);
            if let Err(error) = hot::decode(&entry.blob) {
                findings.problem(format!("log entry {}", entry.seq.get()), error.to_string());
            }
        }
        progress.say(|| format!("{} log entries checked", findings.seen("log entries")));
    }
    Ok(())
}

/// The log has nothing after `last` and before `seq`: is all of it in chunks?
async fn gap(sql: &SqlStore, last: Seq, seq: i64, findings: &mut Findings) -> Result<()> {
    let sealed = sql.cursors().await?.sealed;
    let first = last.max(sealed).get() + 1;
    if first < seq {
        let what = format!(
            "entries {first} to {} are neither in it nor in a chunk",
            seq - 1
        );
        findings.problem("log", what);
    }
    Ok(())
}

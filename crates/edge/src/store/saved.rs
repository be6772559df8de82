//! The totals at rest: in the history, and in a copy beside it for the day the history is damaged.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use solthrive_domain::ledger::LedgerState;

use super::options::{LedgerSource, SavedLedger};
use super::place::replace;
use crate::print::fnv1a;

const HEAD: &str = "solthrive-ledger-1";

/// What the copy beside the history says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Copy {
    pub(super) at: Option<Timestamp>,
    pub(super) boot: Option<String>,
    pub(super) boot_count: u64,
    pub(super) starts: u64,
    pub(super) ledger: LedgerState,
}

impl Copy {
    /// Reads it. `None` when there is none or it is not what was written.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (head, body) = text.split_once('\n')?;
        let (name, sum) = head.split_once(' ')?;
        let whole = name == HEAD && sum.parse() == Ok(checksum(body));
        whole.then(|| serde_json::from_str(body).ok()).flatten()
    }

    /// Writes it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let body = serde_json::to_string(self)?;
        replace(path, &format!("{HEAD} {}\n{body}", checksum(&body)))
    }

    pub(super) fn into_saved(self) -> SavedLedger {
        SavedLedger {
            state: self.ledger,
            at: self.at,
            source: LedgerSource::Copy,
        }
    }
}

/// Writes the totals into the history, with the number of the batch they belong to.
pub(super) fn put(
    db: &Connection,
    run: i64,
    batch: i64,
    at: Option<Timestamp>,
    ledger: Option<&LedgerState>,
) -> rusqlite::Result<()> {
    let at = at.map(Timestamp::as_microsecond);
    let Some(ledger) = ledger else {
        let sql = "INSERT INTO state (id, run, batch, at, ledger, checksum) VALUES (1, ?1, ?2, ?3, NULL, 0)
            ON CONFLICT (id) DO UPDATE SET run = ?1, batch = ?2";
        db.prepare_cached(sql)?.execute(params![run, batch, at])?;
        return Ok(());
    };
    let text = serde_json::to_string(ledger)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sql =
        "INSERT INTO state (id, run, batch, at, ledger, checksum) VALUES (1, ?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO UPDATE SET run = ?1, batch = ?2, at = ?3, ledger = ?4, checksum = ?5";
    db.prepare_cached(sql)?
        .execute(params![run, batch, at, text, checksum(&text)])?;
    Ok(())
}

/// The totals in the history. `None` when there are none, or they are not what was written.
pub(super) fn get(db: &Connection) -> rusqlite::Result<Option<SavedLedger>> {
    let sql = "SELECT at, ledger, checksum FROM state WHERE ledger IS NOT NULL";
    let row = db.query_row(sql, [], |row| {
        Ok((
            row.get::<_, Option<i64>>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
        ))
    });
    let Some((at, text, sum)) = row.optional()? else {
        return Ok(None);
    };
    if checksum(&text) != sum {
        return Ok(None);
    }
    let at = at.and_then(|at| Timestamp::from_microsecond(at).ok());
    Ok(serde_json::from_str(&text).ok().map(|state| SavedLedger {
        state,
        at,
        source: LedgerSource::History,
    }))
}

/// FNV-1a: tells a flipped bit, which SQLite itself does not notice inside a value.
fn checksum(text: &str) -> i64 {
    fnv1a(text.bytes()).cast_signed()
}

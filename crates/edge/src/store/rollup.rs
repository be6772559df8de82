//! Keeps days and months in step with the minutes, in the transaction that stores them.
//!
//! The day that rows arrive for is kept in memory and grows row by row. Any other day is first
//! summed up again from its rows, or, where those were pruned, goes on from what is stored.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::calendar::{Calendar, month_of_key};
use super::columns::{self, Fields, Span};
use super::meta;
use super::packed::Packed;
use super::tally::{Sums, Tally};

/// Days and months on their way to the tables.
#[derive(Debug)]
pub(super) struct Rollup {
    calendar: Calendar,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    day: Span,
    tally: Tally,
    changed: bool,
}

impl Rollup {
    pub(super) fn new(calendar: Calendar) -> Self {
        Self {
            calendar,
            current: None,
        }
    }

    /// Makes the day of this minute the current one. To be called before its row is stored.
    pub(super) fn enter(&mut self, db: &Connection, minute: i64) -> rusqlite::Result<()> {
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.day.contains(minute))
        {
            return Ok(());
        }
        self.write(db)?;
        self.current = match self.calendar.day_of(minute) {
            Some(day) => Some(Current {
                day,
                tally: load(db, &day)?,
                changed: false,
            }),
            None => None,
        };
        Ok(())
    }

    /// The row was stored; its day is the current one.
    pub(super) fn add(&mut self, row: &Packed) {
        if let Some(current) = &mut self.current {
            current.tally.add(row);
            current.changed = true;
        }
    }

    /// Writes the current day and its month, if anything was added.
    pub(super) fn write(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let Some(current) = self.current.as_mut().filter(|current| current.changed) else {
            return Ok(());
        };
        let day = Span {
            sums: current.tally.sums(),
            ..current.day
        };
        put(db, "day", &day)?;
        put_month(db, &self.calendar, &day)?;
        current.changed = false;
        Ok(())
    }
}

/// Sums up all days again whose minutes are all there: after a change of the site's zone.
pub(super) fn rebuild(db: &Connection, calendar: &Calendar) -> rusqlite::Result<()> {
    let mut cursor = whole_from(db, calendar)?;
    let mut days = stored_days(db, cursor)?;
    db.execute("DELETE FROM day WHERE from_minute >= ?1", [cursor])?;
    while let Some(day) = next_minute(db, cursor)?.and_then(|minute| calendar.day_of(minute)) {
        let sums = scan(db, &day)?.sums();
        put(db, "day", &Span { sums, ..day })?;
        days.push(day);
        cursor = day.to;
    }
    let months: BTreeMap<i64, Span> = days
        .into_iter()
        .map(|day| (month_of_key(day.key), day))
        .collect();
    for (month, day) in months {
        db.execute("DELETE FROM month WHERE key = ?1", [month])?;
        put_month(db, calendar, &day)?;
    }
    Ok(())
}

/// Sums up all months again from the days that are stored.
pub(super) fn sum_months(db: &Connection, calendar: &Calendar) -> rusqlite::Result<()> {
    let days = stored_days(db, i64::MIN)?;
    let months: BTreeMap<i64, Span> = days
        .into_iter()
        .map(|day| (month_of_key(day.key), day))
        .collect();
    for day in months.values() {
        put_month(db, calendar, day)?;
    }
    Ok(())
}

/// Where the first day begins that no minute was pruned of.
fn whole_from(db: &Connection, calendar: &Calendar) -> rusqlite::Result<i64> {
    let Some(pruned_to) = meta::number(db, meta::PRUNED_TO)? else {
        return Ok(i64::MIN);
    };
    let day = calendar.day_of(pruned_to);
    Ok(day.map_or(pruned_to, |day| {
        if day.from == pruned_to {
            day.from
        } else {
            day.to
        }
    }))
}

fn stored_days(db: &Connection, from: i64) -> rusqlite::Result<Vec<Span>> {
    let sql = format!(
        "SELECT {} FROM day WHERE from_minute >= ?1",
        columns::span_columns()
    );
    let mut select = db.prepare(&sql)?;
    let days = select.query_map([from], columns::read_span)?;
    days.collect()
}

/// The first minute with a row, from this one on.
fn next_minute(db: &Connection, from: i64) -> rusqlite::Result<Option<i64>> {
    let first = "SELECT id FROM minute WHERE id >= ?1 ORDER BY id LIMIT 1";
    let id = db
        .query_row(first, [columns::first_id(from)], |row| row.get(0))
        .optional()?;
    Ok(id.map(columns::minute_of_id))
}

fn load(db: &Connection, day: &Span) -> rusqlite::Result<Tally> {
    let pruned_to = meta::number(db, meta::PRUNED_TO)?;
    if pruned_to.is_none_or(|pruned_to| pruned_to <= day.from) {
        return scan(db, day);
    }
    let sql = format!("SELECT {} FROM day WHERE key = ?1", columns::span_columns());
    let stored = db
        .query_row(&sql, [day.key], columns::read_span)
        .optional()?;
    Ok(Tally::continuing(stored.unwrap_or_default().sums))
}

fn scan(db: &Connection, day: &Span) -> rusqlite::Result<Tally> {
    let sql = format!(
        "SELECT {} FROM minute WHERE id >= ?1 AND id < ?2 ORDER BY id",
        columns::minute_columns(Fields::Sums)
    );
    let mut select = db.prepare(&sql)?;
    let mut rows = select.query([columns::first_id(day.from), columns::first_id(day.to)])?;
    let mut tally = Tally::default();
    while let Some(row) = rows.next()? {
        tally.add(&columns::read_minute(row, Fields::Sums)?.0);
    }
    Ok(tally)
}

/// The month is the sum of its days.
fn put_month(db: &Connection, calendar: &Calendar, day: &Span) -> rusqlite::Result<()> {
    let Some(month) = calendar.month_of(day) else {
        return Ok(());
    };
    let sql = format!(
        "SELECT {} FROM day WHERE key > ?1 AND key < ?2",
        columns::span_columns()
    );
    let mut select = db.prepare_cached(&sql)?;
    let mut days = select.query([month.key * 100, month.key * 100 + 100])?;
    let mut sums = None;
    while let Some(row) = days.next()? {
        let day = columns::read_span(row)?.sums;
        sums = Some(sums.map_or(day, |sums: Sums| sums.merged(&day)));
    }
    let Some(sums) = sums else {
        return Ok(());
    };
    put(db, "month", &Span { sums, ..month })
}

fn put(db: &Connection, table: &str, span: &Span) -> rusqlite::Result<()> {
    let columns = columns::span_columns();
    let sql = format!(
        "INSERT OR REPLACE INTO {table} ({columns}) VALUES ({})",
        columns::placeholders(&columns)
    );
    db.prepare_cached(&sql)?
        .execute(params_from_iter(columns::span_values(span)))?;
    Ok(())
}

//! Columns of the tables `minute`, `day` and `month`, and how rows go in and out of them.

use std::fmt::Write as _;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Result, Row};
use solthrive_domain::FlagCode;

use super::packed::{Packed, Swing};
use super::tally::{ENERGIES, FLOWS, Sums};

const LINES: [&str; ENERGIES] = [
    "solar",
    "import",
    "export",
    "home",
    "charge",
    "discharge",
    "ev",
];
const POWERS: [&str; FLOWS] = ["solar", "home", "grid", "battery", "ev"];
/// The id of a row is its minute, below that its run's number, below that its part.
const MINUTE_SHIFT: u32 = 32;
const RUN_SHIFT: u32 = 16;
const LOW: i64 = 0xffff;
/// Minutes beyond this have no id: the year 6053.
const LAST_MINUTE: i64 = (1 << 31) - 1;

/// The id of a row: ordered by minute, then run, then part.
pub(super) fn id(row: &Packed) -> i64 {
    first_id(row.minute) | (row.run & LOW) << RUN_SHIFT | i64::from(row.part)
}

/// The smallest id that a row of this minute can have.
pub(super) fn first_id(minute: i64) -> i64 {
    minute.clamp(-LAST_MINUTE, LAST_MINUTE) << MINUTE_SHIFT
}

/// The minute of an id.
pub(super) fn minute_of_id(id: i64) -> i64 {
    id >> MINUTE_SHIFT
}

/// What of a minute row is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    /// What a day's sums are made of.
    Sums,
    /// Everything.
    All,
}

/// The columns of a minute row in the order of [`minute_values`].
pub(super) fn minute_columns(fields: Fields) -> String {
    let mut names = "id, run, covered_ms".to_owned();
    add_all(&mut names, &LINES, &["uwh", "bridged"]);
    if fields == Fields::All {
        names.push_str(", samples");
        add_all(&mut names, &LINES, &["total"]);
        add_all(&mut names, &POWERS, &["mw", "min", "max"]);
        names.push_str(", frequency, pf, quality, detail");
    }
    names
}

/// `prefix_suffix` for all prefixes and suffixes, the prefixes together.
fn add_all(names: &mut String, prefixes: &[&str], suffixes: &[&str]) {
    for suffix in suffixes {
        for prefix in prefixes {
            // Writing into a String cannot fail.
            let _ = write!(names, ", {prefix}_{suffix}");
        }
    }
}

/// The values of a row, in the order of [`minute_columns`].
pub(super) fn minute_values(row: &Packed, detail: Vec<u8>) -> Vec<Value> {
    let mut values: Vec<Value> = vec![id(row).into(), row.run.into(), row.covered_ms.into()];
    values.extend(row.energy.map(Value::from));
    values.extend(row.bridged.map(Value::from));
    values.push(row.samples.into());
    values.extend(row.totals.map(Value::from));
    for part in [|s: Swing| s.mean, |s: Swing| s.min, |s: Swing| s.max] {
        values.extend(row.power.map(|swing| Value::from(swing.map(part))));
    }
    values.extend([row.frequency, row.pf].map(Value::from));
    let codes: Vec<_> = row.quality.iter().map(|code| code.as_str()).collect();
    values.push(if codes.is_empty() {
        Value::Null
    } else {
        Value::Text(codes.join(" "))
    });
    values.push(Value::Blob(detail));
    values
}

/// Reads a minute row; with [`Fields::All`] its detail comes beside it, still encoded.
pub(super) fn read_minute(row: &Row<'_>, fields: Fields) -> Result<(Packed, Vec<u8>)> {
    let mut columns = Columns { row, next: 0 };
    let id: i64 = columns.take()?;
    let mut packed = Packed {
        minute: minute_of_id(id),
        run: columns.take()?,
        part: u16::try_from(id & LOW).unwrap_or(u16::MAX),
        covered_ms: columns.take()?,
        energy: columns.array()?,
        bridged: columns.array()?,
        ..Packed::default()
    };
    let mut detail = Vec::new();
    if fields == Fields::All {
        packed.samples = columns.take()?;
        packed.totals = columns.array()?;
        packed.power = columns.swings()?;
        packed.frequency = columns.take()?;
        packed.pf = columns.take()?;
        packed.quality = columns.codes()?;
        detail = columns.take::<Option<Vec<u8>>>()?.unwrap_or_default();
    }
    Ok((packed, detail))
}

/// A row of the table `day` or `month`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// yyyymmdd or yyyymm.
    pub(super) key: i64,
    /// First minute.
    pub(super) from: i64,
    /// First minute after it.
    pub(super) to: i64,
    /// What happened.
    pub(super) sums: Sums,
}

impl Span {
    pub(super) fn contains(&self, minute: i64) -> bool {
        (self.from..self.to).contains(&minute)
    }
}

/// The columns of a span in the order of [`span_values`].
pub(super) fn span_columns() -> String {
    let mut names = "key, from_minute, to_minute, rows, covered_ms, peak_mw".to_owned();
    add_all(&mut names, &LINES, &["uwh"]);
    names
}

/// The values of a span.
pub(super) fn span_values(span: &Span) -> Vec<Value> {
    let Span {
        key,
        from,
        to,
        sums,
    } = span;
    let mut values: Vec<Value> = [*key, *from, *to, sums.rows, sums.covered_ms]
        .map(Value::from)
        .into();
    values.push(sums.peak_mw.into());
    values.extend(sums.energy.map(Value::from));
    values
}

/// Reads a span.
pub(super) fn read_span(row: &Row<'_>) -> Result<Span> {
    let mut columns = Columns { row, next: 0 };
    Ok(Span {
        key: columns.take()?,
        from: columns.take()?,
        to: columns.take()?,
        sums: Sums {
            rows: columns.take()?,
            covered_ms: columns.take()?,
            peak_mw: columns.take()?,
            energy: columns.array()?,
        },
    })
}

/// `?1, ?2, …` for as many columns as are named.
pub(super) fn placeholders(columns: &str) -> String {
    let count = columns.split(',').count();
    let marks: Vec<_> = (1..=count).map(|index| format!("?{index}")).collect();
    marks.join(", ")
}

/// Takes the columns of a row from left to right.
struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl Columns<'_> {
    fn take<T: rusqlite::types::FromSql>(&mut self) -> Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    fn array<const N: usize>(&mut self) -> Result<[Option<i64>; N]> {
        let mut values = [None; N];
        for value in &mut values {
            *value = self.take()?;
        }
        Ok(values)
    }

    fn swings(&mut self) -> Result<[Option<Swing>; FLOWS]> {
        let means: [Option<i64>; FLOWS] = self.array()?;
        let mins: [Option<i64>; FLOWS] = self.array()?;
        let maxs: [Option<i64>; FLOWS] = self.array()?;
        let mut swings = [None; FLOWS];
        for (index, swing) in swings.iter_mut().enumerate() {
            if let (Some(mean), Some(min), Some(max)) = (means[index], mins[index], maxs[index]) {
                *swing = Some(Swing { mean, min, max });
            }
        }
        Ok(swings)
    }

    /// Codes this version does not know are left out: the row may be from a newer one.
    fn codes(&mut self) -> Result<Vec<FlagCode>> {
        self.next += 1;
        let ValueRef::Text(text) = self.row.get_ref(self.next - 1)? else {
            return Ok(Vec::new());
        };
        let text = String::from_utf8_lossy(text);
        let known = |code: &str| {
            FlagCode::ALL
                .iter()
                .find(|known| known.as_str() == code)
                .copied()
        };
        Ok(text.split(' ').filter_map(known).collect())
    }
}

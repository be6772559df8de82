//! Measured days played again: load and production from CSV files, plain or gzip.
//!
//! Four layouts are known by their header: UCI household minutes, inverter samples with
//! `timestamp_utc,pv_ac_kw`, prosumer quarter hours, and our own `timestamp,load_kw,pv_kw` (either
//! column may be missing). A file covers whole days and starts again after its last; the time of
//! day of its rows is the home's time of day.

use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Not there, not readable, not gzip.
    #[error("{file}: {source}")]
    File {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A row or the header is not as one of the known layouts has it.
    #[error("{file}:{line}: {reason}")]
    Row {
        /// Which file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Household load of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadRow {
    /// Seconds since the file's first midnight.
    at: f64,
    /// Whole load, W.
    pub watts: f64,
    /// var.
    pub vars: f64,
    /// Part on the first leg alone, W.
    pub first_leg: f64,
    /// Part on the second leg alone, W.
    pub second_leg: f64,
    /// Part across both, W.
    pub across: f64,
}

/// Production at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PvNow {
    /// W.
    pub watts: f64,
    /// The row of this instant holds the inverter's "no value", which a meter may hand out as is.
    pub sentinel: bool,
}

/// A measured series, ready to be asked by time of day.
#[derive(Debug, Clone, Default)]
pub struct Series {
    load: Vec<LoadRow>,
    /// Seconds since the file's first midnight, W.
    pv: Vec<(f64, f64)>,
    sentinels: Vec<f64>,
    days: i64,
}

/// What no inverter produces: the wake-up value of a real one is -1e6 kW.
const ABSURD_KW: f64 = 1000.0;
/// Gaps in production longer than this are nights.
const NIGHT: f64 = 1800.0;
/// Rows stamped in UTC come from an inverter whose noon lies at 20:00 UTC.
const UTC_ROWS_SHIFT: f64 = -8.0 * 3600.0;

impl Series {
    /// Reads a file; `.gz` is unpacked.
    ///
    /// # Errors
    /// [`ReplayError`] names the file, and the line where a row is at fault.
    pub fn read(file: &Path) -> Result<Self, ReplayError> {
        let failed = |source| ReplayError::File {
            file: file.to_owned(),
            source,
        };
        let bytes = std::fs::read(file).map_err(failed)?;
        Self::from_bytes(file, &bytes)
    }

    /// The same from memory; `file` names it in messages.
    ///
    /// # Errors
    /// As [`Series::read`].
    pub fn from_bytes(file: &Path, bytes: &[u8]) -> Result<Self, ReplayError> {
        let failed = |source| ReplayError::File {
            file: file.to_owned(),
            source,
        };
        let mut text = String::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::GzDecoder::new(bytes)
                .read_to_string(&mut text)
                .map_err(failed)?;
        } else {
            let mut plain = bytes;
            plain.read_to_string(&mut text).map_err(failed)?;
        }
        parse(file, &text)
    }

    /// The shipped days of a measured load and of a measured array.
    ///
    /// # Errors
    /// Never with the files as they are shipped.
    pub fn samples() -> Result<(Self, Self), ReplayError> {
        let load = include_bytes!("../../data/uci_load_1min_2007-06-14_16.csv.gz");
        let pv = include_bytes!("../../data/pv_sma_5min_2016-04-04_06.csv.gz");
        let load = Self::from_bytes(Path::new("sample load"), load)?;
        Ok((load, Self::from_bytes(Path::new("sample PV"), pv)?))
    }

    /// The same with every power multiplied.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for row in &mut self.load {
            for part in [
                &mut row.watts,
                &mut row.vars,
                &mut row.first_leg,
                &mut row.second_leg,
                &mut row.across,
            ] {
                *part *= factor;
            }
        }
        for (_, watts) in &mut self.pv {
            *watts *= factor;
        }
        self
    }

    /// Whether it has household load.
    #[must_use]
    pub fn has_load(&self) -> bool {
        !self.load.is_empty()
    }

    /// Whether it has production.
    #[must_use]
    pub fn has_pv(&self) -> bool {
        !self.pv.is_empty()
    }

    /// Days it covers.
    #[must_use]
    pub const fn days(&self) -> i64 {
        self.days
    }

    /// Load on the `day`-th day of the replay at a time of day; rows hold until the next.
    #[must_use]
    pub fn load_at(&self, day: i64, since_midnight: f64) -> Option<LoadRow> {
        let at = self.place(day, since_midnight);
        let next = self.load.partition_point(|row| row.at <= at);
        self.load.get(next.saturating_sub(1)).copied()
    }

    /// Production, straight between samples, none where the file has a night.
    #[must_use]
    pub fn pv_at(&self, day: i64, since_midnight: f64) -> Option<PvNow> {
        if self.pv.is_empty() {
            return None;
        }
        let at = self.place(day, since_midnight);
        let sentinel = self
            .sentinels
            .iter()
            .any(|start| (*start..*start + 300.0).contains(&at));
        let next = self.pv.partition_point(|(when, _)| *when <= at);
        let watts = match (
            next.checked_sub(1).and_then(|i| self.pv.get(i)),
            self.pv.get(next),
        ) {
            (Some((from, a)), Some((to, b))) if to - from <= NIGHT => {
                a + (b - a) * (at - from) / (to - from)
            }
            _ => 0.0,
        };
        Some(PvNow { watts, sentinel })
    }

    fn place(&self, day: i64, since_midnight: f64) -> f64 {
        day.rem_euclid(self.days.max(1)) as f64 * 86_400.0 + since_midnight
    }
}

/// Columns of a layout, by index.
#[derive(Debug, Default)]
struct Columns {
    load: Option<usize>,
    pv: Option<usize>,
    reactive: Option<usize>,
    subs: Option<[usize; 3]>,
    shift: f64,
}

fn columns(header: &str) -> Option<Columns> {
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(name));
    let subs = ["Sub_metering_1", "Sub_metering_2", "Sub_metering_3"].map(|name| find(&[name]));
    let found = Columns {
        load: find(&[
            "Global_active_power",
            "Overall_Consumption_Calc_kW",
            "load_kw",
        ]),
        pv: find(&["pv_ac_kw", "Generation_kW", "pv_kw"]),
        reactive: find(&["Global_reactive_power"]),
        subs: match subs {
            [Some(a), Some(b), Some(c)] => Some([a, b, c]),
            _ => None,
        },
        shift: if names.first() == Some(&"timestamp_utc") {
            UTC_ROWS_SHIFT
        } else {
            0.0
        },
    };
    (found.load.is_some() || found.pv.is_some()).then_some(found)
}

fn parse(file: &Path, text: &str) -> Result<Series, ReplayError> {
    let wrong = |line: usize, reason: String| ReplayError::Row {
        file: file.to_owned(),
        line,
        reason,
    };
    let mut lines = text.lines().enumerate();
    let header = lines.next().map_or("", |(_, header)| header);
    let columns = columns(header).ok_or_else(|| {
        let reason = format!(
            "the header `{header}` names neither a load nor a production column that is known"
        );
        wrong(1, reason)
    })?;
    let mut series = Series::default();
    let mut midnight = None;
    for (index, row) in lines.filter(|(_, row)| !row.trim().is_empty()) {
        let taken = series.take(&columns, row, &mut midnight);
        taken.map_err(|reason| wrong(index + 1, reason))?;
    }
    series.load.sort_by(|a, b| a.at.total_cmp(&b.at));
    series.pv.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last_load = series.load.last().map(|row| row.at);
    let last_pv = series.pv.last().map(|(at, _)| *at);
    let Some(last) = last_load.into_iter().chain(last_pv).reduce(f64::max) else {
        return Err(wrong(2, "no row with a value".to_owned()));
    };
    series.days = (1..)
        .find(|days| f64::from(*days) * 86_400.0 > last)
        .map_or(1, i64::from);
    Ok(series)
}

impl Series {
    /// Takes one row; the first decides which midnight is the file's.
    fn take(
        &mut self,
        columns: &Columns,
        row: &str,
        midnight: &mut Option<f64>,
    ) -> Result<(), String> {
        let cells: Vec<&str> = row.split(',').map(str::trim).collect();
        let stamp = cells.first().copied().unwrap_or_default();
        let local =
            seconds(stamp).ok_or_else(|| format!("`{stamp}` is no date and time"))? + columns.shift;
        let midnight = *midnight.get_or_insert_with(|| (local / 86_400.0).floor() * 86_400.0);
        let at = local - midnight;
        let number = |column: Option<usize>| -> Result<Option<f64>, String> {
            let cell = column
                .and_then(|c| cells.get(c))
                .filter(|cell| !cell.is_empty());
            let Some(cell) = cell else { return Ok(None) };
            let number = cell.parse::<f64>().ok().filter(|n| n.is_finite());
            number
                .map(Some)
                .ok_or_else(|| format!("`{cell}` is no number"))
        };
        match number(columns.pv)? {
            Some(kw) if kw.abs() > ABSURD_KW => self.sentinels.push(at),
            Some(kw) => self.pv.push((at, kw.max(0.0) * 1000.0)),
            None => {}
        }
        let Some(kw) = number(columns.load)?.filter(|kw| kw.abs() <= ABSURD_KW) else {
            return Ok(());
        };
        let mut parts = [0.0; 3];
        for (part, column) in parts.iter_mut().zip(columns.subs.into_iter().flatten()) {
            // Wh of one minute.
            *part = number(Some(column))?.unwrap_or(0.0) * 60.0;
        }
        let [first_leg, second_leg, across] = parts;
        let vars = number(columns.reactive)?.unwrap_or(0.0) * 1000.0;
        let watts = kw * 1000.0;
        self.load.push(LoadRow {
            at,
            watts,
            vars,
            first_leg,
            second_leg,
            across,
        });
        Ok(())
    }
}

fn seconds(stamp: &str) -> Option<f64> {
    let time: DateTime = stamp.trim_end_matches('Z').parse().ok()?;
    let since = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(since.timestamp().as_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str) -> Series {
        parse(Path::new("days.csv"), text).unwrap()
    }

    #[test]
    fn minutes_hold_and_days_come_round_again() {
        let days = series(
            "timestamp,load_kw\n2024-01-01 00:00:00,1\n2024-01-01 12:00:00,2\n2024-01-02 00:00:00,3\n",
        );
        let watts = |day, hour: f64| days.load_at(day, hour * 3600.0).unwrap().watts;
        assert_eq!(
            (days.days(), watts(0, 1.0), watts(0, 13.0), watts(1, 5.0)),
            (2, 1000.0, 2000.0, 3000.0)
        );
        assert_eq!(watts(2, 1.0), 1000.0);
    }

    #[test]
    fn production_runs_straight_between_samples_and_nights_are_dark() {
        let sun = series(
            "timestamp,pv_kw\n2024-01-01 08:00:00,1\n2024-01-01 08:05:00,2\n2024-01-01 16:00:00,1\n",
        );
        assert_eq!(sun.pv_at(0, 8.0 * 3600.0 + 150.0).unwrap().watts, 1500.0);
        assert_eq!(sun.pv_at(0, 12.0 * 3600.0).unwrap().watts, 0.0);
        assert_eq!(sun.load_at(0, 0.0), None);
    }

    #[test]
    fn a_wake_up_value_is_marked_and_never_a_power() {
        let sun = series(
            "timestamp,pv_kw\n2024-01-01 08:00:00,-1000000.0\n2024-01-01 08:05:00,2\n2024-01-01 08:10:00,2\n",
        );
        let wake_up = sun.pv_at(0, 8.0 * 3600.0 + 60.0).unwrap();
        assert_eq!(
            wake_up,
            PvNow {
                watts: 0.0,
                sentinel: true
            }
        );
        assert_eq!(
            sun.pv_at(0, 8.0 * 3600.0 + 400.0).unwrap(),
            PvNow {
                watts: 2000.0,
                sentinel: false
            }
        );
    }

    #[test]
    fn the_shipped_days_hold_what_their_readme_says() {
        let (load, sun) = Series::samples().unwrap();
        let kwh: f64 = load.load.iter().map(|row| row.watts / 60_000.0).sum();
        assert_eq!((load.days(), load.load.len()), (3, 4320));
        assert!((kwh - 71.11).abs() < 0.01, "{kwh}");
        let noon = sun.pv_at(0, 12.0 * 3600.0).unwrap().watts;
        assert!(
            sun.days() == 3 && noon > 2000.0,
            "{} days, {noon} W",
            sun.days()
        );
        assert!(sun.pv_at(1, 5.5 * 3600.0 + 60.0).unwrap().sentinel);
        assert_eq!(sun.pv_at(1, 0.0).unwrap().watts, 0.0);
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        let error = parse(
            Path::new("days.csv"),
            "timestamp,pv_kw\n2024-01-01 08:00:00,many\n",
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "days.csv:2: `many` is no number");
        let error = parse(Path::new("days.csv"), "a,b\n").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("days.csv:1: the header `a,b`")
        );
    }
}

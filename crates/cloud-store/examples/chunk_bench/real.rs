//! Days of real homes, as far as such records exist: see the README beside the data for where they are from.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use solthrive_cloud_store::chunk::{ColumnId, Finite, Known, Table, Value};

use crate::Outcome;

/// A record: its file, and which column comes from which of its fields, as sums of `sign` x field.
pub(crate) struct Record {
    pub(crate) file: &'static str,
    columns: &'static [(Known, &'static [(usize, f64)])],
}

/// The records that are known, by their file's name.
pub(crate) const RECORDS: &[Record] = &[
    Record {
        file: "uci_household_load_1min_2007-06_07.csv.gz",
        columns: &[
            (Known::GridKw, &[(1, 1.0)]),
            (Known::VoltageL1, &[(3, 1.0)]),
            (Known::CurrentL1, &[(4, 1.0)]),
        ],
    },
    Record {
        file: "pv_sma_sb7000us_5min_2016-2017.csv.gz",
        columns: &[(Known::SolarKw, &[(1, 1.0)])],
    },
    Record {
        file: "aew_prosumer_a_15min_2019.csv.gz",
        columns: &[
            (Known::SolarKw, &[(1, 1.0)]),
            (Known::HomeKw, &[(4, 1.0)]),
            (Known::GridKw, &[(3, 1.0), (2, -1.0)]),
        ],
    },
];

impl Record {
    /// One table per day of the record in `folder`; rows whose time is not after the one before are left out.
    pub(crate) fn days(&self, folder: &Path) -> Outcome<Vec<Table>> {
        let mut days: Vec<(i64, Table)> = Vec::new();
        for line in BufReader::new(GzDecoder::new(File::open(folder.join(self.file))?))
            .lines()
            .skip(1)
        {
            let line = line?;
            let fields: Vec<&str> = line.split(',').collect();
            let Some((time, cells)) = self.row(&fields) else {
                continue;
            };
            let day = time.div_euclid(86_400_000);
            if days.last().is_none_or(|(last, _)| *last < day) {
                days.push((day, Table::default()));
            }
            if let Some((_, table)) = days.last_mut() {
                table.insert(time, &cells)?;
            }
        }
        Ok(days.into_iter().map(|(_, table)| table).collect())
    }

    fn row(&self, fields: &[&str]) -> Option<(i64, Vec<(ColumnId, Value)>)> {
        let mut cells = Vec::new();
        for (known, parts) in self.columns {
            let mut sum = 0.0;
            for (field, sign) in *parts {
                sum += sign * fields.get(*field)?.parse::<f64>().ok()?;
            }
            cells.push((
                (*known).into(),
                Finite::try_from((sum * 1e6).round() / 1e6 + 0.0)
                    .ok()?
                    .into(),
            ));
        }
        Some((millis(fields.first()?)?, cells))
    }
}

/// `2007-06-01 00:00:00` as ms since the Unix epoch, taken as UTC.
fn millis(text: &str) -> Option<i64> {
    let numbers: Vec<i64> = text
        .split(['-', ' ', ':'])
        .filter_map(|part| part.parse().ok())
        .collect();
    let [year, month, day, hour, minute, second] = numbers[..] else {
        return None;
    };
    // Years begin in March here, so that the leap day is the last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

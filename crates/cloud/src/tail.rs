//! The rows that are in the log and in no chunk yet.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use solthrive_cloud_store::archive::UtcDay;
use solthrive_cloud_store::chunk::{Inserted, Table, TableError};
use solthrive_cloud_store::hot::Row;
use solthrive_domain::{DeviceId, Sample};

use crate::rows::samples_of;

/// Milliseconds of a UTC day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Bytes of a cell that waits; see the decision on chunks.
const CELL: usize = 4;

/// What a table takes beside its rows.
const TABLE: usize = 2_048;

/// Rows of a device and UTC day, which become one piece.
pub(crate) type DayTable = (DeviceId, UtcDay, Arc<Table>);

/// Rows by device and UTC day. A table is shared while it is being encoded.
///
/// A day nearly always is one table. It is more where one cannot hold what the log holds: a device with
/// many channels and a row each second, or one that names its channels anew all the time.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    devices: HashMap<DeviceId, BTreeMap<UtcDay, Vec<Arc<Table>>>>,
    rows: usize,
    cells: usize,
    tables: usize,
}

impl Tail {
    pub(crate) fn insert(&mut self, device: DeviceId, row: &Row) -> Result<Inserted, TableError> {
        let days = self.devices.entry(device).or_default();
        let tables = days.entry(row.time.div_euclid(DAY_MS)).or_default();
        if let Some((_, before)) = tables.split_last() {
            let known = before
                .iter()
                .find_map(|table| table.find(row.time, &row.cells));
            if let Some(known) = known {
                return Ok(known);
            }
        }
        let inserted = match tables.last_mut() {
            Some(table) => Arc::make_mut(table).insert(row.time, &row.cells),
            None => Err(TableError::Full),
        };
        let inserted = match inserted {
            Err(TableError::Full | TableError::TooManyColumns(_) | TableError::WrongKind(_)) => {
                let mut table = Table::default();
                let inserted = table.insert(row.time, &row.cells)?;
                tables.push(Arc::new(table));
                self.tables += 1;
                inserted
            }
            other => other?,
        };
        if inserted == Inserted::Stored {
            self.rows += 1;
            self.cells += row.cells.len();
        }
        Ok(inserted)
    }

    /// Samples of a device within `span`, in ms, by time.
    pub(crate) fn samples(&self, device: DeviceId, span: &Range<i64>) -> Vec<Sample> {
        if span.is_empty() {
            return Vec::new();
        }
        let days = span.start.div_euclid(DAY_MS)..=(span.end - 1).div_euclid(DAY_MS);
        let mut samples: Vec<Sample> = self
            .tables_of(device, days)
            .flat_map(|table| samples_of(table, span.clone()))
            .collect();
        // Tables of one day lie beside each other.
        samples.sort_by_key(|sample| sample.ts);
        samples
    }

    /// Tables of a device with rows of these days.
    pub(crate) fn tables_of(
        &self,
        device: DeviceId,
        days: RangeInclusive<UtcDay>,
    ) -> impl Iterator<Item = &Arc<Table>> {
        let tables = self.devices.get(&device).into_iter();
        tables.flat_map(move |tables| tables.range(days.clone()).flat_map(|(_, tables)| tables))
    }

    pub(crate) fn tables(&self) -> Vec<DayTable> {
        let mut all = Vec::with_capacity(self.tables);
        for (device, days) in &self.devices {
            for (day, tables) in days {
                all.extend(
                    tables
                        .iter()
                        .map(|table| (*device, *day, Arc::clone(table))),
                );
            }
        }
        all
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that the rows take, roughly. What a device's tables of two days take without any row is not
    /// counted: sealing early would not make it less. It is for a device that sends a row of each of
    /// thousands of days.
    pub(crate) fn bytes(&self) -> usize {
        let further = self.tables.saturating_sub(2 * self.devices.len());
        self.rows * size_of::<i64>() + self.cells * CELL + further * TABLE
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

//! The rows that are in the log and in no chunk yet.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use solthrive_cloud_store::archive::UtcDay;
use solthrive_cloud_store::chunk::{Inserted, Table, TableError};
use solthrive_cloud_store::hot::Row;
use solthrive_domain::{DeviceId, Sample};

use crate::rows::samples_of;

/// Milliseconds of a UTC day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Bytes of a cell that waits; see the decision on chunks.
const CELL: usize = 4;

/// A device's rows of one UTC day, which become one piece.
pub(super) type DayTable = (DeviceId, UtcDay, Arc<Table>);

/// Rows by device and UTC day. A table is shared while it is being encoded.
#[derive(Debug, Default)]
pub(super) struct Tail {
    devices: HashMap<DeviceId, BTreeMap<UtcDay, Arc<Table>>>,
    rows: usize,
    cells: usize,
}

impl Tail {
    pub(super) fn insert(&mut self, device: DeviceId, row: &Row) -> Result<Inserted, TableError> {
        let days = self.devices.entry(device).or_default();
        let table = days.entry(row.time.div_euclid(DAY_MS)).or_default();
        let inserted = Arc::make_mut(table).insert(row.time, &row.cells)?;
        if inserted == Inserted::Stored {
            self.rows += 1;
            self.cells += row.cells.len();
        }
        Ok(inserted)
    }

    /// Samples of a device within `span`, in ms, by time.
    pub(super) fn samples(&self, device: DeviceId, span: &Range<i64>) -> Vec<Sample> {
        if span.is_empty() {
            return Vec::new();
        }
        let days = span.start.div_euclid(DAY_MS)..=(span.end - 1).div_euclid(DAY_MS);
        let tables = self.devices.get(&device);
        let tables = tables
            .into_iter()
            .flat_map(|tables| tables.range(days.clone()));
        tables
            .flat_map(|(_, table)| samples_of(table, span.clone()))
            .collect()
    }

    pub(super) fn tables(&self) -> Vec<DayTable> {
        let of = |(device, days): (&DeviceId, &BTreeMap<UtcDay, Arc<Table>>)| {
            let device = *device;
            let tables = days.iter().filter(|(_, table)| !table.is_empty());
            let tables = tables.map(move |(day, table)| (device, *day, Arc::clone(table)));
            tables.collect::<Vec<_>>()
        };
        self.devices.iter().flat_map(of).collect()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that the rows take, roughly. What a table takes without any row is not counted: sealing
    /// early would not make it less.
    pub(super) fn bytes(&self) -> usize {
        self.rows * size_of::<i64>() + self.cells * CELL
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

//! What is known of each device's rows, so that each snapshot counts once. Pure.
//!
//! A group of calls is first *staged*: every row is judged against what is known and what was staged
//! before it. Only when the group is durable does it become known; if it cannot be stored, nothing
//! has happened.

use std::collections::HashMap;

use solthrive_domain::DeviceId;

use super::{Delivery, Row};
use crate::chunk::{Inserted, Table, TableError};

/// Milliseconds of a UTC day, which is what a chunk holds.
const DAY_MS: i64 = 86_400_000;

/// What became of the rows of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New.
    pub accepted: u32,
    /// There already, bit for bit.
    pub duplicates: u32,
    /// There already with another content, which stays.
    pub conflicts: u32,
}

/// The rows that are not sealed yet, by device.
#[derive(Debug, Default)]
pub struct Index {
    devices: HashMap<DeviceId, Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Not sealed yet.
    rows: Table,
    /// Days that were looked up because a row came for them, as they are sealed; empty where nothing is.
    sealed: HashMap<i64, Table>,
    /// Nothing after this time, in ms, is sealed.
    sealed_to: Option<i64>,
}

/// What must be looked up before a row can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Known {
    /// Whose.
    pub device: DeviceId,
    /// The UTC day, in days since the Unix epoch.
    pub day: i64,
}

/// Rows that will be known once their group is durable.
#[derive(Debug, Default)]
pub struct Staged {
    devices: HashMap<DeviceId, Table>,
}

impl Index {
    /// The sealed days that must be brought in before `rows` can be judged: usually none.
    pub fn wanted<'a>(
        &'a self,
        device: DeviceId,
        rows: &'a [Row],
    ) -> impl Iterator<Item = Known> + 'a {
        let open = self.devices.get(&device);
        let sealed_to = open.and_then(|open| open.sealed_to).unwrap_or(i64::MIN);
        rows.iter()
            .filter(move |row| row.time <= sealed_to)
            .map(|row| row.time.div_euclid(DAY_MS))
            .filter(move |day| open.is_none_or(|open| !open.sealed.contains_key(day)))
            .map(move |day| Known { device, day })
    }

    /// Nothing of the device is sealed after `time`, in ms since the Unix epoch.
    pub fn sealed_to(&mut self, device: DeviceId, time: i64) {
        self.devices.entry(device).or_default().sealed_to = Some(time);
    }

    /// Brings in what is sealed of a day; an empty table where nothing is.
    pub fn bring(&mut self, known: Known, table: Table) {
        let open = self.devices.entry(known.device).or_default();
        open.sealed.insert(known.day, table);
    }

    /// Keeps the rows of one call that are new, in their order, and says what became of all.
    ///
    /// # Errors
    /// [`TableError`] when a row cannot be held at all; the rows before it are staged.
    pub fn stage(
        &self,
        staged: &mut Staged,
        device: DeviceId,
        rows: Vec<Row>,
    ) -> Result<(Vec<Row>, Counts), TableError> {
        let open = self.devices.get(&device);
        let fresh = staged.devices.entry(device).or_default();
        let mut counts = Counts::default();
        let mut new = Vec::with_capacity(rows.len());
        for row in rows {
            let known = match open.and_then(|open| open.find(&row)) {
                Some(known) => known,
                None => fresh.insert(row.time, &row.cells)?,
            };
            match known {
                Inserted::Stored => {
                    counts.accepted += 1;
                    new.push(row);
                }
                Inserted::Duplicate => counts.duplicates += 1,
                Inserted::Conflict => counts.conflicts += 1,
            }
        }
        Ok((new, counts))
    }

    /// The group is durable: what was staged is known from here on.
    pub fn commit(&mut self, staged: Staged) {
        for (device, table) in staged.devices {
            let open = self.devices.entry(device).or_default();
            open.take_in(table);
        }
    }

    /// Takes in what another wrote, or what was there when the program started. Rows that are known
    /// already stay as they are.
    pub fn replay(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let Delivery::Rows(rows) = delivery else {
                continue;
            };
            let open = self.devices.entry(rows.device).or_default();
            for row in &rows.rows {
                // What cannot be held was never acknowledged.
                let _ = open.rows.insert(row.time, &row.cells);
            }
        }
    }

    /// The rows of a device that are not sealed.
    #[must_use]
    pub fn open_rows(&self, device: DeviceId) -> Option<&Table> {
        self.devices.get(&device).map(|open| &open.rows)
    }

    /// Bytes on the heap, roughly.
    #[must_use]
    pub fn heap(&self) -> usize {
        let of = |open: &Open| {
            let sealed: usize = open.sealed.values().map(Table::heap).sum();
            open.rows.heap() + sealed + size_of::<(DeviceId, Open)>()
        };
        self.devices.values().map(of).sum()
    }

    /// Devices of which anything is known.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.devices.len()
    }
}

impl Open {
    fn find(&self, row: &Row) -> Option<Inserted> {
        self.rows.find(row.time, &row.cells).or_else(|| {
            let day = self.sealed.get(&row.time.div_euclid(DAY_MS))?;
            day.find(row.time, &row.cells)
        })
    }

    fn take_in(&mut self, table: Table) {
        if self.rows.is_empty() {
            self.rows = table;
            return;
        }
        for row in 0..table.rows() {
            let Some(time) = table.time(row) else { break };
            let cells: Vec<_> = table
                .row(row)
                .map(|(id, value)| (id.clone(), value))
                .collect();
            let _ = self.rows.insert(time, &cells);
        }
    }
}

//! Buckets as columns of integers.

use solthrive_domain::bucket::{BucketRow, Swing};

use super::guide::{self, Guide, Place};
use super::layout::{
    BREAKS, BRIDGED, COLUMNS, COVERED, ENERGIES, PARTS, QUALITY, REVISION, SAMPLES, SWINGS, area,
    largest, part, smallest, weight,
};
use super::residuals::{Split, common_divisor};
use crate::chunk::bytes::Reader;

/// All columns, one value a bucket.
#[derive(Debug)]
pub(super) struct Columns {
    /// Of each bucket, which energies and swings are known.
    known: Vec<u16>,
    values: [Vec<i64>; COLUMNS],
}

impl Columns {
    pub(super) fn of(rows: &[BucketRow]) -> Self {
        let mut columns = Self {
            known: vec![0; rows.len()],
            values: std::array::from_fn(|_| vec![0; rows.len()]),
        };
        for (at, row) in rows.iter().enumerate() {
            columns.set(at, row);
        }
        columns
    }

    fn set(&mut self, at: usize, row: &BucketRow) {
        for (column, place) in ENERGIES.into_iter().enumerate() {
            if let Some(energy) = row.energy[place] {
                self.known[at] |= 1 << column;
                self.values[column][at] = energy;
            }
        }
        let plain = [
            (BRIDGED, row.bridged_import),
            (COVERED, row.covered_ms.into()),
            (SAMPLES, row.samples.into()),
            (BREAKS, row.breaks.into()),
            (QUALITY, row.quality.into()),
            (REVISION, row.revision.into()),
        ];
        for (column, value) in plain {
            self.values[column][at] = value;
        }
        for (swing, place) in SWINGS.into_iter().enumerate() {
            if let Some(known) = row.swings[place] {
                self.known[at] |= 1 << (ENERGIES.len() + swing);
                self.values[weight(swing)][at] = known.weight_ms.into();
                self.values[area(swing)][at] = known.area;
                self.values[smallest(swing)][at] = known.min.into();
                self.values[largest(swing)][at] = known.max.into();
            }
        }
    }

    /// Which parts become known or unknown from each bucket to the next.
    pub(super) fn known_changes(&self) -> Vec<i64> {
        let before = std::iter::once(0).chain(self.known.iter().copied());
        let pairs = self.known.iter().zip(before);
        pairs.map(|(now, before)| (now ^ before).into()).collect()
    }

    /// Columns without values yet, from [`Self::known_changes`]; bits that mean nothing are dropped.
    pub(super) fn known_by(changes: &[i64]) -> Self {
        let mut known = 0;
        let each = changes.iter().map(|change| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the low bits, of which there are no more"
            )]
            let change = *change as u16 & ((1 << PARTS) - 1);
            known ^= change;
            known
        });
        Self {
            known: each.collect(),
            values: std::array::from_fn(|_| vec![0; changes.len()]),
        }
    }

    /// The value, if the bucket has one.
    fn get(&self, column: usize, row: usize) -> Option<i64> {
        self.is_known(column, row).then(|| self.values[column][row])
    }

    /// The value, zero if the bucket has none: that is what stands there.
    pub(super) fn or_zero(&self, column: usize, row: usize) -> i64 {
        self.values[column][row]
    }

    fn is_known(&self, column: usize, row: usize) -> bool {
        part(column).is_none_or(|bit| self.known[row] >> bit & 1 == 1)
    }

    /// Rows that have the column.
    fn rows(&self, column: usize) -> Vec<usize> {
        let all = 0..self.known.len();
        all.filter(|row| self.is_known(column, *row)).collect()
    }

    /// Writes a column: guide and step, then what they leave.
    pub(super) fn put(&self, out: &mut Vec<u8>, column: usize) {
        let rows = self.rows(column);
        if rows.is_empty() {
            return;
        }
        let value = |row: &usize| self.values[column][*row];
        let divisor = rows.iter().map(value).fold(0, common_divisor);
        let mut steps = guide::steps(column).to_vec();
        if divisor > 0 && !steps.contains(&divisor) {
            steps.push(divisor);
        }
        let guides = guide::of(column).iter();
        let tried = guides.flat_map(|guide| steps.iter().map(|step| (*guide, *step)));
        let splits: Vec<(u64, Split)> = tried
            .map(|(guide, step)| self.split(column, guide, step, &rows))
            .map(|split| (split.bits(), split))
            .collect();
        // Writing all of them would take most of the time; the estimate tells which cannot win.
        let least = splits.iter().map(|(bits, _)| *bits).min().unwrap_or(0);
        let hopeful = splits.iter().filter(|(bits, _)| *bits <= least + least / 4);
        let written = hopeful.map(|(_, split)| split.bytes());
        out.extend(written.min_by_key(Vec::len).unwrap_or_default());
    }

    /// What a guide leaves of a column.
    fn split(&self, column: usize, guide: Guide, step: i64, rows: &[usize]) -> Split {
        let mut before = None;
        let pairs = rows.iter().map(|row| {
            let place = Place {
                columns: self,
                column,
                row: *row,
                before: before.replace(*row),
            };
            (self.values[column][*row], guide.tell(&place, step))
        });
        Split::new((guide, guide.side(column)), step, pairs)
    }

    /// Reads a column; those before it must have been read.
    pub(super) fn take(&mut self, from: &mut Reader<'_>, column: usize) -> Option<()> {
        let rows = self.rows(column);
        if rows.is_empty() {
            return Some(());
        }
        let split = Split::take(from, rows.len(), |guide| guide.side(column))?;
        let mut before = None;
        for (nth, row) in rows.into_iter().enumerate() {
            let place = Place {
                columns: self,
                column,
                row,
                before: before.replace(row),
            };
            let told = split.guide.tell(&place, split.step);
            self.values[column][row] = split.value(nth, told);
        }
        Some(())
    }

    /// A bucket; `None` when it has numbers that no bucket has.
    pub(super) fn row(&self, at: usize, quarter: i64) -> Option<BucketRow> {
        let mut row = BucketRow {
            quarter,
            energy: [None; 6],
            bridged_import: self.values[BRIDGED][at],
            swings: [None; 6],
            covered_ms: self.narrow(COVERED, at)?,
            samples: self.narrow(SAMPLES, at)?,
            breaks: self.narrow(BREAKS, at)?,
            quality: self.narrow(QUALITY, at)?,
            revision: self.narrow(REVISION, at)?,
        };
        for (column, place) in ENERGIES.into_iter().enumerate() {
            row.energy[place] = self.get(column, at);
        }
        for (swing, place) in SWINGS.into_iter().enumerate() {
            if self.is_known(weight(swing), at) {
                row.swings[place] = Some(Swing {
                    min: self.narrow(smallest(swing), at)?,
                    max: self.narrow(largest(swing), at)?,
                    area: self.values[area(swing)][at],
                    weight_ms: self.narrow(weight(swing), at)?,
                });
            }
        }
        Some(row)
    }

    fn narrow<T: TryFrom<i64>>(&self, column: usize, row: usize) -> Option<T> {
        T::try_from(self.values[column][row]).ok()
    }
}

//! Writing the front of a chunk, see [`super::header`].

use super::bytes::{put_signed, put_size};
use super::facts::Facts;
use super::header::{CONSTANT, CORRECTED, FIXED, INTEGER, MAGIC, SPARSE, VERSION};
use super::model::Model;
use super::pack::Packed;
use super::settled::{Scale, Settled};

/// A header to be written, and the bytes behind it.
pub(super) struct Draft {
    entries: Vec<u8>,
    body: Vec<u8>,
}

/// The times of a chunk, packed.
pub(super) struct PackedTimes {
    pub(super) first_time: i64,
    /// The last, from the first.
    pub(super) last_at: i64,
    pub(super) interval: i64,
    pub(super) model: Model,
    pub(super) offsets: Packed,
}

/// A column, packed.
pub(super) struct PackedColumn {
    pub(super) model: Model,
    pub(super) values: Packed,
    pub(super) presence: Vec<u8>,
    pub(super) corrections: Vec<u8>,
}

impl Draft {
    /// A chunk of so many rows and columns.
    pub(super) fn new(rows: usize, times: PackedTimes, columns: usize) -> Self {
        let mut entries = Vec::with_capacity(512);
        put_size(&mut entries, rows);
        put_signed(&mut entries, times.first_time);
        put_signed(&mut entries, times.last_at);
        put_signed(&mut entries, times.interval);
        put_stream(&mut entries, times.model, &times.offsets);
        entries.extend_from_slice(&crc32c::crc32c(&times.offsets.bytes).to_le_bytes());
        put_size(&mut entries, columns);
        Self {
            entries,
            body: times.offsets.bytes,
        }
    }

    /// Adds the next column, by id.
    pub(super) fn add(&mut self, column: &Settled, facts: &Facts, packed: &PackedColumn) {
        let out = &mut self.entries;
        column.id.put(out);
        let (full, corrected) = (column.present.is_full(), !column.corrections.is_empty());
        let digits = match column.scale {
            Scale::Decimal(step) => step.digits(),
            Scale::Integer => INTEGER,
        };
        let flag = |set, bit| if set { bit } else { 0 };
        out.push(
            digits
                | flag(!full, SPARSE)
                | flag(corrected, CORRECTED)
                | flag(facts.is_constant(), CONSTANT),
        );
        put_stream(out, packed.model, &packed.values);
        if !full {
            put_size(out, column.present.count());
            put_size(out, packed.presence.len());
        }
        if corrected {
            put_size(out, packed.corrections.len());
        }
        let begin = self.body.len();
        for part in [&packed.values.bytes, &packed.presence, &packed.corrections] {
            self.body.extend_from_slice(part);
        }
        out.extend_from_slice(&crc32c::crc32c(&self.body[begin..]).to_le_bytes());
        facts.write(out, full, corrected);
    }

    /// The chunk.
    pub(super) fn finish(self) -> Vec<u8> {
        let header_len = FIXED + self.entries.len();
        let mut chunk = Vec::with_capacity(header_len + self.body.len());
        chunk.extend_from_slice(&MAGIC);
        chunk.push(VERSION);
        for len in [header_len + self.body.len(), header_len] {
            let len = u32::try_from(len).unwrap_or(u32::MAX);
            chunk.extend_from_slice(&len.to_le_bytes());
        }
        let sum = crc32c::crc32c_append(crc32c::crc32c(&chunk), &self.entries);
        chunk.extend_from_slice(&sum.to_le_bytes());
        chunk.extend_from_slice(&self.entries);
        chunk.extend_from_slice(&self.body);
        chunk
    }
}

fn put_stream(out: &mut Vec<u8>, model: Model, packed: &Packed) {
    out.push(model.code() << 4 | packed.packing as u8);
    model.write(out);
    put_size(out, packed.bytes.len());
}

//! The front of a chunk: what is in it, where, and what it sums up to.
//!
//! Sixteen bytes: magic and version, length of the chunk, length of the header, CRC-32C of the
//! header without that field. Then the times, then one entry per column, by id. The header has a
//! checksum of its own, so that its statistics can be trusted by who has read nothing else; each
//! column's bytes have theirs, so that damage is named and the rest stays readable.

use super::bytes::{Reader, are_sound};
use super::entries::read_entries;
use super::facts::Facts;
use super::model::Model;
use super::pack::Packing;
use super::settled::Scale;
use super::{ChunkError, ColumnId, Kind, MAX_COLUMNS, Statistics};

pub(super) const MAGIC: [u8; 3] = *b"STc";
pub(super) const VERSION: u8 = 1;
/// Bytes before the times.
pub(super) const FIXED: usize = 16;
/// The largest header: every column with the longest name and every number at its longest.
const LONGEST: usize = FIXED + 64 + MAX_COLUMNS * 320;

// Bits of an entry's shape; the low five are the digits of the step.
pub(super) const INTEGER: u8 = 0x1f;
pub(super) const SPARSE: u8 = 0x20;
pub(super) const CORRECTED: u8 = 0x40;
pub(super) const CONSTANT: u8 = 0x80;

/// What a chunk says about itself. Reading it takes no decompression.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Time of the first row, in ms since the Unix epoch.
    pub first_time: i64,
    /// Time of the last row.
    pub last_time: i64,
    /// How many rows.
    pub rows: usize,
    /// The usual time from row to row, in ms; 0 for a single row.
    pub interval: i64,
    /// Bytes of the whole chunk.
    pub chunk_len: usize,
    /// Bytes of the header.
    pub header_len: usize,
    /// The columns, by id.
    pub columns: Vec<ColumnHeader>,
    pub(super) times: Times,
}

/// What a chunk says about one of its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnHeader {
    /// Which one.
    pub id: ColumnId,
    /// Of its values.
    pub statistics: Statistics,
    pub(super) scale: Scale,
    pub(super) count: usize,
    pub(super) facts: Facts,
    pub(super) values: Stream,
    /// Bytes behind those of the values: which rows are present, and corrections.
    pub(super) lens: (usize, usize),
    /// Of all its bytes.
    pub(super) checksum: u32,
    /// Where its bytes begin, in the chunk.
    pub(super) begin: usize,
}

/// How a column's integers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) model: Model,
    pub(super) packing: Packing,
    pub(super) len: usize,
}

/// Where the times are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) stream: Stream,
    pub(super) checksum: u32,
    pub(super) begin: usize,
}

impl ColumnHeader {
    /// What the column holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.scale {
            Scale::Decimal(_) => Kind::Number,
            Scale::Integer => Kind::Integer,
        }
    }

    /// Bytes of the column behind the header.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        self.values.len + self.lens.0 + self.lens.1
    }

    /// How it is stored, for people: model and packing.
    #[must_use]
    pub fn method(&self) -> String {
        format!("{}/{}", self.values.model, self.values.packing)
    }

    /// Digits behind the point at which its numbers are whole steps; `None` for integers.
    #[must_use]
    pub fn digits(&self) -> Option<u8> {
        match self.scale {
            Scale::Decimal(step) => Some(step.digits()),
            Scale::Integer => None,
        }
    }
}

impl Header {
    /// Reads the header of a chunk from its first bytes: the whole chunk, or [`Self::len`] of them.
    ///
    /// # Errors
    /// [`ChunkError::Truncated`] when the header is not all there, otherwise what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, ChunkError> {
        let header_len = Self::len(bytes)?;
        let Some(header) = bytes.get(..header_len) else {
            return Err(ChunkError::Truncated {
                have: bytes.len(),
                need: header_len,
            });
        };
        let mut from = Reader(&header[FIXED - 4..]);
        let checksum = from.word().unwrap_or(0);
        if !are_sound(&[&header[..FIXED - 4], from.0], checksum) {
            return Err(ChunkError::HeaderDamaged);
        }
        let chunk_len = Reader(&header[4..]).word().map_or(0, |len| len as usize);
        read_entries(from, chunk_len, header_len)
    }

    /// How many bytes the header takes, from the first twelve of a chunk.
    ///
    /// # Errors
    /// When they are fewer, or are not the beginning of a chunk of a known version.
    pub fn len(bytes: &[u8]) -> Result<usize, ChunkError> {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(ChunkError::NotAChunk);
        }
        let cut = ChunkError::Truncated {
            have: bytes.len(),
            need: FIXED,
        };
        let mut from = Reader(&bytes[known..]);
        match from.byte() {
            None => return Err(cut),
            Some(VERSION) => {}
            Some(other) => return Err(ChunkError::UnknownVersion(other)),
        }
        let (Some(chunk_len), Some(header_len)) = (from.word(), from.word()) else {
            return Err(cut);
        };
        let header_len = header_len as usize;
        if (FIXED..=LONGEST).contains(&header_len) && header_len <= chunk_len as usize {
            Ok(header_len)
        } else {
            Err(ChunkError::HeaderDamaged)
        }
    }

    /// The entry of one column.
    #[must_use]
    pub fn column(&self, id: &ColumnId) -> Option<&ColumnHeader> {
        self.place(id).map(|place| &self.columns[place])
    }

    pub(super) fn place(&self, id: &ColumnId) -> Option<usize> {
        self.columns
            .binary_search_by(|column| column.id.cmp(id))
            .ok()
    }
}

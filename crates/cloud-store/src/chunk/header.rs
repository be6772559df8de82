//! The front of a chunk: what is in it, where, and what it sums up to.
//!
//! Sixteen bytes: magic and version, length of the chunk, length of the header, CRC-32C of the
//! header without that field. Then the times, then one entry per column, by id. The header has a
//! checksum of its own, so that its statistics can be trusted by who has read nothing else; each
//! column's bytes have theirs, so that damage is named and the rest stays readable.

use super::bytes::Reader;
use super::column::may_hold;
use super::id::Name;
use super::model::Model;
use super::number::Step;
use super::pack::Packing;
use super::settled::Scale;
use super::stats::{Facts, Shape};
use super::table::LATEST;
use super::{ChunkError, ColumnId, Kind, Known, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Statistics};

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
/// No part of a chunk is longer: chunks are addressed with 32 bits.
const MAX_BYTES: usize = u32::MAX as usize;

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
        let mut from = Reader(header);
        let sum = from.take(12).map(crc32c::crc32c);
        let claimed = from.word();
        if sum.map(|sum| crc32c::crc32c_append(sum, from.0)) != claimed {
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

/// Everything behind the fixed part, whose checksum has been found right.
fn read_entries(
    mut from: Reader<'_>,
    chunk_len: usize,
    header_len: usize,
) -> Result<Header, ChunkError> {
    let wrong = ChunkError::HeaderWrong;
    let rows = from
        .size(MAX_ROWS)
        .filter(|rows| *rows > 0)
        .ok_or(wrong("number of rows"))?;
    let (first_time, last_at, interval, mut times) = read_times(&mut from).ok_or(wrong("times"))?;
    let count = from
        .size(MAX_COLUMNS)
        .filter(|count| count * rows <= MAX_CELLS)
        .ok_or(wrong("number of columns"))?;
    let last_time = first_time
        .checked_add(last_at)
        .filter(|_| last_at >= 0)
        .ok_or(wrong("times"))?;
    times.begin = header_len;
    let mut begin = header_len
        .checked_add(times.stream.len)
        .ok_or(wrong("lengths"))?;
    let mut columns: Vec<ColumnHeader> = Vec::with_capacity(count);
    let frame = Frame {
        rows,
        first_time,
        last_at,
    };
    for _ in 0..count {
        let column = read_column(&mut from, &frame, begin).ok_or(wrong("an entry"))?;
        begin = begin
            .checked_add(column.stored_len())
            .ok_or(wrong("lengths"))?;
        if columns.last().is_some_and(|before| before.id >= column.id) {
            return Err(wrong("order of columns"));
        }
        columns.push(column);
    }
    if !from.is_at_end() || begin != chunk_len {
        return Err(wrong("lengths"));
    }
    Ok(Header {
        first_time,
        last_time,
        rows,
        interval,
        chunk_len,
        header_len,
        columns,
        times,
    })
}

/// What every entry needs to know.
struct Frame {
    rows: usize,
    first_time: i64,
    last_at: i64,
}

fn read_times(from: &mut Reader<'_>) -> Option<(i64, i64, i64, Times)> {
    let in_reach = |time: &i64| time.unsigned_abs() <= LATEST.unsigned_abs();
    let (first, last, interval) = (
        from.signed().filter(in_reach)?,
        from.signed()
            .filter(|at| at.unsigned_abs() <= 2 * LATEST.unsigned_abs())?,
        from.signed()?,
    );
    let (stream, checksum) = (read_stream(from)?, from.word()?);
    Some((
        first,
        last,
        interval,
        Times {
            stream,
            checksum,
            begin: 0,
        },
    ))
}

fn read_column(from: &mut Reader<'_>, frame: &Frame, begin: usize) -> Option<ColumnHeader> {
    let id = read_id(from)?;
    let bits = from.byte()?;
    let scale = match bits & INTEGER {
        INTEGER => Scale::Integer,
        digits => Scale::Decimal(Step::new(digits)?),
    };
    let values = read_stream(from)?;
    let (mut count, mut presence_len, mut corrections_len) = (frame.rows, 0, 0);
    if bits & SPARSE != 0 {
        count = from.size(frame.rows - 1).filter(|count| *count > 0)?;
        presence_len = from.size(MAX_BYTES)?;
    }
    if bits & CORRECTED != 0 {
        corrections_len = from.size(MAX_BYTES)?;
    }
    let checksum = from.word()?;
    let shape = Shape {
        scale,
        count,
        last_at: frame.last_at,
        full: bits & SPARSE == 0,
        corrected: bits & CORRECTED != 0,
        constant: bits & CONSTANT != 0,
    };
    let facts = Facts::read(from, shape)?;
    let statistics = facts.statistics(scale, count, frame.first_time)?;
    if !may_hold(&id, statistics.kind()) {
        return None;
    }
    let lens = (presence_len, corrections_len);
    Some(ColumnHeader {
        id,
        statistics,
        scale,
        count,
        facts,
        values,
        lens,
        checksum,
        begin,
    })
}

fn read_id(from: &mut Reader<'_>) -> Option<ColumnId> {
    match from.byte()? {
        0 => {
            let len = from.size(Name::MAX_LEN)?;
            let id: ColumnId = std::str::from_utf8(from.take(len)?).ok()?.parse().ok()?;
            matches!(id, ColumnId::Named(_)).then_some(id)
        }
        code => Known::from_code(code).map(ColumnId::Known),
    }
}

fn read_stream(from: &mut Reader<'_>) -> Option<Stream> {
    let method = from.byte()?;
    let (model, packing) = (
        Model::read(method >> 4, from)?,
        Packing::from_code(method & 0xf)?,
    );
    Some(Stream {
        model,
        packing,
        len: from.size(MAX_BYTES)?,
    })
}

//! Reading what a header says behind its fixed part, see [`super::header`].

use super::bytes::Reader;
use super::column::may_hold;
use super::facts::{Facts, Shape};
use super::header::{CONSTANT, CORRECTED, ColumnHeader, Header, INTEGER, SPARSE, Stream, Times};
use super::model::Model;
use super::number::Step;
use super::pack::Packing;
use super::settled::Scale;
use super::table::LATEST;
use super::{ChunkError, ColumnId, MAX_CELLS, MAX_COLUMNS, MAX_ROWS};

/// No part of a chunk is longer: chunks are addressed with 32 bits.
const MAX_BYTES: usize = u32::MAX as usize;

/// Everything behind the fixed part, whose checksum has been found right.
pub(super) fn read_entries(
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
    let within = |limit: i64| move |time: &i64| time.unsigned_abs() <= limit.unsigned_abs();
    let first = from.signed().filter(within(LATEST))?;
    let last = from.signed().filter(within(2 * LATEST))?;
    let interval = from.signed()?;
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
    let id = ColumnId::take(from)?;
    let bits = from.byte()?;
    let scale = match bits & INTEGER {
        INTEGER => Scale::Integer,
        digits => Scale::Decimal(Step::new(digits)?),
    };
    let flag = |bit| bits & bit != 0;
    let (full, corrected, constant) = (!flag(SPARSE), flag(CORRECTED), flag(CONSTANT));
    let values = read_stream(from)?;
    let (mut count, mut lens) = (frame.rows, (0, 0));
    if !full {
        count = from.size(frame.rows - 1).filter(|count| *count > 0)?;
        lens.0 = from.size(MAX_BYTES)?;
    }
    if corrected {
        lens.1 = from.size(MAX_BYTES)?;
    }
    let checksum = from.word()?;
    let last_at = frame.last_at;
    let facts = Facts::read(
        from,
        Shape {
            scale,
            count,
            last_at,
            full,
            corrected,
            constant,
        },
    )?;
    let statistics = facts.statistics(scale, count, frame.first_time)?;
    may_hold(&id, statistics.kind()).then_some(())?;
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

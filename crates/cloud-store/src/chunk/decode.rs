//! From a chunk back to a table: the columns asked for, and those that they lean on.

use std::cmp::Ordering;

use super::bytes::{Reader, are_sound};
use super::forecast::{Basis, restore};
use super::guide;
use super::header::{ColumnHeader, Header};
use super::lanes::{Lane, Lanes};
use super::mask::Mask;
use super::number::MAX_MANTISSA;
use super::pack::Packer;
use super::settled::{Scale, Settled};
use super::{ChunkError, ColumnId, Pick, Table};

/// The table of the columns that `pick` names.
pub(super) fn decode(
    packer: &mut Packer,
    chunk: &[u8],
    pick: Pick<'_>,
) -> Result<Table, ChunkError> {
    let header = &whole(chunk)?;
    let lanes = Lanes::new(decode_times(packer, chunk, header)?);
    let done = header.columns.iter().map(|_| None).collect();
    let mut decoding = Decoding {
        packer,
        chunk,
        header,
        lanes,
        done,
    };
    let wanted = |place: &usize| pick.wants(&header.columns[*place].id);
    let places: Vec<usize> = (0..header.columns.len()).filter(wanted).collect();
    for place in &places {
        decoding.column(*place)?;
    }
    let mut columns = Vec::with_capacity(places.len());
    for place in places {
        let id = &header.columns[place].id;
        let column = decoding.done[place].take().and_then(Settled::into_column);
        columns.push((
            id.clone(),
            column.ok_or_else(|| damaged(id, "not a number"))?,
        ));
    }
    Ok(Table::from_parts(
        header.first_time,
        decoding.lanes.times,
        columns,
    ))
}

/// The header of a chunk that is all there.
fn whole(chunk: &[u8]) -> Result<Header, ChunkError> {
    let header = Header::read(chunk)?;
    let (have, need) = (chunk.len(), header.chunk_len);
    match have.cmp(&need) {
        Ordering::Less => Err(ChunkError::Truncated { have, need }),
        Ordering::Equal => Ok(header),
        Ordering::Greater => Err(ChunkError::TooLong { have, need }),
    }
}

/// Times from the first row, strictly growing.
fn decode_times(
    packer: &mut Packer,
    chunk: &[u8],
    header: &Header,
) -> Result<Vec<i64>, ChunkError> {
    let wrong = ChunkError::TimesDamaged;
    let stream = header.times.stream;
    let bytes = &chunk[header.times.begin..][..stream.len];
    if !are_sound(&[bytes], header.times.checksum) {
        return Err(wrong("checksum"));
    }
    let residuals = packer
        .unpack(stream.packing, bytes, header.rows - 1)
        .ok_or(wrong("packing"))?;
    let clock = if stream.model.is_guided() {
        guide::clock(header.rows, header.interval)
    } else {
        Vec::new()
    };
    let basis = Basis {
        present: &Mask::full(header.rows),
        first: 0,
        guide: &clock,
    };
    let times = restore(stream.model, &basis, &residuals);
    let in_order = times.windows(2).all(|pair| pair[0] < pair[1]);
    let ends_right = times.last().copied() == Some(header.last_time - header.first_time);
    if in_order && ends_right {
        Ok(times)
    } else {
        Err(wrong("order"))
    }
}

struct Decoding<'a> {
    packer: &'a mut Packer,
    chunk: &'a [u8],
    header: &'a Header,
    lanes: Lanes,
    done: Vec<Option<Settled>>,
}

impl Decoding<'_> {
    /// Restores the column at `place`, after those it leans on: they are of lower rank, so this ends.
    fn column(&mut self, place: usize) -> Result<(), ChunkError> {
        if self.done[place].is_some() {
            return Ok(());
        }
        let header = &self.header.columns[place];
        let guide = self.guide(header)?;
        let settled = self
            .restore(header, guide.as_deref().unwrap_or_default())
            .map_err(|what| damaged(&header.id, what))?;
        self.done[place] = Some(settled);
        Ok(())
    }

    fn guide(&mut self, header: &ColumnHeader) -> Result<Option<Vec<i64>>, ChunkError> {
        if !header.values.model.is_guided() {
            return Ok(None);
        }
        let (ColumnId::Known(target), Scale::Decimal(step)) = (&header.id, header.scale) else {
            return Err(damaged(&header.id, "it has no guide"));
        };
        for input in guide::inputs(*target) {
            self.lane(&ColumnId::Known(*input), *input)?;
        }
        let guide = guide::guide(*target, step.digits(), &self.lanes);
        guide
            .map(Some)
            .ok_or_else(|| damaged(&header.id, "its guide is missing"))
    }

    /// Makes sure that an input of guides is there, if the chunk has it.
    fn lane(&mut self, id: &ColumnId, known: super::Known) -> Result<(), ChunkError> {
        let Some(place) = self.header.place(id).filter(|_| !self.lanes.has(known)) else {
            return Ok(());
        };
        self.column(place)?;
        if let (Some(settled), Scale::Decimal(step)) =
            (&self.done[place], self.header.columns[place].scale)
        {
            self.lanes.add(
                known,
                Lane {
                    digits: step.digits(),
                    per_row: settled.per_row(),
                },
            );
        }
        Ok(())
    }

    fn restore(&mut self, header: &ColumnHeader, guide: &[i64]) -> Result<Settled, &'static str> {
        let bytes = &self.chunk[header.begin..][..header.stored_len()];
        if !are_sound(&[bytes], header.checksum) {
            return Err("checksum");
        }
        let (values, rest) = bytes.split_at(header.values.len);
        let (presence, corrections) = rest.split_at(header.lens.0);
        let present = self.presence(header, presence).ok_or("presence")?;
        let residuals = self
            .packer
            .unpack(header.values.packing, values, header.count - 1)
            .ok_or("packing")?;
        let basis = Basis {
            present: &present,
            first: header.facts.first.0,
            guide,
        };
        let integers = restore(header.values.model, &basis, &residuals);
        let in_reach = |integer: &i64| integer.unsigned_abs() <= MAX_MANTISSA.unsigned_abs();
        if matches!(header.scale, Scale::Decimal(_)) && !integers.iter().all(in_reach) {
            return Err("out of range");
        }
        let corrections = self.corrections(header, corrections).ok_or("corrections")?;
        Ok(Settled {
            id: header.id.clone(),
            scale: header.scale,
            present,
            integers,
            corrections,
        })
    }

    fn presence(&mut self, header: &ColumnHeader, bytes: &[u8]) -> Option<Mask> {
        let rows = self.header.rows;
        if header.count == rows {
            return bytes.is_empty().then(|| Mask::full(rows));
        }
        let mut from = Reader(bytes);
        let runs = self.packer.unpack_list(&mut from, rows + 1)?;
        Mask::from_runs(&runs, rows).filter(|mask| from.is_at_end() && mask.count() == header.count)
    }

    fn corrections(&mut self, header: &ColumnHeader, bytes: &[u8]) -> Option<Vec<(usize, i64)>> {
        if bytes.is_empty() {
            return Some(Vec::new());
        }
        let mut from = Reader(bytes);
        let gaps = self.packer.unpack_list(&mut from, header.count)?;
        let amounts = self.packer.unpack_list(&mut from, header.count)?;
        let mut next = 0_usize;
        let mut corrections = Vec::with_capacity(gaps.len());
        for (gap, amount) in gaps.iter().zip(&amounts) {
            let place = next
                .checked_add(usize::try_from(*gap).ok()?)
                .filter(|place| *place < header.count)?;
            corrections.push((place, *amount));
            next = place + 1;
        }
        (from.is_at_end() && gaps.len() == amounts.len()).then_some(corrections)
    }
}

fn damaged(column: &ColumnId, what: &'static str) -> ChunkError {
    ChunkError::ColumnDamaged {
        column: column.clone(),
        what,
    }
}

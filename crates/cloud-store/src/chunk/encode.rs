//! Freezing a table: for each column the model and packing that take the fewest bytes, found by trying.

use super::choose::{self, ALONE, CLOCKED, COUNTING, best_of};
use super::draft::{Draft, PackedColumn, PackedTimes};
use super::facts::Facts;
use super::forecast::Basis;
use super::guide;
use super::lanes::{Lane, Lanes};
use super::mask::Mask;
use super::pack::Packer;
use super::settled::{Scale, Settled};
use super::{ChunkError, ColumnId, Known, Table};

/// The chunk of `table`.
pub(super) fn encode(packer: &mut Packer, table: &Table) -> Result<Vec<u8>, ChunkError> {
    let (first_time, last_time) = table.span().ok_or(ChunkError::Empty)?;
    let columns: Vec<Settled> = table
        .columns()
        .map(|(id, column)| Settled::new(id, column))
        .collect();
    let mut lanes = Lanes::new(table.offsets_from_first());
    for column in &columns {
        if let (ColumnId::Known(known), Scale::Decimal(step)) = (&column.id, column.scale) {
            lanes.add(
                *known,
                Lane {
                    digits: step.digits(),
                    per_row: column.per_row(),
                },
            );
        }
    }
    let times = pack_times(packer, &lanes.times, first_time, last_time)?;
    let mut draft = Draft::new(table.rows(), times, columns.len());
    for column in &columns {
        let packed = pack_column(packer, column, &lanes)?;
        if let Some(facts) = Facts::of(column, &lanes.times) {
            draft.add(column, &facts, &packed);
        }
    }
    Ok(draft.finish())
}

fn pack_times(
    packer: &mut Packer,
    offsets: &[i64],
    first_time: i64,
    last_time: i64,
) -> Result<PackedTimes, ChunkError> {
    let interval = usual_interval(offsets);
    let clock = guide::clock(offsets.len(), interval);
    let present = Mask::full(offsets.len());
    let basis = Basis {
        present: &present,
        first: 0,
        guide: &clock,
    };
    let (model, offsets) = best_of(packer, CLOCKED, &basis, offsets)?;
    Ok(PackedTimes {
        first_time,
        last_at: last_time - first_time,
        interval,
        model,
        offsets,
    })
}

/// The median time from row to row.
fn usual_interval(offsets: &[i64]) -> i64 {
    let mut steps: Vec<i64> = offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if steps.is_empty() {
        return 0;
    }
    let middle = steps.len() / 2;
    *steps.select_nth_unstable(middle).1
}

fn pack_column(
    packer: &mut Packer,
    column: &Settled,
    lanes: &Lanes,
) -> Result<PackedColumn, ChunkError> {
    let guide = match (&column.id, column.scale) {
        (ColumnId::Known(known), Scale::Decimal(step)) => {
            guide::guide(*known, step.digits(), lanes)
        }
        _ => None,
    };
    let first = column.integers.first().copied().unwrap_or(0);
    let basis = Basis {
        present: &column.present,
        first,
        guide: guide.as_deref().unwrap_or_default(),
    };
    let integers = &column.integers;
    let (model, values) = match (&guide, column.scale) {
        (Some(_), _) if is_counter(&column.id) => best_of(packer, COUNTING, &basis, integers),
        (Some(_), _) => choose::guided(packer, &basis, integers),
        (None, Scale::Decimal(_)) => best_of(packer, ALONE, &basis, integers),
        (None, Scale::Integer) => best_of(packer, &[], &basis, integers),
    }?;
    let (mut presence, mut corrections) = (Vec::new(), Vec::new());
    if !column.present.is_full() {
        packer.pack_list(&mut presence, &column.present.runs())?;
    }
    if !column.corrections.is_empty() {
        let (gaps, amounts) = split_corrections(&column.corrections);
        packer.pack_list(&mut corrections, &gaps)?;
        packer.pack_list(&mut corrections, &amounts)?;
    }
    Ok(PackedColumn {
        model,
        values,
        presence,
        corrections,
    })
}

fn is_counter(id: &ColumnId) -> bool {
    use Known::{ExportKwhTotal, ImportKwhTotal, SolarKwhTotal};
    matches!(
        id,
        ColumnId::Known(SolarKwhTotal | ImportKwhTotal | ExportKwhTotal)
    )
}

/// Places as gaps from one to the next, and what to add.
fn split_corrections(corrections: &[(usize, i64)]) -> (Vec<i64>, Vec<i64>) {
    let mut next = 0;
    let gap = |(place, amount): &(usize, i64)| {
        let gap = place - std::mem::replace(&mut next, place + 1);
        (i64::try_from(gap).unwrap_or(i64::MAX), *amount)
    };
    corrections.iter().map(gap).unzip()
}

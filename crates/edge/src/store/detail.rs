//! The part of a minute row whose fields differ from home to home: voltages by input, currents
//! and powers by channel, in one compact blob.
//!
//! Layout, version 1: a version byte, then entries of a kind byte, the number of the name in the
//! table `name`, and one (mean) or three (mean, min, max) integers. Integers are zigzag varints.

use std::collections::BTreeMap;

use super::names::Names;
use super::packed::{Packed, Swing};

const VERSION: u8 = 1;
const VOLTAGE: u8 = 0;
const CURRENT: u8 = 1;
const POWER: u8 = 2;

/// Writes the blob. `name` numbers a name.
pub(super) fn encode<E>(
    row: &Packed,
    mut name: impl FnMut(&str) -> Result<i64, E>,
) -> Result<Vec<u8>, E> {
    let mut out = vec![VERSION];
    for (input, Swing { mean, min, max }) in &row.voltages {
        out.push(VOLTAGE);
        for value in [name(input.name())?, *mean, *min, *max] {
            put(&mut out, value);
        }
    }
    for (kind, map) in [(CURRENT, &row.currents), (POWER, &row.powers)] {
        for (channel, value) in map {
            out.push(kind);
            put(&mut out, name(channel)?);
            put(&mut out, *value);
        }
    }
    Ok(out)
}

/// Reads the blob into `row`. `None` when it is not of this layout: the row is then incomplete.
pub(super) fn decode(blob: &[u8], names: &Names, row: &mut Packed) -> Option<()> {
    let (version, mut rest) = blob.split_first()?;
    if *version != VERSION {
        return None;
    }
    let (mut voltages, mut currents, mut powers) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    while let Some((kind, tail)) = rest.split_first() {
        rest = tail;
        let name = names.text(take(&mut rest)?)?;
        let mean = take(&mut rest)?;
        match *kind {
            VOLTAGE => {
                let swing = Swing {
                    mean,
                    min: take(&mut rest)?,
                    max: take(&mut rest)?,
                };
                voltages.insert(name.parse().ok()?, swing);
            }
            CURRENT => {
                currents.insert(name.to_owned(), mean);
            }
            POWER => {
                powers.insert(name.to_owned(), mean);
            }
            _ => return None,
        }
    }
    (row.voltages, row.currents, row.powers) = (voltages, currents, powers);
    Some(())
}

fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push((rest & 0x7f) as u8);
}

fn take(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use solthrive_domain::Input;

    use super::*;

    fn any_swing() -> impl Strategy<Value = Swing> {
        (any::<i64>(), any::<i64>(), any::<i64>()).prop_map(|(mean, min, max)| Swing {
            mean,
            min,
            max,
        })
    }

    fn any_row() -> impl Strategy<Value = Packed> {
        let inputs = prop::sample::select(vec![Input::L1, Input::L2, Input::L3, Input::L12]);
        let names = "[a-z_]{1,12}";
        (
            prop::collection::btree_map(inputs, any_swing(), 0..4),
            prop::collection::btree_map(names, any::<i64>(), 0..6),
            prop::collection::btree_map(names, any::<i64>(), 0..6),
        )
            .prop_map(|(voltages, currents, powers)| Packed {
                voltages,
                currents,
                powers,
                ..Packed::default()
            })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(row in any_row()) {
            let mut names = Names::default();
            let blob = encode(&row, |name| Ok::<_, ()>(names.number_or_next(name))).unwrap();
            let mut back = Packed::default();
            prop_assert_eq!(decode(&blob, &names, &mut back), Some(()));
            prop_assert_eq!(back, row);
        }

        #[test]
        fn no_blob_makes_the_reader_panic(blob in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut names = Names::default();
            names.number_or_next("l1");
            let _ = decode(&blob, &names, &mut Packed::default());
        }
    }
}

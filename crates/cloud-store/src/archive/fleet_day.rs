//! A fleet's UTC day, quarter by quarter, as bytes.
//!
//! A version, zstd of postcard, and a CRC-32C of both. There are few such days (one for each
//! installer), so they are not worth the care that a site's buckets get.

use solthrive_domain::Quarter;
use solthrive_domain::rollup::FleetSums;

use super::UtcDay;
use super::sealed::{BadBytes, open, seal};

/// The format's version, in the first byte.
const VERSION: u8 = 1;
const LEVEL: i32 = 3;
/// 96 quarters of 17 integers take no more, whatever these are.
const MOST_BYTES: usize = 96 * 17 * 10 + 10;

/// The quarters of `day` as bytes; they must be in order.
///
/// # Errors
/// [`BadBytes`] when they are not quarters of that day in order.
pub fn encode(day: UtcDay, quarters: &[(Quarter, FleetSums)]) -> Result<Vec<u8>, BadBytes> {
    check(day, quarters)?;
    let plain = postcard::to_stdvec(quarters).map_err(|_| BadBytes::Content("memory"))?;
    let packed =
        zstd::bulk::compress(&plain, LEVEL).map_err(|_| BadBytes::Content("compressor"))?;
    Ok(seal(VERSION, &packed))
}

/// What [`encode`] was given.
///
/// # Errors
/// [`BadBytes`].
pub fn decode(day: UtcDay, bytes: &[u8]) -> Result<Vec<(Quarter, FleetSums)>, BadBytes> {
    let packed = open(VERSION, bytes)?;
    let plain =
        zstd::bulk::decompress(packed, MOST_BYTES).map_err(|_| BadBytes::Content("compression"))?;
    let quarters: Vec<_> =
        postcard::from_bytes(&plain).map_err(|_| BadBytes::Content("encoding"))?;
    check(day, &quarters)?;
    Ok(quarters)
}

fn check(day: UtcDay, quarters: &[(Quarter, FleetSums)]) -> Result<(), BadBytes> {
    let in_order = quarters.is_sorted_by(|one, next| one.0 < next.0);
    if in_order && quarters.iter().all(|(at, _)| at.utc_day() == day) {
        Ok(())
    } else {
        Err(BadBytes::Content(
            "quarters that are not the day's, in order",
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use solthrive_domain::rollup::SiteTally;
    use solthrive_domain::telemetry::MicroWattHours;

    use super::*;

    fn sums() -> impl Strategy<Value = FleetSums> {
        any::<[i64; 16]>().prop_map(|numbers| {
            let tally = |at: usize| SiteTally {
                energy: MicroWattHours::new(numbers[at]),
                sites: numbers[at + 1],
            };
            FleetSums {
                sites: numbers[0],
                final_sites: numbers[1],
                covered_ms: numbers[2],
                elapsed_ms: numbers[3],
                solar: tally(4),
                import: tally(6),
                export: tally(8),
                home: tally(10),
                battery_charge: tally(12),
                battery_discharge: tally(14),
            }
        })
    }

    const DAY: UtcDay = 20_625;

    fn quarters() -> impl Strategy<Value = Vec<(Quarter, FleetSums)>> {
        prop::collection::btree_map(0..96_i64, sums(), 0..=96).prop_map(|quarters| {
            let at = |of_day| Quarter::try_from(DAY * Quarter::PER_DAY + of_day).unwrap();
            quarters
                .into_iter()
                .map(|(of_day, sums)| (at(of_day), sums))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn quarters_come_back(quarters in quarters()) {
            let bytes = encode(DAY, &quarters).unwrap();
            prop_assert_eq!(decode(DAY, &bytes), Ok(quarters));
        }

        #[test]
        fn damage_is_noticed(quarters in quarters(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let bytes = encode(DAY, &quarters).unwrap();
            let mut flipped = bytes.clone();
            flipped[place.index(bytes.len())] ^= 1 << bit;
            prop_assert!(decode(DAY, &flipped).is_err());
            prop_assert!(decode(DAY, &bytes[..place.index(bytes.len())]).is_err());
        }
    }

    #[test]
    fn quarters_of_another_day_or_out_of_order_are_refused() {
        let at = |of_day| Quarter::try_from(DAY * Quarter::PER_DAY + of_day).unwrap();
        let some = [(at(1), FleetSums::default()), (at(2), FleetSums::default())];
        assert!(encode(DAY, &some).is_ok());
        assert!(encode(DAY + 1, &some).is_err());
        assert!(encode(DAY, &[some[1], some[0]]).is_err());
        assert!(encode(DAY, &[some[0], some[0]]).is_err());
    }
}

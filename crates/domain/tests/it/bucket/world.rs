//! Random histories of a home, with everything that goes wrong in one.

use proptest::prelude::*;
use solthrive_domain::Sample;
use solthrive_domain::telemetry::{
    Doubts, MicroWattHours, MilliVolts, MilliWatts, Powers, Totals, UnixMillis,
};

use super::other_ledger;
use crate::support::{ledger_id, ts};

/// What happens from one sample to the next.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    after_ms: i64,
    /// Solar, grid and battery in W.
    powers: [Option<i32>; 3],
    /// Rise of solar, import, export in µWh; `None`: the total is missing.
    rises: [Option<i64>; 3],
    other_ledger: bool,
    quality: u32,
}

/// How wild a history is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wildness {
    /// Totals may fall, leap or be missing, ledgers may change.
    pub(super) broken: bool,
    /// Some homes have a battery.
    pub(super) battery: bool,
    /// Totals may fall by a little.
    pub(super) dips: bool,
}

impl Wildness {
    pub(crate) const ALL: Self = Self {
        broken: true,
        battery: true,
        dips: true,
    };
    /// Gaps and blindness, but totals that only grow as far as they can.
    pub(crate) const HONEST: Self = Self {
        broken: false,
        battery: false,
        dips: false,
    };
}

fn after() -> impl Strategy<Value = i64> {
    prop_oneof![
        30 => Just(15_000i64),
        10 => 1i64..60_000,
        8 => prop_oneof![Just(1_000i64), Just(60_000), Just(120_000), Just(120_001), Just(900_000)],
        4 => 60_000i64..1_800_000,
        2 => 1_800_000i64..20_000_000,
        1 => 20_000_000i64..200_000_000,
    ]
}

fn power(low: i32, high: i32) -> impl Strategy<Value = Option<i32>> {
    prop_oneof![2 => Just(Some(0)), 8 => (low..high).prop_map(Some), 1 => Just(None)]
}

fn rise(wild: Wildness) -> BoxedStrategy<Option<i64>> {
    let honest = prop_oneof![
        4 => Just(Some(0i64)),
        8 => (0i64..60_000).prop_map(Some),
        2 => Just(Some(100_000_000)),
        2 => (0i64..190_000_000).prop_map(Some),
    ];
    let broken = prop_oneof![
        2 => Just(None),
        1 => (200_000_001i64..4_000_000_000).prop_map(Some),
        1 => (-3_000_000_000i64..-200_000_001).prop_map(Some),
    ];
    let dips = (-199_000_000i64..0).prop_map(Some);
    match (wild.broken, wild.dips) {
        (false, false) => honest.boxed(),
        (true, false) => prop_oneof![12 => honest, 1 => broken].boxed(),
        (false, true) => prop_oneof![12 => honest, 1 => dips].boxed(),
        (true, true) => prop_oneof![12 => honest, 1 => broken, 1 => dips].boxed(),
    }
}

fn turn(wild: Wildness, with_battery: bool) -> impl Strategy<Value = Turn> {
    let battery = if with_battery {
        power(-4000, 4000).boxed()
    } else {
        Just(None).boxed()
    };
    let ledger = if wild.broken { 0.03 } else { 0.0 };
    (
        after(),
        (power(-5, 6000), power(-6000, 6000), battery),
        [rise(wild), rise(wild), rise(wild)],
        prop::bool::weighted(ledger),
        prop_oneof![9 => Just(0u32), 1 => 0u32..1 << 24],
    )
        .prop_map(|(after_ms, powers, rises, other_ledger, quality)| Turn {
            after_ms,
            powers: powers.into(),
            rises,
            other_ledger,
            quality,
        })
}

/// An hour or two without trouble: one sample a minute, power throughout, and totals that move
/// with every so manieth sample.
fn quiet(with_battery: bool) -> impl Strategy<Value = Vec<Turn>> {
    let power = [-3000i32..3000, -3000..3000, -3000..3000];
    (
        20usize..150,
        power,
        [0i64..2, 0..20_000_000, 0..20_000_000],
        1usize..50,
    )
        .prop_map(move |(samples, [solar, grid, battery], steps, every)| {
            let turn = |n: usize| Turn {
                after_ms: 60_000,
                powers: [
                    Some(solar),
                    Some(grid),
                    Some(battery).filter(|_| with_battery),
                ],
                rises: steps.map(|step| Some(if n.is_multiple_of(every) { step } else { 0 })),
                other_ledger: false,
                quality: 0,
            };
            (0..samples).map(turn).collect()
        })
}

/// Samples in time order: so many turns at most, and quiet hours between them.
pub(crate) fn history(wild: Wildness, up_to: usize) -> impl Strategy<Value = Vec<Sample>> {
    let battery = prop::bool::weighted(if wild.battery { 0.4 } else { 0.0 });
    battery
        .prop_flat_map(move |battery| {
            let some = prop::collection::vec(turn(wild, battery), 1..6);
            let part = prop_oneof![12 => some, 1 => quiet(battery)];
            prop::collection::vec(part, 1..2 + up_to / 3)
        })
        .prop_map(|parts| play(&parts.concat()))
}

fn play(turns: &[Turn]) -> Vec<Sample> {
    let mut now = ts("2026-06-01T09:59:10.250Z").as_millisecond();
    let mut totals = [5_000_000_000_000i64; 3];
    let mut ledger = ledger_id();
    let mut samples = Vec::new();
    for turn in turns {
        now += turn.after_ms;
        if turn.other_ledger {
            ledger = if ledger == ledger_id() {
                other_ledger()
            } else {
                ledger_id()
            };
        }
        let mut told = [None; 3];
        for ((told, total), rise) in told.iter_mut().zip(&mut totals).zip(turn.rises) {
            *total += rise.unwrap_or(0);
            *told = rise.map(|_| MicroWattHours::new(*total));
        }
        samples.push(Sample {
            power: powers(turn),
            voltage_l1: turn.powers[1].map(|watts| MilliVolts::new(120_000 - watts)),
            totals: Totals {
                solar: told[0],
                import: told[1],
                export: told[2],
                ..Totals::default()
            },
            quality: Doubts::from_bits(turn.quality),
            ..Sample::empty(UnixMillis::try_from(now).unwrap(), ledger)
        });
    }
    samples
}

/// The home is known where all of its parts are; what a battery does is told in every other home.
fn powers(turn: &Turn) -> Powers {
    let [solar, grid, battery] = turn
        .powers
        .map(|power| power.map(|watts| MilliWatts::new(watts * 1000 + 7)));
    let home = solar
        .zip(grid)
        .map(|(solar, grid)| solar.get() + grid.get() + battery.map_or(0, MilliWatts::get));
    Powers {
        solar,
        grid,
        battery,
        home: home.map(MilliWatts::new),
    }
}

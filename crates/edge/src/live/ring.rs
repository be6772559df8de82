//! The last hour at one second, small: 88 bytes a sample instead of a map of boxed names.

use std::collections::VecDeque;

use jiff::Timestamp;
use solthrive_domain::units::{Amps, Watts};
use solthrive_domain::{FlagCode, HomeModel, Input, Role, Snapshot};

/// An hour of seconds.
const CAPACITY: usize = 3600;

/// One sample of the last hour. Powers in W, and so on; `None` where the value was not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Wall time.
    pub ts: Timestamp,
    /// What made it doubtful.
    pub reasons: Vec<FlagCode>,
    /// W: solar, home, grid, battery, EV.
    pub flow: [Option<f32>; 5],
    /// V: L1, L2, L3.
    pub voltages: [Option<f32>; 3],
    /// A: mains L1 (or the only main), L2, L3, PV.
    pub currents: [Option<f32>; 4],
    /// Hz.
    pub frequency: Option<f32>,
    /// -1 to 1.
    pub pf: Option<f32>,
    /// Wh drawn and fed in since the ledger began.
    pub totals: [Option<f64>; 2],
}

/// The samples, oldest first by arrival; a clock that was set back makes their times fall. Each has a
/// number, which only grows.
#[derive(Debug)]
pub(super) struct Ring {
    kept: VecDeque<Packed>,
    /// Number of the oldest that is kept.
    first: u64,
}

impl Ring {
    /// Reserves the address range at once; pages become resident as they fill.
    pub(super) fn new() -> Self {
        Self {
            kept: VecDeque::with_capacity(CAPACITY),
            first: 0,
        }
    }

    pub(super) fn push(&mut self, snapshot: &Snapshot, home: &HomeModel) {
        if self.kept.len() == CAPACITY {
            self.kept.pop_front();
            self.first += 1;
        }
        self.kept.push_back(Packed::of(snapshot, home));
    }

    /// At most `limit` samples in `[from, to)` whose number is at least `number`, and the number to
    /// read on with.
    pub(super) fn between(
        &self,
        from: Timestamp,
        to: Timestamp,
        number: u64,
        limit: usize,
    ) -> (Vec<Sample>, u64) {
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        let skip = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let wanted = (self.first..)
            .zip(&self.kept)
            .skip(skip)
            .filter(|(_, packed)| packed.at >= from && packed.at < to);
        let mut next = number;
        let mut samples = Vec::new();
        for (number, packed) in wanted.take(limit) {
            next = number + 1;
            samples.extend(packed.unpack());
        }
        (samples, next)
    }
}

/// A sample as it is kept: NaN stands for "not known", bit `n` of `reasons` for `FlagCode::ALL[n]`.
#[derive(Debug, Clone, Copy)]
struct Packed {
    at: i64,
    totals: [f64; 2],
    reasons: u32,
    values: [f32; 14],
}

const _: () = assert!(FlagCode::ALL.len() <= 32, "reasons are kept in 32 bits");
const _: () = assert!(
    size_of::<Packed>() <= 88,
    "an hour of samples must stay near 300 kB"
);

impl Packed {
    fn of(snapshot: &Snapshot, home: &HomeModel) -> Self {
        let flow = &snapshot.flow;
        let watts = |power: Option<Watts>| power.map(f64::from);
        let volts = |input| snapshot.voltages.get(&input).copied().map(f64::from);
        let amps = |role| current_of(snapshot, home, role).map(f64::from);
        let values = [
            watts(flow.solar),
            watts(flow.home),
            watts(flow.grid),
            watts(flow.battery),
            watts(flow.ev),
            volts(Input::L1),
            volts(Input::L2),
            volts(Input::L3),
            amps(Role::MainL1).or_else(|| amps(Role::Main)),
            amps(Role::MainL2),
            amps(Role::MainL3),
            amps(Role::Pv),
            snapshot.frequency.map(f64::from),
            snapshot.pf.map(f64::from),
        ];
        let bit = |code: &FlagCode| {
            FlagCode::ALL
                .iter()
                .position(|other| other == code)
                .map_or(0, |at| 1 << at)
        };
        Self {
            at: snapshot.ts.as_millisecond(),
            totals: [snapshot.totals.import, snapshot.totals.export]
                .map(|total| total.map_or(f64::NAN, f64::from)),
            reasons: snapshot
                .quality
                .reasons()
                .iter()
                .map(bit)
                .fold(0, |all, one| all | one),
            values: values.map(narrow),
        }
    }

    fn unpack(&self) -> Option<Sample> {
        let known = |value: f32| (!value.is_nan()).then_some(value);
        let [
            solar,
            home,
            grid,
            battery,
            ev,
            v1,
            v2,
            v3,
            i1,
            i2,
            i3,
            pv,
            frequency,
            pf,
        ] = self.values.map(known);
        Some(Sample {
            ts: Timestamp::from_millisecond(self.at).ok()?,
            reasons: FlagCode::ALL
                .iter()
                .enumerate()
                .filter(|(at, _)| self.reasons >> at & 1 == 1)
                .map(|(_, code)| *code)
                .collect(),
            flow: [solar, home, grid, battery, ev],
            voltages: [v1, v2, v3],
            currents: [i1, i2, i3, pv],
            frequency,
            pf,
            totals: self.totals.map(|total| (!total.is_nan()).then_some(total)),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seven digits are more than a meter has"
)]
fn narrow(value: Option<f64>) -> f32 {
    value.map_or(f32::NAN, |value| value as f32)
}

/// The current of the first channel with this role that has one.
#[must_use]
pub fn current_of(snapshot: &Snapshot, home: &HomeModel, role: Role) -> Option<Amps> {
    home.with_role(role)
        .find_map(|channel| snapshot.channels.get(&channel.name)?.current)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use solthrive_domain::units::Volts;
    use solthrive_domain::{
        Energies, MeterId, Mono, PowerFlow, Quality, Service, Snapshot, units::WattHours,
    };

    use super::*;

    fn home() -> HomeModel {
        HomeModel {
            service: Service::SplitPhase,
            channels: Vec::new(),
            reference_meter: MeterId::new("main"),
            solar_nameplate: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn snapshot(second: i64) -> Snapshot {
        Snapshot {
            seq: 0,
            ts: at(second),
            at: Mono::ZERO,
            flow: PowerFlow {
                grid: Some(Watts::try_from(-2080.5).unwrap()),
                ..PowerFlow::default()
            },
            voltages: BTreeMap::from([(Input::L1, Volts::try_from(121.4).unwrap())]),
            channels: BTreeMap::new(),
            frequency: None,
            pf: None,
            totals: Energies {
                import: Some(WattHours::try_from(123_456_789.5).unwrap()),
                ..Energies::default()
            },
            quality: Quality::new(vec![FlagCode::UpdateFailed, FlagCode::MeterNotResponding]),
        }
    }

    #[test]
    fn a_sample_comes_back_as_it_was_and_the_unknown_stays_unknown() {
        let mut ring = Ring::new();
        ring.push(&snapshot(0), &home());
        let [sample] = ring.between(at(0), at(1), 0, 9).0.try_into().unwrap();
        assert_eq!(sample.flow, [None, None, Some(-2080.5), None, None]);
        assert_eq!(sample.voltages, [Some(121.4), None, None]);
        assert_eq!(sample.currents, [None; 4]);
        assert_eq!(
            sample.totals,
            [Some(123_456_789.5), None],
            "totals keep every watt-hour"
        );
        assert_eq!(
            sample.reasons,
            [FlagCode::MeterNotResponding, FlagCode::UpdateFailed]
        );
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let mut ring = Ring::new();
        for second in 0..4_000 {
            ring.push(&snapshot(second), &home());
        }
        let (all, next) = ring.between(at(0), at(9_999), 0, usize::MAX);
        assert_eq!(
            (all.len(), all[0].ts, all[3_599].ts),
            (3_600, at(400), at(3_999))
        );
        assert_eq!(next, 4_000);
        assert_eq!(ring.between(at(500), at(510), 0, 4).0.len(), 4);
    }

    /// Pages follow arrival, not time: a clock that is set back between two of them loses nothing.
    #[test]
    fn pages_lose_no_sample_to_a_clock_that_was_set_back() {
        let mut ring = Ring::new();
        let seconds: Vec<i64> = (100..110).chain(50..70).collect();
        for second in &seconds {
            ring.push(&snapshot(*second), &home());
        }
        let mut read = Vec::new();
        let mut number = 0;
        loop {
            let (page, next) = ring.between(at(0), at(999), number, 4);
            if page.is_empty() {
                break;
            }
            read.extend(page.iter().map(|sample| sample.ts));
            number = next;
        }
        let expected: Vec<_> = seconds.iter().map(|second| at(*second)).collect();
        assert_eq!(read, expected);
    }
}

//! Minutes put together to longer intervals of the site's clock, one row at a time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use solthrive_domain::units::{Amps, Hertz, PowerFactor, Volts, Watts};
use solthrive_domain::{Energies, FlagCode, HomeModel, Input, MinuteRow, Role, Stat};

use super::super::wire::{self, Bounds, HistoryRow, QualityBody};

/// Collects rows that come oldest first.
pub(super) struct Buckets {
    seconds: i64,
    zone: TimeZone,
    /// Names of the channels behind `current_l1`, `_l2`, `_l3` and `_pv`.
    currents: [Vec<String>; 4],
    open: Option<Bucket>,
}

impl Buckets {
    pub(super) fn new(seconds: i64, zone: TimeZone, home: &HomeModel) -> Self {
        let names = |role| {
            home.with_role(role)
                .map(|channel| channel.name.clone())
                .collect::<Vec<_>>()
        };
        let mut first = names(Role::MainL1);
        first.extend(names(Role::Main));
        let currents = [
            first,
            names(Role::MainL2),
            names(Role::MainL3),
            names(Role::Pv),
        ];
        Self {
            seconds: seconds.max(60),
            zone,
            currents,
            open: None,
        }
    }

    /// Takes a minute; gives the interval before, when this one belongs to another.
    pub(super) fn push(&mut self, minute: &MinuteRow) -> Option<HistoryRow> {
        let start = self.start_of(minute.start);
        let done = if self
            .open
            .as_ref()
            .is_some_and(|bucket| bucket.start != start)
        {
            self.finish()
        } else {
            None
        };
        self.open
            .get_or_insert_with(|| Bucket::new(start))
            .take(minute, &self.currents);
        done
    }

    /// The interval that is open.
    pub(super) fn finish(&mut self) -> Option<HistoryRow> {
        let seconds = self.seconds;
        self.open.take().map(|bucket| bucket.row(seconds))
    }

    /// Intervals begin where the site's clock shows a multiple of their length.
    fn start_of(&self, at: Timestamp) -> Timestamp {
        let offset = i64::from(self.zone.to_offset(at).seconds());
        let local = (at.as_second() + offset).div_euclid(self.seconds) * self.seconds;
        Timestamp::from_second(local - offset).unwrap_or(at)
    }
}

/// A mean that weighs each minute by its samples.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn take(&mut self, value: Option<f64>, weight: f64) {
        if let Some(value) = value {
            self.sum += value * weight;
            self.weight += weight;
        }
    }

    fn get<U: TryFrom<f64>>(self) -> Option<U> {
        if self.weight > 0.0 {
            U::try_from(self.sum / self.weight).ok()
        } else {
            None
        }
    }
}

struct Bucket {
    start: Timestamp,
    samples: u32,
    covered: f64,
    flows: [Mean; 5],
    min: [Option<f64>; 5],
    max: [Option<f64>; 5],
    voltages: [Mean; 3],
    currents: [Mean; 4],
    frequency: Mean,
    pf: Mean,
    energy: Energies,
    totals: Energies,
    reasons: BTreeSet<FlagCode>,
}

impl Bucket {
    fn new(start: Timestamp) -> Self {
        Self {
            start,
            samples: 0,
            covered: 0.0,
            flows: Default::default(),
            min: [None; 5],
            max: [None; 5],
            voltages: Default::default(),
            currents: Default::default(),
            frequency: Mean::default(),
            pf: Mean::default(),
            energy: Energies::default(),
            totals: Energies::default(),
            reasons: BTreeSet::new(),
        }
    }

    fn take(&mut self, minute: &MinuteRow, names: &[Vec<String>; 4]) {
        let weight = f64::from(minute.samples.max(1));
        self.samples += u32::from(minute.samples);
        self.covered += minute.covered.as_secs_f64();
        let flows = [
            &minute.solar,
            &minute.home,
            &minute.grid,
            &minute.battery,
            &minute.ev,
        ];
        for (at, stat) in flows.into_iter().enumerate() {
            let Some(Stat { mean, min, max }) = *stat else {
                continue;
            };
            self.flows[at].take(Some(mean), weight);
            self.min[at] = Some(self.min[at].map_or(min, |known| known.min(min)));
            self.max[at] = Some(self.max[at].map_or(max, |known| known.max(max)));
        }
        for (mean, input) in self
            .voltages
            .iter_mut()
            .zip([Input::L1, Input::L2, Input::L3])
        {
            mean.take(minute.voltages.get(&input).map(|stat| stat.mean), weight);
        }
        for (mean, names) in self.currents.iter_mut().zip(names) {
            mean.take(
                names
                    .iter()
                    .find_map(|name| minute.currents.get(name))
                    .copied(),
                weight,
            );
        }
        self.frequency.take(minute.frequency, weight);
        self.pf.take(minute.pf, weight);
        self.energy = self.energy.plus(minute.energy);
        self.totals = minute.totals;
        self.reasons.extend(&minute.quality);
    }

    fn row(self, seconds: i64) -> HistoryRow {
        let [solar, home, grid, battery, ev] = self.flows.map(Mean::get::<Watts>);
        let [v1, v2, v3] = self
            .voltages
            .map(|mean| mean.get::<Volts>().map(wire::volts));
        let [i1, i2, i3, pv] = self.currents.map(|mean| mean.get::<Amps>().map(wire::amps));
        let reasons: Vec<_> = self.reasons.into_iter().collect();
        HistoryRow {
            samples: self.samples,
            coverage: wire::ratio((self.covered / seconds as f64).min(1.0)),
            quality: QualityBody::of(&reasons),
            voltage_l1: v1,
            voltage_l2: v2,
            voltage_l3: v3,
            current_l1: i1,
            current_l2: i2,
            current_l3: i3,
            current_pv: pv,
            power_total: grid.map(wire::watts),
            energy_import: self.totals.import.map(wire::kwh),
            energy_export: self.totals.export.map(wire::kwh),
            frequency: self.frequency.get::<Hertz>().map(wire::hertz),
            pf: self.pf.get::<PowerFactor>().map(wire::pf),
            solar_kw: solar.map(wire::kw),
            home_kw: home.map(wire::kw),
            grid_kw: grid.map(wire::kw),
            battery_kw: battery.map(wire::kw),
            ev_kw: ev.map(wire::kw),
            min: Some(bounds(self.min)),
            max: Some(bounds(self.max)),
            solar_kwh: self.energy.solar.map(wire::kwh),
            home_kwh: self.energy.home.map(wire::kwh),
            import_kwh: self.energy.import.map(wire::kwh),
            export_kwh: self.energy.export.map(wire::kwh),
            ..HistoryRow::empty(self.start)
        }
    }
}

fn bounds(watts: [Option<f64>; 5]) -> Bounds {
    let shown = watts.map(|watts| {
        watts
            .and_then(|watts| Watts::try_from(watts).ok())
            .map(wire::kw)
    });
    let [solar_kw, home_kw, grid_kw, battery_kw, ev_kw] = shown;
    Bounds {
        solar_kw,
        home_kw,
        grid_kw,
        battery_kw,
        ev_kw,
    }
}

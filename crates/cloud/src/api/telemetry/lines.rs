//! The lines of a chart, by name.

use solthrive_domain::Stat;
use solthrive_domain::bucket::{Bucket, EnergySums, Slice};
use solthrive_domain::telemetry::MicroWattHours;

use crate::api::sight::Sight;

/// The lines of charts that may be seen.
pub(super) fn seen(sight: Sight) -> Vec<Line> {
    let solar = [SOLAR].into_iter().filter(|_| sight.production);
    let others = [HOME, GRID, BATTERY]
        .into_iter()
        .filter(|_| sight.consumption);
    solar.chain(others).collect()
}

/// One energy.
type Energy = fn(&EnergySums) -> Option<MicroWattHours>;

/// A line of the chart: its names, its place among powers, the energies that go with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Mean, smallest and largest power.
    pub(super) names: [&'static str; 3],
    place: usize,
    energies: &'static [(&'static str, Energy)],
}

const SOLAR: Line = Line {
    names: ["solar_kw", "solar_kw_min", "solar_kw_max"],
    place: 0,
    energies: &[("solar_kwh", |sums| sums.solar)],
};
const HOME: Line = Line {
    names: ["home_kw", "home_kw_min", "home_kw_max"],
    place: 1,
    energies: &[("home_kwh", |sums| sums.home)],
};
const GRID: Line = Line {
    names: ["grid_kw", "grid_kw_min", "grid_kw_max"],
    place: 2,
    energies: &[
        ("import_kwh", |sums| sums.import),
        ("export_kwh", |sums| sums.export),
    ],
};
const BATTERY: Line = Line {
    names: ["battery_kw", "battery_kw_min", "battery_kw_max"],
    place: 3,
    energies: &[
        ("battery_charge_kwh", |sums| sums.battery_charge),
        ("battery_discharge_kwh", |sums| sums.battery_discharge),
    ],
};

impl Line {
    /// Every name it has, in the order of [`Self::values`].
    pub(super) fn all_names(&self) -> impl Iterator<Item = &'static str> {
        let energies = self.energies.iter().map(|(name, _)| *name);
        self.names.into_iter().chain(energies)
    }

    /// kW and kWh of a point; NaN is not known.
    pub(super) fn values(&self, point: &Point) -> impl Iterator<Item = f64> {
        let stat = point.powers[self.place];
        let kw = |value: Option<f64>| value.map_or(f64::NAN, |watts| round(watts / 1000.0));
        let powers = [
            kw(stat.map(|stat| stat.mean)),
            kw(stat.map(|stat| stat.min)),
            kw(stat.map(|stat| stat.max)),
        ];
        let energies = self.energies.iter().map(|(_, energy)| {
            let steps = energy(&point.energy).map(MicroWattHours::get);
            steps.map_or(f64::NAN, |steps| round(steps as f64 / 1e9))
        });
        powers.into_iter().chain(energies)
    }
}

/// What is known of one point of a chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// Measured share, 0 to 1.
    pub(super) coverage: f64,
    powers: [Option<Stat>; 4],
    energy: EnergySums,
}

impl Point {
    /// Of several quarters, of `of` that it could have.
    pub(super) fn of_buckets(buckets: &[Bucket], of: i64) -> Self {
        let covered: f64 = buckets.iter().map(Bucket::coverage).sum();
        let mut powers = [None; 4];
        for (place, power) in powers.iter_mut().enumerate() {
            *power = stat(buckets, place);
        }
        let energies = buckets.iter().map(|bucket| bucket.energy);
        Self {
            coverage: round(covered / of.max(1) as f64),
            powers,
            energy: energies.fold(EnergySums::default(), EnergySums::plus),
        }
    }

    /// Of a stretch of so many ms.
    pub(super) fn of_slice(slice: &Slice, ms: i64) -> Self {
        Self {
            coverage: round(f64::from(slice.covered_ms) / ms.max(1) as f64),
            powers: slice.powers(),
            energy: slice.energy,
        }
    }
}

/// Mean over the measured time, and the extremes, of several quarters.
fn stat(group: &[Bucket], place: usize) -> Option<Stat> {
    let known = group.iter().filter_map(|bucket| {
        let weight = f64::from(bucket.covered_ms.max(1));
        bucket.powers()[place].map(|stat| (stat, weight))
    });
    let mut whole: Option<(Stat, f64)> = None;
    for (stat, weight) in known {
        whole = Some(match whole {
            None => (stat, weight),
            Some((before, sum)) => {
                let mean = (before.mean * sum + stat.mean * weight) / (sum + weight);
                let (min, max) = (before.min.min(stat.min), before.max.max(stat.max));
                (Stat { mean, min, max }, sum + weight)
            }
        });
    }
    whole.map(|(stat, _)| stat)
}

/// To the watt or watt-hour: more digits would be noise.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// The unit that a name ends with.
pub(in crate::api) fn unit(name: &str) -> &'static str {
    let name = name.trim_end_matches("_min").trim_end_matches("_max");
    let last = name.rsplit(['_', '.']).next().unwrap_or_default();
    match (name, last) {
        (_, "kw") => "kW",
        (_, "kwh" | "total") => "kWh",
        ("frequency", _) => "Hz",
        ("voltage_l1" | "voltage_l2", _) => "V",
        ("current_l1" | "current_l2" | "current_pv", _) | (_, "a") => "A",
        _ => "1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_unit() {
        for (name, expected) in [
            ("solar_kw", "kW"),
            ("solar_kw_max", "kW"),
            ("import_kwh", "kWh"),
            ("battery_charge_kwh_total", "kWh"),
            ("voltage_l2", "V"),
            ("current_pv", "A"),
            ("frequency", "Hz"),
            ("pf", "1"),
            ("channels.ev.kw", "kW"),
            ("channels.ev.a", "A"),
            ("channels.ev.pf", "1"),
        ] {
            assert_eq!(unit(name), expected, "{name}");
        }
    }
}

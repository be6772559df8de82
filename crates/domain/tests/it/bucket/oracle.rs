//! The same buckets by another way: slowly, in floating point, looking back over the whole history
//! for everything instead of remembering anything, and walking each stretch step by step.

use std::collections::BTreeMap;

use proptest::prelude::*;
use solthrive_domain::Sample;
use solthrive_domain::telemetry::{MicroWattHours, MilliWatts};

use super::fold;
use super::world::{Wildness, history};

const STEP_MS: i64 = 120_000;
const WAIT_MS: i64 = 1_800_000;
const SETTLE_MS: i64 = 600_000;
const HULL_MS: i64 = 24 * 3_600_000;

/// What one quarter amounts to: import, export, solar, home in µWh, covered ms.
type Quarters = BTreeMap<i64, [f64; 5]>;

struct Line<'a> {
    samples: &'a [Sample],
    /// Pairs so far in which any total was told anew, by the sample that ends them.
    broken: &'a [bool],
    power: fn(&Sample) -> Option<i32>,
    total: fn(&Sample) -> Option<MicroWattHours>,
}

fn millis(sample: &Sample) -> i64 {
    sample.ts.get()
}

impl Line<'_> {
    fn time(&self, n: usize) -> i64 {
        millis(&self.samples[n])
    }

    /// Both totals of the pair that ends here, where they can be compared.
    fn totals(&self, n: usize) -> Option<(i64, i64)> {
        let (a, b) = (&self.samples[n - 1], &self.samples[n]);
        (a.ledger == b.ledger).then_some(())?;
        Some(((self.total)(a)?.get(), (self.total)(b)?.get()))
    }

    fn powers(&self, n: usize) -> Option<(f64, f64)> {
        let is_close = self.time(n) - self.time(n - 1) <= STEP_MS;
        let (a, b) = (
            (self.power)(&self.samples[n - 1])?,
            (self.power)(&self.samples[n])?,
        );
        is_close.then_some((a.into(), b.into()))
    }

    /// Where the ledger that a pair belongs to began to be followed.
    fn beginning(&self, n: usize) -> usize {
        (1..=n)
            .rev()
            .find(|pair| self.totals(*pair).is_none())
            .unwrap_or(0)
    }

    /// From when the energy of the rise that ends here may stem.
    fn since(&self, n: usize) -> i64 {
        let beginning = self.beginning(n);
        let mut since = self.time(n - 1) - WAIT_MS;
        if beginning == n - 1 || self.powers(n - 1).is_none() {
            return self.time(n - 1);
        }
        for pair in (beginning + 1..n).rev() {
            let (before, after) = self.totals(pair).unwrap();
            let flows = self.powers(pair).is_some_and(|(a, b)| a > 0.0 || b > 0.0);
            if before != after || !flows || self.restarts(pair + 1) {
                since = since.max(self.time(pair));
                break;
            }
            if pair == beginning + 1 {
                since = since.max(self.time(beginning));
            }
        }
        if self.restarts(n) {
            since = since.max(self.time(n - 1));
        }
        since
    }

    /// Whether the home is told in another way in this pair than in the one before, or a total broke there.
    fn restarts(&self, n: usize) -> bool {
        n >= 2
            && (self.broken[n - 1]
                || counts_home(self.samples, n) != counts_home(self.samples, n - 1))
    }

    /// The gap that ends here, with those that lead up to it.
    fn gap(&self, n: usize) -> (i64, i64) {
        let (from, to) = (self.time(n - 1), self.time(n));
        let oldest = from.min(to - HULL_MS);
        let before = (self.beginning(n) + 1..n)
            .rev()
            .find(|pair| self.powers(*pair).is_none());
        match before {
            Some(pair) if from - self.time(pair) <= SETTLE_MS => (self.gap(pair).0.max(oldest), to),
            _ => (from, to),
        }
    }

    /// The gap that the rise which ends here may belong to.
    fn open_gap(&self, n: usize) -> Option<(i64, i64)> {
        let pair = (self.beginning(n) + 1..=n)
            .rev()
            .find(|pair| self.powers(*pair).is_none())?;
        (self.time(n) - self.time(pair) <= SETTLE_MS).then(|| self.gap(pair))
    }

    /// Stretches and energies of the pair that ends here; `None` where the total is told anew.
    fn told(&self, n: usize) -> Option<Vec<(i64, i64, f64)>> {
        let (before, after) = self.totals(n)?;
        let (since, until) = (self.since(n), self.time(n));
        #[expect(
            clippy::cast_precision_loss,
            reason = "the oracle is in floating point"
        )]
        let (gained, power_ms) = ((after - before) as f64, |ms: i64| {
            100_000_000.0 / 3600.0 * ms as f64 + 2e8
        });
        if gained < 0.0 {
            return None;
        }
        let here = self.powers(n).map(|_| self.walk(n, |_| true));
        let late = match (self.open_gap(n), here) {
            (Some(gap), Some(here)) if gained - here >= 5e7 - 1.0 => {
                Some((gap, gained - here.min(gained)))
            }
            (Some(gap), None) if gained > power_ms(until - since) => Some((gap, gained)),
            _ => None,
        };
        let room = until - late.map_or(since, |((from, _), _)| from.min(since));
        if gained > power_ms(room) {
            return None;
        }
        let own = gained - late.map_or(0.0, |(_, energy)| energy);
        let mut told = vec![(since, until, own)];
        told.extend(late.map(|((from, to), energy)| (from, to, energy)));
        Some(told)
    }

    /// Positive energy of the pair in µWh within some quarters, in steps of a 64th of it.
    fn walk(&self, n: usize, counts: impl Fn(i64) -> bool) -> f64 {
        let Some((a, b)) = self.powers(n) else {
            return 0.0;
        };
        walk(self.time(n - 1), self.time(n), a, b, true, counts)
    }
}

/// Energy of a straight line of power, in thousands of steps that end at quarters too.
#[expect(
    clippy::cast_precision_loss,
    reason = "the oracle is in floating point"
)]
fn walk(
    from: i64,
    to: i64,
    a: f64,
    b: f64,
    only_positive: bool,
    counts: impl Fn(i64) -> bool,
) -> f64 {
    let at = |t: f64| a + (b - a) * (t - from as f64) / (to - from) as f64;
    let mut energy = 0.0;
    for quarter in from.div_euclid(900_000)..=to.div_euclid(900_000) {
        let (start, end) = (
            from.max(quarter * 900_000) as f64,
            to.min((quarter + 1) * 900_000) as f64,
        );
        if !counts(quarter) || start >= end {
            continue;
        }
        let step = (end - start) / 4000.0;
        for n in 0..4000 {
            let power = at(start + (f64::from(n) + 0.5) * step);
            energy += if only_positive { power.max(0.0) } else { power } * step / 3600.0;
        }
    }
    energy
}

fn counts_home(samples: &[Sample], n: usize) -> bool {
    let (a, b) = (&samples[n - 1], &samples[n]);
    let all = |sample: &Sample| {
        sample
            .totals
            .solar
            .and(sample.totals.import)
            .and(sample.totals.export)
            .is_some()
    };
    a.ledger == b.ledger && all(a) && all(b) && (a.power.home.is_some() || b.power.home.is_some())
}

fn lines<'a>(samples: &'a [Sample], broken: &'a [bool]) -> [Line<'a>; 3] {
    let line = |power, total| Line {
        samples,
        broken,
        power,
        total,
    };
    [
        line(
            |sample| sample.power.grid.map(MilliWatts::get),
            |sample| sample.totals.import,
        ),
        line(
            |sample| sample.power.grid.map(|power| -power.get()),
            |sample| sample.totals.export,
        ),
        line(
            |sample| sample.power.solar.map(MilliWatts::get),
            |sample| sample.totals.solar,
        ),
    ]
}

/// Everything, pair by pair.
#[expect(
    clippy::cast_precision_loss,
    reason = "the oracle is in floating point"
)]
fn slowly(samples: &[Sample]) -> Quarters {
    let mut quarters = Quarters::new();
    for sample in samples {
        quarters
            .entry(millis(sample).div_euclid(900_000))
            .or_default();
    }
    let mut broken = vec![false];
    for n in 1..samples.len() {
        let (from, to) = (millis(&samples[n - 1]), millis(&samples[n]));
        let breaks = lines(samples, &broken)
            .iter()
            .any(|line| line.totals(n).is_some() && line.told(n).is_none());
        broken.push(breaks);
        let is_counted = counts_home(samples, n) && !breaks;
        for (place, line) in lines(samples, &broken).iter().enumerate() {
            let sign = if place == 1 { -1.0 } else { 1.0 };
            for (from, to, energy) in line.told(n).unwrap_or_default() {
                for quarter in from.div_euclid(900_000)..=to.div_euclid(900_000) {
                    let overlap = to.min((quarter + 1) * 900_000) - from.max(quarter * 900_000);
                    let part = energy * overlap as f64 / (to - from) as f64;
                    if overlap > 0 {
                        let sums = quarters.entry(quarter).or_default();
                        sums[place] += part;
                        sums[3] += if is_counted { sign * part } else { 0.0 };
                    }
                }
            }
            if line.totals(n).is_none() {
                for quarter in from.div_euclid(900_000)..=to.div_euclid(900_000) {
                    let energy = line.walk(n, |counted| counted == quarter);
                    quarters.entry(quarter).or_default()[place] += energy;
                }
            }
        }
        let home = |sample: &Sample| sample.power.home.map(|power| f64::from(power.get()));
        let (Some(a), Some(b)) = (home(&samples[n - 1]), home(&samples[n])) else {
            continue;
        };
        if to - from > STEP_MS {
            continue;
        }
        for quarter in from.div_euclid(900_000)..=to.div_euclid(900_000) {
            let sums = quarters.entry(quarter).or_default();
            sums[4] +=
                (to.min((quarter + 1) * 900_000) - from.max(quarter * 900_000)).max(0) as f64;
            if !is_counted {
                sums[3] += walk(from, to, a, b, false, |counted| counted == quarter);
            }
        }
    }
    quarters
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_slow_walk_finds_the_same_energy_in_every_bucket(
        samples in history(Wildness { dips: false, battery: false, broken: true }, 40),
    ) {
        let (fast, slow) = (fold(&samples).0, slowly(&samples));
        let find = |quarter: i64| fast.values().find(|bucket| bucket.quarter.index() == quarter);
        for (quarter, expected) in &slow {
            let Some(bucket) = find(*quarter) else {
                prop_assert_eq!(expected, &[0.0; 5]);
                continue;
            };
            let [solar, import, export, home, ..] = bucket.energy.array();
            #[expect(clippy::cast_precision_loss, reason = "the oracle is in floating point")]
            for (place, found) in [import, export, solar, home].into_iter().enumerate() {
                let found = found.map_or(0, MicroWattHours::get) as f64;
                // A µWh for every stretch that is split, and the steps in which a zero is crossed.
                let slack = 100.0 + expected[place].abs() * 1e-9;
                prop_assert!((found - expected[place]).abs() < slack, "{place} of {quarter}: {found}, not {}", expected[place]);
            }
            prop_assert_eq!(f64::from(bucket.covered_ms), expected[4]);
        }
        for bucket in fast.values() {
            prop_assert!(slow.contains_key(&bucket.quarter.index()));
        }
    }
}

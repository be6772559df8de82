//! Homes that do not exist, for measuring and testing: the same seed gives the same day.
//!
//! A home is simulated second by second (sun behind clouds, loads that switch, legs, reactive power,
//! voltage drop) and reported every `interval` seconds, quantised as meters report. Counters gather
//! every second, so they know more than the samples between them.

use solthrive_cloud_store::chunk::{ColumnId, Finite, Known, Table, Value};

/// How well the numbers of one row agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metering {
    /// One instrument: home = solar + grid to the watt, power factor from the row's own volts and amps.
    Consistent,
    /// Home, grid and solar from CTs with gains and noise of their own; more noise everywhere; times jitter.
    Noisy,
}

/// 2026-06-21T00:00:00Z.
const MIDNIGHT: i64 = 1_782_000_000_000;

/// A row as an appliance reports it: its time in ms since the Unix epoch, and its cells.
pub(crate) type Report = (i64, Vec<(ColumnId, Value)>);

/// Reports without end from `begin` (ms, a midnight in UTC) on; totals go on from day to day.
#[allow(dead_code, reason = "one of the programs that share this file")]
pub(crate) fn reports(
    seed: u64,
    begin: i64,
    interval: i64,
    metering: Metering,
) -> impl Iterator<Item = Report> {
    let mut home = Home::new(seed, metering);
    (0..).filter_map(move |second| {
        home.step(second);
        (second % interval == 0).then(|| (begin + second * 1000, home.report()))
    })
}

/// One day, `86,400 / interval` rows.
#[allow(dead_code, reason = "one of the programs that share this file")]
pub(crate) fn day(seed: u64, interval: i64, metering: Metering) -> Table {
    let mut home = Home::new(seed, metering);
    let mut table = Table::default();
    let begin = MIDNIGHT + i64::try_from(seed % 365).unwrap_or(0) * 86_400_000;
    for second in 0..86_400 {
        home.step(second);
        if second % interval == 0 {
            let jitter = if metering == Metering::Noisy {
                home.chance.below(9)
            } else {
                0
            };
            let stored = table.insert(begin + second * 1000 + jitter, &home.report());
            assert!(stored.is_ok(), "{stored:?}");
        }
    }
    table
}

/// xorshift64*: good enough for noise.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: u64) -> i64 {
        i64::try_from(self.next() % end).unwrap_or(0)
    }

    /// About normal, deviation 1.
    fn noise(&mut self) -> f64 {
        (0..6).map(|_| self.unit()).sum::<f64>() * 1.414 - 4.242
    }
}

/// A load that switches on and off at random.
struct Load {
    kw: f64,
    pf: f64,
    /// Share on leg 1: 0.5 for 240 V.
    leg1: f64,
    /// Mean seconds on and off.
    spans: (f64, f64),
    on: bool,
    until: i64,
    drift: f64,
}

struct Home {
    chance: Chance,
    metering: Metering,
    loads: Vec<Load>,
    peak: f64,
    cloud: (f64, f64, i64),
    solar: f64,
    legs: [Leg; 2],
    volts: f64,
    hertz: f64,
    base: f64,
    totals: [f64; 3],
    gains: [f64; 3],
}

#[derive(Clone, Copy, Default)]
struct Leg {
    kw: f64,
    kvar: f64,
    volts: f64,
    amps: f64,
}

impl Home {
    fn new(seed: u64, metering: Metering) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            chance.next();
        }
        let spread = |chance: &mut Chance, value: f64| value * (0.7 + 0.6 * chance.unit());
        let kinds = [
            (0.12, 0.82, 1.0, 900.0, 1500.0),
            (0.2, 0.9, 0.0, 3000.0, 5000.0),
            (3.2, 0.93, 0.5, 800.0, 2400.0),
            (4.5, 1.0, 0.5, 900.0, 14_000.0),
            (1.4, 1.0, 0.0, 120.0, 9000.0),
            (2.2, 1.0, 0.5, 25.0, 1200.0),
            (0.06, 0.6, 1.0, 5000.0, 4000.0),
            (0.9, 0.97, 1.0, 300.0, 12_000.0),
        ];
        let load = |(kw, pf, leg1, on, off): (f64, f64, f64, f64, f64)| Load {
            kw: spread(&mut chance, kw),
            pf,
            leg1,
            spans: (on, off),
            on: false,
            until: chance.below(2000),
            drift: 0.0,
        };
        let loads = kinds.map(load).into();
        let mut gain = || {
            if metering == Metering::Noisy {
                1.0 + 0.01 * chance.noise()
            } else {
                1.0
            }
        };
        let gains = [gain(), gain(), gain()];
        let peak = spread(&mut chance, 6.5);
        let mut total = || (chance.unit() * 2e7).round() / 1000.0;
        let totals = [total(), total(), total()];
        Self {
            chance,
            metering,
            loads,
            peak,
            cloud: (0.0, 0.0, 0),
            solar: 0.0,
            legs: [Leg::default(); 2],
            volts: 0.0,
            hertz: 0.0,
            base: 0.0,
            totals,
            gains,
        }
    }

    fn step(&mut self, second: i64) {
        self.shine(second);
        self.draw(second);
        self.volts += 0.02 * self.chance.noise() - 0.0004 * self.volts;
        self.hertz += 0.001 * self.chance.noise() - 0.003 * self.hertz;
        for (leg, sway) in self.legs.iter_mut().zip([0.8, 1.0]) {
            let apparent = leg.kw.hypot(leg.kvar);
            leg.volts = 121.5 + sway * self.volts - 0.4 * leg.kw;
            leg.amps = apparent * 1000.0 / leg.volts;
        }
        let grid = self.grid();
        for (total, kw) in self
            .totals
            .iter_mut()
            .zip([self.solar, grid.max(0.0), (-grid).max(0.0)])
        {
            *total += kw / 3600.0;
        }
    }

    fn grid(&self) -> f64 {
        self.legs[0].kw + self.legs[1].kw
    }

    /// The sun, and clouds that come and go.
    fn shine(&mut self, second: i64) {
        let (cloud, target, until) = &mut self.cloud;
        if second >= *until {
            let overcast = self.chance.unit() < 0.45;
            *target = if overcast {
                self.chance.unit() * 0.8
            } else {
                0.02 * self.chance.unit()
            };
            *until = second + 60 + self.chance.below(1500);
        }
        *cloud += (*target - *cloud) / 25.0 + 0.002 * *cloud * self.chance.noise();
        let hour = second.rem_euclid(86_400) as f64 / 3600.0;
        let height = ((hour - 6.0) / 14.0 * std::f64::consts::PI).sin().max(0.0);
        let up = (6.0..20.0).contains(&hour);
        let kw = self.peak * height.powf(1.4) * (1.0 - *cloud).clamp(0.0, 1.0);
        self.solar = if up && kw > 0.02 {
            kw * (1.0 + 0.001 * self.chance.noise())
        } else {
            0.0
        };
    }

    /// What the loads draw from each leg.
    fn draw(&mut self, second: i64) {
        self.base += 0.002 * self.chance.noise() - 0.02 * self.base;
        let base = 0.16 + self.base.max(-0.1);
        let mut legs = [(base * 0.6, base * 0.3), (base * 0.4, base * 0.2)];
        for load in &mut self.loads {
            if second >= load.until {
                load.on = !load.on;
                let mean = if load.on { load.spans.0 } else { load.spans.1 };
                #[expect(clippy::cast_possible_truncation, reason = "seconds")]
                let span = (mean * (0.3 + 1.4 * self.chance.unit())) as i64;
                load.until = second + span.max(5);
            }
            load.drift += 0.001 * self.chance.noise() - 0.01 * load.drift;
            if load.on {
                let kw = load.kw * (1.0 + load.drift);
                let kvar = kw * (1.0 / (load.pf * load.pf) - 1.0).sqrt();
                for (leg, share) in legs.iter_mut().zip([load.leg1, 1.0 - load.leg1]) {
                    *leg = (leg.0 + kw * share, leg.1 + kvar * share);
                }
            }
        }
        for (leg, (kw, kvar)) in self.legs.iter_mut().zip(legs) {
            (leg.kw, leg.kvar) = (kw - self.solar / 2.0, kvar);
        }
    }

    /// The row as the appliance sends it.
    fn report(&mut self) -> Vec<(ColumnId, Value)> {
        let noisy = self.metering == Metering::Noisy;
        let [sun, used, mains] = self.gains;
        let shake = |chance: &mut Chance, share: f64| {
            if noisy {
                1.0 + share * chance.noise()
            } else {
                1.0
            }
        };
        let chance = &mut self.chance;
        let extra =
            |chance: &mut Chance, size: f64| if noisy { size * chance.noise() } else { 0.0 };
        let [l1, l2] = self.legs;
        let volts =
            [l1, l2].map(|leg| round(leg.volts + 0.03 * chance.noise() + extra(chance, 0.1), 1));
        let amps = [l1, l2].map(|leg| round(leg.amps * shake(chance, 0.004), 2));
        let solar = round(self.solar * sun * shake(chance, 0.002), 3);
        let grid = round((l1.kw + l2.kw) * mains + extra(chance, 0.002), 3);
        let truly_used = l1.kw + l2.kw + self.solar;
        let home = if noisy {
            round(truly_used * used + extra(chance, 0.003), 3)
        } else {
            round(solar + grid, 3)
        };
        let apparent = (volts[0] * amps[0] + volts[1] * amps[1]).max(1.0);
        let pf = (grid * 1000.0 / apparent).clamp(-1.0, 1.0) * shake(chance, 0.003);
        let current_pv = round(
            self.solar * 1000.0 / (l1.volts + l2.volts) * 1.005 * shake(chance, 0.003),
            2,
        );
        let hertz = round(60.0 + self.hertz + extra(chance, 0.003), 2);
        let [produced, import, export] = self.totals.map(|total| round(total, 3));
        let numbers = [
            (Known::SolarKw, solar),
            (Known::HomeKw, home),
            (Known::GridKw, grid),
            (Known::VoltageL1, volts[0]),
            (Known::VoltageL2, volts[1]),
            (Known::CurrentL1, amps[0]),
            (Known::CurrentL2, amps[1]),
            (Known::CurrentPv, current_pv),
            (Known::Pf, round(pf.clamp(-1.0, 1.0), 3)),
            (Known::Frequency, hertz),
            (Known::SolarKwhTotal, produced),
            (Known::ImportKwhTotal, import),
            (Known::ExportKwhTotal, export),
        ];
        numbers
            .into_iter()
            .filter_map(|(known, value)| Some((known.into(), Finite::try_from(value).ok()?.into())))
            .collect()
    }
}

/// As a meter with so many digits reports it; never -0.0.
fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale + 0.0
}

//! What runs in the house: base load, fridge, air conditioning, and appliances through the day.
//!
//! Every appliance is a function of time. Its uses of a day are drawn from the seed and the date,
//! so the same day looks the same at any speed.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::phasor::Phasor;
use crate::rng::{Noise, Rng};

/// Between which conductors something is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attach {
    /// Leg (0, 1, 2) to neutral.
    Leg(usize),
    /// Across the service: both legs at 240 V, all three phases, or the only one.
    Across,
}

/// Power drawn in one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Where.
    pub attach: Attach,
    /// W and var.
    pub power: Phasor,
}

/// An instant with what the loads need to know about it.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Seconds since 1970, UTC.
    pub unix: f64,
    /// Local day, counted since 1970.
    pub day: i64,
    /// Seconds since local midnight.
    pub since_midnight: f64,
    /// Degrees Celsius outdoors.
    pub temperature: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Appliance {
    Kettle,
    Microwave,
    Cooktop,
    Oven,
    Dishwasher,
    Washer,
    Dryer,
    WaterHeater,
    Car,
}

#[derive(Debug, Clone, Copy)]
struct Use {
    what: Appliance,
    start: f64,
    seconds: f64,
}

/// Appliance, chance of each use on a workday, window of its start (hours), duration (minutes).
type Habit = (Appliance, f64, (f64, f64), (f64, f64));

const HABITS: &[Habit] = &[
    (Appliance::Kettle, 0.95, (6.4, 8.0), (2.5, 4.0)),
    (Appliance::Kettle, 0.5, (12.0, 13.5), (2.0, 4.0)),
    (Appliance::Kettle, 0.6, (15.0, 17.0), (2.0, 4.0)),
    (Appliance::Kettle, 0.6, (19.5, 21.5), (2.0, 4.0)),
    (Appliance::Microwave, 0.5, (6.8, 8.2), (1.0, 3.0)),
    (Appliance::Microwave, 0.5, (12.0, 13.5), (1.5, 5.0)),
    (Appliance::Microwave, 0.6, (18.0, 20.5), (1.5, 6.0)),
    (Appliance::Cooktop, 0.3, (11.7, 12.6), (12.0, 25.0)),
    (Appliance::Cooktop, 0.8, (17.6, 19.2), (15.0, 40.0)),
    (Appliance::Oven, 0.5, (17.4, 19.3), (30.0, 60.0)),
    (Appliance::Dishwasher, 0.65, (19.8, 21.8), (70.0, 95.0)),
    (Appliance::WaterHeater, 0.9, (6.2, 8.5), (10.0, 25.0)),
    (Appliance::WaterHeater, 0.5, (11.0, 14.0), (5.0, 15.0)),
    (Appliance::WaterHeater, 0.9, (18.5, 22.0), (10.0, 28.0)),
    (Appliance::Washer, 0.45, (9.0, 19.0), (45.0, 60.0)),
];

/// The loads of one home.
#[derive(Debug, Clone)]
pub struct Loads {
    seed: u64,
    tz: TimeZone,
    scale: f64,
    air_conditioning: bool,
    car_watts: Option<f64>,
    occupancy: Noise,
    flicker: Noise,
    plan: Option<(i64, Vec<Use>)>,
}

impl Loads {
    /// The loads of a seed; `scale` multiplies all but the car.
    #[must_use]
    pub fn new(
        seed: u64,
        tz: TimeZone,
        scale: f64,
        air_conditioning: bool,
        car_watts: Option<f64>,
    ) -> Self {
        Self {
            seed,
            tz,
            scale,
            air_conditioning,
            car_watts,
            occupancy: Noise::of(seed, &[21]),
            flicker: Noise::of(seed, &[22]),
            plan: None,
        }
    }

    /// Puts what runs at a moment into `draws`; returns the car's part (W).
    pub fn at(&mut self, moment: &Moment, draws: &mut Vec<Draw>) -> f64 {
        self.always_on(moment, draws);
        if self.air_conditioning {
            self.cooling(moment, draws);
        }
        let scale = self.scale;
        let mut car = 0.0;
        let car_watts = self.car_watts.unwrap_or(0.0);
        for running in self.uses(moment.day) {
            let since = moment.unix - running.start;
            if since < 0.0 || since >= running.seconds {
                continue;
            }
            if running.what == Appliance::Car {
                car = car_watts * (since / 20.0).min(1.0);
                continue;
            }
            let (attach, watts, pf) = consumption(running.what, since, running.seconds);
            draws.push(draw(attach, watts * scale, pf));
        }
        car
    }

    fn always_on(&self, moment: &Moment, draws: &mut Vec<Draw>) {
        let hour = moment.since_midnight / 3600.0;
        let base = 125.0 + 12.0 * self.occupancy.at(moment.unix, 1800.0);
        let awake = bump(hour, 7.2, 1.2) * 170.0
            + bump(hour, 20.3, 2.4) * 420.0
            + bump(hour, 13.5, 4.0) * 90.0;
        let used = awake * (1.0 + 0.45 * self.occupancy.at(moment.unix + 9e4, 420.0));
        let flicker = 1.0 + 0.012 * self.flicker.at(moment.unix, 2.0);
        let share = 0.55 + 0.15 * self.occupancy.at(moment.unix, 3600.0);
        let plugs = (base + used.max(0.0)) * flicker * self.scale;
        draws.push(draw(Attach::Leg(0), plugs * share, 0.93));
        draws.push(draw(Attach::Leg(1), plugs * (1.0 - share), 0.96));

        let mut rng = Rng::of(self.seed, &[23]);
        let period = rng.between(2300.0, 3100.0);
        let phase = (moment.unix + rng.between(0.0, 3000.0)).rem_euclid(period);
        if phase < period * 0.38 {
            let start_up = if phase < 0.4 { 4.0 } else { 1.0 };
            draws.push(draw(Attach::Leg(0), 135.0 * start_up * self.scale, 0.78));
        }
    }

    fn cooling(&self, moment: &Moment, draws: &mut Vec<Draw>) {
        let duty = ((moment.temperature - 22.0) / 16.0).clamp(0.0, 0.95);
        let period = 1260.0;
        let phase = (moment.unix + 300.0 * self.occupancy.step(0.0, 1.0)).rem_euclid(period);
        if phase < duty * period && duty > 0.08 {
            let start_up = if phase < 0.3 { 2.2 } else { 1.0 };
            draws.push(draw(Attach::Across, 2900.0 * start_up * self.scale, 0.91));
            draws.push(draw(Attach::Leg(1), 320.0 * self.scale, 0.85));
        }
    }

    /// Uses that can run on a local day: its own, and yesterday's that reach past midnight.
    fn uses(&mut self, day: i64) -> &[Use] {
        if self
            .plan
            .as_ref()
            .is_none_or(|(planned, _)| *planned != day)
        {
            let mut uses = self.draw_day(day - 1);
            uses.extend(self.draw_day(day));
            self.plan = Some((day, uses));
        }
        self.plan.as_ref().map_or(&[], |(_, uses)| uses)
    }

    fn draw_day(&self, day: i64) -> Vec<Use> {
        let Some(midnight) = local_midnight(day, &self.tz) else {
            return Vec::new();
        };
        let weekend = matches!((day + 4).rem_euclid(7), 0 | 6);
        let mut uses = Vec::new();
        for (index, (what, chance, start, minutes)) in HABITS.iter().enumerate() {
            let mut rng = Rng::of(self.seed, &[24, day.cast_unsigned(), index as u64]);
            let later = if weekend { rng.between(0.2, 1.4) } else { 0.0 };
            let chance = if weekend {
                (chance * 1.3).min(0.97)
            } else {
                *chance
            };
            let at = midnight + 3600.0 * (rng.between(start.0, start.1) + later);
            let seconds = 60.0 * rng.between(minutes.0, minutes.1);
            if !rng.chance(chance) {
                continue;
            }
            uses.push(Use {
                what: *what,
                start: at,
                seconds,
            });
            if *what == Appliance::Washer && rng.chance(0.8) {
                let (start, seconds) = (at + seconds + 400.0, 60.0 * rng.between(35.0, 55.0));
                uses.push(Use {
                    what: Appliance::Dryer,
                    start,
                    seconds,
                });
            }
        }
        let mut rng = Rng::of(self.seed, &[25, day.cast_unsigned()]);
        if self.car_watts.is_some_and(|watts| watts > 0.0) && rng.chance(0.75) {
            let start = midnight + 3600.0 * rng.between(17.2, 19.5);
            uses.push(Use {
                what: Appliance::Car,
                start,
                seconds: 3600.0 * rng.between(0.8, 4.0),
            });
        }
        uses
    }
}

/// Seconds since 1970 at which a local day begins.
pub(crate) fn local_midnight(day: i64, tz: &TimeZone) -> Option<f64> {
    let date = Date::new(1970, 1, 1)
        .ok()?
        .checked_add(jiff::Span::new().try_days(day).ok()?)
        .ok()?;
    let start = date.to_zoned(tz.clone()).ok()?;
    Some(start.timestamp().as_second() as f64)
}

fn draw(attach: Attach, watts: f64, pf: f64) -> Draw {
    Draw {
        attach,
        power: Phasor::new(watts, watts * (1.0 / (pf * pf) - 1.0).sqrt()),
    }
}

fn bump(hour: f64, centre: f64, width: f64) -> f64 {
    (-((hour - centre) / width).powi(2)).exp()
}

/// Heats `on` of every `on + off` seconds.
fn thermostat(since: f64, on: f64, off: f64) -> f64 {
    if since.rem_euclid(on + off) < on {
        1.0
    } else {
        0.0
    }
}

/// Where an appliance draws, W, and at which power factor.
fn consumption(what: Appliance, since: f64, seconds: f64) -> (Attach, f64, f64) {
    let part = since / seconds;
    match what {
        Appliance::Kettle => (Attach::Leg(1), 1450.0, 1.0),
        Appliance::Microwave => (Attach::Leg(0), 1250.0, 0.96),
        Appliance::Cooktop => (Attach::Across, 1800.0 * thermostat(since, 22.0, 9.0), 1.0),
        Appliance::Oven => {
            let heat = if since < 480.0 {
                1.0
            } else {
                thermostat(since, 35.0, 60.0)
            };
            (Attach::Across, 40.0 + 3100.0 * heat, 1.0)
        }
        Appliance::Dishwasher => {
            let heating = (0.06..0.24).contains(&part) || (0.55..0.68).contains(&part);
            (Attach::Leg(0), if heating { 1180.0 } else { 85.0 }, 0.97)
        }
        Appliance::Washer => {
            let turning = thermostat(since, 12.0, 6.0);
            let spin = if part > 0.88 { 380.0 } else { 0.0 };
            (Attach::Leg(1), 30.0 + 260.0 * turning + spin, 0.7)
        }
        Appliance::Dryer => {
            let heat = if part < 0.6 {
                1.0
            } else {
                thermostat(since, 40.0, 50.0)
            };
            (Attach::Across, 240.0 + 4800.0 * heat, 0.99)
        }
        Appliance::WaterHeater => (Attach::Across, 4500.0, 1.0),
        Appliance::Car => (Attach::Across, 0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_of(seed: u64, day: i64) -> (f64, f64) {
        let mut loads = Loads::new(seed, TimeZone::UTC, 1.0, true, None);
        let mut draws = Vec::new();
        let (mut wh, mut peak) = (0.0, 0.0_f64);
        for second in (0..86_400).step_by(5) {
            let since_midnight = f64::from(second);
            let unix = day as f64 * 86_400.0 + since_midnight;
            draws.clear();
            let moment = Moment {
                unix,
                day,
                since_midnight,
                temperature: 24.0,
            };
            loads.at(&moment, &mut draws);
            let watts: f64 = draws.iter().map(|d| d.power.re).sum();
            wh += watts * 5.0 / 3600.0;
            peak = peak.max(watts);
        }
        (wh / 1000.0, peak / 1000.0)
    }

    #[test]
    fn a_day_uses_what_a_household_uses() {
        for day in 19_700..19_714 {
            let (kwh, peak) = day_of(1, day);
            assert!((8.0..45.0).contains(&kwh), "day {day}: {kwh} kWh");
            assert!((2.0..20.0).contains(&peak), "day {day}: {peak} kW");
        }
    }

    #[test]
    fn days_differ_but_repeat_with_their_seed() {
        assert_eq!(day_of(1, 19_700), day_of(1, 19_700));
        assert_ne!(day_of(1, 19_700), day_of(1, 19_701));
        assert_ne!(day_of(1, 19_700), day_of(2, 19_700));
    }

    #[test]
    fn a_car_charges_in_the_evening_and_is_told_apart() {
        let mut loads = Loads::new(4, TimeZone::UTC, 1.0, false, Some(7200.0));
        let mut hours = std::collections::BTreeSet::new();
        for second in (0..7 * 86_400).step_by(300) {
            let unix = 19_700.0 * 86_400.0 + f64::from(second);
            let day = 19_700 + i64::from(second / 86_400);
            let since_midnight = f64::from(second % 86_400);
            let moment = Moment {
                unix,
                day,
                since_midnight,
                temperature: 20.0,
            };
            if loads.at(&moment, &mut Vec::new()) > 1000.0 {
                hours.insert(second % 86_400 / 3600);
            }
        }
        assert!(
            !hours.is_empty() && hours.iter().all(|h| (17..24).contains(h)),
            "{hours:?}"
        );
    }
}

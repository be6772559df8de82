//! A home: sun and weather on its array, appliances, battery and car behind one service entrance.
//!
//! A seed and an instant decide everything (the battery's charge apart, which has a history), so a
//! home repeats exactly, in real time or faster. Powers are W, energies kWh, angles degrees.

pub mod grid;
pub mod loads;
pub mod phasor;
mod pins;
pub mod replay;
pub mod spec;
mod state;
pub mod storage;
pub mod sun;
pub mod weather;

use std::sync::Arc;
use std::time::Duration;

pub use grid::{Disturbance, leg_count};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
pub use pins::Pins;
pub use replay::{ReplayError, Series};
pub use spec::{EvSpec, HomeError, HomeSpec, LoadSpec, PvSpec};
pub use state::{Flow, HomeState, LegCurrents};
pub use storage::BatterySpec;

use grid::Supply;
use loads::{Attach, Draw, Loads, Moment};
use phasor::Phasor;
use storage::Battery;
use weather::Weather;

use crate::rng::Rng;

/// Measured series played instead of the models.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// Household load.
    pub load: Option<Arc<Series>>,
    /// Production.
    pub pv: Option<Arc<Series>>,
    /// The inverter's "no value" rows reach the meter as an absurd power instead of being missing.
    pub sentinels: bool,
}

/// A home that can be asked for its state step by step.
#[derive(Debug, Clone)]
pub struct Home {
    spec: HomeSpec,
    start_time: Timestamp,
    /// The same, seconds since 1970.
    start: f64,
    tz: TimeZone,
    weather: Weather,
    loads: Loads,
    supply: Supply,
    battery: Option<Battery>,
    replay: Replay,
    day: LocalDay,
    first_day: i64,
    draws: Vec<Draw>,
}

/// The local day an instant lies in.
#[derive(Debug, Clone, Copy, Default)]
struct LocalDay {
    number: i64,
    begins: f64,
    ends: f64,
}

impl Home {
    /// A home whose simulated time begins at `start`.
    #[must_use]
    pub fn new(spec: HomeSpec, replay: Replay, seed: u64, start: Timestamp) -> Self {
        let tz = TimeZone::get(&spec.timezone).unwrap_or(TimeZone::UTC);
        let car = spec.ev.map(|ev| ev.power_kw * 1000.0);
        let mut home = Self {
            start_time: start,
            start: start.as_millisecond() as f64 / 1000.0,
            weather: weather_of(&spec, seed),
            loads: Loads::new(
                seed,
                tz.clone(),
                spec.load.scale,
                spec.load.air_conditioning,
                car,
            ),
            supply: Supply::new(seed, spec.service, spec.source_ohm),
            battery: spec.battery.map(Battery::new),
            replay,
            day: LocalDay::default(),
            first_day: 0,
            draws: Vec::new(),
            tz,
            spec,
        };
        home.first_day = home.local_day(home.start).number;
        home
    }

    /// As installed.
    #[must_use]
    pub const fn spec(&self) -> &HomeSpec {
        &self.spec
    }

    /// Simulated time after `elapsed` of it.
    #[must_use]
    pub fn time(&self, elapsed: Duration) -> Timestamp {
        SignedDuration::try_from(elapsed)
            .ok()
            .and_then(|elapsed| self.start_time.checked_add(elapsed).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// The home `elapsed` after its start, held for the next `seconds`.
    pub fn step(
        &mut self,
        elapsed: Duration,
        seconds: f64,
        disturbance: &Disturbance,
        pins: &Pins,
    ) -> HomeState {
        let unix = self.start + elapsed.as_secs_f64();
        let moment = self.moment(unix);
        let (solar, pv_sentinel) = self.production(&moment, pins);
        let ev = self.collect_draws(&moment, pins);
        let fixed = pins.supply();
        let used = self.draws.iter().map(|draw| draw.power.re).sum::<f64>() + ev.unwrap_or(0.0);
        let pinned = pins.battery_kw.map(|kw| kw * 1000.0);
        let demand = used - solar.unwrap_or(0.0);
        let battery = self
            .battery
            .as_mut()
            .map(|battery| battery.step(demand, seconds, pinned))
            .or(pinned);
        let across = |watts: f64| Draw {
            attach: Attach::Across,
            power: Phasor::new(watts, 0.0),
        };
        let consumers = self.draws.len();
        let net_source = ev.unwrap_or(0.0) - solar.unwrap_or(0.0) - battery.unwrap_or(0.0);
        self.draws.push(across(net_source));
        let volts = self.supply.voltages(unix, &self.draws, disturbance, &fixed);
        let car = self.supply.currents(&volts, &across(ev.unwrap_or(0.0)));
        let mut home = car;
        for draw in &self.draws[..consumers] {
            add(&mut home, &self.supply.currents(&volts, draw));
        }
        let mut state = HomeState {
            service: self.spec.service,
            unix,
            volts,
            frequency: self.supply.frequency(unix, &fixed),
            home,
            ev: car,
            pv: self.supply.currents(&volts, &across(solar.unwrap_or(0.0))),
            battery: self
                .supply
                .currents(&volts, &across(battery.unwrap_or(0.0))),
            flow: Flow::default(),
            soc: self.battery.as_ref().map(Battery::soc),
            pv_sentinel,
        };
        let sum = |currents: &LegCurrents| state.watts(currents).iter().sum::<f64>();
        state.flow = Flow {
            solar: solar.map(|_| sum(&state.pv)),
            home: sum(&home),
            grid: sum(&state.main()),
            battery: battery.map(|_| sum(&state.battery)),
            ev: ev.map(|_| sum(&state.ev)),
        };
        state
    }

    /// Fills `draws` with everything but the car; returns the car's power where there is one.
    fn collect_draws(&mut self, moment: &Moment, pins: &Pins) -> Option<f64> {
        self.draws.clear();
        let measured = self.replay.load.as_ref();
        let modelled = if let Some(row) = measured
            .and_then(|series| series.load_at(moment.day - self.first_day, moment.since_midnight))
        {
            let rest = (row.watts - row.first_leg - row.second_leg - row.across).max(0.0);
            let leg = |leg, watts| Draw {
                attach: Attach::Leg(leg),
                power: Phasor::new(watts, row.vars / 2.0),
            };
            self.draws.push(leg(0, row.first_leg + rest * 0.55));
            self.draws.push(leg(1, row.second_leg + rest * 0.45));
            self.draws.push(Draw {
                attach: Attach::Across,
                power: Phasor::new(row.across, 0.0),
            });
            0.0
        } else {
            let mut draws = std::mem::take(&mut self.draws);
            let car = self.loads.at(moment, &mut draws);
            self.draws = draws;
            car
        };
        if let Some(fixed) = pins.loads(self.spec.service) {
            self.draws = fixed;
        }
        pins.ev_kw
            .map(|kw| kw * 1000.0)
            .or(self.spec.ev.map(|_| modelled))
    }

    /// W of the array, and whether its inverter says "no value".
    fn production(&self, moment: &Moment, pins: &Pins) -> (Option<f64>, bool) {
        if let Some(kw) = pins.solar_kw {
            return (Some(kw * 1000.0), false);
        }
        if let Some(series) = &self.replay.pv {
            let now = series.pv_at(moment.day - self.first_day, moment.since_midnight);
            return (
                now.map(|now| now.watts),
                self.replay.sentinels && now.is_some_and(|now| now.sentinel),
            );
        }
        let Some(pv) = self.spec.pv else {
            return (None, false);
        };
        let sun = sun::position(moment.unix, self.spec.latitude, self.spec.longitude);
        let clear = sun::clear_sky(sun, pv.plane());
        let through = self.weather.transmission(moment.day, moment.unix);
        let light = clear.beam * through.beam + clear.diffuse * through.diffuse;
        // Modules lose about 0.4 % a degree above 25; the light itself heats them by up to 30 degrees.
        let module = moment.temperature + 0.03 * light;
        let heat_loss = 1.0 - 0.004 * (module - 25.0);
        let watts = pv.nameplate_kw * light * heat_loss * 0.95;
        let limit = pv.inverter_kw.unwrap_or(pv.nameplate_kw) * 1000.0;
        // Below a few watts an inverter sleeps.
        let watts = if watts < 15.0 { 0.0 } else { watts.min(limit) };
        (Some(watts), false)
    }

    fn moment(&mut self, unix: f64) -> Moment {
        if !(self.day.begins..self.day.ends).contains(&unix) {
            self.day = self.local_day(unix);
        }
        let since_midnight = unix - self.day.begins;
        let temperature =
            self.weather
                .temperature(self.spec.latitude, unix, since_midnight / 3600.0);
        Moment {
            unix,
            day: self.day.number,
            since_midnight,
            temperature,
        }
    }

    fn local_day(&self, unix: f64) -> LocalDay {
        let since = SignedDuration::try_from_secs_f64(unix).unwrap_or_default();
        let local = Timestamp::from_duration(since)
            .unwrap_or_default()
            .to_zoned(self.tz.clone());
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        let number = i64::from(local.date().since(epoch).map_or(0, |span| span.get_days()));
        let begins = loads::local_midnight(number, &self.tz).unwrap_or(0.0);
        let ends = loads::local_midnight(number + 1, &self.tz).unwrap_or(begins + 86_400.0);
        LocalDay {
            number,
            begins,
            ends,
        }
    }
}

/// A region's clouds are a kilometre wide and pass its homes one after the other, some minutes apart.
fn weather_of(spec: &HomeSpec, seed: u64) -> Weather {
    match spec.region {
        Some(region) => {
            let ahead = Rng::of(seed, &[15]).between(-600.0, 600.0);
            Weather::new(region, spec.sky).ahead(ahead)
        }
        None => Weather::new(seed, spec.sky),
    }
}

fn add(sum: &mut LegCurrents, more: &LegCurrents) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += *more;
    }
}

#[cfg(test)]
mod tests;

//! One home, step by step, and its books.

use std::time::Duration;

use anyhow::Result;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use solthrive_protocol::{DayBody, QualityBody, SnapshotBody};

use super::{Books, Entry, kind};
use crate::home::{Home, Replay};
use crate::world::{TrueEnergies, World};

/// A home at one instant, small enough for weeks of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    pub(super) solar_w: Option<i32>,
    pub(super) home_w: i32,
    /// Tenths of a volt and of an ampere: a meter's digits, and short.
    pub(super) volts: [i32; 2],
    pub(super) amps: [i32; 3],
    pub(super) energy: TrueEnergies,
}

/// A home that goes on in steps of one interval. Its powers hold from one step to the next, so its totals
/// are their sum, but for the watt that is rounded.
#[derive(Debug)]
pub struct House {
    world: World,
    begin: Timestamp,
    step: Duration,
    steps: u32,
    zone: TimeZone,
    /// The books at the beginning of the local day, and which day that is.
    day: Option<(Date, TrueEnergies)>,
}

impl House {
    /// A home of this roster's entry, with nothing in its books at `begin`.
    ///
    /// # Errors
    /// When its time zone does not exist.
    pub fn new(entry: &Entry, seed: u64, begin: Timestamp, step: Duration) -> Result<Self> {
        Self::going_on(entry, seed, &Books::empty(begin), step)
    }

    /// The same home, whose books were kept up to some instant, at whatever step. Its first moment is that instant,
    /// which who kept the books has seen already.
    ///
    /// # Errors
    /// When its time zone does not exist.
    pub fn going_on(entry: &Entry, seed: u64, books: &Books, step: Duration) -> Result<Self> {
        let zone = TimeZone::get(&entry.time_zone)?;
        let spec = kind::of(entry, seed).checked()?;
        let mut energy = books.energy;
        if spec.pv.is_some() {
            // A new array has produced nothing, which is not the same as none.
            energy.solar_kwh.get_or_insert(0.0);
        }
        let home = Home::new(spec, Replay::default(), seed, books.at);
        Ok(Self {
            world: World::in_steps(home, step).with_books(energy),
            begin: books.at,
            step,
            steps: 0,
            zone,
            day: None,
        })
    }

    /// When the next moment is.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        let gone = SignedDuration::try_from(self.step * self.steps).unwrap_or(SignedDuration::MAX);
        self.begin.checked_add(gone).unwrap_or(Timestamp::MAX)
    }

    /// The next moment, and the local day that was over with it.
    pub fn go_on(&mut self) -> (Moment, Option<DayBody>) {
        self.world.advance(self.step * self.steps);
        let at = self.next_at();
        self.steps += 1;
        let state = self.world.state();
        let whole = |watts: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "a home's watts")]
            let whole = watts.round() as i32;
            whole
        };
        #[expect(clippy::cast_possible_truncation, reason = "a meter's digits")]
        let tenths = |value: f64| (value * 10.0).round() as i32;
        let main = state.main();
        let pv = state.pv[0].magnitude().max(state.pv[1].magnitude());
        let moment = Moment {
            at,
            solar_w: state.flow.solar.map(whole),
            home_w: whole(state.flow.home),
            volts: [0, 1].map(|leg: usize| tenths(state.volts[leg].magnitude())),
            amps: [main[0].magnitude(), main[1].magnitude(), pv].map(tenths),
            energy: *self.world.energy(),
        };
        let over = self.turn(moment.at, moment.energy);
        (moment, over)
    }

    /// The books since the beginning.
    #[must_use]
    pub const fn energy(&self) -> &TrueEnergies {
        self.world.energy()
    }

    /// The books at the last moment.
    #[must_use]
    pub fn books(&self) -> Books {
        let last = SignedDuration::try_from(self.step).unwrap_or_default();
        Books {
            at: self.next_at().checked_sub(last).unwrap_or(self.begin),
            energy: *self.world.energy(),
        }
    }

    /// Closes the local day when another one has begun. The first is not told: it has no beginning.
    fn turn(&mut self, at: Timestamp, energy: TrueEnergies) -> Option<DayBody> {
        let today = at.to_zoned(self.zone.clone()).date();
        let before = self.day.filter(|(date, _)| *date == today);
        if before.is_some() {
            return None;
        }
        let over = self.day.replace((today, energy));
        let whole = self.begin.to_zoned(self.zone.clone()).date();
        let (date, from) = over.filter(|(date, _)| *date > whole)?;
        Some(day_of(date, &from, &energy))
    }
}

fn day_of(date: Date, from: &TrueEnergies, to: &TrueEnergies) -> DayBody {
    let round = |kwh: f64| (kwh * 1000.0).round() / 1000.0;
    let solar = to
        .solar_kwh
        .zip(from.solar_kwh)
        .map(|(to, from)| round(to - from));
    let export = round(to.export_kwh - from.export_kwh);
    let home = round(to.home_kwh - from.home_kwh);
    let used = solar.map(|solar| solar - export);
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    DayBody {
        date,
        solar_kwh: solar,
        home_kwh: Some(home),
        import_kwh: Some(round(to.import_kwh - from.import_kwh)),
        export_kwh: Some(export),
        self_consumption: used.zip(solar).and_then(|(used, solar)| share(used, solar)),
        solar_offset: used.and_then(|used| share(used, home)),
        peak_demand_kw: None,
        coverage: 1.0,
    }
}

impl Moment {
    /// As it is told to the cloud. `reversed`: the clamps of the mains are on backwards, so the grid is seen
    /// with the wrong sign and the home is computed from that.
    #[must_use]
    pub fn body(&self, reversed: bool) -> SnapshotBody {
        let kw = |watts: i32| f64::from(watts) / 1000.0;
        let total = |kwh: f64| (kwh * 1000.0).round() / 1000.0;
        let solar = self.solar_w.unwrap_or(0);
        let grid = if reversed {
            solar - self.home_w
        } else {
            self.home_w - solar
        };
        SnapshotBody {
            ts: self.at,
            solar_kw: self.solar_w.map(kw),
            home_kw: Some(kw(solar + grid)),
            grid_kw: Some(kw(grid)),
            battery_kw: None,
            voltage_l1: Some(f64::from(self.volts[0]) / 10.0),
            voltage_l2: Some(f64::from(self.volts[1]) / 10.0),
            current_l1: Some(f64::from(self.amps[0]) / 10.0),
            current_l2: Some(f64::from(self.amps[1]) / 10.0),
            current_pv: Some(f64::from(self.amps[2]) / 10.0),
            pf: None,
            frequency: None,
            solar_kwh_total: self.energy.solar_kwh.map(total),
            import_kwh_total: Some(total(self.energy.import_kwh)),
            export_kwh_total: Some(total(self.energy.export_kwh)),
            battery_charge_kwh_total: None,
            battery_discharge_kwh_total: None,
            quality: QualityBody::OK,
            channels: std::collections::BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            serial: "ST-1".to_owned(),
            device_id: solthrive_domain::DeviceId::from_uuid(uuid::Uuid::nil()),
            token: String::new(),
            installer_code: String::new(),
            time_zone: "America/Los_Angeles".to_owned(),
            latitude: 34.0,
            longitude: -118.0,
            size_kw: 7.0,
        }
    }

    #[test]
    fn totals_are_the_sum_of_the_powers_that_were_said() {
        let begin: Timestamp = "2026-06-20T07:00:00Z".parse().unwrap();
        let mut house = House::new(&entry(), 3, begin, Duration::from_secs(15)).unwrap();
        let (mut sum, mut last) = (0.0, None);
        for _ in 0..5_760 {
            let (moment, _) = house.go_on();
            if let Some(watts) = last {
                sum += f64::from(watts) * 15.0 / 3_600_000.0;
            }
            last = moment.solar_w;
            let said = moment.body(false).solar_kwh_total.unwrap_or(0.0);
            // Half a watt is rounded away each time, at most.
            assert!((said - sum).abs() < 0.013, "{said} and {sum}");
        }
        assert!(sum > 10.0, "a day in June makes more than {sum} kWh");
    }

    #[test]
    fn what_is_told_has_the_digits_of_a_meter_and_no_noise_behind_them() {
        let begin: Timestamp = "2026-06-20T18:00:00Z".parse().unwrap();
        let mut house = House::new(&entry(), 3, begin, Duration::from_secs(15)).unwrap();
        for _ in 0..100 {
            let told = house.go_on().0.body(false);
            for value in [
                told.voltage_l1,
                told.voltage_l2,
                told.current_l1,
                told.current_pv,
            ] {
                let text = value.unwrap().to_string();
                let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
                assert!(digits <= 1, "{text}");
            }
        }
    }

    #[test]
    fn a_local_day_is_told_when_it_is_over_and_the_first_is_not() {
        let begin: Timestamp = "2026-06-20T20:00:00Z".parse().unwrap();
        let mut house = House::new(&entry(), 3, begin, Duration::from_secs(60)).unwrap();
        let mut told = Vec::new();
        let mut at_midnight = Vec::new();
        for _ in 0..3 * 1_440 {
            let (moment, over) = house.go_on();
            let local = moment.at.to_zoned(house.zone.clone());
            if local.hour() == 0 && local.minute() == 0 {
                at_midnight.push(moment.energy.import_kwh);
            }
            told.extend(over);
        }
        let dates: Vec<String> = told.iter().map(|day| day.date.to_string()).collect();
        assert_eq!(dates, ["2026-06-21", "2026-06-22"]);
        let first = at_midnight[1] - at_midnight[0];
        let said = told[0].import_kwh.unwrap();
        assert!((said - first).abs() < 0.001, "{said} and {first}");
    }
}

//! What a sum betrays: production below zero, and a home that seems to produce.

use std::time::Duration;

use super::reversed;
use crate::flagboard::{Observation, Timing};
use crate::flow::mains;
use crate::units::Watts;
use crate::{FlagCode, HomeModel, Mono, Role, Snapshot};

/// Production is negative for this long in daylight only when its CT looks the wrong way.
const PRODUCTION: Timing = Timing::new(Duration::from_mins(30), Duration::from_mins(5));
/// The sum may be off for moments, since meters are read one after the other. A turned CT shows only
/// while its leg draws more than the rest, so some good hours prove little.
const HOME: Timing = Timing::new(Duration::from_mins(10), Duration::from_hours(6));
/// An inverter may draw this much at night, W, ...
const STANDBY: f64 = 50.0;
/// ... or this share of its nameplate.
const STANDBY_SHARE: f64 = 0.02;
/// The home's power can be this much below zero by metering errors, W.
const BELOW_ZERO: f64 = 50.0;
/// A proposal must explain everything that was seen in this time.
const PROOF: Duration = Duration::from_mins(60);
/// With more CTs than this the sets to try are too many to propose one.
const MOST_CHANNELS: usize = 6;

/// Each PV channel: does it produce, or does it seem to consume?
pub(super) fn production(home: &HomeModel, snapshot: &Snapshot) -> Vec<Observation> {
    let nameplate = home.solar_nameplate.map_or(0.0, Watts::get);
    let standby = STANDBY.max(nameplate * STANDBY_SHARE);
    let look = |channel: &crate::Channel| {
        let (code, subject) = (FlagCode::CtReversed, channel.name.as_str());
        let power = snapshot
            .channels
            .get(subject)
            .and_then(|values| values.power)
            .map(Watts::get);
        let seen = match power {
            Some(power) if power < -standby => {
                let message = format!(
                    "PV channel {subject} reads {power:.0} W, so it seems to consume. Its CT is {}. Installer: turn \
                     the CT around, or set `invert` for this channel.",
                    reversed(home)
                );
                Observation::holds(code, subject, message)
            }
            Some(power) if power > standby => Observation::gone(code, subject),
            // At night nothing can be told.
            _ => Observation::unknown(code, subject),
        };
        seen.with(PRODUCTION)
    };
    home.with_role(Role::Pv).map(look).collect()
}

/// Home power below zero is impossible; some set of turned CTs explains it.
#[derive(Debug, Clone)]
pub(super) struct Balance {
    /// Names of the mains and PV channels.
    mains: Vec<String>,
    solar: Vec<String>,
    /// For each set of turned channels, as a bit mask: when it last failed to explain the sum.
    failed: Vec<Option<Mono>>,
    first: Option<Mono>,
}

impl Balance {
    pub(super) fn new(home: &HomeModel) -> Self {
        let mains: Vec<_> = mains(home).map(|channel| channel.name.clone()).collect();
        let solar: Vec<_> = home
            .with_role(Role::Pv)
            .map(|channel| channel.name.clone())
            .collect();
        let count = mains.len() + solar.len();
        // With a battery that is not measured, or a home that is, nothing here is impossible.
        let sets = if count <= MOST_CHANNELS && !mains.is_empty() {
            1 << count
        } else {
            0
        };
        Self {
            mains,
            solar,
            failed: vec![None; sets],
            first: None,
        }
    }

    pub(super) fn observe(
        &mut self,
        at: Mono,
        home: &HomeModel,
        snapshot: &Snapshot,
    ) -> Option<Observation> {
        if self.mains.is_empty() || home.has(Role::Battery) {
            return None;
        }
        self.try_sets(at, snapshot);
        let (code, subject) = (FlagCode::CtReversed, "home");
        let seen = match snapshot.flow.home.map(Watts::get) {
            Some(used) if used < -BELOW_ZERO => {
                let message = format!(
                    "The home seems to produce: {used:.0} W (solar {} and grid {} add up to less than zero). {} \
                     Installer: turn the CT around, or set `invert` for its channel. Homeowner: a battery that is not \
                     set up here would look the same.",
                    watts(snapshot.flow.solar),
                    watts(snapshot.flow.grid),
                    self.proposal(at, home)
                );
                Observation::holds(code, subject, message)
            }
            Some(used) if used >= 0.0 => Observation::gone(code, subject),
            _ => Observation::unknown(code, subject),
        };
        Some(seen.with(HOME))
    }

    fn try_sets(&mut self, at: Mono, snapshot: &Snapshot) {
        let power = |name: &String| {
            snapshot
                .channels
                .get(name)
                .and_then(|v| v.power)
                .map(Watts::get)
        };
        let known: Option<Vec<f64>> = self.mains.iter().chain(&self.solar).map(power).collect();
        let Some(known) = known else { return };
        self.first.get_or_insert(at);
        for (set, failed) in self.failed.iter_mut().enumerate() {
            let turned = |index: usize| {
                if set >> index & 1 == 1 {
                    -known[index]
                } else {
                    known[index]
                }
            };
            let solar: f64 = (self.mains.len()..known.len()).map(turned).sum();
            let grid: f64 = (0..self.mains.len()).map(turned).sum();
            if solar < -BELOW_ZERO || solar + grid < -BELOW_ZERO {
                *failed = Some(at);
            }
        }
    }

    /// The smallest set of turned CTs that leaves nothing impossible in the last hour.
    fn proposal(&self, at: Mono, home: &HomeModel) -> String {
        let whole = self
            .first
            .is_some_and(|first| super::passed(at, first, HOME.raise_after));
        let explains =
            |set: &usize| self.failed[*set].is_none_or(|failed| at.since(failed) >= PROOF);
        let smallest = (1..self.failed.len())
            .filter(explains)
            .min_by_key(|set| set.count_ones());
        let names: Vec<_> = smallest.filter(|_| whole).map_or(Vec::new(), |set| {
            let all = self.mains.iter().chain(&self.solar).enumerate();
            all.filter(|(index, _)| set >> index & 1 == 1)
                .map(|(_, name)| name.as_str())
                .collect()
        });
        match names.as_slice() {
            [] => format!("One of the CTs is {}.", reversed(home)),
            [one] => format!(
                "The CT of {one} is probably {}: turned, the last hour makes sense.",
                reversed(home)
            ),
            more => {
                format!(
                    "The CTs of {} are probably {}: turned, the last hour makes sense.",
                    more.join(" and "),
                    reversed(home)
                )
            }
        }
    }
}

fn watts(power: Option<Watts>) -> String {
    power.map_or("none".to_owned(), |power| format!("{:.0} W", power.get()))
}

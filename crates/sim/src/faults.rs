//! Faults on command: which there are, how long they last, and how chance decides.
//!
//! Faults of the wire are drawn for each reply. Faults of a state (a clamp, a tap, the supply) are
//! drawn for each second of their life, so a loose contact can be had with a probability below 1.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use solthrive_domain::Input;

use crate::home::Disturbance;
use crate::meter::InputFaults;
use crate::meter::measure::slot;
use crate::meter::registers::Glitch;
use crate::rng::Rng;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The meter is silent.
    NoReply,
    /// The reply comes `ms` later.
    Delay,
    /// A bit of the reply flips (on TCP: of its transaction number).
    Crc,
    /// The meter refuses with `code`.
    Exception,
    /// Random bytes before, after or instead of the reply (`place`).
    Garbage,
    /// The reply carries another unit's number.
    WrongUnit,
    /// Only the first `bytes` of the reply arrive.
    Truncated,
    /// The reply comes twice.
    Doubled,
    /// The request comes back before the reply, as some adapters do.
    Echo,
    /// The reply answers a shorter read than was asked.
    WrongLength,
    /// The meter repeats what it said when the fault began.
    Stuck,
    /// The clamp of `leg` is on backwards.
    CtReversed,
    /// The clamp of `leg` is pulled out.
    CtUnplugged,
    /// The voltage tap of `leg` has no contact.
    MissingLeg,
    /// Counters read nonsense (`mode`) in this reply.
    CounterGlitch,
    /// Counters start again at zero, once.
    CounterReset,
    /// Counters are moved to `kwh` below their turn-over, once.
    CounterRollover,
    /// `depth` of the voltage is missing, on `leg` or on all.
    VoltageSag,
    /// The home's neutral is lost.
    OpenNeutral,
    /// The adapter is pulled out for `seconds` and comes back under another name.
    Unplug,
}

/// Where garbage goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Ahead of the reply.
    Before,
    /// Behind it.
    After,
    /// In its place.
    Instead,
}

/// A fault as it is ordered. Options that a kind does not use are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// What.
    pub kind: FaultKind,
    /// Only this meter; every one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<u8>,
    /// 0 to 1 for each reply, or each second; 1 without.
    #[serde(default = "certain")]
    pub probability: f64,
    /// How long, in real seconds; until cleared without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// It ends after so many replies were spoilt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Draws of its own; from the simulation's seed without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// `delay`: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// `exception`: its code, 2 without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// `ct_*`, `missing_leg`, `voltage_sag`: which input or leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
    /// `garbage`, `truncated`: how many; random without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// `garbage`: where, before the reply without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// `counter_glitch`: how, zero without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Glitch>,
    /// `voltage_sag`: missing part, 0 to 1; 0.2 without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<f64>,
    /// `counter_rollover`: kWh until it turns over, 0.01 without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kwh: Option<f64>,
}

const fn certain() -> f64 {
    1.0
}

impl FaultSpec {
    /// A fault with every option as usual, until cleared.
    #[must_use]
    pub const fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            unit: None,
            probability: 1.0,
            seconds: None,
            count: None,
            seed: None,
            ms: None,
            code: None,
            leg: None,
            bytes: None,
            place: None,
            mode: None,
            depth: None,
            kwh: None,
        }
    }

    /// For this long.
    #[must_use]
    pub const fn lasting(mut self, seconds: f64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// With this probability.
    #[must_use]
    pub const fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    /// On this input or leg.
    #[must_use]
    pub fn on(mut self, leg: &str) -> Self {
        self.leg = Some(leg.to_owned());
        self
    }

    /// For this many replies.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Checks the options against the kind.
    ///
    /// # Errors
    /// [`BadFault`] says which option is wrong and what is expected.
    pub fn check(&self) -> Result<(), BadFault> {
        let wrong = |reason: &str| {
            Err(BadFault {
                kind: self.kind,
                reason: reason.to_owned(),
            })
        };
        let kind = self.kind;
        if !(0.0..=1.0).contains(&self.probability) {
            return wrong("`probability` lies between 0 and 1");
        }
        if self
            .seconds
            .is_some_and(|s| !(s.is_finite() && (0.0..1e9).contains(&s)))
        {
            return wrong("`seconds` is a time");
        }
        let one = |used: bool, allowed: bool, name: &str| {
            if used && !allowed {
                wrong(&format!("it has no `{name}`"))
            } else {
                Ok(())
            }
        };
        one(self.ms.is_some(), kind == FaultKind::Delay, "ms")?;
        one(self.code.is_some(), kind == FaultKind::Exception, "code")?;
        one(
            self.bytes.is_some(),
            matches!(kind, FaultKind::Garbage | FaultKind::Truncated),
            "bytes",
        )?;
        one(self.place.is_some(), kind == FaultKind::Garbage, "place")?;
        one(
            self.mode.is_some(),
            kind == FaultKind::CounterGlitch,
            "mode",
        )?;
        one(self.depth.is_some(), kind == FaultKind::VoltageSag, "depth")?;
        one(
            self.kwh.is_some(),
            kind == FaultKind::CounterRollover,
            "kwh",
        )?;
        if kind == FaultKind::Delay && self.ms.is_none() {
            return wrong("it needs `ms`");
        }
        if kind == FaultKind::Unplug && self.seconds.is_none() {
            return wrong("it needs `seconds`, after which the adapter is plugged in again");
        }
        if self
            .depth
            .is_some_and(|depth| !(0.0..=1.0).contains(&depth))
        {
            return wrong("`depth` lies between 0 and 1");
        }
        let input = self.input();
        match kind {
            FaultKind::CtReversed | FaultKind::CtUnplugged if input.and_then(slot).is_none() => {
                wrong("it needs `leg`: l1, l2, l3 or pv")
            }
            FaultKind::MissingLeg if input.and_then(slot).is_none_or(|leg| leg > 2) => {
                wrong("it needs `leg`: l1, l2 or l3")
            }
            FaultKind::VoltageSag
                if self.leg.is_some() && input.and_then(slot).is_none_or(|leg| leg > 2) =>
            {
                wrong("its `leg` is l1, l2 or l3")
            }
            FaultKind::CtReversed
            | FaultKind::CtUnplugged
            | FaultKind::MissingLeg
            | FaultKind::VoltageSag => Ok(()),
            _ => one(self.leg.is_some(), false, "leg"),
        }
    }

    fn input(&self) -> Option<Input> {
        self.leg.as_deref().and_then(|leg| leg.parse().ok())
    }

    fn concerns(&self, unit: u8) -> bool {
        self.unit.is_none_or(|only| only == unit)
    }
}

/// A fault that cannot be ordered like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fault {kind:?}: {reason}")]
pub struct BadFault {
    /// Which kind.
    pub kind: FaultKind,
    /// What is wrong.
    pub reason: String,
}

/// A fault at work.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveFault {
    /// Its number, to end it.
    pub id: u64,
    /// As ordered.
    #[serde(flatten)]
    pub spec: FaultSpec,
    /// Replies it has spoilt.
    pub spoilt: u32,
    #[serde(skip)]
    since: Duration,
    #[serde(skip)]
    rng: Rng,
    #[serde(skip)]
    seed: u64,
}

impl ActiveFault {
    fn is_over(&self, now: Duration) -> bool {
        let late = self
            .spec
            .seconds
            .is_some_and(|seconds| now.saturating_sub(self.since).as_secs_f64() >= seconds);
        late || self.spec.count.is_some_and(|count| self.spoilt >= count)
    }

    /// Whether a fault of state holds in this second.
    fn holds(&self, now: Duration) -> bool {
        let second = now.saturating_sub(self.since).as_secs();
        now >= self.since
            && !self.is_over(now)
            && Rng::of(self.seed, &[second]).chance(self.spec.probability)
    }
}

/// Every fault at work.
#[derive(Debug, Clone, Default)]
pub struct FaultBoard {
    active: Vec<ActiveFault>,
    seed: u64,
    next_id: u64,
}

impl FaultBoard {
    /// None yet; faults without a seed of their own draw from this one.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            active: Vec::new(),
            seed,
            next_id: 1,
        }
    }

    /// Begins a fault.
    ///
    /// # Errors
    /// [`BadFault`] when its options do not fit its kind.
    pub fn begin(&mut self, spec: FaultSpec, now: Duration) -> Result<u64, BadFault> {
        spec.check()?;
        let id = self.next_id;
        self.next_id += 1;
        let seed = spec
            .seed
            .unwrap_or_else(|| Rng::of(self.seed, &[61, id]).next_u64());
        self.active.push(ActiveFault {
            id,
            spec,
            spoilt: 0,
            since: now,
            rng: Rng::new(seed),
            seed,
        });
        Ok(id)
    }

    /// Ends one; false when there is none of that number.
    pub fn end(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|fault| fault.id != id);
        self.active.len() < before
    }

    /// Ends all.
    pub fn clear(&mut self) {
        self.active.clear();
    }

    /// What is at work at an instant.
    pub fn current(&mut self, now: Duration) -> &[ActiveFault] {
        self.active.retain(|fault| !fault.is_over(now));
        &self.active
    }

    /// Draws which faults of the wire spoil this reply of a meter.
    pub fn spoil(&mut self, unit: u8, now: Duration) -> Vec<FaultSpec> {
        self.active.retain(|fault| !fault.is_over(now));
        let mut drawn = Vec::new();
        for fault in self
            .active
            .iter_mut()
            .filter(|fault| is_of_the_wire(fault.spec.kind) && fault.spec.concerns(unit))
        {
            if fault.rng.chance(fault.spec.probability) {
                fault.spoilt += 1;
                drawn.push(fault.spec.clone());
            }
        }
        drawn
    }

    /// What disturbs the supply.
    #[must_use]
    pub fn disturbance(&self, now: Duration) -> Disturbance {
        let mut disturbance = Disturbance::default();
        for fault in self.holding(now) {
            match fault.spec.kind {
                FaultKind::OpenNeutral => disturbance.open_neutral = true,
                FaultKind::VoltageSag => {
                    let depth = fault.spec.depth.unwrap_or(0.2);
                    let only = fault.spec.input().and_then(slot);
                    for (leg, sag) in disturbance.sag.iter_mut().enumerate() {
                        if only.is_none_or(|only| only == leg) {
                            *sag = sag.max(depth);
                        }
                    }
                }
                _ => {}
            }
        }
        disturbance
    }

    /// What is wrong with a meter's inputs, and whether it is stuck.
    #[must_use]
    pub fn of_meter(&self, unit: u8, now: Duration) -> (InputFaults, bool) {
        let (mut faults, mut stuck) = (InputFaults::default(), false);
        for fault in self.holding(now).filter(|fault| fault.spec.concerns(unit)) {
            let place = fault.spec.input().and_then(slot);
            match (fault.spec.kind, place) {
                (FaultKind::Stuck, _) => stuck = true,
                (FaultKind::CtReversed, Some(place)) => faults.reversed[place] = true,
                (FaultKind::CtUnplugged, Some(place)) => faults.unplugged[place] = true,
                (FaultKind::MissingLeg, Some(leg)) if leg < 3 => faults.tap_missing[leg] = true,
                _ => {}
            }
        }
        (faults, stuck)
    }

    /// When the adapter is plugged in again, while it is out.
    #[must_use]
    pub fn unplugged_until(&self, now: Duration) -> Option<Duration> {
        let out = self
            .active
            .iter()
            .filter(|fault| fault.spec.kind == FaultKind::Unplug && !fault.is_over(now));
        out.filter_map(|fault| Some(fault.since + Duration::from_secs_f64(fault.spec.seconds?)))
            .max()
    }

    fn holding(&self, now: Duration) -> impl Iterator<Item = &ActiveFault> {
        self.active.iter().filter(move |fault| fault.holds(now))
    }
}

const fn is_of_the_wire(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::NoReply
            | FaultKind::Delay
            | FaultKind::Crc
            | FaultKind::Exception
            | FaultKind::Garbage
            | FaultKind::WrongUnit
            | FaultKind::Truncated
            | FaultKind::Doubled
            | FaultKind::Echo
            | FaultKind::WrongLength
            | FaultKind::CounterGlitch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_fault_ends_with_its_time_or_its_count() {
        let mut board = FaultBoard::new(1);
        board
            .begin(FaultSpec::new(FaultKind::NoReply).lasting(5.0), secs(10))
            .unwrap();
        board
            .begin(FaultSpec::new(FaultKind::Crc).times(1), secs(10))
            .unwrap();
        assert_eq!(board.spoil(1, secs(11)).len(), 2);
        assert_eq!(
            board.spoil(1, secs(12)).len(),
            1,
            "the second was for one reply"
        );
        assert!(board.spoil(1, secs(15)).is_empty());
    }

    #[test]
    fn chance_repeats_with_the_seed() {
        let drawn = |seed| {
            let mut board = FaultBoard::new(seed);
            board
                .begin(
                    FaultSpec::new(FaultKind::Crc).with_probability(0.3),
                    secs(0),
                )
                .unwrap();
            (0..200)
                .map(|_| board.spoil(1, secs(1)).len())
                .collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let hits: usize = drawn(1).iter().sum();
        assert!((40..80).contains(&hits), "{hits} of 200 at 0.3");
    }

    #[test]
    fn a_fault_of_one_unit_leaves_the_others_alone() {
        let mut board = FaultBoard::new(1);
        board
            .begin(
                FaultSpec {
                    unit: Some(2),
                    ..FaultSpec::new(FaultKind::Stuck)
                },
                secs(0),
            )
            .unwrap();
        board
            .begin(
                FaultSpec {
                    unit: Some(2),
                    ..FaultSpec::new(FaultKind::NoReply)
                },
                secs(0),
            )
            .unwrap();
        assert!(board.of_meter(2, secs(1)).1 && !board.of_meter(1, secs(1)).1);
        assert!(board.spoil(1, secs(1)).is_empty() && !board.spoil(2, secs(1)).is_empty());
    }

    #[test]
    fn an_option_that_does_not_fit_is_refused_with_its_name() {
        let refused = |json: &str| {
            let spec: FaultSpec = serde_json::from_str(json).map_err(|e| e.to_string())?;
            spec.check().map_err(|e| e.to_string())
        };
        assert_eq!(
            refused(r#"{"kind":"no_reply","seconds":3,"probability":0.5}"#),
            Ok(())
        );
        for (json, part) in [
            (
                r#"{"kind":"no_reply","secnds":3}"#,
                "unknown field `secnds`",
            ),
            (r#"{"kind":"no_reply","ms":3}"#, "it has no `ms`"),
            (r#"{"kind":"delay"}"#, "it needs `ms`"),
            (r#"{"kind":"ct_reversed"}"#, "it needs `leg`"),
            (r#"{"kind":"missing_leg","leg":"pv"}"#, "l1, l2 or l3"),
            (r#"{"kind":"crc","probability":2}"#, "between 0 and 1"),
            (r#"{"kind":"unplug"}"#, "it needs `seconds`"),
        ] {
            let said = refused(json).unwrap_err();
            assert!(said.contains(part), "{json}: {said}");
        }
    }
}

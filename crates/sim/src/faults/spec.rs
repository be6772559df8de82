//! Faults as they are ordered: kinds, options, and which of them go together.

use serde::{Deserialize, Serialize};
use solthrive_domain::Input;

use crate::meter::measure::slot;
use crate::meter::registers::Glitch;

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
        let reason = self.stray_option().or_else(|| self.wrong_value());
        reason.map_or(Ok(()), |reason| {
            Err(BadFault {
                kind: self.kind,
                reason,
            })
        })
    }

    /// An option that this kind does not use.
    fn stray_option(&self) -> Option<String> {
        use FaultKind as K;
        let on_a_leg = [K::CtReversed, K::CtUnplugged, K::MissingLeg, K::VoltageSag];
        let options: [(&str, bool, &[FaultKind]); 8] = [
            ("ms", self.ms.is_some(), &[K::Delay]),
            ("code", self.code.is_some(), &[K::Exception]),
            ("bytes", self.bytes.is_some(), &[K::Garbage, K::Truncated]),
            ("place", self.place.is_some(), &[K::Garbage]),
            ("mode", self.mode.is_some(), &[K::CounterGlitch]),
            ("depth", self.depth.is_some(), &[K::VoltageSag]),
            ("kwh", self.kwh.is_some(), &[K::CounterRollover]),
            ("leg", self.leg.is_some(), &on_a_leg),
        ];
        let stray = options
            .iter()
            .find(|(_, given, kinds)| *given && !kinds.contains(&self.kind));
        stray.map(|(name, ..)| format!("it has no `{name}`"))
    }

    fn wrong_value(&self) -> Option<String> {
        use FaultKind as K;
        let place = self.input().and_then(slot);
        let is_time = |s: f64| s.is_finite() && (0.0..1e9).contains(&s);
        let rules = [
            (
                !(0.0..=1.0).contains(&self.probability),
                "`probability` lies between 0 and 1",
            ),
            (
                !self.seconds.is_none_or(is_time),
                "`seconds` is a time in seconds",
            ),
            (
                !self.depth.is_none_or(|depth| (0.0..=1.0).contains(&depth)),
                "`depth` lies between 0 and 1",
            ),
            (self.kind == K::Delay && self.ms.is_none(), "it needs `ms`"),
            (
                self.kind == K::Unplug && self.seconds.is_none(),
                "it needs `seconds`, after which the adapter is plugged in again",
            ),
            (
                matches!(self.kind, K::CtReversed | K::CtUnplugged) && place.is_none(),
                "it needs `leg`: l1, l2, l3 or pv",
            ),
            (
                self.kind == K::MissingLeg && place.is_none_or(|leg| leg > 2),
                "it needs `leg`: l1, l2 or l3",
            ),
            (
                self.kind == K::VoltageSag && self.leg.is_some() && place.is_none_or(|leg| leg > 2),
                "its `leg` is l1, l2 or l3",
            ),
        ];
        let broken = rules.iter().find(|(broken, _)| *broken);
        broken.map(|(_, rule)| (*rule).to_owned())
    }

    pub(super) fn input(&self) -> Option<Input> {
        self.leg.as_deref().and_then(|leg| leg.parse().ok())
    }

    pub(super) fn concerns(&self, unit: u8) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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

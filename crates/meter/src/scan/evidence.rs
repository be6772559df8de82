//! Whether values can be those of a home: what speaks for a profile and against it.

use std::collections::BTreeMap;

use serde::Serialize;
use solthrive_domain::{Input, Point, Quantity};

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// It speaks for the profile.
    pub good: bool,
    /// One sentence for a person.
    pub text: String,
}

/// Observations and their weight.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    good: u32,
    bad: u32,
    reasons: Vec<Reason>,
}

/// Weight of doubt that is always there: few observations never make certainty.
const DOUBT: u32 = 2;
/// Mains voltage between line and neutral, anywhere, with a sag or a surge.
const VOLTS: (f64, f64) = (80.0, 290.0);
/// Mains frequency.
const HERTZ: (f64, f64) = (45.0, 66.0);
/// Below this current, power and power factor say nothing.
const SOME_AMPS: f64 = 0.2;
/// Active over apparent power, with what rounding and two samples a moment apart may add.
const MOST_POWER: f64 = 1.1;
/// Volt-amperes by which small loads may miss.
const ROUNDING: f64 = 15.0;

impl Evidence {
    /// How sure it is, 0 to 100.
    #[must_use]
    pub fn score(&self) -> u8 {
        let sum = self.good + self.bad + DOUBT;
        u8::try_from(100 * self.good / sum).unwrap_or(100)
    }

    /// Anything that speaks for it.
    #[must_use]
    pub const fn is_any_good(&self) -> bool {
        self.good > 0
    }

    /// What was observed.
    #[must_use]
    pub fn into_reasons(self) -> Vec<Reason> {
        self.reasons
    }

    /// Something that speaks for it.
    pub fn good(&mut self, weight: u32, text: impl Into<String>) {
        self.good += weight;
        self.reasons.push(Reason {
            good: true,
            text: text.into(),
        });
    }

    /// Something that speaks against it.
    pub fn bad(&mut self, weight: u32, text: impl Into<String>) {
        self.bad += weight;
        self.reasons.push(Reason {
            good: false,
            text: text.into(),
        });
    }

    fn judge(&mut self, sound: bool, weight: u32, good: String, bad: String) {
        if sound {
            self.good(weight, good);
        } else {
            self.bad(weight, bad);
        }
    }

    /// Judges the values of the key points that were `asked`.
    pub fn of_values(&mut self, values: &BTreeMap<Point, f64>, asked: &[Point]) {
        let value = |quantity, input| values.get(&Point::new(quantity, input)).copied();
        for (point, value) in values {
            match point.quantity {
                Quantity::Voltage => self.voltage(*point, *value),
                Quantity::Frequency => self.judge(
                    within(*value, HERTZ),
                    4,
                    format!("{value:.1} Hz is a mains frequency"),
                    format!("{value:.1} Hz is no mains frequency"),
                ),
                Quantity::PowerFactor => self.judge(
                    value.abs() <= 1.0,
                    1,
                    format!("a power factor of {value:.2}"),
                    format!("{value:.2} is no power factor"),
                ),
                _ => {}
            }
        }
        let volts = value(Quantity::Voltage, Input::L1);
        let amps = value(Quantity::Current, Input::L1).or(value(Quantity::Current, Input::Total));
        let watts = value(Quantity::ActivePower, Input::L1).or_else(|| {
            self.only_input(asked)
                .then(|| value(Quantity::ActivePower, Input::Total))?
        });
        if let (Some(volts), Some(amps), Some(watts)) = (volts, amps, watts) {
            self.power(volts, amps, watts);
        }
    }

    /// Whether the meter's total can be compared with its first input.
    fn only_input(&self, asked: &[Point]) -> bool {
        !asked.contains(&Point::new(Quantity::Current, Input::L2))
    }

    fn voltage(&mut self, point: Point, volts: f64) {
        let unused = volts.abs() < 1.0 && point.input != Input::L1;
        if !unused {
            self.judge(
                within(volts, VOLTS),
                4,
                format!("{point} = {volts:.1} V is a mains voltage"),
                format!("{point} = {volts:.1} V is no mains voltage"),
            );
        }
    }

    fn power(&mut self, volts: f64, amps: f64, watts: f64) {
        let apparent = (volts * amps).abs();
        if amps.abs() < SOME_AMPS && watts.abs() < ROUNDING {
            return;
        }
        let fits = watts.abs() <= apparent * MOST_POWER + ROUNDING
            && (watts.abs() >= apparent * 0.05 || watts.abs() >= 1.0);
        self.judge(
            fits,
            4,
            format!("{watts:.0} W goes with {volts:.1} V times {amps:.2} A"),
            format!("{watts:.0} W does not go with {volts:.1} V times {amps:.2} A"),
        );
    }
}

fn within(value: f64, (low, high): (f64, f64)) -> bool {
    (low..=high).contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(values: &[(&str, f64)]) -> Evidence {
        let values: BTreeMap<Point, f64> = values
            .iter()
            .map(|(point, value)| (point.parse().unwrap(), *value))
            .collect();
        let asked: Vec<Point> = values.keys().copied().collect();
        let mut evidence = Evidence::default();
        evidence.of_values(&values, &asked);
        evidence
    }

    #[test]
    fn a_home_scores_high() {
        for volts in [120.0, 230.0] {
            let home = judged(&[
                ("v_l1", volts),
                ("i_l1", 4.0),
                ("p_l1", volts * 3.8),
                ("pf_l1", 0.95),
                ("f", 60.0),
            ]);
            assert!(home.score() >= 85, "{home:?}");
        }
    }

    #[test]
    fn feeding_in_is_as_plausible_as_drawing() {
        let feeding = judged(&[
            ("v_l1", 230.0),
            ("i_l1", 4.0),
            ("p_l1", -900.0),
            ("f", 50.0),
        ]);
        assert!(feeding.score() >= 80, "{feeding:?}");
    }

    #[test]
    fn words_in_the_wrong_order_score_low() {
        let swapped = judged(&[
            ("v_l1", 15_073_280.0),
            ("i_l1", 0.0),
            ("p_l1", 9e8),
            ("f", 0.0),
        ]);
        assert_eq!(swapped.score(), 0, "{swapped:?}");
    }

    #[test]
    fn power_that_no_current_explains_speaks_against_it() {
        let odd = judged(&[
            ("v_l1", 230.0),
            ("i_l1", 1.0),
            ("p_l1", 2300.0),
            ("f", 50.0),
        ]);
        let sound = judged(&[("v_l1", 230.0), ("i_l1", 1.0), ("p_l1", 228.0), ("f", 50.0)]);
        assert!(odd.score() + 20 < sound.score(), "{odd:?} {sound:?}");
    }

    #[test]
    fn a_phase_that_is_not_connected_says_nothing_and_a_dead_first_one_does() {
        let idle = |v_l1, v_l2| judged(&[("v_l1", v_l1), ("v_l2", v_l2), ("f", 50.0)]).score();
        assert_eq!(
            idle(230.0, 0.0),
            judged(&[("v_l1", 230.0), ("f", 50.0)]).score()
        );
        assert!(idle(0.0, 230.0) < idle(230.0, 0.0));
    }
}

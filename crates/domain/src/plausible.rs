//! Which values of a reading can be what they say, and which contradict each other.
//!
//! A value outside what a home can have is dropped: absent, never zero. Values that contradict
//! each other are kept, since nobody knows which of them is wrong, but reported. Both mean the
//! same to a person: a scale, a word order or a CT ratio is not what the profile says.

use std::time::Duration;

use crate::flagboard::{Observation, Timing};
use crate::ledger::Contradiction;
use crate::{Channel, FlagCode, HomeModel, Input, Point, Quantity, Reading};

/// One bad value is dropped and no news; a stream of them is.
const BAD_VALUES: Timing = Timing::new(Duration::from_secs(10), Duration::from_mins(1));
/// Values of one poll are not of one instant: a load that switches contradicts itself for a moment.
const CONTRADICTION: Timing = Timing::new(Duration::from_mins(1), Duration::from_mins(1));
/// Below this apparent power, VA, rounding and standby loads prove nothing.
const LEAST_PROOF: f64 = 200.0;
/// Relative difference between apparent power and V x I that metering errors do not explain.
const APPARENT_SLACK: f64 = 0.15;
/// Difference between a power factor and P/S that metering errors do not explain.
const FACTOR_SLACK: f64 = 0.15;
/// Coarsest step of currents among the meters in use, A.
const CURRENT_STEP: f64 = 0.1;
/// Above the CT's rating meters measure on for a while, at most to here.
const OVERLOAD: f64 = 1.5;
/// Assumed where the rating is unknown: no home has more, and sentinels are far beyond.
const ANY_RATING: f64 = 5000.0;
/// Rounding may carry a power factor this far beyond 1.
const FACTOR_ROUNDING: f64 = 1.01;

/// The reading without the values that cannot be, and what was found: one observation for the
/// meter's ranges, and one for each of its channels.
#[must_use]
pub fn sift(home: &HomeModel, reading: Reading) -> (Reading, Vec<Observation>) {
    let (reading, ranges) = drop_impossible(home, reading);
    let channels = home
        .channels
        .iter()
        .filter(|channel| channel.meter == reading.meter);
    let contradictions: Vec<_> = channels
        .map(|channel| consistency(channel, &reading))
        .collect();
    (
        reading,
        std::iter::once(ranges).chain(contradictions).collect(),
    )
}

/// A ledger's finding that power and counter of a line do not belong together.
#[must_use]
pub fn counter_disagrees(found: &Contradiction) -> Observation {
    let line = found.line.name();
    let (power, counter) = (found.power_wh / 1000.0, found.counter_wh / 1000.0);
    let message = format!(
        "{line}: measured power adds up to {power:.2} kWh, the meter's counter counted {counter:.2} kWh in the same \
         time. One of them has a wrong scale, or the counter stands still. The totals follow the power; gaps are not \
         bridged. Installer: check the profile's scale and the CT ratio."
    );
    Observation::holds(FlagCode::ScalingFailure, format!("{line} counter"), message)
}

fn drop_impossible(home: &HomeModel, mut reading: Reading) -> (Reading, Observation) {
    let mut dropped = Vec::new();
    reading.values.retain(|point, value| {
        let Some((least, most)) = range(home, &reading.meter, *point) else {
            return true;
        };
        let fits = (least..=most).contains(value);
        if !fits {
            dropped.push(format!("{point} = {value} (possible: {least} to {most})"));
        } else if point.quantity == Quantity::PowerFactor {
            *value = value.clamp(-1.0, 1.0);
        }
        fits
    });
    let subject = reading.meter.as_str();
    let observation = if dropped.is_empty() {
        Observation::gone(FlagCode::ScalingFailure, subject)
    } else {
        let message = format!(
            "Meter {subject} reports what cannot be: {}. These values are left out. Installer: check the meter's \
             profile, its word order and CT ratio.",
            dropped.join(", ")
        );
        Observation::holds(FlagCode::ScalingFailure, subject, message)
    };
    (reading, observation.with(BAD_VALUES))
}

/// What a point of this meter can be at all.
fn range(home: &HomeModel, meter: &crate::MeterId, point: Point) -> Option<(f64, f64)> {
    let both_ways = |most: f64| Some((-most, most));
    match point.quantity {
        // Below the service range a voltage is a fact about the wiring, not about the meter.
        Quantity::Voltage => Some((
            0.0,
            if is_line_to_line(point.input) {
                500.0
            } else {
                290.0
            },
        )),
        Quantity::Frequency => Some((45.0, 66.0)),
        Quantity::PowerFactor => both_ways(FACTOR_ROUNDING),
        Quantity::Current => both_ways(most_current(home, meter, point.input)),
        Quantity::ActivePower | Quantity::ApparentPower | Quantity::ReactivePower => {
            let legs = if point.input == Input::Total {
                3.0
            } else {
                1.0
            };
            both_ways(
                (most_current(home, meter, point.input)
                    * home.service.nominal().get()
                    * 1.25
                    * legs)
                    .round(),
            )
        }
        Quantity::StateOfCharge => Some((0.0, 100.0)),
        _ => None,
    }
}

fn is_line_to_line(input: Input) -> bool {
    matches!(
        input,
        Input::L12 | Input::L23 | Input::L31 | Input::AverageLineToLine | Input::Total
    )
}

/// The largest current that the CT at this input can be measured at, as the meter shows it.
fn most_current(home: &HomeModel, meter: &crate::MeterId, input: Input) -> f64 {
    let here = home
        .channels
        .iter()
        .filter(|channel| channel.meter == *meter && channel.input == input);
    let rating = here
        .filter_map(|channel| Some(channel.ct_rating?.get() / channel.scale.abs()))
        .reduce(f64::max);
    OVERLOAD * rating.unwrap_or(ANY_RATING)
}

fn consistency(channel: &Channel, reading: &Reading) -> Observation {
    let subject = channel.name.as_str();
    let found = match contradiction(channel, reading) {
        None => Observation::unknown(FlagCode::ScalingFailure, subject),
        Some(None) => Observation::gone(FlagCode::ScalingFailure, subject),
        Some(Some(what)) => {
            let message = format!(
                "Channel {subject}: {what}. Installer: check the profile's scale and the CT ratio."
            );
            Observation::holds(FlagCode::ScalingFailure, subject, message)
        }
    };
    found.with(CONTRADICTION)
}

/// `None`: too little is known or flows to tell. `Some(None)`: all is well.
fn contradiction(channel: &Channel, reading: &Reading) -> Option<Option<String>> {
    let read = |quantity, input| reading.get(Point::new(quantity, input)).map(f64::abs);
    let at = |quantity| read(quantity, channel.input);
    // Over several phases the sum of currents times one voltage is no apparent power.
    let volts = read(Quantity::Voltage, channel.volt_ref).filter(|_| channel.input != Input::Total);
    let product = volts
        .zip(at(Quantity::Current))
        .map(|(volts, amps)| volts * amps);
    let apparent = at(Quantity::ApparentPower);
    let larger = apparent
        .into_iter()
        .chain(product)
        .chain(at(Quantity::ActivePower))
        .reduce(f64::max)?;
    let total = apparent.or(product)?;
    if larger < LEAST_PROOF {
        return None;
    }
    let rounding = volts.unwrap_or(0.0) * CURRENT_STEP;
    if let Some((apparent, product)) = apparent.zip(product)
        && (apparent - product).abs() > APPARENT_SLACK * larger + rounding
    {
        let times = times(apparent / product);
        return Some(Some(format!(
            "the meter reports {apparent:.0} VA, but its voltage times current is {product:.0} VA ({times})"
        )));
    }
    let Some(active) = at(Quantity::ActivePower) else {
        return apparent.and(product).map(|_| None);
    };
    if active > 1.2 * total + 50.0 + rounding {
        return Some(Some(format!(
            "{active:.0} W of active power in {total:.0} VA of apparent power ({})",
            times(active / total)
        )));
    }
    let factor = at(Quantity::PowerFactor);
    if let Some(factor) =
        factor.filter(|pf| total >= LEAST_PROOF && (pf - active / total).abs() > FACTOR_SLACK)
    {
        let expected = active / total;
        return Some(Some(format!(
            "the power factor is {factor:.2}, but {active:.0} W of {total:.0} VA make {expected:.2}"
        )));
    }
    Some(None)
}

fn times(ratio: f64) -> String {
    if !ratio.is_finite() {
        return "one of them is zero".to_owned();
    }
    format!(
        "{} times as much",
        if ratio >= 10.0 {
            format!("{ratio:.0}")
        } else {
            format!("{ratio:.2}")
        }
    )
}

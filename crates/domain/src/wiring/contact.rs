//! A CT that measures nothing where a home always draws something.

use std::time::Duration;

use crate::flagboard::{Observation, Timing};
use crate::flow::mains;
use crate::units::Amps;
use crate::{FlagCode, HomeModel, Point, Quantity, Readings, Role, Snapshot};

/// An hour without any base load; then three samples with one.
const UNPLUGGED: Timing = Timing::new(Duration::from_mins(60), Duration::from_secs(2));
/// Share of the rating below which nothing flows.
const NOTHING: f64 = 0.002;
/// Assumed where the rating is unknown, A.
const USUAL_RATING: f64 = 100.0;

/// Each main, and a measured home: PV, battery and car may rest for hours.
pub(super) fn unplugged(
    home: &HomeModel,
    snapshot: &Snapshot,
    readings: &Readings<'_>,
) -> Vec<Observation> {
    let nominal = home.service.nominal().get();
    let look = |channel: &crate::Channel| {
        let (code, subject) = (FlagCode::CtUnplugged, channel.name.as_str());
        let rating = channel.ct_rating.map_or(USUAL_RATING, Amps::get);
        let amps = snapshot
            .channels
            .get(subject)
            .and_then(|values| values.current)
            .map(Amps::get);
        let reading = readings.get(&channel.meter);
        let volts = reading
            .and_then(|reading| reading.get(Point::new(Quantity::Voltage, channel.volt_ref)));
        let live = volts.filter(|volts| *volts > 0.8 * nominal);
        let seen = match amps.zip(live) {
            Some((amps, volts)) if amps < NOTHING * rating => {
                let message = format!(
                    "The CT of {subject} measures {amps:.2} A at {volts:.0} V, and a home always draws more. Is its \
                     plug in the meter, and is it closed around the conductor? Homeowner: nothing to do in the panel \
                     yourself. Installer: check the CT and its plug."
                );
                Observation::holds(code, subject, message)
            }
            Some(_) => Observation::gone(code, subject),
            None => Observation::unknown(code, subject),
        };
        seen.with(UNPLUGGED)
    };
    mains(home)
        .chain(home.with_role(Role::Home))
        .map(look)
        .collect()
}

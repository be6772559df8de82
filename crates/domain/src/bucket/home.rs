//! Whether the home's energy follows from what is counted.

use super::pair::Pair;
use crate::ledger::Line;
use crate::telemetry::{MilliWatts, Sample};

/// The share of a line in the home's energy.
pub(super) const fn sign(line: Line) -> i64 {
    match line {
        Line::Solar | Line::Import | Line::BatteryDischarge => 1,
        Line::Export | Line::BatteryCharge => -1,
        Line::Ev => 0,
    }
}

/// Whether home is the sum of what the totals grew by: all of them are there at both ends, and
/// what has no total is certainly not installed.
///
/// A battery without counters makes the home's energy across a gap unknown, since nobody can tell
/// what went into the battery; the same goes for solar.
pub(super) fn follows_from_totals(pair: &Pair<'_>) -> bool {
    let counted = |line: Line| told(pair, line) == [true, true];
    let absent = |lines: &[Line], power: fn(&Sample) -> Option<MilliWatts>| {
        lines.iter().all(|line| told(pair, *line) == [false, false]) && is_absent(pair, power)
    };
    let solar = counted(Line::Solar) || absent(&[Line::Solar], |sample| sample.power.solar);
    let battery = (counted(Line::BatteryCharge) && counted(Line::BatteryDischarge))
        || absent(&[Line::BatteryCharge, Line::BatteryDischarge], |sample| {
            sample.power.battery
        });
    pair.from.ledger == pair.to.ledger
        && counted(Line::Import)
        && counted(Line::Export)
        && solar
        && battery
}

fn told(pair: &Pair<'_>, line: Line) -> [bool; 2] {
    [pair.from, pair.to].map(|sample| sample.totals.get(line).is_some())
}

/// A home that is known although a part is not does not have that part.
fn is_absent(pair: &Pair<'_>, power: fn(&Sample) -> Option<MilliWatts>) -> bool {
    let ends = [pair.from, pair.to];
    ends.iter().all(|sample| power(sample).is_none())
        && ends.iter().any(|sample| sample.power.home.is_some())
}

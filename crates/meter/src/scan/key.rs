//! The few points of a profile that tell whether it fits.

use solthrive_domain::{Input, Point, Quantity};

use crate::profile::Profile;

/// Which measurements, in the order of what they tell; of each the first input that the profile has.
const KEY: [(Quantity, &[Input]); 8] = [
    (
        Quantity::Voltage,
        &[Input::L1, Input::Average, Input::Total],
    ),
    (Quantity::Voltage, &[Input::L2]),
    (Quantity::Current, &[Input::L1, Input::Total]),
    (Quantity::Current, &[Input::L2]),
    (Quantity::ActivePower, &[Input::L1]),
    (Quantity::ActivePower, &[Input::Total]),
    (Quantity::PowerFactor, &[Input::L1, Input::Total]),
    (Quantity::Frequency, &[Input::Total]),
];

/// Indices of the key points.
pub(super) fn key_points(profile: &Profile) -> Vec<usize> {
    let place = |point: Point| profile.points.iter().position(|def| def.point == point);
    let first = |(quantity, inputs): &(Quantity, &[Input])| {
        inputs
            .iter()
            .find_map(|input| place(Point::new(*quantity, *input)))
    };
    KEY.iter().filter_map(first).collect()
}

//! Whether a profile's points can stand beside each other.

use solthrive_domain::Point;

use super::{BusFacts, PointDef};

/// A point that cannot be, and why. `points` are in order of [`PointDef::key`].
pub(super) fn first_contradiction(points: &[PointDef], bus: &BusFacts) -> Option<(Point, String)> {
    alone(points, bus)
        .or_else(|| overlapping(points))
        .or_else(|| scale_inside_a_value(points))
}

fn alone(points: &[PointDef], bus: &BusFacts) -> Option<(Point, String)> {
    points.iter().find_map(|point| {
        let (name, width) = (point.point, point.kind.width());
        if width > bus.max_registers {
            return Some((
                point.point,
                format!(
                    "{name} takes {width} registers, but `max_registers` is {}",
                    bus.max_registers
                ),
            ));
        }
        if bus.even_only && (point.address % 2 == 1 || width % 2 == 1) {
            return Some((
                point.point,
                format!("{name} has an odd address or length, but the meter is `even_only`"),
            ));
        }
        None
    })
}

/// Two names for the very same value are fine (a single-phase meter's `p_l1` is its `p_total`);
/// values that share only some registers are a typing error.
fn overlapping(points: &[PointDef]) -> Option<(Point, String)> {
    for (index, point) in points.iter().enumerate() {
        let before = points.get(..index).unwrap_or_default();
        let same = |other: &PointDef| {
            (other.address, other.kind, other.words) == (point.address, point.kind, point.words)
        };
        let shares = |other: &&PointDef| {
            other.function == point.function
                && u32::from(point.address) < other.end()
                && !same(other)
        };
        if let Some(other) = before.iter().rev().find(shares) {
            let (name, at) = (other.point, other.address);
            let reason = format!(
                "{} at 0x{:04X} overlaps {name} ({} at 0x{at:04X})",
                point.point,
                point.address,
                other.kind.name()
            );
            return Some((point.point, reason));
        }
    }
    None
}

fn scale_inside_a_value(points: &[PointDef]) -> Option<(Point, String)> {
    points.iter().find_map(|point| {
        let scale = point.scale_register?;
        let holds = |other: &&PointDef| {
            other.function == scale.function
                && other.address <= scale.address
                && u32::from(scale.address) < other.end()
        };
        let other = points.iter().find(holds)?;
        Some((
            point.point,
            format!(
                "the scale register 0x{:04X} of {} belongs to {}",
                scale.address, point.point, other.point
            ),
        ))
    })
}

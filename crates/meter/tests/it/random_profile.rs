//! Profiles with arbitrary points, built the way a person would: as text.

use std::fmt::Write as _;
use std::ops::Range;

use proptest::prelude::*;
use solthrive_domain::Point;
use solthrive_meter::profile::Profile;

/// A profile with these points (lines of YAML); u16 unless they say otherwise.
pub(crate) fn profile_with(points: &str, max_registers: u16, even_only: bool) -> Profile {
    let text = format!(
        "id: random\nvendor: Nobody\nmodels: [none]\nwiring: [split]\nbus:\n  transports: [rtu]\n  function: holding\n  \
         max_registers: {max_registers}\n  even_only: {even_only}\ndefaults: {{type: u16}}\npoints:\n{points}"
    );
    Profile::parse("random.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Points as (hole before, kind, optional, slow).
#[derive(Debug, Clone)]
pub(crate) struct RandomPoints {
    points: Vec<(u32, usize, bool, bool)>,
    span: u32,
}

/// As many points as `many`, with holes that keep them within about `span` registers.
pub(crate) fn random_points(many: Range<usize>, span: u32) -> impl Strategy<Value = RandomPoints> {
    let hole = prop_oneof![3 => Just(0u32), 2 => 0u32..6, 2 => 0u32..60];
    let point = (hole, 0usize..3, prop::bool::weighted(0.2), any::<bool>());
    prop::collection::vec(point, many).prop_map(move |points| RandomPoints { points, span })
}

impl RandomPoints {
    /// The profile they make.
    pub(crate) fn profile(&self, max_registers: u16, even_only: bool) -> Profile {
        let mut lines = String::new();
        let mut at = 0;
        for ((hole, kind, optional, slow), point) in self.points.iter().zip(Point::all()) {
            let (kind, width) = [("u16", 1), ("s32", 2), ("u64", 4)]
                [if even_only { (*kind).max(1) } else { *kind }];
            at += if even_only { hole & !1 } else { *hole };
            if at > self.span {
                break;
            }
            let speed = if *slow { "slow" } else { "fast" };
            writeln!(
                lines,
                "  {point}: {{address: {at}, type: {kind}, optional: {optional}, speed: {speed}}}"
            )
            .unwrap();
            at += width;
        }
        profile_with(&lines, max_registers, even_only)
    }
}

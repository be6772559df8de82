//! A meter that lacks some registers is understood after a few polls, and asked for the rest.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use solthrive_meter::plan::{Block, PlanLimits, PlanMemory, UnitPlan, WireCost, plan_unit};
use solthrive_meter::profile::{Catalog, Profile};

use crate::random_profile::{profile_with, random_points};

/// More polls than any hunt of these tests takes.
const ENOUGH: usize = 400;

fn cost() -> WireCost {
    WireCost {
        char_time: Duration::from_micros(1042),
        turnaround: Duration::from_millis(30),
        overhead: Duration::from_micros(7292),
    }
}

/// A meter that answers exception 2 as soon as one of these registers is asked for.
struct Meter {
    missing: BTreeSet<u32>,
    longest: u16,
}

enum Answer {
    Values,
    IllegalAddress,
    IllegalValue,
}

impl Meter {
    fn answers(&self, block: &Block) -> Answer {
        let from = u32::from(block.address);
        let span = from..from + u32::from(block.count);
        match () {
            () if block.count > self.longest => Answer::IllegalValue,
            () if self.missing.range(span).next().is_some() => Answer::IllegalAddress,
            () => Answer::Values,
        }
    }
}

/// Polls until a whole poll is answered and changes nothing; returns that plan and the refusals.
fn learn(profile: &Profile, meter: &Meter, memory: &mut PlanMemory) -> (UnitPlan, usize) {
    let wanted: Vec<usize> = (0..profile.points.len()).collect();
    let mut refusals = 0;
    for _ in 0..ENOUGH {
        let unit = plan_unit(profile, &wanted, &cost(), &PlanLimits::default(), memory);
        let mut quiet = true;
        for block in unit.full.iter().chain(&unit.fast) {
            match meter.answers(block) {
                Answer::Values => quiet &= !memory.worked(block),
                Answer::IllegalAddress => {
                    refusals += 1;
                    memory.refused(profile, block);
                    quiet = false;
                }
                Answer::IllegalValue => {
                    refusals += 1;
                    memory.too_long(block.count);
                    quiet = false;
                }
            }
        }
        if quiet {
            return (unit, refusals);
        }
    }
    panic!("still hunting after {ENOUGH} polls: {memory:?}");
}

fn carried(blocks: &[Block]) -> BTreeSet<usize> {
    blocks
        .iter()
        .flat_map(|block| block.points.iter().copied())
        .collect()
}

#[test]
fn a_meter_without_its_optional_point_loses_nothing_else() {
    let profile = Catalog::embedded().get("gavazzi-em24-rs485").unwrap();
    let meter = Meter {
        missing: (0x5C..0x60).collect(),
        longest: 125,
    };
    let mut memory = PlanMemory::default();
    let (unit, refusals) = learn(&profile, &meter, &mut memory);
    assert_eq!(carried(&unit.full).len(), profile.points.len() - 1);
    assert_eq!(
        memory
            .missing(&profile)
            .map(|p| p.to_string())
            .collect::<Vec<_>>(),
        ["e_exp"]
    );
    assert!(refusals <= 4, "{refusals} refusals");
}

#[test]
fn a_hole_that_cannot_be_read_is_read_round_from_then_on() {
    let profile = Catalog::embedded().get("eastron-sdm630").unwrap();
    let meter = Meter {
        missing: (0x24..0x34).collect(),
        longest: 80,
    };
    let mut memory = PlanMemory::default();
    let (unit, refusals) = learn(&profile, &meter, &mut memory);
    assert_eq!(carried(&unit.full).len(), profile.points.len());
    assert_eq!(memory.missing(&profile).count(), 0);
    assert!(refusals <= 12, "{refusals} refusals");
    assert!(cost().of_all(&unit.full) < Duration::from_millis(420));
}

#[test]
fn what_was_learned_survives_a_restart() {
    let profile = Catalog::embedded().get("eastron-sdm630").unwrap();
    let meter = Meter {
        missing: (0x24..0x34).chain(0xEA..0xF0).collect(),
        longest: 40,
    };
    let mut memory = PlanMemory::default();
    let (unit, _) = learn(&profile, &meter, &mut memory);
    let kept = serde_json::to_string(&memory).unwrap();
    let mut again: PlanMemory = serde_json::from_str(&kept).unwrap();
    let (same, refusals) = learn(&profile, &meter, &mut again);
    assert_eq!((same, refusals), (unit, 0), "{kept}");
}

#[test]
fn a_meter_that_refuses_everything_for_a_while_is_not_given_up() {
    let profile = Catalog::embedded().get("eastron-sdm630").unwrap();
    let whole = Meter {
        missing: BTreeSet::new(),
        longest: 80,
    };
    let mut memory = PlanMemory::default();
    let wanted: Vec<usize> = (0..profile.points.len()).collect();
    for _ in 0..100 {
        let unit = plan_unit(&profile, &wanted, &cost(), &PlanLimits::default(), &memory);
        for block in &unit.full {
            memory.refused(&profile, block);
        }
    }
    assert_eq!(memory.missing(&profile).count(), 0);
    let (unit, _) = learn(&profile, &whole, &mut memory);
    assert_eq!(carried(&unit.full).len(), 42);
    let fresh = plan_unit(
        &profile,
        &wanted,
        &cost(),
        &PlanLimits {
            distinct_lengths: false,
            ..PlanLimits::default()
        },
        &PlanMemory::default(),
    );
    assert_eq!(
        unit.full.len(),
        fresh.full.len(),
        "walls of a starting meter were kept"
    );
}

#[test]
fn padding_that_is_refused_is_put_elsewhere() {
    let profile = profile_with(
        "  v_l1: {address: 10}\n  p_l1: {address: 100}\n",
        125,
        false,
    );
    let meter = Meter {
        missing: (0..200).filter(|r| ![10, 100, 101].contains(r)).collect(),
        longest: 125,
    };
    let (unit, _) = learn(&profile, &meter, &mut PlanMemory::default());
    let reads: Vec<_> = unit
        .full
        .iter()
        .map(|block| (block.address, block.count))
        .collect();
    assert_eq!(reads, [(10, 1), (100, 2)]);
}

#[test]
fn a_read_that_is_too_long_is_made_shorter() {
    let profile = Catalog::embedded().get("gavazzi-em340").unwrap();
    let meter = Meter {
        missing: BTreeSet::new(),
        longest: 11,
    };
    let (unit, refusals) = learn(&profile, &meter, &mut PlanMemory::default());
    assert_eq!(carried(&unit.full).len(), profile.points.len());
    assert!(unit.full.iter().all(|block| block.count <= 11));
    assert!(refusals <= 12, "{refusals} refusals");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_meter_lacks_everything_else_is_read(
        points in random_points(2..30, 800),
        holes in prop::collection::vec((0u32..700, 1u32..5), 0..6),
        even in any::<bool>(),
    ) {
        let profile = points.profile(125, even);
        let missing: BTreeSet<u32> = holes.iter().flat_map(|(at, long)| *at..at + long).collect();
        let lost = |def: &solthrive_meter::profile::PointDef| missing.range(u32::from(def.address)..def.end()).next().is_some();
        let expected: BTreeSet<usize> = profile.points.iter().enumerate().filter(|(_, def)| !lost(def)).map(|(index, _)| index).collect();
        prop_assume!(!expected.is_empty());
        let meter = Meter { missing: missing.clone(), longest: 125 };
        let (unit, _) = learn(&profile, &meter, &mut PlanMemory::default());
        prop_assert_eq!(carried(&unit.full), expected);
    }
}

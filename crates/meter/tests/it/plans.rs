//! What a plan promises: everything wanted, once, at the lowest cost the wire allows.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::plan::{Block, PlanLimits, PlanMemory, WireCost, plan, plan_unit};
use solthrive_meter::profile::{Catalog, Profile, Speed};

use crate::random_profile::{profile_with, random_points};

const PLAIN: PlanLimits = PlanLimits {
    max_registers: None,
    distinct_lengths: false,
};

fn line(baud: u32, parity: Parity, turnaround_ms: u64) -> WireCost {
    let settings = SerialSettings {
        baud,
        parity,
        stop_bits: 1,
    };
    WireCost::serial(
        settings.char_time(),
        settings.t3_5(),
        Duration::from_millis(turnaround_ms),
        Duration::ZERO,
    )
}

fn every(profile: &Profile) -> Vec<usize> {
    (0..profile.points.len()).collect()
}

fn one_by_one(profile: &Profile, cost: &WireCost) -> Duration {
    profile
        .points
        .iter()
        .map(|def| cost.of(def.kind.width()))
        .sum()
}

fn seconds(id: &str, limits: &PlanLimits, cost: &WireCost) -> f64 {
    let profile = Catalog::embedded().get(id).unwrap();
    cost.of_all(&plan(&profile, &every(&profile), cost, limits))
        .as_secs_f64()
}

#[test]
fn a_full_sdm630_takes_less_than_four_tenths_of_a_second_at_9600_baud() {
    let cost = line(9600, Parity::None, 30);
    let sdm = Catalog::embedded().get("eastron-sdm630").unwrap();
    assert!((one_by_one(&sdm, &cost).as_secs_f64() - 2.31).abs() < 0.01);
    assert!(seconds("eastron-sdm630", &PlanLimits::default(), &cost) <= 0.40);
    assert!(
        seconds("eastron-sdm630", &PLAIN, &cost) <= 0.385,
        "padding took the advantage away"
    );
}

#[test]
fn other_meters_reach_what_was_computed_for_them() {
    let cost = line(9600, Parity::None, 30);
    let table = wire_times(&cost);
    println!("{table}");
    let em340 = Catalog::embedded().get("gavazzi-em340").unwrap();
    assert!((one_by_one(&em340, &cost).as_secs_f64() - 1.53).abs() < 0.01);
    assert!(seconds("gavazzi-em340", &PLAIN, &cost) <= 0.28);
    let mut roomy = Profile::clone(&em340);
    roomy.bus.max_registers = 125;
    assert!(
        cost.of_all(&plan(&roomy, &every(&roomy), &cost, &PLAIN))
            .as_secs_f64()
            <= 0.22
    );
    let dtsu = Catalog::embedded().get("chint-dtsu666").unwrap();
    assert!((one_by_one(&dtsu, &cost).as_secs_f64() - 1.49).abs() < 0.01);
    assert!(seconds("chint-dtsu666", &PLAIN, &cost) <= 0.275);
}

/// Computed wire time of each profile, for the log.
fn wire_times(cost: &WireCost) -> String {
    let mut table = String::from(
        "profile                     points  one by one   planned  reads   fast  reads\n",
    );
    for profile in Catalog::embedded().iter() {
        let unit = plan_unit(
            profile,
            &every(profile),
            cost,
            &PlanLimits::default(),
            &PlanMemory::default(),
        );
        table.push_str(&format!(
            "{:<26} {:>7} {:>9.3} s {:>7.3} s {:>6} {:>6.3} {:>6}\n",
            profile.id,
            profile.points.len(),
            one_by_one(profile, cost).as_secs_f64(),
            cost.of_all(&unit.full).as_secs_f64(),
            unit.full.len(),
            cost.of_all(&unit.fast).as_secs_f64(),
            unit.fast.len(),
        ));
    }
    table
}

#[test]
fn a_hole_is_read_over_as_long_as_that_is_cheaper_than_asking_again() {
    // Break-even at 9600 baud with 30 ms of turnaround: 24 registers.
    let cost = line(9600, Parity::None, 30);
    let reads = |hole: u16| {
        let profile = profile_with(
            &format!(
                "  v_l1: {{address: 0}}\n  v_l2: {{address: {}}}\n",
                hole + 1
            ),
            125,
            false,
        );
        plan(&profile, &[0, 1], &cost, &PLAIN).len()
    };
    assert_eq!(reads(24), 1);
    assert_eq!(reads(25), 2);
}

#[test]
fn slow_points_that_cost_nothing_are_read_with_the_fast_ones() {
    let text = "  v_l1: {address: 0}\n  e_imp: {address: 1, type: u32}\n  p_l1: {address: 3}\n  e_exp: {address: 90, type: u32}\n";
    let profile = profile_with(text, 125, false);
    let unit = plan_unit(
        &profile,
        &[0, 1, 2, 3],
        &line(9600, Parity::None, 5),
        &PLAIN,
        &PlanMemory::default(),
    );
    assert_eq!(unit.fast.len(), 1);
    assert_eq!(unit.fast[0].points, [0, 1, 2]);
    assert_eq!(
        unit.full
            .iter()
            .flat_map(|block| block.points.clone())
            .collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
}

#[test]
fn scale_registers_are_read_with_the_points_that_need_them() {
    let profile = Catalog::embedded().get("accuenergy-acurev1300").unwrap();
    for index in every(&profile) {
        let blocks = plan(
            &profile,
            &[index],
            &line(19200, Parity::None, 30),
            &PlanLimits::default(),
        );
        let scale = profile.points[index].scale_register.unwrap();
        let covers = |b: &Block| b.address <= scale.address && scale.address < b.address + b.count;
        assert!(blocks.iter().any(covers), "{}", profile.points[index].point);
        assert_eq!(
            blocks.iter().map(|block| block.points.len()).sum::<usize>(),
            1
        );
    }
}

#[test]
fn padding_prefers_registers_that_are_known_to_exist() {
    let fast = |optional: bool| {
        let text = format!(
            "  v_l1: {{address: 0}}\n  p_l1: {{address: 100}}\n  e_imp: {{address: 101, type: u32, optional: {optional}}}\n"
        );
        let profile = profile_with(&text, 125, false);
        let unit = plan_unit(
            &profile,
            &[0, 1],
            &line(9600, Parity::None, 5),
            &PlanLimits::default(),
            &PlanMemory::default(),
        );
        unit.fast
            .iter()
            .map(|block| (block.address, block.count))
            .collect::<Vec<_>>()
    };
    assert_eq!(fast(false), [(0, 1), (100, 3)], "a whole value");
    assert_eq!(
        fast(true),
        [(0, 1), (99, 2)],
        "not half of a value, nor one that may be missing"
    );
}

#[test]
fn blocks_of_one_unit_differ_in_length_for_every_profile() {
    for profile in Catalog::embedded().iter() {
        let cost = line(9600, Parity::None, 30);
        let unit = plan_unit(
            profile,
            &every(profile),
            &cost,
            &PlanLimits::default(),
            &PlanMemory::default(),
        );
        assert_distinct(&unit.fast, &unit.full, &profile.id);
    }
}

fn assert_distinct(fast: &[Block], full: &[Block], of: &str) {
    let reads: BTreeSet<_> = fast
        .iter()
        .chain(full)
        .map(|block| (block.function, block.address, block.count))
        .collect();
    let lengths: BTreeSet<_> = reads
        .iter()
        .map(|(function, _, count)| (*function, *count))
        .collect();
    assert_eq!(reads.len(), lengths.len(), "{of}: {reads:?}");
}

/// The lowest cost of all ways to cut the sorted points into reads.
fn lowest_by_trying_all(profile: &Profile, wanted: &[usize], cost: &WireCost) -> Option<Duration> {
    let spans: Vec<(u32, u32)> = wanted
        .iter()
        .map(|i| {
            (
                u32::from(profile.points[*i].address),
                profile.points[*i].end(),
            )
        })
        .collect();
    let cuts = spans.len() - 1;
    (0..1u32 << cuts)
        .filter_map(|mask| {
            let mut total = Duration::ZERO;
            let mut start = 0;
            for index in 0..spans.len() {
                if index == cuts || mask >> index & 1 == 1 {
                    let (mut from, mut to) = (
                        spans[start].0,
                        spans[start..=index].iter().map(|s| s.1).max()?,
                    );
                    if profile.bus.even_only {
                        (from, to) = (from & !1, (to + 1) & !1);
                    }
                    if to - from > u32::from(profile.bus.max_registers) {
                        return None;
                    }
                    total += cost.of(u16::try_from(to - from).unwrap());
                    start = index + 1;
                }
            }
            Some(total)
        })
        .min()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn no_other_cut_is_cheaper(
        points in random_points(1..10, 300),
        max in prop_oneof![Just(8u16), Just(30), Just(125)],
        even in any::<bool>(),
        turnaround in 0u64..60,
        baud in prop_oneof![Just(1200u32), Just(9600), Just(115_200)],
    ) {
        let profile = points.profile(max, even);
        let cost = line(baud, Parity::Even, turnaround);
        let wanted = every(&profile);
        let planned = plan(&profile, &wanted, &cost, &PLAIN);
        prop_assert_eq!(Some(cost.of_all(&planned)), lowest_by_trying_all(&profile, &wanted, &cost));
    }

    #[test]
    fn every_plan_keeps_to_its_profile(
        points in random_points(1..40, 2000),
        max in 8u16..=125,
        even in any::<bool>(),
        chosen in any::<u64>(),
        turnaround in 0u64..60,
    ) {
        let profile = points.profile(max, even);
        let wanted: Vec<usize> = every(&profile).into_iter().filter(|i| chosen >> (i % 64) & 1 == 1).collect();
        let cost = line(9600, Parity::None, turnaround);
        let unit = plan_unit(&profile, &wanted, &cost, &PlanLimits::default(), &PlanMemory::default());
        let fast: Vec<usize> = wanted.iter().copied().filter(|i| profile.points[*i].speed == Speed::Fast).collect();
        for (blocks, needed) in [(&unit.fast, &fast), (&unit.full, &wanted)] {
            for block in blocks {
                prop_assert!(block.count >= 1 && block.count <= profile.bus.max_registers);
                prop_assert!(!even || (block.address % 2 == 0 && block.count % 2 == 0));
                for index in &block.points {
                    let def = &profile.points[*index];
                    prop_assert!(def.address >= block.address);
                    prop_assert!(def.end() <= u32::from(block.address) + u32::from(block.count));
                }
            }
            let carried: Vec<usize> = blocks.iter().flat_map(|block| block.points.clone()).collect();
            let once: BTreeSet<usize> = carried.iter().copied().collect();
            prop_assert_eq!(once.len(), carried.len());
            prop_assert!(needed.iter().all(|index| once.contains(index)));
        }
        // The exact cover of `full`, and padding that costs little.
        let bare = plan_unit(&profile, &wanted, &cost, &PLAIN, &PlanMemory::default());
        let padded = cost.of_all(&unit.full);
        let limit = cost.of_all(&bare.full) + cost.char_time * 16 * u32::try_from(unit.full.len()).unwrap();
        prop_assert!(padded <= limit);
    }
}

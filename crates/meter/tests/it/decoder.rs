//! Registers become the value that the meter meant, or none.

use std::sync::LazyLock;

use proptest::prelude::*;
use rstest::rstest;
use solthrive_meter::decode::{NoValue, Registers, Scaling};
use solthrive_meter::profile::{Catalog, Function, NumberKind, PointDef, Profile, WordOrder};

use crate::random_profile::profile_with;

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::embedded);

fn one(point: &str) -> PointDef {
    profile_with(&format!("  {point}\n"), 125, false)
        .points
        .remove(0)
}

fn decoded(point: &str, registers: &[u16]) -> Result<f64, NoValue> {
    one(point).decode(registers, Scaling::default())
}

#[rstest]
#[case::unsigned("v_l1: {address: 0, type: u16, k: 0.1}", &[2301], 230.1)]
#[case::negative("p_l1: {address: 0, type: s16}", &[0xFFFE], -2.0)]
#[case::high_word_first("p_l1: {address: 0, type: s32, k: 0.1}", &[0xFFFF, 0xFFF6], -1.0)]
#[case::low_word_first("p_l1: {address: 0, type: s32, words: lsw, k: 0.1}", &[0xFFF6, 0xFFFF], -1.0)]
#[case::four_words("e_imp: {address: 0, type: u64, unit: Wh}", &[0, 0, 1, 0], 65.536)]
#[case::four_words_swapped("e_imp: {address: 0, type: u64, words: lsw, unit: Wh}", &[0, 1, 0, 0], 65.536)]
#[case::single("f: {address: 0, type: f32}", &[0x4248, 0x0000], 50.0)]
#[case::single_swapped("f: {address: 0, type: f32, words: lsw}", &[0x0000, 0x4248], 50.0)]
#[case::double("e_imp: {address: 0, type: f64}", &[0x4059, 0x0000, 0x0000, 0x0000], 100.0)]
#[case::kilowatts("p_l1: {address: 0, type: f32, unit: kW}", &[0x3FC0, 0x0000], 1500.0)]
#[case::turned_round("p_l1: {address: 0, type: s16, sign: inverted}", &[5], -5.0)]
#[case::both_legs("p_l1: {address: 0, type: s16, multiplier: 2}", &[5], 10.0)]
#[case::as_v1_sampled_it("p_pv: {address: 0, type: s32, k: 0.1}", &[0x0000, 0x7530], 3000.0)]
fn registers_become_values(#[case] point: &str, #[case] registers: &[u16], #[case] value: f64) {
    assert_eq!(decoded(point, registers), Ok(value));
}

#[rstest]
#[case::sentinel("v_l1: {address: 0, sentinels: [0xFFFF]}", &[0xFFFF], NoValue::Sentinel)]
#[case::negative_sentinel("p_l1: {address: 0, type: s16, sentinels: [-32768]}", &[0x8000], NoValue::Sentinel)]
#[case::not_a_number("f: {address: 0, type: f32}", &[0x7FC0, 0x0000], NoValue::NotFinite)]
#[case::infinite("f: {address: 0, type: f32}", &[0xFF80, 0x0000], NoValue::NotFinite)]
#[case::infinite_double("e_imp: {address: 0, type: f64}", &[0x7FF0, 0, 0, 0], NoValue::NotFinite)]
#[case::beyond_any_home("p_l1: {address: 0, type: f32}", &[0x7F7F, 0xFFFF], NoValue::NotFinite)]
#[case::too_high("v_l1: {address: 0, range: [80, 290]}", &[300], NoValue::OutOfRange(300.0))]
#[case::too_low("v_l1: {address: 0, range: [80, 290]}", &[0], NoValue::OutOfRange(0.0))]
#[case::cut_short("e_imp: {address: 0, type: u32}", &[1], NoValue::NotRead)]
fn what_is_no_value_is_absent_and_never_zero(
    #[case] point: &str,
    #[case] registers: &[u16],
    #[case] why: NoValue,
) {
    assert_eq!(decoded(point, registers), Err(why));
}

#[test]
fn a_scale_register_says_the_power_of_ten() {
    let acurev = Catalog::embedded().get("accuenergy-acurev1300").unwrap();
    let power = acurev.point("p_l1".parse().unwrap()).unwrap();
    let read = |raw: u16, scale: Option<i16>| {
        let mut registers = Registers::new();
        registers.push(Function::Holding, 0x1057, vec![0, raw, 0]);
        if let Some(scale) = scale {
            registers.push(Function::Holding, 0x105B, vec![scale.cast_unsigned()]);
        }
        power.decode_from(&registers, 1.0)
    };
    assert_eq!(read(1234, Some(-1)), Ok(123.4));
    assert_eq!(read(0xFFFF, Some(2)), Ok(-100.0));
    assert_eq!(read(0x8000, Some(0)), Err(NoValue::Sentinel));
    assert_eq!(read(1234, Some(i16::MIN)), Err(NoValue::BadScale(i16::MIN)));
    assert_eq!(
        read(1234, None),
        Err(NoValue::NotRead),
        "without its scale a value means nothing"
    );
}

#[test]
fn secondary_values_are_multiplied_with_the_ct_ratio() {
    let adl = Catalog::embedded().get("acrel-adl400-int").unwrap();
    let mut registers = Registers::new();
    registers.push(Function::Holding, 0x0061, vec![1203, 0, 0, 250]);
    let get = |name: &str| {
        adl.point(name.parse().unwrap())
            .unwrap()
            .decode_from(&registers, 60.0)
    };
    assert_eq!((get("v_l1"), get("i_l1")), (Ok(120.3), Ok(150.0)));
    assert_eq!(get("p_l1"), Err(NoValue::NotRead));
}

#[test]
fn tables_of_different_functions_are_not_mixed_up() {
    let mut registers = Registers::new();
    registers.push(Function::Input, 0, vec![7, 8]);
    assert_eq!(registers.get(Function::Holding, 0, 1), None);
    assert_eq!(registers.get(Function::Input, 1, 1), Some(&[8][..]));
    assert_eq!(registers.get(Function::Input, 1, 2), None);
}

#[test]
fn counters_wrap_where_their_registers_do() {
    let wh = one("e_imp: {address: 0, type: u32, unit: Wh}");
    assert_eq!(wh.rollover(Scaling::default()), Some(4_294_967.296));
    assert_eq!(wh.encode(4_294_967.297, Scaling::default()), [0, 1]);
    let display = one("e_imp: {address: 0, type: u32, k: 0.01, wraps_at: 1000000}");
    assert_eq!(display.rollover(Scaling::default()), Some(1e6));
    assert_eq!(
        one("e_imp: {address: 0, type: f32}").rollover(Scaling::default()),
        None
    );
    assert_eq!(one("p_l1: {address: 0}").rollover(Scaling::default()), None);
    assert_eq!(
        one("e_net: {address: 0, type: s32}").rollover(Scaling::default()),
        None
    );
}

#[test]
fn a_simulated_meter_can_say_that_it_has_no_value() {
    for profile in Catalog::embedded().iter() {
        for def in &profile.points {
            if let Some(registers) = def.encode_absent() {
                let told = def.decode(&registers, Scaling::default());
                assert!(
                    matches!(told, Err(NoValue::Sentinel | NoValue::NotFinite)),
                    "{} {}",
                    profile.id,
                    def.point
                );
            } else {
                assert!(!def.kind.is_float() && def.sentinels.is_empty());
            }
        }
    }
}

fn def(
    kind: NumberKind,
    words: WordOrder,
    k: f64,
    inverted: bool,
    sentinel: Option<u64>,
) -> PointDef {
    let (sign, words) = (
        if inverted { "inverted" } else { "normal" },
        if words == WordOrder::Lsw {
            "lsw"
        } else {
            "msw"
        },
    );
    let sentinels = sentinel
        .map(|raw| raw & (u64::MAX >> (64 - kind.bits())))
        .map_or(String::new(), |raw| raw.to_string());
    one(&format!(
        "p_l1: {{address: 0, type: {}, words: {words}, k: {k:e}, sign: {sign}, sentinels: [{sentinels}]}}",
        kind.name()
    ))
}

fn kinds() -> impl Strategy<Value = NumberKind> {
    prop::sample::select(NumberKind::ALL.to_vec())
}

fn scales() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(1.0),
        Just(0.1),
        Just(0.01),
        Just(0.001),
        Just(1000.0),
        1e-4..1e4
    ]
}

proptest! {
    #[test]
    fn what_a_meter_says_is_what_is_read(
        kind in kinds(), lsw in any::<bool>(), k in scales(), inverted in any::<bool>(), value in -3e4f64..3e4,
    ) {
        let def = def(kind, if lsw { WordOrder::Lsw } else { WordOrder::Msw }, k, inverted, None);
        let scaling = Scaling::default();
        // What fits into the registers; beyond, the meter stops at its end.
        let raw = value / def.factor(scaling);
        let high = if kind.is_float() { f64::MAX } else { 2f64.powi((kind.bits() - u32::from(kind.is_signed())).cast_signed()) - 1.0 };
        let low = if kind.is_float() { f64::MIN } else if kind.is_signed() { -high - 1.0 } else { 0.0 };
        let expected = raw.clamp(low, high) * def.factor(scaling);
        let read = def.decode(&def.encode(value, scaling), scaling).unwrap();
        let slack = def.resolution(expected, scaling) * 0.51 + expected.abs() * 1e-12;
        prop_assert!((read - expected).abs() <= slack, "{read} for {expected} +- {slack}");
    }

    #[test]
    fn a_simulated_meter_never_says_by_chance_that_it_has_no_value(
        kind in kinds(), sentinel in prop_oneof![Just(0u64), Just(u64::MAX), Just(1 << 15), any::<u64>()], value in -1e9f64..1e9,
    ) {
        let def = def(kind, WordOrder::Msw, 1.0, false, Some(sentinel));
        for value in [value, 0.0, 65535.0, -1.0, 4_294_967_295.0, -32768.0] {
            let read = def.decode(&def.encode(value, Scaling::default()), Scaling::default());
            prop_assert!(read.is_ok(), "{value}: {read:?}");
        }
    }

    #[test]
    fn no_registers_make_the_decoder_fail_or_hand_out_nonsense(
        registers in prop::collection::vec(any::<u16>(), 0..130), at in any::<u16>(), ct in prop_oneof![Just(1.0), Just(f64::NAN), -1e9..1e9f64],
        chosen in any::<prop::sample::Index>(),
    ) {
        let catalog = &*CATALOG;
        let profiles: Vec<_> = catalog.iter().collect();
        let profile = profiles[chosen.index(profiles.len())];
        let start = profile.points[usize::from(at) % profile.points.len()].address.saturating_sub(at % 7);
        let mut image = Registers::new();
        for function in [Function::Holding, Function::Input] {
            image.push(function, start, registers.clone());
        }
        for def in &profile.points {
            if let Ok(value) = def.decode_from(&image, ct) {
                prop_assert!(value.is_finite() && value.abs() <= 1e12);
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_fail(text in any::<String>()) {
        let _ = Profile::parse("any.yaml", &text);
    }

    #[test]
    fn no_damage_to_a_profile_makes_the_parser_fail(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[-:{}\\[\\]&*!|>'\"%@`, \t\n#0-9a-z.]{0,6}"), 1..6),
    ) {
        let mut text = include_str!("../../profiles/abb-b2x.yaml").to_owned();
        for (at, remove, insert) in cuts {
            let from = at.index(text.len());
            text.replace_range(from..(from + remove).min(text.len()), &insert);
        }
        if let Err(error) = Profile::parse("damaged.yaml", &text) {
            prop_assert!(!error.reason.is_empty());
        }
    }
}

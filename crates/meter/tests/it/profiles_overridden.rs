//! A site may correct single points of a profile, within what the profile allows.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use solthrive_domain::Point;
use solthrive_meter::decode::Scaling;
use solthrive_meter::profile::{
    Catalog, NumberKind, OverrideError, PointOverride, Profile, Sign, WordOrder,
};

fn changed(profile: &str, point: &str, over: PointOverride) -> Result<Profile, OverrideError> {
    let point: Point = point.parse().unwrap();
    Catalog::embedded()
        .get(profile)
        .unwrap()
        .with_overrides(&BTreeMap::from([(point, over)]))
}

#[test]
fn the_export_counter_of_v1_can_be_elsewhere() {
    let profile = changed(
        "solthrive-v1",
        "e_exp",
        PointOverride {
            address: Some(0x0110),
            ..PointOverride::default()
        },
    )
    .unwrap();
    let export = profile.point("e_exp".parse().unwrap()).unwrap();
    assert_eq!((export.address, export.kind), (0x0110, NumberKind::U32));
    assert!(
        profile.points.is_sorted_by_key(|def| def.address),
        "plans rely on the order"
    );
}

#[test]
fn a_power_as_v1_sampled_it_can_be_said() {
    let over = PointOverride {
        address: Some(0x0020),
        kind: Some(NumberKind::S32),
        words: Some(WordOrder::Msw),
        k: Some(0.1),
        sign: Some(Sign::Inverted),
        ..PointOverride::default()
    };
    let profile = changed("solthrive-v1", "p_pv", over).unwrap();
    let pv = profile.point("p_pv".parse().unwrap()).unwrap();
    assert_eq!(pv.decode(&[0xFFFF, 0xD8F0], Scaling::default()), Ok(1000.0));
}

#[test]
fn sentinels_of_the_old_number_format_are_forgotten_with_it() {
    let over = PointOverride {
        kind: Some(NumberKind::U32),
        ..PointOverride::default()
    };
    let profile = changed("abb-b2x", "p_total", over).unwrap();
    let power = profile.point("p_total".parse().unwrap()).unwrap();
    assert_eq!(
        power.decode(&[0x7FFF, 0xFFFF], Scaling::default()),
        Ok(21_474_836.47)
    );
}

#[test]
fn corrections_that_cannot_be_are_refused() {
    let refusal = |point: &str, over: PointOverride| {
        changed("solthrive-v1", point, over)
            .unwrap_err()
            .to_string()
    };
    let at = |address: u16| PointOverride {
        address: Some(address),
        ..PointOverride::default()
    };
    assert_snapshot!(refusal("e_exp", at(0x0101)), @"e_exp: e_exp at 0x0101 overlaps e_imp (u32 at 0x0100)");
    assert_snapshot!(refusal("e_exp", at(0xFFFF)), @"e_exp: a u32 at 0xFFFF would end past register 0xFFFF");
    assert_snapshot!(refusal("p_l3", at(0x0020)), @"p_l3: the profile solthrive-v1 has no such point; a new point needs a custom profile");
    assert_snapshot!(refusal("v_l1", PointOverride { k: Some(0.0), ..PointOverride::default() }), @"v_l1: `k` is 0, but must be finite and not 0");
    assert_snapshot!(refusal("v_l1", PointOverride { multiplier: Some(f64::NAN), ..PointOverride::default() }), @"v_l1: `multiplier` is NaN, but must be finite and above 0");
    assert_snapshot!(refusal("v_l1", PointOverride { range: Some((1.0, 1.0)), ..PointOverride::default() }), @"v_l1: `range` is [lowest, highest], both finite, lowest below highest");
}

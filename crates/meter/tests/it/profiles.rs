//! What every profile that comes with the program keeps to.

use std::collections::BTreeSet;
use std::path::Path;

use solthrive_domain::{Input, Point, Quantity};
use solthrive_meter::profile::{
    Catalog, CounterScope, EMBEDDED, Function, NumberKind, Profile, Speed, WordOrder,
};

fn point(name: &str) -> Point {
    name.parse().unwrap()
}

#[test]
fn every_profile_that_comes_with_the_program_is_sound_and_named_after_its_file() {
    for (file, text) in EMBEDDED {
        let profile = Profile::parse(file, text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(format!("{}.yaml", profile.id), *file);
        assert!(!profile.sources.is_empty(), "{file} names no source");
        assert!(
            profile.bus.serial.is_some() || profile.bus.tcp.is_some(),
            "{file} says nothing of its factory settings"
        );
    }
    assert_eq!(Catalog::embedded().iter().count(), EMBEDDED.len());
}

#[test]
fn every_file_of_the_profiles_folder_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let embedded: BTreeSet<String> = EMBEDDED
        .iter()
        .map(|(file, _)| (*file).to_owned())
        .collect();
    assert_eq!(on_disk, embedded);
    assert_eq!(embedded.len(), 19);
}

#[test]
fn the_sdm630_is_read_in_full() {
    let profile = Catalog::embedded().get("eastron-sdm630").unwrap();
    assert_eq!(profile.points.len(), 42);
    assert!(profile.bus.even_only);
    let power = profile.point(point("p_total")).unwrap();
    assert_eq!(
        (power.address, power.kind, power.function),
        (0x34, NumberKind::F32, Function::Input)
    );
    assert_eq!(power.speed, Speed::Fast);
    assert_eq!(profile.point(point("e_imp")).unwrap().speed, Speed::Slow);
}

#[test]
fn totals_of_meters_with_separate_inputs_are_not_taken_for_the_grid() {
    for profile in Catalog::embedded().iter() {
        let single = profile
            .wiring
            .iter()
            .all(|wiring| *wiring == solthrive_meter::profile::Wiring::Single);
        for def in profile
            .points
            .iter()
            .filter(|def| def.point.quantity.is_counter())
        {
            let expected = match (def.point.input, profile.id.as_str()) {
                (Input::Total, "wattnode-wnc-modbus") if nets(def.point.quantity) => {
                    CounterScope::MainsNet
                }
                (Input::Total, "acrel-adl200n") => CounterScope::Leg,
                (Input::Total, _) if single => CounterScope::Leg,
                (Input::Total, _) => CounterScope::AllInputs,
                _ => CounterScope::Leg,
            };
            assert_eq!(def.scope, Some(expected), "{} {}", profile.id, def.point);
        }
    }
}

fn nets(quantity: Quantity) -> bool {
    matches!(
        quantity,
        Quantity::EnergyImport | Quantity::EnergyExport | Quantity::EnergyNet
    )
}

#[test]
fn v1_sites_find_their_map_with_export_behind_import() {
    let profile = Catalog::embedded().get("solthrive-v1").unwrap();
    let export = profile.point(point("e_exp")).unwrap();
    assert_eq!((export.address, export.kind), (0x0102, NumberKind::U32));
    assert_eq!(profile.point(point("i_pv")).unwrap().address, 8);
    assert_eq!(profile.bus.function, Function::Holding);
}

#[test]
fn what_is_special_about_a_meter_is_in_its_profile() {
    let catalog = Catalog::embedded();
    let of = |id: &str, name: &str| catalog.get(id).unwrap().point(point(name)).unwrap().clone();
    assert!(of("gavazzi-em24-rs485", "e_exp").optional);
    assert!(of("acrel-adl400-int", "p_l1").ct_scaled);
    assert_eq!(of("acrel-adl400-float800", "p_l1").k, 1000.0);
    assert_eq!(of("acrel-adl400n-ct", "e_imp").kind, NumberKind::F64);
    assert_eq!(of("wattnode-wnc-modbus", "p_l1").words, WordOrder::Lsw);
    assert_eq!(
        of("wattnode-wnc-modbus", "e_imp").address,
        1006,
        "the counter that nobody can reset"
    );
    assert_eq!(of("schneider-iem3155", "e_imp").kind, NumberKind::S64);
    assert_eq!(of("schneider-iem3155", "e_imp").k, 0.001);
    assert_eq!(
        of("accuenergy-acurev1300", "p_l1")
            .scale_register
            .unwrap()
            .address,
        0x105B
    );
    assert_eq!(of("abb-b2x", "v_l2").sentinels, [0xFFFF_FFFF]);
    assert_eq!(of("abb-b2x", "p_l2").sentinels, [0x7FFF_FFFF]);
    assert_eq!(
        catalog.get("acrel-adl400n-ct").unwrap().bus.max_registers,
        54
    );
    assert_eq!(
        catalog
            .get("gavazzi-em24-ethernet")
            .unwrap()
            .probe
            .as_ref()
            .unwrap()
            .values
            .len(),
        6
    );
}

#[test]
fn a_mistyped_id_is_answered_with_the_one_that_was_meant() {
    let catalog = Catalog::embedded();
    assert_eq!(catalog.suggest("eastron_sdm63"), Some("eastron-sdm630"));
    assert_eq!(catalog.suggest("SolThrive-V1"), Some("solthrive-v1"));
    assert_eq!(catalog.suggest("zzz"), None);
}

#[test]
fn the_documented_example_is_a_profile() {
    let guide = include_str!("../../../../docs/meter-profiles.md");
    let example = guide
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let profile =
        Profile::parse("docs/meter-profiles.md", example).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(profile.points.len(), 12);
    let power = profile.point(point("p_l1")).unwrap();
    assert!((power.k - 0.1).abs() < 1e-12, "0.0001 of a kW is 0.1 W");
}

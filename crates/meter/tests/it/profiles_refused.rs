//! A wrong profile is refused with file, line, column and reason.

use insta::assert_snapshot;
use solthrive_meter::profile::{Catalog, Profile};

const GOOD: &str = "\
id: acme-em1
vendor: Acme
models: [EM1]
wiring: [split]
bus:
  transports: [rtu]
  function: holding
  serial: {baud: 9600}
defaults: {type: u16}
points:
  v_l1: {address: 0x0000, k: 0.1}
  p_l1: {address: 1, type: s32, unit: kW, sign: inverted}
  e_imp: {address: 0x0010, type: u32, unit: Wh}
";

fn refusal(of: &str, is_now: &str) -> String {
    assert!(GOOD.contains(of), "{of}");
    Profile::parse("acme.yaml", &GOOD.replacen(of, is_now, 1))
        .unwrap_err()
        .to_string()
}

#[test]
fn the_smallest_profile_is_enough() {
    let profile = Profile::parse("acme.yaml", GOOD).unwrap();
    assert_eq!(profile.points.len(), 3);
    assert_eq!(profile.bus.max_registers, 64);
}

#[test]
fn keys_that_do_not_exist_are_named_with_what_was_meant() {
    assert_snapshot!(refusal("vendor:", "vendro:"), @"");
    assert_snapshot!(refusal("k: 0.1", "scale: 0.1"), @"");
    assert_snapshot!(refusal("sign: inverted", "sgin: inverted"), @"");
    assert_snapshot!(refusal("baud:", "baudrate:"), @"");
    assert_snapshot!(refusal("vendor: Acme\n", ""), @"");
}

#[test]
fn names_that_do_not_exist_are_named_with_what_was_meant() {
    assert_snapshot!(refusal("v_l1:", "volt_l1:"), @"");
    assert_snapshot!(refusal("e_imp:", "e_import:"), @"");
    assert_snapshot!(refusal("type: s32", "type: i32"), @"");
    assert_snapshot!(refusal("[split]", "[spilt]"), @"");
    assert_snapshot!(refusal("unit: kW", "unit: kw"), @"");
    assert_snapshot!(refusal("function: holding", "function: 3"), @"");
}

#[test]
fn points_that_cannot_be_are_refused() {
    assert_snapshot!(refusal("p_l1:", "v_l1:"), @"");
    assert_snapshot!(refusal("p_l1: {address: 1", "p_l1: {address: 0"), @"");
    assert_snapshot!(refusal("e_imp: {address: 0x0010", "e_imp: {address: 2"), @"");
    assert_snapshot!(refusal("0x0010", "0xFFFF"), @"");
    assert_snapshot!(refusal("0x0010", "0x10000"), @"");
    assert_snapshot!(refusal("address: 1,", "address: -1,"), @"");
    assert_snapshot!(refusal("address: 1,", "address: one,"), @"");
    assert_snapshot!(refusal("k: 0.1", "k: 0"), @"");
    assert_snapshot!(refusal("k: 0.1", "k: .nan"), @"");
    assert_snapshot!(refusal("k: 0.1", "scope: leg"), @"");
    assert_snapshot!(refusal("k: 0.1", "ct_scaled: true"), @"");
    assert_snapshot!(refusal("k: 0.1", "wraps_at: 100"), @"");
    assert_snapshot!(refusal("k: 0.1", "volt_ref: l1"), @"");
    assert_snapshot!(refusal("k: 0.1", "range: [290, 80]"), @"");
    assert_snapshot!(refusal("k: 0.1", "scale_register: 2"), @"");
    assert_snapshot!(refusal("k: 0.1", "multiplier: -2"), @"");
    assert_snapshot!(refusal("k: 0.1", "sentinels: [0x10000]"), @"");
    assert_snapshot!(refusal("sign: inverted", "sentinels: [-0x80000001]"), @"");
    assert_snapshot!(refusal("k: 0.1", "optional: no"), @"");
}

#[test]
fn bus_facts_that_cannot_be_are_refused() {
    assert_snapshot!(refusal("holding\n", "holding\n  max_registers: 126\n"), @"");
    assert_snapshot!(refusal("holding\n", "holding\n  max_registers: 1\n"), @"");
    assert_snapshot!(refusal("holding\n", "holding\n  even_only: true\n"), @"");
    assert_snapshot!(refusal("holding\n", "holding\n  gap_ms: -5\n"), @"");
    assert_snapshot!(refusal("baud: 9600", "baud: 960"), @"");
    assert_snapshot!(refusal("baud: 9600", "baud: 9600, unit: 0"), @"");
    assert_snapshot!(refusal("[rtu]", "[]"), @"");
    assert_snapshot!(refusal("[rtu]", "[tcp]"), @"");
    assert_snapshot!(refusal("acme-em1", "Acme EM1"), @"");
}

#[test]
fn a_file_that_is_no_profile_is_refused() {
    let parse = |text: &str| Profile::parse("acme.yaml", text).unwrap_err().to_string();
    assert_snapshot!(parse(""), @"");
    assert_snapshot!(parse("just words"), @"");
    assert_snapshot!(parse("id: [\n"), @"");
    assert_snapshot!(parse("id: a\n\tvendor: b\n"), @"");
    assert_snapshot!(parse(&"#".repeat(300_000)), @"");
    let points = GOOD.find("  v_l1").unwrap();
    assert_snapshot!(parse(&format!("{}  {{}}\n", &GOOD[..points])), @"");
    assert_snapshot!(parse(&format!("{GOOD}---\n{GOOD}")), @"");
}

#[test]
fn a_file_that_expands_without_end_is_refused_quickly() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(Profile::parse("bomb.yaml", &bomb).is_err());
    let bomb_in_traps = format!("{GOOD}traps:\n  - &x x\n{}", "  - *x\n".repeat(5_000));
    let refused = Profile::parse("bomb.yaml", &bomb_in_traps).unwrap_err();
    assert!(refused.to_string().starts_with("bomb.yaml"), "{refused}");
    assert!(Profile::parse("deep.yaml", &"[".repeat(100_000)).is_err());
}

#[test]
fn one_bad_file_of_a_folder_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a-good.yaml", GOOD);
    write("b-bad.yaml", "id: [");
    write("c-again.yml", GOOD);
    write("d-own-v1.yaml", &GOOD.replace("acme-em1", "solthrive-v1"));
    write("notes.txt", "not a profile");
    std::fs::write(folder.path().join("e-binary.yaml"), [0xFF, 0xFE, 0x00]).unwrap();
    let (catalog, errors) = Catalog::embedded().with_folder(folder.path());
    let place = format!("{}/", folder.path().display());
    let errors: Vec<String> = errors
        .iter()
        .map(|error| error.to_string().replace(&place, ""))
        .collect();
    assert_snapshot!(errors.join("\n"), @"");
    assert!(catalog.get("acme-em1").is_some());
    assert_eq!(
        catalog.get("solthrive-v1").unwrap().vendor,
        "Acme",
        "a site's own profile comes first"
    );
}

#[test]
fn a_folder_that_does_not_exist_has_no_profiles() {
    let (catalog, errors) =
        Catalog::embedded().with_folder(std::path::Path::new("/nonexistent/profiles"));
    assert!(errors.is_empty());
    assert_eq!(catalog.iter().count(), 19);
}

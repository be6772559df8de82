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
    assert_snapshot!(refusal("vendor:", "vendro:"), @"acme.yaml:2:1: unknown key `vendro`; did you mean `vendor`?");
    assert_snapshot!(refusal("k: 0.1", "scale: 0.1"), @"acme.yaml:11:27: unknown key `scale`; did you mean `scale_register`?");
    assert_snapshot!(refusal("sign: inverted", "sgin: inverted"), @"acme.yaml:12:43: unknown key `sgin`; did you mean `sign`?");
    assert_snapshot!(refusal("baud:", "baudrate:"), @"acme.yaml:8:12: unknown key `baudrate`; did you mean `baud`?");
    assert_snapshot!(refusal("vendor: Acme\n", ""), @"acme.yaml: the key `vendor` is missing");
}

#[test]
fn names_that_do_not_exist_are_named_with_what_was_meant() {
    assert_snapshot!(refusal("v_l1:", "volt_l1:"), @"acme.yaml:11:3: `volt_l1` is no measurement; did you mean `v_l1`?");
    assert_snapshot!(refusal("e_imp:", "e_import:"), @"acme.yaml:13:3: `e_import` is no measurement; did you mean `e_imp`?");
    assert_snapshot!(refusal("type: s32", "type: i32"), @"acme.yaml:12:28: `i32` is not one of u16, s16, u32, s32, u64, s64, f32, f64");
    assert_snapshot!(refusal("[split]", "[spilt]"), @"acme.yaml:4:10: `spilt` is not one of single, split, three, three_delta");
    assert_snapshot!(refusal("unit: kW", "unit: kw"), @"acme.yaml:12:39: `kw` is no unit of p_l1; known: W, mW, kW, MW");
    assert_snapshot!(refusal("function: holding", "function: 3"), @"acme.yaml:7:13: `3` is not one of holding, input");
}

#[test]
fn points_that_cannot_be_are_refused() {
    assert_snapshot!(refusal("p_l1:", "v_l1:"), @"acme.yaml:12:3: `v_l1` stands here twice");
    assert_snapshot!(refusal("p_l1: {address: 1", "p_l1: {address: 0"), @"acme.yaml:12:3: p_l1 at 0x0000 overlaps v_l1 (u16 at 0x0000)");
    assert_snapshot!(refusal("e_imp: {address: 0x0010", "e_imp: {address: 2"), @"acme.yaml:13:3: e_imp at 0x0002 overlaps p_l1 (s32 at 0x0001)");
    assert_snapshot!(refusal("0x0010", "0xFFFF"), @"acme.yaml:13:20: a u32 at 0xFFFF would end past register 0xFFFF");
    assert_snapshot!(refusal("0x0010", "0x10000"), @"acme.yaml:13:20: `address` is 65536, but goes from 0 to 65535");
    assert_snapshot!(refusal("address: 1,", "address: -1,"), @"acme.yaml:12:19: `address` is -1, but goes from 0 to 65535");
    assert_snapshot!(refusal("address: 1,", "address: one,"), @"acme.yaml:12:19: this is no whole number");
    assert_snapshot!(refusal("k: 0.1", "k: 0"), @"acme.yaml:11:30: `k` is 0, but must be finite and not 0");
    assert_snapshot!(refusal("k: 0.1", "k: .nan"), @"acme.yaml:11:30: `k` is NaN, but must be finite and not 0");
    assert_snapshot!(refusal("k: 0.1", "scope: leg"), @"acme.yaml:11:34: only counters have a `scope`, and v_l1 is none");
    assert_snapshot!(refusal("k: 0.1", "ct_scaled: true"), @"acme.yaml:11:38: v_l1 does not depend on the CT's ratio");
    assert_snapshot!(refusal("k: 0.1", "wraps_at: 100"), @"acme.yaml:11:37: only counters wrap, and v_l1 is none");
    assert_snapshot!(refusal("k: 0.1", "volt_ref: l1"), @"acme.yaml:11:37: v_l1 has no voltage that its current is measured against");
    assert_snapshot!(refusal("k: 0.1", "range: [290, 80]"), @"acme.yaml:11:34: `range` is [lowest, highest], both finite, lowest below highest");
    assert_snapshot!(refusal("k: 0.1", "scale_register: 2"), @"acme.yaml:11:3: the scale register 0x0002 of v_l1 belongs to p_l1");
    assert_snapshot!(refusal("k: 0.1", "multiplier: -2"), @"acme.yaml:11:39: `multiplier` is -2, but must be finite and above 0");
    assert_snapshot!(refusal("k: 0.1", "sentinels: [0x10000]"), @"acme.yaml:11:39: a sentinel of u16 is 65536, but goes from 0 to 65535");
    assert_snapshot!(refusal("sign: inverted", "sentinels: [-0x80000001]"), @"acme.yaml:12:55: a sentinel of s32 is -2147483649, but goes from -2147483648 to 4294967295");
    assert_snapshot!(refusal("k: 0.1", "optional: no"), @"acme.yaml:11:37: this is neither true nor false");
}

#[test]
fn bus_facts_that_cannot_be_are_refused() {
    assert_snapshot!(refusal("holding\n", "holding\n  max_registers: 126\n"), @"acme.yaml:8:18: `max_registers` is 126, but goes from 1 to 125");
    assert_snapshot!(refusal("holding\n", "holding\n  max_registers: 1\n"), @"acme.yaml:13:3: p_l1 takes 2 registers, but `max_registers` is 1");
    assert_snapshot!(refusal("holding\n", "holding\n  even_only: true\n"), @"acme.yaml:12:3: v_l1 has an odd address or length, but the meter is `even_only`");
    assert_snapshot!(refusal("holding\n", "holding\n  gap_ms: -5\n"), @"acme.yaml:8:11: `gap_ms` is -5, but goes from 0 to 60000");
    assert_snapshot!(refusal("baud: 9600", "baud: 960"), @"acme.yaml:8:18: `baud` is none of 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400");
    assert_snapshot!(refusal("baud: 9600", "baud: 9600, unit: 0"), @"acme.yaml:8:30: `unit` is 0, but goes from 1 to 247");
    assert_snapshot!(refusal("[rtu]", "[]"), @"acme.yaml:6:15: `transports` is empty; it names rtu, tcp or both");
    assert_snapshot!(refusal("[rtu]", "[tcp]"), @"acme.yaml:6:15: there are settings for rtu, which `transports` does not name");
    assert_snapshot!(refusal("acme-em1", "Acme EM1"), @"acme.yaml:1:5: `id` has 1 to 64 lower-case letters, digits and dashes, such as `acme-em1`");
}

#[test]
fn a_file_that_is_no_profile_is_refused() {
    let parse = |text: &str| Profile::parse("acme.yaml", text).unwrap_err().to_string();
    assert_snapshot!(parse(""), @"acme.yaml:1:1: unexpected end of input");
    assert_snapshot!(parse("just words"), @"acme.yaml:1:1: expected mapping start");
    assert_snapshot!(parse("id: [\n"), @"acme.yaml:1:5: expected string scalar");
    assert_snapshot!(parse("id: a\n\tvendor: b\n"), @"acme.yaml:1:5: while scanning a plain scalar, found a tab");
    assert_snapshot!(parse(&"#".repeat(300_000)), @"acme.yaml: a profile has at most 262144 bytes, this one has 300000");
    let points = GOOD.find("  v_l1").unwrap();
    assert_snapshot!(parse(&format!("{}  {{}}\n", &GOOD[..points])), @"acme.yaml:11:3: a profile has 1 to 512 points");
    assert_snapshot!(parse(&format!("{GOOD}---\n{GOOD}")), @"acme.yaml:14:1: too much in one file: a profile is one short document");
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
    assert_snapshot!(errors.join("\n"), @r"
b-bad.yaml:1:5: expected string scalar
c-again.yml: the id `acme-em1` is already used by a-good.yaml
e-binary.yaml: cannot be read: stream did not contain valid UTF-8
");
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

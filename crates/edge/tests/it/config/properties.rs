//! Whatever is thrown at the loader, it answers: never a panic, never an error without a place.

use proptest::prelude::*;
use solthrive_edge::config::{Origin, load_layers};

const FILES: [&str; 10] = [
    "base.yaml",
    "network.yaml",
    "meter.yaml",
    "api.yaml",
    "logging.yaml",
    "storage.yaml",
    "tariff.yaml",
    "cloud.yaml",
    "config.yaml",
    "other.yaml",
];

const PIECES: &[&str] = &[
    "buses:",
    "channels:",
    "meters:",
    "port:",
    "tcp:",
    "unit:",
    "profile:",
    "role:",
    "input:",
    "registers:",
    "e_exp:",
    "ct_profiles:",
    "listen:",
    "timezone:",
    "meter:",
    "base:",
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    "---",
    "\t",
    "&a ",
    "*a",
    "!t ",
    "'",
    "\"",
    "|",
    ">",
    "~",
    "no",
    "010",
    "1_000",
    "1e999",
    "-1",
    "0x10",
    "solthrive-v1",
    "main_l1",
    "l1",
    "/dev/ttyUSB0",
    "usb:0403:6001",
    "Europe/Berlin",
    "\u{feff}",
    "\u{0}",
    "é",
    "𝄞",
    "?",
    "<<:",
    "%YAML 1.1\n",
];

/// YAML-like text: pieces of real settings in random order, more telling than random letters.
fn scraps() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check(file: &str, text: &str, env: &[(&str, &str)]) -> Result<(), TestCaseError> {
    if let Err(errors) = load_layers(&[(file, text)], env) {
        prop_assert!(!errors.problems.is_empty());
        for problem in errors.problems.iter().chain(&errors.warnings) {
            let named = problem.origin.file() == Some(file)
                || matches!(problem.origin, Origin::Env(_))
                || problem.origin == Origin::Default;
            prop_assert!(named, "{problem:?}");
            prop_assert!(!problem.message.is_empty());
            if let Some(at) = problem.origin.position() {
                // A lone CR ends a line of YAML too.
                let lines = text.split(['\n', '\r']).count();
                prop_assert!(at.line >= 1 && at.line <= lines + 1, "{problem:?}");
            }
        }
        // Something in the text is wrong, so the text must be what is blamed.
        if env.is_empty() {
            prop_assert!(
                errors
                    .problems
                    .iter()
                    .any(|problem| problem.origin.file() == Some(file)),
                "{errors}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_answered(file in prop::sample::select(FILES.to_vec()), text in any::<String>()) {
        check(file, &text, &[])?;
    }

    #[test]
    fn any_bytes_are_answered(file in prop::sample::select(FILES.to_vec()), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(file, &String::from_utf8_lossy(&bytes), &[])?;
    }

    #[test]
    fn line_ends_of_any_kind_are_answered(file in prop::sample::select(FILES.to_vec()), text in "[ a:\r\n\t\\x00-]{0,40}") {
        check(file, &text, &[])?;
    }

    #[test]
    fn scraps_of_settings_are_answered(file in prop::sample::select(FILES.to_vec()), text in scraps()) {
        check(file, &text, &[])?;
    }

    #[test]
    fn any_environment_is_answered(name in "[A-Z_]{0,20}", value in any::<String>()) {
        check("base.yaml", "", &[(&format!("SOLTHRIVE__{name}"), &value), (&format!("SOLTHRIVE__METER__{name}"), &value)])?;
    }

    #[test]
    fn deep_nesting_is_refused_and_not_recursed_into(depth in 0_usize..5000, open in prop::sample::select(vec!["[", "{a: ", "- ", "a:\n "])) {
        check("meter.yaml", &open.repeat(depth), &[])?;
    }
}

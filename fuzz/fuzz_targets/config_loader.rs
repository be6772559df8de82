//! Any text as configuration file or environment value is a configuration or a list of problems.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_edge::config::load_layers;

const FILES: [&str; 6] = ["base.yaml", "network.yaml", "meter.yaml", "api.yaml", "logging.yaml", "config.yaml"];

fuzz_target!(|bytes: &[u8]| {
    let [choice, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let file = FILES[usize::from(*choice) % FILES.len()];
    if let Err(errors) = load_layers(&[(file, text)], &[]) {
        assert!(!errors.to_string().is_empty());
    }
    let value = text.lines().next().unwrap_or_default();
    let _ = load_layers(&[], &[("SOLTHRIVE__METER__POLL_EVERY_MS", value)]);
});

//! A registration is refused, or holds short texts without a line's end, and said again it is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_protocol::{Registration, RegistrationBody};

fuzz_target!(|bytes: &[u8]| {
    let Ok(heard) = Registration::parse(bytes) else { return };
    for text in [&heard.serial, &heard.code, &heard.model, &heard.firmware] {
        assert!((1..=64).contains(&text.len()) && text.trim() == text);
        assert!(!text.contains(char::is_control));
    }
    let config = heard.config.as_deref().map(|json| {
        assert!(json.len() <= 32_000);
        serde_json::from_str(json).expect("what is kept is JSON")
    });
    let again = RegistrationBody {
        serial: heard.serial.clone(),
        device_id: heard.device,
        installer_code: heard.code.clone(),
        model: heard.model.clone(),
        firmware: heard.firmware.clone(),
        config,
    };
    let again = serde_json::to_vec(&again).expect("a registration that was read");
    assert_eq!(Registration::parse(&again).expect("our own"), heard);
});

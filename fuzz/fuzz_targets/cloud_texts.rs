//! Whatever is typed as a code, given as a list of devices, as a token or as an address of mail is read or
//! refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud::admin::serials;
use solthrive_cloud::http::bearer_text;
use solthrive_cloud::secrets::{InstallerCode, given_token};
use solthrive_cloud_store::people::EmailKey;

fuzz_target!(|bytes: &[u8]| {
    match serials::parse(bytes) {
        Ok(lines) => {
            assert!(!lines.is_empty());
            let mut serials: Vec<_> = lines.iter().map(|line| &line.serial).collect();
            serials.sort();
            serials.dedup();
            assert_eq!(serials.len(), lines.len(), "a serial twice");
        }
        Err(bad) => assert!(!bad.is_empty()),
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(code) = InstallerCode::parse(text) {
        assert!(InstallerCode::parse(&code.to_string()) == Ok(code));
    }
    // What the console takes for a token lets a device in that sends it.
    if let Some(token) = given_token(text) {
        let mut headers = http::HeaderMap::new();
        let value = format!("Bearer {token}").parse().expect("it travels in a header");
        headers.insert(http::header::AUTHORIZATION, value);
        assert_eq!(bearer_text(&headers), Some(token));
    }
    if let Ok(key) = EmailKey::of(text) {
        assert!(!key.as_str().contains(char::is_whitespace));
    }
});

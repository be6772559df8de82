//! What is printed on a device's case.

use anyhow::{Context as _, Result};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use solthrive_domain::DeviceId;

/// The text of the QR code on a device's case: who it is, for the installer's phone. It stands in the
/// open, so the token is not in it.
pub(super) fn text(base: &str, serial: &str, device: DeviceId) -> String {
    let separator = if base.contains('?') { '&' } else { '?' };
    format!(
        "{base}{separator}serial={}&device={device}",
        escaped(serial)
    )
}

/// A QR code of half blocks, for a dark terminal.
pub(super) fn qr(text: &str) -> Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .context("the text is too long for a QR code")?;
    Ok(code
        .render::<Dense1x2>()
        // Scanners want dark on light, so what is drawn is the light.
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build())
}

/// Percent-encoded but for what no URL minds.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_label_names_the_device_and_nothing_secret() {
        let device = DeviceId::from_uuid(Uuid::from_u128(7));
        assert_eq!(
            text("https://solthrive.example/claim", "ST 1/ä", device),
            "https://solthrive.example/claim?serial=ST%201%2F%C3%A4&device=00000000-0000-0000-0000-000000000007"
        );
        assert!(text("https://x.example/?a=1", "S", device).contains("?a=1&serial=S&"));
    }

    #[test]
    fn a_code_is_as_wide_as_it_is_high_in_half_blocks() {
        let drawn = qr("solthrive:device?serial=ST-1").unwrap();
        let lines: Vec<&str> = drawn.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines.len(), width.div_ceil(2));
    }
}

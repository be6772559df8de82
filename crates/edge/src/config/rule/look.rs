//! What a plain scalar is to one YAML reader or another: they differ, so this must be known.

/// What a plain scalar is to one YAML reader or another.
#[derive(Debug, PartialEq)]
pub(super) enum Look {
    Nothing,
    Truth(bool),
    /// A truth value in YAML 1.1 only.
    OldTruth(bool),
    Number,
    /// A number to some readers, with what to write instead.
    OddNumber(String),
    Text,
}

/// Strict numbers: what JSON allows, so that every reader agrees.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero =
        digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    let (mantissa, exponent) = digits
        .split_once(['e', 'E'])
        .map_or((digits, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa
        .split_once('.')
        .map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    !leading_zero
        && all_digits(whole)
        && fraction.is_none_or(all_digits)
        && exponent.is_none_or(|e| all_digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

pub(super) fn look(text: &str) -> Look {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => return Look::Nothing,
        "true" => return Look::Truth(true),
        "false" => return Look::Truth(false),
        "yes" | "on" | "y" => return Look::OldTruth(true),
        "no" | "off" | "n" => return Look::OldTruth(false),
        ".inf" | "-.inf" | "+.inf" | ".nan" => {
            return Look::OddNumber("a finite number".to_owned());
        }
        _ => {}
    }
    if is_number(text) {
        return Look::Number;
    }
    odd_number(&lower).map_or(Look::Text, Look::OddNumber)
}

/// `1_000`, `010`, `0o17`, `.5`, `5.`, `+3`, `12:30`: numbers to some readers.
fn odd_number(lower: &str) -> Option<String> {
    let sexagesimal = lower.split(':').count() > 1
        && lower.split(':').all(|part| {
            !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit())
        });
    if sexagesimal {
        return Some("the number without a colon, or text in quotes".to_owned());
    }
    if lower
        .strip_prefix("0o")
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    {
        return Some("the number in decimal".to_owned());
    }
    if !lower.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let bare = lower.replace('_', "");
    let bare = bare.strip_prefix('+').unwrap_or(&bare);
    let (sign, bare) = bare
        .strip_prefix('-')
        .map_or(("", bare), |rest| ("-", rest));
    let zeros = bare.trim_start_matches('0');
    let trimmed = if zeros.is_empty() || !zeros.starts_with(|c: char| c.is_ascii_digit()) {
        format!("0{zeros}")
    } else {
        zeros.to_owned()
    };
    let trimmed = trimmed.strip_suffix('.').unwrap_or(&trimmed);
    let plain = format!("{sign}{trimmed}");
    is_number(&plain).then_some(plain)
}

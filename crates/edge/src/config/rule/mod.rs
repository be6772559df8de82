//! Rules for single values: what a key accepts, and the sentence for what it does not.
//!
//! YAML 1.1 and 1.2 disagree about `no`, `on`, `010`, `1_000` and `12:30`, and readers differ.
//! Here such a value is refused with what to write instead, never silently taken for one or the other.

mod look;

use std::ops::RangeInclusive;

use serde_json::{Value as Json, json};

use super::suggest;
use super::tree::{Scalar, Style};
use look::{Look, is_number, look};

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wrong {
    /// What follows "KEY is VALUE, but".
    pub(crate) but: String,
    /// What to write instead.
    pub(crate) hint: Option<String>,
}

impl Wrong {
    pub(crate) fn but(but: impl Into<String>) -> Self {
        Self {
            but: but.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// A value that passed, with the form in which it is shown and kept.
#[derive(Debug, Clone)]
pub(crate) struct Passed<T> {
    pub(crate) value: T,
    pub(crate) json: Json,
}

pub(crate) type Ruling<T> = Result<Passed<T>, Wrong>;

fn pass<T>(value: T, json: Json) -> Ruling<T> {
    Ok(Passed { value, json })
}

/// What to say when a plain scalar is not what the key wants.
fn mistaken(scalar: &Scalar, wanted: &str) -> Wrong {
    if scalar.style == Style::Quoted {
        let unquoted = format!("write {} without quotes", scalar.text);
        return if look(&scalar.text) == Look::Text {
            Wrong::but(format!("{wanted} is expected"))
        } else {
            Wrong::but(format!("{wanted} is expected, not text")).hint(unquoted)
        };
    }
    match look(&scalar.text) {
        Look::Nothing => Wrong::but(format!("{wanted} is expected"))
            .hint("write a value, or remove the line so that the default applies"),
        Look::OddNumber(instead) => Wrong::but("YAML readers do not agree on what number that is")
            .hint(format!("write {instead}")),
        Look::OldTruth(_) => Wrong::but(format!(
            "{wanted} is expected (and some YAML readers take this word for true or false)"
        )),
        Look::Truth(_) | Look::Number | Look::Text => Wrong::but(format!("{wanted} is expected")),
    }
}

/// A whole number in `range`; `name` says what it is, as in "Modbus addresses run".
pub(crate) fn integer(
    name: &'static str,
    range: RangeInclusive<u64>,
) -> impl Fn(&Scalar) -> Ruling<u64> {
    move |scalar| {
        let (least, most) = (*range.start(), *range.end());
        let usable = scalar.style != Style::Quoted && is_number(&scalar.text);
        if !usable {
            return Err(mistaken(
                scalar,
                &format!("a whole number from {least} to {most}"),
            ));
        }
        match scalar.text.parse::<u64>() {
            Ok(value) if range.contains(&value) => pass(value, json!(value)),
            Ok(_) => Err(Wrong::but(format!("{name} from {least} to {most}"))),
            Err(_) => Err(Wrong::but(format!(
                "{name} from {least} to {most}, in whole numbers"
            ))),
        }
    }
}

/// One of a few whole numbers.
pub(crate) fn one_of_numbers(allowed: &'static [u32]) -> impl Fn(&Scalar) -> Ruling<u32> {
    move |scalar| {
        let list = allowed
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        if scalar.style == Style::Quoted || !is_number(&scalar.text) {
            return Err(mistaken(scalar, &format!("one of {list}")));
        }
        let found = scalar
            .text
            .parse::<u32>()
            .ok()
            .filter(|value| allowed.contains(value));
        found.map_or_else(
            || Err(Wrong::but(format!("only these are possible: {list}"))),
            |value| pass(value, json!(value)),
        )
    }
}

/// A register address, decimal or `0x…`.
pub(crate) fn register() -> impl Fn(&Scalar) -> Ruling<u16> {
    move |scalar| {
        let parsed = match scalar.text.strip_prefix("0x") {
            Some(hex)
                if scalar.style != Style::Quoted && hex.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                u16::from_str_radix(hex, 16).ok()
            }
            None if scalar.style != Style::Quoted && is_number(&scalar.text) => {
                scalar.text.parse().ok()
            }
            _ => {
                return Err(mistaken(
                    scalar,
                    "a register address (0 to 65535, or 0x0000 to 0xFFFF)",
                ));
            }
        };
        parsed.map_or_else(
            || {
                Err(Wrong::but(
                    "register addresses run from 0 to 65535 (0xFFFF)",
                ))
            },
            |value| pass(value, json!(value)),
        )
    }
}

/// A finite number in `range`; `name` says what it is, as in "a CT rating runs".
pub(crate) fn number(
    name: &'static str,
    range: RangeInclusive<f64>,
) -> impl Fn(&Scalar) -> Ruling<f64> {
    move |scalar| {
        let (least, most) = (*range.start(), *range.end());
        if scalar.style == Style::Quoted || !is_number(&scalar.text) {
            return Err(mistaken(
                scalar,
                &format!("a number from {least} to {most}"),
            ));
        }
        match scalar.text.parse::<f64>() {
            Ok(value) if range.contains(&value) => pass(value, json!(value)),
            _ => Err(Wrong::but(format!("{name} from {least} to {most}"))),
        }
    }
}

/// `true` or `false`, nothing else.
pub(crate) fn truth() -> impl Fn(&Scalar) -> Ruling<bool> {
    |scalar| match (scalar.style, look(&scalar.text)) {
        (Style::Plain | Style::Bare, Look::Truth(value)) if scalar.text == value.to_string() => {
            pass(value, json!(value))
        }
        (Style::Plain | Style::Bare, Look::Truth(value) | Look::OldTruth(value)) => {
            Err(Wrong::but("true or false is expected"))
                .map_err(|wrong| wrong.hint(format!("write {value}")))
        }
        _ => Err(mistaken(scalar, "true or false")),
    }
}

/// Text as it is; refused where YAML readers disagree whether it is text.
fn plain_text(scalar: &Scalar, wanted: &str) -> Result<String, Wrong> {
    if scalar.style == Style::Plain {
        let wrong = match look(&scalar.text) {
            Look::Text => return Ok(scalar.text.clone()),
            Look::Nothing => return Err(mistaken(scalar, wanted)),
            Look::Truth(_) | Look::OldTruth(_) => Wrong::but(format!(
                "{wanted} is expected, and YAML readers take this word for true or false"
            )),
            Look::Number | Look::OddNumber(_) => Wrong::but(format!(
                "{wanted} is expected, and YAML readers take this for a number"
            )),
        };
        return Err(wrong.hint(format!("put it in quotes: \"{}\"", scalar.text)));
    }
    Ok(scalar.text.clone())
}

/// Text for people: 1 to `most` characters, none of them invisible.
pub(crate) fn text(wanted: &'static str, most: usize) -> impl Fn(&Scalar) -> Ruling<String> {
    move |scalar| {
        let text = plain_text(scalar, wanted)?;
        if text.trim().is_empty()
            || text.chars().count() > most
            || text.chars().any(char::is_control)
        {
            return Err(Wrong::but(format!(
                "{wanted} has 1 to {most} visible characters"
            )));
        }
        let json = json!(text);
        pass(text, json)
    }
}

/// A short name that is used as a key elsewhere.
pub(crate) fn name() -> impl Fn(&Scalar) -> Ruling<String> {
    |scalar| {
        let text = plain_text(scalar, "a name")?;
        let fits = (1..=32).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !fits {
            return Err(Wrong::but(
                "a name has 1 to 32 letters (a to z), digits, `_` or `-`",
            ));
        }
        let json = json!(text);
        pass(text, json)
    }
}

/// One of a few words.
pub(crate) fn one_of<T: Copy + 'static>(
    allowed: &'static [(&'static str, T)],
) -> impl Fn(&Scalar) -> Ruling<T> {
    move |scalar| {
        let found = allowed.iter().find(|(word, _)| *word == scalar.text);
        if let Some((word, value)) = found {
            return pass(*value, json!(word));
        }
        let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
        let wrong = Wrong::but(format!("only these are possible: {}", words.join(", ")));
        Err(
            match suggest::nearest(&scalar.text, words.iter().copied()) {
                Some(near) => wrong.hint(format!("did you mean {near}?")),
                None => wrong,
            },
        )
    }
}

/// Text that a function turns into a value, with that function's own words when it cannot.
pub(crate) fn parsed<T>(
    wanted: &'static str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> impl Fn(&Scalar) -> Ruling<T> {
    move |scalar| {
        let text = plain_text(scalar, wanted).map_err(|doubt| {
            // Quotes do not help where the text in them would be refused as well.
            let said = !matches!(look(&scalar.text), Look::Nothing);
            parse(&scalar.text).err().filter(|_| said).unwrap_or(doubt)
        })?;
        let value = parse(&text)?;
        pass(value, json!(text))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar {
            text: text.to_owned(),
            style: Style::Plain,
        }
    }

    #[rstest]
    #[case::an_octal_to_some("010", "10")]
    #[case::grouped_to_some("1_000", "1000")]
    #[case::a_bare_fraction(".5", "0.5")]
    #[case::a_bare_point("5.", "5")]
    #[case::an_explicit_plus("+3", "3")]
    #[case::grouped_and_signed("-0_1.50", "-1.50")]
    fn a_number_that_readers_disagree_on_is_refused_with_what_to_write(
        #[case] odd: &str,
        #[case] instead: &str,
    ) {
        let wrong = number("numbers run", -1e6..=1e6)(&plain(odd)).unwrap_err();
        assert_eq!(wrong.hint, Some(format!("write {instead}")), "{odd}");
    }

    #[rstest]
    fn a_number_that_json_allows_is_a_number(
        #[values("0", "-1", "10", "0.5", "-0.25", "1e3", "1.5E-2")] text: &str,
    ) {
        assert!(
            number("numbers run", -1e6..=1e6)(&plain(text)).is_ok(),
            "{text}"
        );
    }

    #[rstest]
    fn no_and_on_are_neither_truth_nor_text(
        #[values("no", "on", "Yes", "OFF", "y", "True")] word: &str,
    ) {
        assert!(truth()(&plain(word)).is_err(), "{word}");
        assert!(text("a name", 10)(&plain(word)).is_err(), "{word}");
    }

    #[test]
    fn in_quotes_it_is_text_whatever_it_looks_like() {
        let quoted = Scalar {
            text: "no".into(),
            style: Style::Quoted,
        };
        assert_eq!(text("a name", 10)(&quoted).unwrap().value, "no");
        let number_in_quotes = Scalar {
            text: "7".into(),
            style: Style::Quoted,
        };
        assert_eq!(
            integer("units run", 1..=247)(&number_in_quotes)
                .unwrap_err()
                .hint,
            Some("write 7 without quotes".into())
        );
    }

    #[test]
    fn a_number_is_never_infinite() {
        for endless in ["1e999", "-1e999", ".inf", ".nan", "nan", "inf"] {
            assert!(
                number("numbers run", f64::MIN..=f64::MAX)(&plain(endless)).is_err(),
                "{endless}"
            );
        }
    }
}

//! Why a profile was refused: file, line, column, reason, and what was probably meant.

use std::fmt;

use serde_saphyr::{Error as YamlError, Location};

/// Names this close (1 is equal) are offered as what was meant.
const CLOSE: f64 = 0.72;
/// Keys every profile has.
const TOP_LEVEL: [&str; 6] = ["id", "vendor", "models", "wiring", "bus", "points"];

/// A profile that cannot be used. Shown as `file:line:column: reason`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The file as it was named to the parser.
    pub file: String,
    /// Counted from 1; 0 if the file as a whole is at fault.
    pub line: u64,
    /// Counted from 1; 0 if the file as a whole is at fault.
    pub column: u64,
    /// One sentence for a person.
    pub reason: String,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.reason),
        }
    }
}

impl std::error::Error for ProfileError {}

impl ProfileError {
    /// The whole file is at fault.
    pub(super) fn file(file: &str, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            reason: reason.into(),
        }
    }

    pub(super) fn at(file: &str, location: Location, reason: impl Into<String>) -> Self {
        let known = location != Location::UNKNOWN;
        let (line, column) = if known {
            (location.line(), location.column())
        } else {
            (0, 0)
        };
        Self {
            file: file.to_owned(),
            line,
            column,
            reason: reason.into(),
        }
    }

    pub(super) fn yaml(file: &str, error: &YamlError) -> Self {
        let mut location = error.location().unwrap_or(Location::UNKNOWN);
        let reason = match error.without_snippet() {
            YamlError::SerdeUnknownField {
                field, expected, ..
            } => {
                format!("unknown key `{field}`{}", hint(field, expected))
            }
            YamlError::SerdeUnknownVariant {
                variant, expected, ..
            } => {
                format!("`{variant}` is not one of {}", expected.join(", "))
            }
            YamlError::SerdeMissingField { field, .. } => {
                if TOP_LEVEL.contains(field) {
                    // The reader names the place where it gave up, which says nothing here.
                    location = Location::UNKNOWN;
                }
                format!("the key `{field}` is missing")
            }
            YamlError::DuplicateMappingKey { key: Some(key), .. } => {
                format!("`{key}` stands here twice")
            }
            YamlError::InvalidScalar { ty, .. } => format!("this is no {}", plain_type(ty)),
            YamlError::InvalidBooleanStrict { .. } => "this is neither true nor false".to_owned(),
            YamlError::Budget { .. } => {
                "too much in one file: a profile is one short document".to_owned()
            }
            other => first_line(&other.to_string()),
        };
        Self::at(file, location, reason)
    }
}

fn plain_type(name: &str) -> &str {
    match name {
        "i128" | "u64" | "u16" | "u8" => "whole number",
        "f64" => "number",
        other => other,
    }
}

/// `; did you mean `x`?` if one of `known` is close to what was written, else what is known.
pub(super) fn hint(written: &str, known: &[&str]) -> String {
    match closest(written, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if known.len() <= 24 => format!("; known here: {}", known.join(", ")),
        None => String::new(),
    }
}

/// The name that was probably meant.
pub(super) fn closest<S: AsRef<str>>(written: &str, known: impl Iterator<Item = S>) -> Option<S> {
    let written = written.to_lowercase().replace('-', "_");
    let scored = known.map(|name| (likeness(&written, &name.as_ref().replace('-', "_")), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score >= CLOSE)
        .map(|(_, name)| name)
}

/// Jaro-Winkler sees a common beginning, the edit distance a word written out; hardly anybody
/// mistypes the first letter.
fn likeness(a: &str, b: &str) -> f64 {
    let strange = if a.chars().next() == b.chars().next() {
        0.0
    } else {
        0.15
    };
    strsim::jaro_winkler(a, b).max(strsim::normalized_damerau_levenshtein(a, b) + 0.2) - strange
}

/// The YAML reader ends some messages with a location, which is shown in front already.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let end = line.rfind(" at line ").unwrap_or(line.len());
    line.get(..end).unwrap_or(line).to_owned()
}

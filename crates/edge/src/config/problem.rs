//! What is wrong with a configuration, so that a person can mend it without a manual.

use std::fmt;

use serde::Serialize;

use super::Origin;

/// One finding: where, what, which rule, and what was probably meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Where it was written.
    pub origin: Origin,
    /// The key's full path, such as `meter.buses[0].meters[0].unit`; empty for a whole file.
    pub key: String,
    /// What stood there, as written; `***` for a secret.
    pub value: Option<String>,
    /// The sentence: key, value and rule.
    pub message: String,
    /// What was probably meant, or what to do.
    pub hint: Option<String>,
    /// The line itself, where it may be shown.
    pub excerpt: Option<String>,
}

impl Problem {
    /// A finding about `key`.
    pub(crate) fn new(origin: Origin, key: impl Into<String>, message: impl Into<String>) -> Self {
        let (key, message) = (key.into(), message.into());
        Self {
            origin,
            key,
            value: None,
            message,
            hint: None,
            excerpt: None,
        }
    }

    pub(crate) fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// One line: `meter.yaml:7: meter.… is 0, but …; did you mean …?`
    #[must_use]
    pub fn one_line(&self) -> String {
        let hint = self
            .hint
            .as_deref()
            .map(|hint| format!("; {hint}"))
            .unwrap_or_default();
        format!("{}: {}{hint}", self.origin, self.message)
    }

    /// Puts the line itself under the message, with a mark below the value.
    pub(crate) fn quote(&mut self, line: &str) {
        let Some(at) = self.origin.position() else {
            return;
        };
        const WIDTH: usize = 110;
        let shown: String = line
            .chars()
            .take(WIDTH)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let number = at.line.to_string();
        let mut excerpt = format!("{number} | {shown}");
        if at.column <= WIDTH {
            let indent = " ".repeat(number.len());
            excerpt.push_str(&format!(
                "\n{indent} | {}^",
                " ".repeat(at.column.saturating_sub(1))
            ));
        }
        self.excerpt = Some(excerpt);
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.origin, self.message)?;
        for line in self.excerpt.iter().flat_map(|text| text.lines()) {
            write!(f, "\n    {}", line.trim_end())?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

/// For `--json`: stable names, absent when unknown.
impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            origin: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            file: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            line: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            column: Option<usize>,
            #[serde(skip_serializing_if = "str::is_empty")]
            key: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            value: Option<&'a str>,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            hint: Option<&'a str>,
        }
        let at = self.origin.position();
        Fields {
            origin: self.origin.to_string(),
            file: self.origin.file(),
            line: at.map(|at| at.line),
            column: at.map(|at| at.column),
            key: &self.key,
            // Backquotes are for the sentence.
            value: self.value.as_deref().map(|value| value.trim_matches('`')),
            message: &self.message,
            hint: self.hint.as_deref(),
        }
        .serialize(serializer)
    }
}

/// Everything that is wrong with a configuration: all of it, not just the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigErrors {
    /// What must be mended; never empty.
    pub problems: Vec<Problem>,
    /// What does not stop the appliance but is probably not what was meant.
    pub warnings: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 {
            "error"
        } else {
            "errors"
        };
        write!(f, "{} {plural} in the configuration", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n\n{problem}")?;
        }
        for warning in &self.warnings {
            write!(f, "\n\nwarning: {warning}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Whether a key of this name holds something that must not be shown.
pub(crate) fn is_secret(key: &str) -> bool {
    const SECRET: [&str; 7] = [
        "token",
        "password",
        "passwd",
        "passphrase",
        "secret",
        "credential",
        "private_key",
    ];
    let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    // A path to a secret is none: `token_file` is shown.
    !last.ends_with("_file") && SECRET.iter().any(|word| last.contains(word))
}

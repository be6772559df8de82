//! What a device says of a command.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use solthrive_domain::CommandId;
use solthrive_domain::command::Word;

use crate::body::{name, said};

/// The largest report, in bytes of JSON.
pub const MAX_REPORT: usize = 256 << 10;

/// What became of a command so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Of which one.
    pub id: CommandId,
    /// How far it is.
    pub word: Word,
    /// How much of it is done, 0 to 1.
    pub progress: Option<f64>,
    /// What came of it, JSON; of what failed or was refused an object with `code` and `detail`.
    pub result: Option<String>,
}

/// Why a message is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReport {
    /// Too much of it: what it tells has to be cut down.
    #[error("a report has {got} bytes, but at most {MAX_REPORT} are taken")]
    TooLarge {
        /// So many bytes.
        got: usize,
    },
    /// Not of this shape.
    #[error("the message is no report: {0}")]
    Malformed(String),
    /// A state that a newer device says.
    #[error("`{0}` is no state that a device reports")]
    State(String),
    /// A share that cannot be.
    #[error("`progress` is 0 to 1")]
    Progress,
}

#[derive(Deserialize)]
struct Heard<'a> {
    id: CommandId,
    state: String,
    progress: Option<f64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Said<'a> {
    id: CommandId,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
}

impl Report {
    /// Without more to say.
    #[must_use]
    pub const fn of(id: CommandId, word: Word) -> Self {
        Self {
            id,
            word,
            progress: None,
            result: None,
        }
    }

    /// Checks a message of a device.
    ///
    /// # Errors
    /// [`BadReport`].
    pub fn parse(text: &str) -> Result<Self, BadReport> {
        let got = text.len();
        if got > MAX_REPORT {
            return Err(BadReport::TooLarge { got });
        }
        let malformed = |error: serde_json::Error| BadReport::Malformed(said(&error));
        let heard: Heard<'_> = serde_json::from_str(text).map_err(malformed)?;
        let word = heard.state.parse::<Word>();
        let word = word.map_err(|_| BadReport::State(name(&heard.state)))?;
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if heard.progress.is_some_and(|share| !is_share(share)) {
            return Err(BadReport::Progress);
        }
        if let Some(raw) = heard.result {
            // Read as whoever gets it will: what is nested deeper than anybody reads is none.
            serde_json::from_str::<Value>(raw.get()).map_err(malformed)?;
        }
        Ok(Self {
            id: heard.id,
            word,
            progress: heard.progress,
            result: heard.result.map(|raw| raw.get().to_owned()),
        })
    }

    /// The message.
    ///
    /// # Errors
    /// [`BadReport`] where the cloud would not take it: too large, or its result no JSON.
    pub fn to_text(&self) -> Result<String, BadReport> {
        let malformed = |error: serde_json::Error| BadReport::Malformed(said(&error));
        let result = self.result.as_deref();
        let result: Option<&RawValue> = result
            .map(serde_json::from_str)
            .transpose()
            .map_err(malformed)?;
        let body = Said {
            id: self.id,
            state: self.word.as_str(),
            progress: self.progress,
            result,
        };
        let text = serde_json::to_string(&body).map_err(malformed)?;
        let got = text.len();
        if got > MAX_REPORT {
            return Err(BadReport::TooLarge { got });
        }
        Ok(text)
    }
}

//! A command on its way down.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use solthrive_domain::CommandId;
use solthrive_domain::command::{Kind, NoKind, Word};

use super::{Args, BadArgs, Report};
use crate::body::{name, said};

/// The message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandBody {
    /// By this it is executed once.
    pub id: CommandId,
    /// What is asked; a newer cloud may name one that a device does not know.
    pub kind: String,
    /// What more is said of it, by its kind.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// Until when it may begin, by the cloud's clock.
    pub expires_at: Timestamp,
    /// The same in seconds from its arrival; 0: it may not begin any more.
    pub expires_in_s: u32,
}

/// A command that was checked, as a device takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// By this it is executed once.
    pub id: CommandId,
    /// What is asked.
    pub args: Args,
    /// Until when it may begin, by the cloud's clock.
    pub expires_at: Timestamp,
    /// The same from its arrival on, by the device's own clock that never runs back.
    pub expires_in: Duration,
}

/// Why a message is no command that a device can take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// Not even its id can be read, so there is nothing to answer.
    #[error("the message is no command: {0}")]
    Malformed(String),
    /// A kind of a newer cloud.
    #[error("{why}")]
    Unknown {
        /// Which command.
        id: CommandId,
        /// Of what kind.
        why: NoKind,
    },
    /// Arguments that cannot be.
    #[error("a command `{kind}` cannot be like this: {why}")]
    Args {
        /// Which command.
        id: CommandId,
        /// Of what kind.
        kind: Kind,
        /// What is wrong.
        why: BadArgs,
    },
}

impl Command {
    /// Checks a message of the cloud.
    ///
    /// # Errors
    /// [`BadCommand`], with what to answer in [`BadCommand::refusal`].
    pub fn parse(text: &str) -> Result<Self, BadCommand> {
        let heard: CommandBody =
            serde_json::from_str(text).map_err(|error| BadCommand::Malformed(said(&error)))?;
        let id = heard.id;
        let kind: Kind = heard.kind.parse().map_err(|NoKind(kind)| {
            let why = NoKind(name(&kind));
            BadCommand::Unknown { id, why }
        })?;
        let args =
            Args::parse(kind, &heard.args).map_err(|why| BadCommand::Args { id, kind, why })?;
        Ok(Self {
            id,
            args,
            expires_at: heard.expires_at,
            expires_in: Duration::from_secs(heard.expires_in_s.into()),
        })
    }

    /// What is asked.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.args.kind()
    }

    /// Whether it may begin so long after its arrival.
    #[must_use]
    pub fn may_begin(&self, since_arrival: Duration) -> bool {
        since_arrival < self.expires_in
    }
}

impl BadCommand {
    /// What a device answers: it refuses, and says why for a program and for a person. `None` where it cannot be answered.
    #[must_use]
    pub fn refusal(&self) -> Option<Report> {
        let (id, code) = match self {
            Self::Malformed(_) => return None,
            Self::Unknown { id, .. } => (*id, "unknown_kind"),
            Self::Args { id, .. } => (*id, "bad_args"),
        };
        let result = json!({ "code": code, "detail": self.to_string() });
        Some(Report {
            result: Some(result.to_string()),
            ..Report::of(id, Word::Refused)
        })
    }
}

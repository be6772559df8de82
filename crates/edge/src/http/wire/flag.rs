//! Flags and quality as JSON carries them.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use solthrive_domain::Flag;
use solthrive_domain::{FlagCode, Quality, Severity};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A flag code; its schema is the list of all of them.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
pub struct Code(pub FlagCode);

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What is wrong. Codes are only ever added."))
            .enum_values(Some(FlagCode::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "FlagCode".into()
    }
}

/// How much a flag matters.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Severity)]
#[serde(rename_all = "snake_case")]
pub enum SeverityBody {
    /// Good to know; numbers are sound.
    Info,
    /// Degraded, or numbers may be off.
    Warning,
    /// A function is lost; somebody should act.
    High,
    /// Act now.
    Critical,
}

impl From<Severity> for SeverityBody {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

/// A condition that holds now.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Flag)]
pub struct FlagBody {
    /// What.
    pub code: Code,
    /// Which meter, channel or part; empty for the appliance as a whole.
    pub subject: String,
    /// How bad.
    pub severity: SeverityBody,
    /// Since when.
    pub since: Timestamp,
    /// For a person: what is seen, and what to do next.
    pub message: String,
}

impl From<&Flag> for FlagBody {
    fn from(flag: &Flag) -> Self {
        Self {
            code: Code(flag.code),
            subject: flag.subject.clone(),
            severity: flag.severity.into(),
            since: flag.since,
            message: flag.message.clone(),
        }
    }
}

/// Whether a flag came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagState {
    /// It holds from now on.
    Raised,
    /// It no longer holds.
    Cleared,
}

/// One line of the error log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlagEvent {
    /// When.
    pub ts: Timestamp,
    /// Whether it came or went.
    pub state: FlagState,
    /// What.
    pub code: Code,
    /// Which meter, channel or part; empty for the appliance as a whole.
    pub subject: String,
    /// How bad.
    pub severity: SeverityBody,
    /// For a person.
    pub message: String,
}

/// `"ok"`, or what makes the numbers doubtful.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum QualityBody {
    /// Nothing speaks against the numbers: the word `ok`.
    Fine(&'static str),
    /// These do.
    Doubtful(Vec<Code>),
}

impl PartialSchema for QualityBody {
    fn schema() -> RefOr<Schema> {
        let fine = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Nothing speaks against the numbers."))
            .enum_values(Some(["ok"]));
        let doubtful = ArrayBuilder::new()
            .items(Ref::from_schema_name(Code::name()))
            .description(Some("These do."));
        OneOfBuilder::new()
            .description(Some("`\"ok\"`, or what makes the numbers doubtful."))
            .item(fine)
            .item(doubtful)
            .into()
    }
}

impl ToSchema for QualityBody {
    fn name() -> Cow<'static, str> {
        "Quality".into()
    }
}

impl From<&Quality> for QualityBody {
    fn from(quality: &Quality) -> Self {
        Self::of(quality.reasons())
    }
}

impl QualityBody {
    /// Doubtful for these reasons; none means `"ok"`.
    #[must_use]
    pub fn of(reasons: &[FlagCode]) -> Self {
        if reasons.is_empty() {
            Self::Fine("ok")
        } else {
            Self::Doubtful(reasons.iter().copied().map(Code).collect())
        }
    }
}

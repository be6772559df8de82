//! `POST /v1/ingest/health`: flags raised and cleared, and how the machine is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Severity};
use utoipa::ToSchema;

use crate::answer::{Refused, RefusedCode};
use crate::body::{self, BodyError, Sender, truncate};
use crate::capped::Capped;
use crate::{MAX_AHEAD_MS, MAX_EVENTS};

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 1_000;
/// The largest details, in bytes of JSON.
const MAX_DETAILS: usize = 4_000;
/// The largest description of the machine, in bytes of JSON.
const MAX_SYSTEM: usize = 32_000;
/// The largest description of meters and clamps, in bytes of JSON.
const MAX_CONFIG: usize = 32_000;

/// The body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HealthBody {
    /// The device that sends.
    #[schema(value_type = uuid::Uuid)]
    pub device_id: DeviceId,
    /// Version of its software.
    pub firmware: String,
    /// When it sent this, by its own clock.
    pub sent_at: Timestamp,
    /// At most 1,000 events, oldest first; none is a sign of life.
    #[serde(default)]
    pub events: Vec<HealthEventBody>,
    /// The machine, in the shape of the appliance's `/api/system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub system: Option<serde_json::Value>,
    /// Meters and clamps, in the shape of the appliance's `/api/site`, when they are other ones than were told last; at most 32,000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub config: Option<serde_json::Value>,
}

/// A flag went up or down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthEventBody {
    /// When.
    pub ts: Timestamp,
    /// Which flag.
    pub code: String,
    /// Which meter, channel or part.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Up or down.
    pub state: State,
    /// How bad.
    #[schema(value_type = String)]
    pub severity: Severity,
    /// For a person.
    #[serde(default)]
    pub message: String,
    /// For a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub details: Option<serde_json::Value>,
}

/// Whether a flag went up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Up: the condition holds.
    Raised,
    /// Down: it is over.
    Cleared,
}

/// An event that was checked: texts are short and without control characters.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthEvent {
    /// When.
    pub ts: UnixMillis,
    /// Which flag; a newer device may name one that is not known here.
    pub code: String,
    /// Which meter, channel or part; empty for the appliance as a whole.
    pub subject: String,
    /// Up or down.
    pub state: State,
    /// How bad.
    pub severity: Severity,
    /// For a person.
    pub message: String,
    /// For a program, JSON of at most 4,000 bytes.
    pub details: Option<String>,
}

/// A call that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReport {
    /// Who sends.
    pub sender: Sender,
    /// The sound events, each with its place in the call.
    pub events: Vec<(u32, HealthEvent)>,
    /// The others, by place.
    pub refused: Vec<Refused>,
    /// The machine, JSON of at most 32,000 bytes.
    pub system: Option<String>,
    /// Meters and clamps, a JSON object of at most 32,000 bytes.
    pub config: Option<String>,
}

#[derive(Deserialize)]
struct Heard<'a> {
    device_id: DeviceId,
    firmware: String,
    sent_at: Timestamp,
    #[serde(borrow)]
    events: Option<Capped<&'a RawValue, MAX_EVENTS>>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    config: Option<&'a RawValue>,
}

impl HealthReport {
    /// Checks a body that arrived at `now`.
    ///
    /// # Errors
    /// [`BodyError`] when nothing of it can be taken.
    pub fn parse(text: &[u8], now: UnixMillis) -> Result<Self, BodyError> {
        let heard: Heard<'_> = body::parse(text)?;
        let (items, beyond) = heard
            .events
            .map_or((Vec::new(), 0), |events| (events.items, events.beyond));
        if beyond > 0 {
            body::sized("events", items.len(), beyond, MAX_EVENTS)?;
        }
        let (mut events, mut refused) = (Vec::new(), Vec::new());
        for (index, item) in (0..).zip(items) {
            match HealthEvent::check(item, now) {
                Ok(event) => events.push((index, event)),
                Err((code, detail)) => refused.push(Refused {
                    index,
                    code,
                    detail,
                }),
            }
        }
        let sender = Sender::new(heard.device_id, &heard.firmware, heard.sent_at);
        let small = |raw: &&RawValue| raw.get().len() <= MAX_SYSTEM;
        let is_config =
            |raw: &&RawValue| raw.get().len() <= MAX_CONFIG && raw.get().starts_with('{');
        Ok(Self {
            sender,
            events,
            refused,
            system: heard.system.filter(small).map(|raw| raw.get().to_owned()),
            config: heard
                .config
                .filter(is_config)
                .map(|raw| raw.get().to_owned()),
        })
    }
}

impl HealthEvent {
    fn check(raw: &RawValue, now: UnixMillis) -> Result<Self, (RefusedCode, String)> {
        let malformed = |error: serde_json::Error| (RefusedCode::Malformed, body::said(&error));
        let event: HealthEventBody = serde_json::from_str(raw.get()).map_err(malformed)?;
        let ts = UnixMillis::try_from(event.ts)
            .map_err(|error| (RefusedCode::OutOfRange, error.to_string()))?;
        if ts.get() - now.get() > MAX_AHEAD_MS {
            return Err((
                RefusedCode::ClockSkew,
                format!("{} is ahead of the cloud", event.ts),
            ));
        }
        let details = event.details.map(|details| details.to_string());
        let mut message: String = event.message.chars().filter(|c| !c.is_control()).collect();
        truncate(&mut message, MAX_MESSAGE);
        Ok(Self {
            ts,
            code: body::name(&event.code),
            subject: body::name(&event.subject),
            state: event.state,
            severity: event.severity,
            message,
            details: details.filter(|json| json.len() <= MAX_DETAILS),
        })
    }
}

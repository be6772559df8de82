//! A command as it is answered.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use solthrive_cloud_store::people::Command;
use utoipa::ToSchema;
use uuid::Uuid;

/// A command to an appliance, and how far it is.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct SiteCommand {
    id: Uuid,
    site: Uuid,
    /// The appliance.
    device: Uuid,
    /// What is asked.
    kind: &'static str,
    /// What more is said of it.
    #[schema(value_type = Object)]
    args: Option<Box<RawValue>>,
    /// `queued` (it waits for its appliance), `delivered` (it was sent, so it may have begun), `accepted`, `running`; and at
    /// its end `done`, `failed`, `refused` (by the appliance), `expired` (its end was not told in time) or `cancelled`.
    state: &'static str,
    /// How much of it is done, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    /// What came of it, as the appliance said it; of what failed or was refused an object with `code` and `detail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    result: Option<Box<RawValue>>,
    /// Who asked: `user:<id>` or `client:<id>`, as in the audit log.
    asked_by: String,
    /// The person's or program's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    asker: Option<String>,
    /// The visit of support in which it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    support: Option<Uuid>,
    created_at: Timestamp,
    /// Until when it may begin.
    expires_at: Timestamp,
    /// When it was sent first.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<Timestamp>,
    /// When the appliance was heard of last about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    told_at: Option<Timestamp>,
    /// When it was over. It is forgotten 30 days later.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

/// Commands, the newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct AllCommands {
    pub(super) items: Vec<SiteCommand>,
    /// For the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

impl From<Command> for SiteCommand {
    fn from(command: Command) -> Self {
        let time = |at: Option<_>| at.map(Timestamp::from);
        Self {
            id: command.id.as_uuid(),
            site: command.site.as_uuid(),
            device: command.device.as_uuid(),
            kind: command.kind.as_str(),
            args: RawValue::from_string(command.args).ok(),
            state: command.state.as_str(),
            progress: command
                .progress
                .map(|thousandths| f64::from(thousandths) / 1_000.0),
            result: command
                .result
                .and_then(|json| RawValue::from_string(json).ok()),
            asked_by: command.asked_by.to_string(),
            asker: command.asker,
            support: command.support.map(solthrive_domain::SupportId::as_uuid),
            created_at: command.created_at.into(),
            expires_at: command.expires_at.into(),
            sent_at: time(command.sent_at),
            told_at: time(command.told_at),
            ended_at: time(command.ended_at),
        }
    }
}

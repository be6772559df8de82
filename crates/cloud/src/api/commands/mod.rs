//! Commands to a home's appliance: asked for, followed, taken back while there is time.
//!
//! Each kind needs a scope of its own, so the rule of these routes is any right at the site, and the kind is judged here.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use solthrive_cloud_store::people::{
    AskedFor, Command, CommandKey, Home, NewCommand, Share, TakenBack,
};
use solthrive_domain::access::CommandedSite;
use solthrive_domain::command::Kind;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{CommandId, DeviceId};
use solthrive_protocol::Args;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use self::shown::{AllCommands, SiteCommand};
use super::Api;
use super::answer::{accepted, body, tagged};
use super::arrival::{Queried, Second};
use super::guard::{Allowed, AtSite};
use super::problem::{Problem, ProblemBody};
use super::typed::limit;
use crate::clock::new_id;

/// Of one appliance.
const SHARE: Share = Share {
    open: 20,
    a_day: 200,
};

/// What an appliance is asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedCommand {
    /// `live`, `diagnostics`, `validate`, `logs_tail`, `config_get`, `config_set`, `update`, `restart`, `tunnel_open` or `token_rotate`.
    kind: String,
    /// What more is said of it, by its kind.
    #[serde(default)]
    #[schema(value_type = Object)]
    args: BTreeMap<String, Value>,
    /// The appliance; if it is not said, the one that is at the site.
    #[serde(default)]
    device_id: Option<Uuid>,
    /// For so long it may wait: 1 to 604,800 s, `live` to 300; 600 s if it is not said, `live` 60.
    #[serde(default)]
    expires_in_s: Option<u32>,
}

impl AskedCommand {
    fn kind(&self) -> Result<Kind, Problem> {
        let kind = self.kind.parse::<Kind>();
        kind.map_err(|_| Problem::field("kind", "a kind of command that there is"))
    }

    fn command(self, kind: Kind, now: UnixMillis) -> Result<NewCommand, Problem> {
        let said = self.args.into_iter().collect();
        let args = Args::strict(kind, &said);
        let args = args.map_err(|error| Problem::field("args", error.to_string()))?;
        let waits = kind.waits(self.expires_in_s);
        let waits = waits.map_err(|error| Problem::field("expires_in_s", error.to_string()))?;
        let waits = i64::try_from(waits.as_millis()).unwrap_or(i64::MAX);
        Ok(NewCommand {
            id: CommandId::from_uuid(new_id()),
            device: self.device_id.map(DeviceId::from_uuid),
            args: args.to_json().to_string(),
            expires_at: now.plus_ms(waits),
        })
    }
}

/// `POST /api/v1/sites/{site}/commands`: asks the site's appliance to do something.
#[utoipa::path(post, path = "/api/v1/sites/{site}/commands", tag = "sites", operation_id = "askCommand", params(("site" = Uuid, Path)), request_body = AskedCommand, responses(
    (status = 202, body = SiteCommand, description = "It is stored and sent as soon as the appliance is connected. `Location` tells where it is followed."),
    (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn ask(
    Allowed((me, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedCommand = body(&headers, &bytes)?;
    let kind = asked.kind()?;
    let right = home.access.commands(kind).ok_or(Problem::not_allowed())?;
    let (by, now) = (me.actor.by(), api.clock.now());
    let (named, command) = (asked.device_id.is_some(), asked.command(kind, now)?);
    let told = api.commands.ask_command(by, right, &command, SHARE, now);
    match told.await? {
        AskedFor::Stored(_) => {}
        AskedFor::NoDevice if named => {
            return Err(Problem::field("device_id", "an appliance of this site"));
        }
        AskedFor::NoDevice => return Err(Problem::no_appliance()),
        AskedFor::TooManyOpen => return Err(Problem::commands_at_once()),
        AskedFor::TooManyToday(until) => {
            let ms = until.get().saturating_sub(now.get());
            let wait = std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0));
            return Err(Problem::too_many(wait));
        }
    }
    api.commands_wait.notify_one();
    let there = format!("/api/v1/sites/{}/commands/{}", home.site.id, command.id);
    let stored = api.commands.command(home.site.id, command.id).await?;
    let stored = stored.ok_or(Problem::unavailable())?;
    Ok(accepted(&SiteCommand::from(stored), &there))
}

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedCommands {
    /// At most so many, 1 to 500; 50 if it is not said.
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// `GET /api/v1/sites/{site}/commands`: the newest first, of those kinds that the caller could ask himself.
#[utoipa::path(get, path = "/api/v1/sites/{site}/commands", tag = "sites", operation_id = "commands", params(("site" = Uuid, Path), WantedCommands), responses(
    (status = 200, body = AllCommands), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed((me, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<WantedCommands>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let right = home.access.sees_commands();
    let right = right.ok_or(Problem::not_allowed())?;
    let most = limit(wanted.limit, 50)?;
    let name = format!("commands?site={}", home.site.id);
    let after = wanted.cursor.map(|text| {
        let content = api.cursors.read_content(me.whose, &name, &text);
        let key = content.and_then(|content| key_of(&content));
        key.ok_or_else(|| Problem::field("cursor", "not one of yours, or of another list"))
    });
    let commands = api.commands.commands(&right, after.transpose()?, most);
    let commands = commands.await?;
    let full = u32::try_from(commands.len()).is_ok_and(|count| count == most);
    let next_cursor = commands.last().filter(|_| full).map(|last| {
        let mut content = last.created_at.get().to_be_bytes().to_vec();
        content.extend_from_slice(last.id.as_uuid().as_bytes());
        api.cursors.write_content(me.whose, &name, &content)
    });
    let items = commands.into_iter().map(SiteCommand::from).collect();
    Ok(tagged(&headers, &AllCommands { items, next_cursor }))
}

fn key_of(content: &[u8]) -> Option<CommandKey> {
    let (at, id) = content.split_first_chunk::<8>()?;
    Some(CommandKey {
        created_at: UnixMillis::try_from(i64::from_be_bytes(*at)).ok()?,
        id: CommandId::from_uuid(Uuid::from_slice(id).ok()?),
    })
}

/// A command of the site that the caller may ask for himself, and the right to.
async fn known(api: &Api, home: &Home, id: Uuid) -> Result<(Command, CommandedSite), Problem> {
    let id = CommandId::from_uuid(id);
    let command = api.commands.command(home.site.id, id).await?;
    let command = command.ok_or(Problem::not_found())?;
    let right = home.access.readable(command.kind.scope());
    let may = home.access.commands(command.kind);
    let (right, may) = right.zip(may).ok_or(Problem::not_allowed())?;
    // What was asked before his time is not his to know of.
    if right
        .since()
        .is_some_and(|since| command.created_at < since)
    {
        return Err(Problem::not_found());
    }
    Ok((command, may))
}

/// `GET /api/v1/sites/{site}/commands/{command}`: how far it is, and what came of it.
#[utoipa::path(get, path = "/api/v1/sites/{site}/commands/{command}", tag = "sites", operation_id = "command", params(("site" = Uuid, Path), ("command" = Uuid, Path)), responses(
    (status = 200, body = SiteCommand), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn one(
    Allowed((_, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    Second(id): Second,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (command, _) = known(&api, &home, id).await?;
    Ok(tagged(&headers, &SiteCommand::from(command)))
}

/// `DELETE /api/v1/sites/{site}/commands/{command}`: takes it back, if it was not sent yet.
#[utoipa::path(delete, path = "/api/v1/sites/{site}/commands/{command}", tag = "sites", operation_id = "takeCommandBack", params(("site" = Uuid, Path), ("command" = Uuid, Path)), responses(
    (status = 204, description = "The appliance does not get it."), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "It was sent, so it may have begun; or it is over.")))]
pub(super) async fn take_back(
    Allowed((me, home)): Allowed<AtSite>,
    State(api): State<Arc<Api>>,
    Second(id): Second,
) -> Result<Response, Problem> {
    let (command, right) = known(&api, &home, id).await?;
    let (by, now) = (me.actor.by(), api.clock.now());
    match api.commands.take_back(by, right, command.id, now).await? {
        TakenBack::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        TakenBack::TooLate => Err(Problem::command_sent()),
        TakenBack::Unknown => Err(Problem::not_found()),
    }
}

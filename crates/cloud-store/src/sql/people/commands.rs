//! Commands as people ask for them and see them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{By, CommandedSite, SeenCommands};
use solthrive_domain::command::{Kind, State};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{ClientId, CommandId, DeviceId, SiteId, SupportId, UserId};
use uuid::Uuid;

use super::channel;
use super::overdue;
use super::rights::lock_site;
use crate::StoreError;
use crate::people::{
    AskedFor, Command, CommandKey, CommandNews, Commands, NewCommand, OpenCommand, Share,
    TakenBack, Told,
};
use crate::sql::audit::{Act, audit};
use crate::sql::sees::{Sees, seen};
use crate::sql::{SqlStore, instant, next_revision, transaction};

const DAY_MS: i64 = 86_400_000;

#[async_trait]
impl Commands for SqlStore {
    async fn ask_command(
        &self,
        by: By,
        right: CommandedSite,
        command: &NewCommand,
        share: Share,
        now: UnixMillis,
    ) -> Result<AskedFor, StoreError> {
        ask(self, by, right, command, share, now).await
    }

    async fn commands(
        &self,
        right: &SeenCommands,
        after: Option<CommandKey>,
        most: u32,
    ) -> Result<Vec<Command>, StoreError> {
        list(self, right, after, most).await
    }

    async fn command(&self, site: SiteId, id: CommandId) -> Result<Option<Command>, StoreError> {
        one(self, site, id).await
    }

    async fn take_back(
        &self,
        by: By,
        right: CommandedSite,
        id: CommandId,
        now: UnixMillis,
    ) -> Result<TakenBack, StoreError> {
        take_back(self, by, right, id, now).await
    }

    async fn command_news(
        &self,
        since: Option<i64>,
    ) -> Result<(i64, Vec<CommandNews>), StoreError> {
        channel::news(self, since).await
    }

    async fn open_commands(&self, device: DeviceId) -> Result<Vec<OpenCommand>, StoreError> {
        channel::open(self, device).await
    }

    async fn begin_to_send(&self, id: CommandId, now: UnixMillis) -> Result<bool, StoreError> {
        channel::begin_to_send(self, id, now).await
    }

    async fn void_command(&self, id: CommandId, now: UnixMillis) -> Result<bool, StoreError> {
        channel::void(self, id, now).await
    }

    async fn command_told(
        &self,
        device: DeviceId,
        id: CommandId,
        told: &Told,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        channel::told(self, device, id, told, now).await
    }

    async fn sweep_commands(&self, now: UnixMillis, forget: UnixMillis) -> Result<u64, StoreError> {
        overdue::sweep(self, now, forget).await
    }

    async fn watch_live(
        &self,
        sites: &BTreeSet<SiteId>,
        until: UnixMillis,
    ) -> Result<(), StoreError> {
        overdue::watch(self, sites, until).await
    }

    async fn live_watched(&self, now: UnixMillis) -> Result<BTreeSet<SiteId>, StoreError> {
        overdue::watched(self, now).await
    }
}

/// The device that is at the site, if it is this one; and how many commands of it there are.
macro_rules! device_there {
    ($tx:ident, $site:expr, $wanted:expr) => {{
        let there: Option<(Uuid,)> = sqlx::query_as(
            "SELECT device.id FROM assignment
             JOIN device ON device.id = assignment.device JOIN site ON site.id = assignment.site
             WHERE assignment.site = $1 AND assignment.to_at IS NULL AND device.deactivated_at IS NULL
             AND site.erased_at IS NULL AND device.id = coalesce($2, device.id)",
        )
        .bind($site.as_uuid())
        .bind($wanted.map(DeviceId::as_uuid))
        .fetch_optional(&mut *$tx)
        .await?;
        there.map(|(device,)| device)
    }};
}

/// More than its share, or nothing.
macro_rules! beyond {
    ($tx:ident, $device:expr, $share:expr, $now:expr) => {{
        let (open,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM command WHERE device = $1 AND state IN ('queued', 'delivered', 'accepted', 'running')",
        )
        .bind($device)
        .fetch_one(&mut *$tx)
        .await?;
        let (today, first): (i64, Option<i64>) = sqlx::query_as(
            "SELECT count(*), min(created_at) FROM command WHERE device = $1 AND created_at > $2",
        )
        .bind($device)
        .bind($now.get() - DAY_MS)
        .fetch_one(&mut *$tx)
        .await?;
        if today >= i64::from($share.a_day) {
            let first = first.map(instant).transpose()?.unwrap_or($now);
            Some(AskedFor::TooManyToday(first.plus_ms(DAY_MS)))
        } else {
            (open >= i64::from($share.open)).then_some(AskedFor::TooManyOpen)
        }
    }};
}

async fn ask(
    db: &SqlStore,
    by: By,
    right: CommandedSite,
    command: &NewCommand,
    share: Share,
    now: UnixMillis,
) -> Result<AskedFor, StoreError> {
    let site = right.site();
    let device = transaction!(db, |tx| {
        // Whoever asks, sells or moves the device at the same time comes before, or after.
        lock_site!(tx, site);
        let revision = next_revision!(tx);
        let Some(device) = device_there!(tx, site, command.device) else {
            return Ok(AskedFor::NoDevice);
        };
        if let Some(beyond) = beyond!(tx, device, share, now) {
            return Ok(beyond);
        }
        sqlx::query(
            "INSERT INTO command (id, site, device, kind, args, asked_user, asked_client, support, created_at, expires_at, state, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11)",
        )
        .bind(command.id.as_uuid())
        .bind(site.as_uuid())
        .bind(device)
        .bind(right.kind().as_str())
        .bind(&command.args)
        .bind(by.user().map(UserId::as_uuid))
        .bind(client_of(by).map(ClientId::as_uuid))
        .bind(right.support().map(SupportId::as_uuid))
        .bind(now.get())
        .bind(command.expires_at.get())
        .bind(revision)
        .execute(&mut *tx)
        .await?;
        let device = DeviceId::from_uuid(device);
        audit!(
            tx,
            now,
            act((by, "command.asked"), right, device, command.id)
        );
        device
    });
    Ok(AskedFor::Stored(device))
}

const fn client_of(by: By) -> Option<ClientId> {
    match by {
        By::Client(client) => Some(client),
        By::User(_) | By::Console | By::Device | By::Service => None,
    }
}

/// Its kind and, where a visit gives the right, which one; what it says in detail can be a person's data.
fn act(
    (by, action): (By, &'static str),
    right: CommandedSite,
    device: DeviceId,
    id: CommandId,
) -> Act {
    let mut details = json!({ "command": id.as_uuid(), "kind": right.kind().as_str() });
    if let Some(visit) = right.support() {
        details["support"] = json!(visit.as_uuid());
    }
    Act {
        site: Some(right.site()),
        device: Some(device),
        details: Some(details),
        ..Act::by(by, action)
    }
}

async fn take_back(
    db: &SqlStore,
    by: By,
    right: CommandedSite,
    id: CommandId,
    now: UnixMillis,
) -> Result<TakenBack, StoreError> {
    let taken = transaction!(db, |tx| {
        let revision = next_revision!(tx);
        // Of a node that sends it at this moment, and this, one comes first: what was sent is not taken back.
        let device: Option<(Uuid,)> = sqlx::query_as(
            "UPDATE command SET state = 'cancelled', ended_at = $4, revision = $5
             WHERE id = $1 AND site = $2 AND kind = $3 AND state = 'queued' RETURNING device",
        )
        .bind(id.as_uuid())
        .bind(right.site().as_uuid())
        .bind(right.kind().as_str())
        .bind(now.get())
        .bind(revision)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((device,)) = device {
            let device = DeviceId::from_uuid(device);
            audit!(tx, now, act((by, "command.cancelled"), right, device, id));
        }
        device.is_some()
    });
    if taken {
        return Ok(TakenBack::Done);
    }
    let known = one(db, right.site(), id).await?;
    Ok(match known.filter(|known| known.kind == right.kind()) {
        Some(_) => TakenBack::TooLate,
        None => TakenBack::Unknown,
    })
}

type Row = (
    Uuid,
    Uuid,
    String,
    String,
    Option<Uuid>,
    Option<Uuid>,
    Option<String>,
    Option<Uuid>,
    i64,
    i64,
    String,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// Those of the site `$1`.
const SHOWN: &str = "
    SELECT command.id, command.device, command.kind, command.args, command.asked_user, command.asked_client,
        coalesce(app_user.name, oauth_client.name), command.support, command.created_at, command.expires_at,
        command.state, command.progress, command.result, command.sent_at, command.told_at, command.ended_at
    FROM command LEFT JOIN app_user ON app_user.id = command.asked_user
    LEFT JOIN oauth_client ON oauth_client.id = command.asked_client
    WHERE command.site = $1";

/// `None` for a kind that a newer program stored.
fn command_of(site: SiteId, row: Row) -> Result<Option<Command>, StoreError> {
    let (id, device, kind, args, user, client, asker, support, created, expires, ..) = row;
    let (.., state, progress, result, sent, told, ended) = row;
    let Ok(kind) = kind.parse::<Kind>() else {
        return Ok(None);
    };
    let optional = |ms: Option<i64>| ms.map(instant).transpose();
    Ok(Some(Command {
        id: CommandId::from_uuid(id),
        site,
        device: DeviceId::from_uuid(device),
        kind,
        args,
        asked_by: asked_by(user, client),
        asker,
        support: support.map(SupportId::from_uuid),
        created_at: instant(created)?,
        expires_at: instant(expires)?,
        state: state_of(&state)?,
        progress: progress.and_then(|thousandths| thousandths.try_into().ok()),
        result,
        sent_at: optional(sent)?,
        told_at: optional(told)?,
        ended_at: optional(ended)?,
    }))
}

pub(super) fn asked_by(user: Option<Uuid>, client: Option<Uuid>) -> By {
    match (user, client) {
        (Some(user), _) => By::User(UserId::from_uuid(user)),
        (None, Some(client)) => By::Client(ClientId::from_uuid(client)),
        (None, None) => By::Service,
    }
}

pub(super) fn state_of(text: &str) -> Result<State, StoreError> {
    let state = text.parse::<State>();
    state.map_err(|error| StoreError::Damaged(error.to_string()))
}

async fn list(
    db: &SqlStore,
    right: &SeenCommands,
    after: Option<CommandKey>,
    most: u32,
) -> Result<Vec<Command>, StoreError> {
    let kinds: Vec<&str> = right.kinds().iter().map(|kind| kind.as_str()).collect();
    // Words of ours, with a comma around each: no list has to be bound, which SQLite could not.
    let kinds = format!(",{},", kinds.join(","));
    let text = format!(
        "{SHOWN} AND $2 LIKE '%,' || command.kind || ',%' AND command.created_at >= $3
         AND (command.created_at < $4 OR (command.created_at = $4 AND command.id < $5))
         ORDER BY command.created_at DESC, command.id DESC LIMIT $6"
    );
    let before = after.map_or(i64::MAX, |key| key.created_at.get());
    let id = after.map_or(Uuid::max(), |key| key.id.as_uuid());
    let rows: Vec<Row> = seen!(db, Sees::Site(right.site()), |pool| {
        sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(right.site().as_uuid())
            .bind(kinds)
            .bind(right.since().map_or(i64::MIN, UnixMillis::get))
            .bind(before)
            .bind(id)
            .bind(i64::from(most))
            .fetch_all(pool)
            .await?
    });
    let shown = rows
        .into_iter()
        .filter_map(|row| command_of(right.site(), row).transpose());
    shown.collect()
}

async fn one(db: &SqlStore, site: SiteId, id: CommandId) -> Result<Option<Command>, StoreError> {
    let text = format!("{SHOWN} AND command.id = $2");
    let row: Option<Row> = seen!(db, Sees::Site(site), |pool| {
        sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(site.as_uuid())
            .bind(id.as_uuid())
            .fetch_optional(pool)
            .await?
    });
    let shown = row.map(|row| command_of(site, row)).transpose()?;
    Ok(shown.flatten())
}

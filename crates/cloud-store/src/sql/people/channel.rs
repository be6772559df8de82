//! Commands as nodes send them, and as devices answer them.
//!
//! What a command becomes is decided by `solthrive_domain::command` from the state that was read, and written only where
//! that is its state still: of two things that happen to it at once the second is decided anew.

use solthrive_domain::command::{Happened, State};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{CommandId, DeviceId, SiteId, SupportId};
use uuid::Uuid;

use super::commands::{asked_by, state_of};
use crate::StoreError;
use crate::people::{CommandNews, OpenCommand, Told};
use crate::sql::{SqlStore, ask, instant, next_revision, transaction};

/// Tries to take a step while other things happen to the same command.
const TRIES: u32 = 5;

pub(super) async fn news(
    db: &SqlStore,
    since: Option<i64>,
) -> Result<(i64, Vec<CommandNews>), StoreError> {
    type Row = (Uuid, Uuid, String, i64, i64);
    let (known, rows): (i64, Vec<Row>) = match since {
        Some(since) => {
            let rows = ask!(db, |pool| {
                sqlx::query_as(
                    "SELECT id, device, state, expires_at, revision FROM command WHERE revision > $1 ORDER BY revision",
                )
                .bind(since)
                .fetch_all(pool)
                .await?
            });
            (since, rows)
        }
        None => {
            // Read before, so that what comes in between is told once more.
            let (newest,): (i64,) = ask!(db, |pool| {
                sqlx::query_as("SELECT newest FROM revision")
                    .fetch_one(pool)
                    .await?
            });
            let rows = ask!(db, |pool| {
                sqlx::query_as(
                    "SELECT id, device, state, expires_at, revision FROM command
                     WHERE state IN ('queued', 'delivered', 'accepted', 'running')",
                )
                .fetch_all(pool)
                .await?
            });
            (newest, rows)
        }
    };
    let mut newest = known;
    let mut news = Vec::with_capacity(rows.len());
    for (id, device, state, expires_at, revision) in rows {
        if since.is_some() {
            newest = newest.max(revision);
        }
        news.push(CommandNews {
            id: CommandId::from_uuid(id),
            device: DeviceId::from_uuid(device),
            state: state_of(&state)?,
            expires_at: instant(expires_at)?,
        });
    }
    Ok((newest, news))
}

type Open = (
    Uuid,
    Uuid,
    String,
    String,
    Option<Uuid>,
    Option<Uuid>,
    Option<Uuid>,
    i64,
    String,
    bool,
);

pub(super) async fn open(db: &SqlStore, device: DeviceId) -> Result<Vec<OpenCommand>, StoreError> {
    let rows: Vec<Open> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT command.id, command.site, kind, args, asked_user, asked_client, support, expires_at, state,
                 device.deactivated_at IS NULL AND EXISTS (SELECT 1 FROM assignment WHERE assignment.device = command.device
                     AND assignment.site = command.site AND assignment.to_at IS NULL)
             FROM command JOIN device ON device.id = command.device
             WHERE command.device = $1 AND state IN ('queued', 'delivered', 'accepted', 'running')
             ORDER BY command.created_at, command.id LIMIT 100",
        )
        .bind(device.as_uuid())
        .fetch_all(pool)
        .await?
    });
    let open = |row: Open| {
        let (id, site, kind, args, user, client, support, expires_at, state, is_there) = row;
        Ok(OpenCommand {
            id: CommandId::from_uuid(id),
            site: SiteId::from_uuid(site),
            kind,
            args,
            asked_by: asked_by(user, client),
            support: support.map(SupportId::from_uuid),
            expires_at: instant(expires_at)?,
            state: state_of(&state)?,
            is_there,
        })
    };
    rows.into_iter().map(open).collect()
}

/// A command as it was read for a step.
struct Known {
    state: State,
    progress: Option<i64>,
}

async fn known(
    db: &SqlStore,
    id: CommandId,
    of: Option<DeviceId>,
) -> Result<Option<Known>, StoreError> {
    // What a device says counts at the site where it was asked: from elsewhere it could tell of another home.
    let row: Option<(String, Option<i64>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT state, progress FROM command WHERE id = $1 AND ($2 IS NULL OR (device = $2 AND EXISTS (
                 SELECT 1 FROM assignment WHERE assignment.device = command.device AND assignment.site = command.site
                 AND assignment.to_at IS NULL)))",
        )
        .bind(id.as_uuid())
        .bind(of.map(DeviceId::as_uuid))
        .fetch_optional(pool)
        .await?
    });
    row.map(|(state, progress)| {
        Ok(Known {
            state: state_of(&state)?,
            progress,
        })
    })
    .transpose()
}

/// A step of a command: from one state, to another one.
struct Step<'a> {
    from: State,
    to: State,
    told: Option<&'a Told>,
}

/// Writes a step down; false where the command is in another state by now.
async fn write(
    db: &SqlStore,
    id: CommandId,
    step: &Step<'_>,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let Step { from, to, told } = step;
    // Nodes keep in mind what waits for its device and what is under way; how far that is they need not know.
    let is_news = to.is_final() || from.is_waiting() != to.is_waiting();
    let sent = (*to == State::Delivered).then(|| now.get());
    let heard = told.map(|_| now.get());
    let ended = to.is_final().then(|| now.get());
    let progress = told.and_then(|told| told.progress).map(i64::from);
    let result = told.and_then(|told| told.result.as_deref());
    let changed = transaction!(db, |tx| {
        // Before the command's row is locked: everybody else takes both in this order.
        let revision = if is_news {
            Some(next_revision!(tx))
        } else {
            None
        };
        sqlx::query(
            "UPDATE command SET state = $3, sent_at = coalesce(sent_at, $4), told_at = coalesce($5, told_at),
                 ended_at = $6, progress = coalesce($7, progress), result = coalesce($8, result),
                 revision = coalesce($9, revision)
             WHERE id = $1 AND state = $2",
        )
        .bind(id.as_uuid())
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(sent)
        .bind(heard)
        .bind(ended)
        .bind(progress)
        .bind(result)
        .bind(revision)
        .execute(&mut *tx)
        .await?
        .rows_affected()
    });
    Ok(changed > 0)
}

/// What happens to a command; whether that changes anything.
pub(super) async fn happens(
    db: &SqlStore,
    id: CommandId,
    happened: Happened,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    for _ in 0..TRIES {
        let Some(known) = known(db, id, None).await? else {
            return Ok(false);
        };
        let from = known.state;
        let Some(to) = from.after(happened) else {
            return Ok(false);
        };
        let step = Step {
            from,
            to,
            told: None,
        };
        if write(db, id, &step, now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) async fn begin_to_send(
    db: &SqlStore,
    id: CommandId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    if happens(db, id, Happened::Sent, now).await? {
        return Ok(true);
    }
    // Sent before: once more does no harm while it is not over.
    let known = known(db, id, None).await?;
    Ok(known.is_some_and(|known| !known.state.is_final()))
}

pub(super) async fn void(
    db: &SqlStore,
    id: CommandId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    happens(db, id, Happened::Void, now).await
}

pub(super) async fn told(
    db: &SqlStore,
    device: DeviceId,
    id: CommandId,
    told: &Told,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    for _ in 0..TRIES {
        let Some(known) = known(db, id, Some(device)).await? else {
            return Ok(false);
        };
        let from = known.state;
        let to = match from.after(Happened::Told(told.word)) {
            Some(to) => to,
            // The same state with more done: progress goes on, and never back.
            None if from.as_str() == told.word.as_str()
                && !from.is_final()
                && told.progress.map(i64::from) > known.progress =>
            {
                from
            }
            None => return Ok(false),
        };
        let step = Step {
            from,
            to,
            told: Some(told),
        };
        if write(db, id, &step, now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

//! What ends without a word: commands that are overdue or lost their device, and homes that nobody watches any more.

use std::collections::BTreeSet;
use std::time::Duration;

use solthrive_domain::command::{Happened, State};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{CommandId, SiteId};
use uuid::Uuid;

use super::channel::{happens, void};
use crate::StoreError;
use crate::sql::{SqlStore, ask, transaction};

/// Commands that one sweep ends; the next one goes on.
const SWEPT: i64 = 500;

pub(super) async fn sweep(
    db: &SqlStore,
    now: UnixMillis,
    forget: UnixMillis,
) -> Result<u64, StoreError> {
    let before = |state: State| {
        let grace = i64::try_from(state.grace().as_millis()).unwrap_or(i64::MAX);
        now.get().saturating_sub(grace)
    };
    // Looked for first: most of the time there is nothing, and then nothing is written.
    let over: Vec<(Uuid, i64)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, expires_at FROM command WHERE (state = 'queued' AND expires_at <= $1)
                 OR (state = 'delivered' AND expires_at <= $2) OR (state IN ('accepted', 'running') AND expires_at <= $3)
             LIMIT $4",
        )
        .bind(before(State::Queued))
        .bind(before(State::Delivered))
        .bind(before(State::Running))
        .bind(SWEPT)
        .fetch_all(pool)
        .await?
    });
    let lost: Vec<(Uuid,)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id FROM command WHERE state IN ('queued', 'delivered') AND NOT EXISTS (
                 SELECT 1 FROM assignment JOIN device ON device.id = assignment.device
                 WHERE assignment.device = command.device AND assignment.site = command.site AND assignment.to_at IS NULL
                 AND device.deactivated_at IS NULL) LIMIT $1",
        )
        .bind(SWEPT)
        .fetch_all(pool)
        .await?
    });
    let mut ended = 0;
    for (id, expires_at) in over {
        let late = u64::try_from(now.get().saturating_sub(expires_at)).unwrap_or(0);
        let overdue = Happened::Overdue(Duration::from_millis(late));
        ended += u64::from(happens(db, CommandId::from_uuid(id), overdue, now).await?);
    }
    for (id,) in lost {
        ended += u64::from(void(db, CommandId::from_uuid(id), now).await?);
    }
    forget_before(db, now, forget).await?;
    Ok(ended)
}

async fn forget_before(
    db: &SqlStore,
    now: UnixMillis,
    forget: UnixMillis,
) -> Result<(), StoreError> {
    let (commands, watches): (i64, i64) = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM command WHERE ended_at < $1), (SELECT count(*) FROM live_watch WHERE until_at <= $2)",
        )
        .bind(forget.get())
        .bind(now.get())
        .fetch_one(pool)
        .await?
    });
    if commands + watches == 0 {
        return Ok(());
    }
    transaction!(db, |tx| {
        sqlx::query("DELETE FROM command WHERE ended_at < $1")
            .bind(forget.get())
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM live_watch WHERE until_at <= $1")
            .bind(now.get())
            .execute(&mut *tx)
            .await?;
    });
    Ok(())
}

pub(super) async fn watch(
    db: &SqlStore,
    sites: &BTreeSet<SiteId>,
    until: UnixMillis,
) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        // In the order of their ids, so that two nodes do not wait for each other.
        for site in sites {
            sqlx::query(
                "INSERT INTO live_watch (site, until_at) SELECT id, $2 FROM site WHERE id = $1 AND erased_at IS NULL
                 ON CONFLICT (site) DO UPDATE SET until_at = excluded.until_at WHERE live_watch.until_at < excluded.until_at",
            )
            .bind(site.as_uuid())
            .bind(until.get())
            .execute(&mut *tx)
            .await?;
        }
    });
    Ok(())
}

pub(super) async fn watched(
    db: &SqlStore,
    now: UnixMillis,
) -> Result<BTreeSet<SiteId>, StoreError> {
    let rows: Vec<(Uuid,)> = ask!(db, |pool| {
        sqlx::query_as("SELECT site FROM live_watch WHERE until_at > $1")
            .bind(now.get())
            .fetch_all(pool)
            .await?
    });
    let sites = rows.into_iter().map(|(site,)| SiteId::from_uuid(site));
    Ok(sites.collect())
}

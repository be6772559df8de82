//! Homes that change, and homes that change hands.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{By, OwnedSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, SiteId, UserId};
use uuid::Uuid;

use super::parse;
use super::rights::still_owned;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{
    Edited, History, NewTransfer, Offered, SiteEdit, Taken, TransferLine, Transfers,
};
use crate::sql::audit::{Act, audit};
use crate::sql::sees::seen;
use crate::sql::{SqlStore, ask, instant, transaction};

#[async_trait]
impl Transfers for SqlStore {
    async fn edit_site(
        &self,
        by: By,
        site: OwnedSite,
        version: i64,
        edit: &SiteEdit,
        now: UnixMillis,
    ) -> Result<Edited, StoreError> {
        let next = transaction!(self, |tx| {
            still_owned!(tx, by, site);
            let next: Option<(i64,)> = sqlx::query_as(
                "UPDATE site SET name = coalesce($3, name), size_w = coalesce($4, size_w), version = version + 1
                 WHERE id = $1 AND version = $2 RETURNING version",
            )
            .bind(site.site().as_uuid())
            .bind(version)
            .bind(&edit.name)
            .bind(edit.size_w.map(i64::from))
            .fetch_optional(&mut *tx)
            .await?;
            let Some((next,)) = next else {
                return Ok(Edited::Stale);
            };
            // Names are personal, and the audit log is never deleted.
            let details = json!({ "name": edit.name.is_some(), "size_w": edit.size_w });
            audit!(tx, now, act(by, "site.edited", site.site(), details));
            next
        });
        Ok(Edited::Done(next))
    }

    async fn offer(
        &self,
        by: By,
        site: OwnedSite,
        transfer: &NewTransfer,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        offer(self, by, site, transfer, now).await
    }

    async fn transfers(&self, site: OwnedSite) -> Result<Vec<TransferLine>, StoreError> {
        list(self, site).await
    }

    async fn withdraw(
        &self,
        by: By,
        site: OwnedSite,
        transfer: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            still_owned!(tx, by, site);
            let ended = sqlx::query(
                "UPDATE site_transfer SET ended_at = $3 WHERE id = $1 AND site = $2
                 AND accepted_at IS NULL AND ended_at IS NULL",
            )
            .bind(transfer)
            .bind(site.site().as_uuid())
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if ended == 0 {
                return Ok(false);
            }
            let details = json!({ "transfer": transfer.to_string() });
            audit!(tx, now, act(by, "transfer.withdrawn", site.site(), details));
        });
        Ok(true)
    }

    async fn offered(
        &self,
        hash: TokenHash,
        now: UnixMillis,
    ) -> Result<Option<Offered>, StoreError> {
        let row: Option<(String, String, String, String)> = ask!(self, |pool| {
            sqlx::query_as(
                "SELECT site.name, org.name, offered.to_email, offered.history FROM site_transfer AS offered
                 JOIN site ON site.id = offered.site JOIN org ON org.id = offered.from_org
                 WHERE offered.hash = $1 AND offered.accepted_at IS NULL AND offered.ended_at IS NULL
                 AND offered.expires_at > $2 AND site.owner_org = offered.from_org",
            )
            .bind(parse::hash(hash))
            .bind(now.get())
            .fetch_optional(pool)
            .await?
        });
        Ok(row.map(|(site, from, email, history)| Offered {
            site,
            from,
            email,
            history,
        }))
    }

    async fn take(
        &self,
        hash: TokenHash,
        user: UserId,
        household: OrgId,
        now: UnixMillis,
    ) -> Result<Taken, StoreError> {
        take(self, hash, user, household, now).await
    }

    async fn decline(
        &self,
        hash: TokenHash,
        user: UserId,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            let ended: Option<(Uuid, Uuid)> = sqlx::query_as(
                "UPDATE site_transfer SET ended_at = $3 WHERE hash = $1 AND accepted_at IS NULL AND ended_at IS NULL
                 AND to_email_key = (SELECT email_key FROM app_user WHERE id = $2) RETURNING id, site",
            )
            .bind(parse::hash(hash))
            .bind(user.as_uuid())
            .bind(now.get())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((id, site)) = ended else {
                return Ok(false);
            };
            let (site, details) = (
                SiteId::from_uuid(site),
                json!({ "transfer": id.to_string() }),
            );
            let act = act(By::User(user), "transfer.declined", site, details);
            audit!(tx, now, act);
        });
        Ok(true)
    }
}

async fn offer(
    db: &SqlStore,
    by: By,
    site: OwnedSite,
    new: &NewTransfer,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let user = by.user().map(UserId::as_uuid);
    let from = match new.history {
        History::From(at) => Some(at.get()),
        History::All | History::Nothing => None,
    };
    transaction!(db, |tx| {
        still_owned!(tx, by, site);
        // One that nobody took in time is in nobody's way.
        sqlx::query(
            "UPDATE site_transfer SET ended_at = expires_at WHERE site = $1 AND accepted_at IS NULL
             AND ended_at IS NULL AND expires_at <= $2",
        )
        .bind(site.site().as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
        let added = sqlx::query(
            "INSERT INTO site_transfer (id, hash, site, from_org, to_email, to_email_key, history, data_from, offered_by, created_at, expires_at)
             VALUES ($1, $2, $3, $11, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind(new.id)
        .bind(parse::hash(new.hash))
        .bind(site.site().as_uuid())
        .bind(&new.email)
        .bind(new.key.as_str())
        .bind(new.history.as_str())
        .bind(from)
        .bind(user)
        .bind(now.get())
        .bind(new.expires_at.get())
        .bind(site.owner().as_uuid())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if added == 0 {
            return Ok(false);
        }
        let details = json!({ "transfer": new.id.to_string(), "history": new.history.as_str() });
        audit!(tx, now, act(by, "transfer.offered", site.site(), details));
    });
    Ok(true)
}

async fn list(db: &SqlStore, site: OwnedSite) -> Result<Vec<TransferLine>, StoreError> {
    type Row = (Uuid, String, String, i64, i64, Option<i64>, Option<i64>);
    let rows: Vec<Row> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT id, to_email, history, created_at, expires_at, accepted_at, ended_at FROM site_transfer
             WHERE site = $1 AND from_org = $2
             ORDER BY created_at DESC, id LIMIT 500",
        )
        .bind(site.site().as_uuid())
        .bind(site.owner().as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(
            |(id, email, history, created_at, expires_at, accepted_at, ended_at)| {
                Ok(TransferLine {
                    id,
                    email,
                    history,
                    created_at: instant(created_at)?,
                    expires_at: instant(expires_at)?,
                    accepted_at: accepted_at.map(instant).transpose()?,
                    ended_at: ended_at.map(instant).transpose()?,
                })
            },
        )
        .collect()
}

/// The household that a person manages, which is made where there is none.
macro_rules! household_of {
    ($tx:ident, $user:expr, $new:expr, $now:expr) => {{
        let known: Option<(Uuid,)> = sqlx::query_as(
            "SELECT org.id FROM membership JOIN org ON org.id = membership.org
             WHERE membership.app_user = $1 AND membership.role = 'admin' AND org.kind = 'household'
             ORDER BY membership.created_at, org.id LIMIT 1",
        )
        .bind($user)
        .fetch_optional(&mut *$tx)
        .await?;
        match known {
            Some((org,)) => org,
            None => {
                for make in [
                    "INSERT INTO org (id, kind, name, created_at) SELECT $1, 'household', name, $3 FROM app_user WHERE id = $2",
                    "INSERT INTO membership (org, app_user, role, created_at) VALUES ($1, $2, 'admin', $3)",
                ] {
                    sqlx::query(make)
                        .bind($new)
                        .bind($user)
                        .bind($now.get())
                        .execute(&mut *$tx)
                        .await?;
                }
                $new
            }
        }
    }};
}

/// The site is theirs, and what the last owner let others see or do is over.
macro_rules! hand_over {
    ($tx:ident, $site:expr, $to:expr, $begin:expr, $now:expr) => {
        sqlx::query(
            "UPDATE site SET owner_org = $2, owner_data_from = $3, handed_over_at = coalesce(handed_over_at, $4),
             version = version + 1 WHERE id = $1",
        )
        .bind($site)
        .bind($to)
        .bind($begin.map(UnixMillis::get))
        .bind($now.get())
        .execute(&mut *$tx)
        .await?;
        for over in [
            "UPDATE site_grant SET revoked_at = $2 WHERE site = $1 AND basis = 'owner_consent' AND revoked_at IS NULL",
            "UPDATE support_session SET ended_at = $2 WHERE site = $1 AND ended_at IS NULL AND until_at > $2",
            // Who binds an appliance with one is let in, so none of the time before is good any more.
            "UPDATE installer_code SET revoked_at = $2 WHERE site = $1 AND revoked_at IS NULL",
            // Who buys a home did not ask for its end.
            "UPDATE erasure SET cancelled_at = $2 WHERE site = $1 AND cancelled_at IS NULL AND closed_at IS NULL",
        ] {
            sqlx::query(over)
                .bind($site)
                .bind($now.get())
                .execute(&mut *$tx)
                .await?;
        }
    };
}

async fn take(
    db: &SqlStore,
    hash: TokenHash,
    user: UserId,
    household: OrgId,
    now: UnixMillis,
) -> Result<Taken, StoreError> {
    type Row = (Uuid, Uuid, Uuid, String, String, Option<i64>);
    let taken = transaction!(db, |tx| {
        // The site first, as every writer with an owner's right locks it: what they give is there before the last
        // owner's rights are ended below, or is refused.
        let seen: Option<(Option<i64>,)> = sqlx::query_as(
            "UPDATE site SET version = version FROM site_transfer AS offered WHERE offered.hash = $1
             AND site.id = offered.site AND site.owner_org = offered.from_org RETURNING site.owner_data_from",
        )
        .bind(parse::hash(hash))
        .fetch_optional(&mut *tx)
        .await?;
        // No such offer; or the owner changed otherwise, and who offered it had nothing to offer any more.
        let Some((seen,)) = seen else {
            return Ok(Taken::Gone);
        };
        let row: Option<Row> = sqlx::query_as(
            "UPDATE site_transfer SET accepted_at = $2 WHERE hash = $1 AND accepted_at IS NULL AND ended_at IS NULL
             AND expires_at > $2 RETURNING id, site, from_org, to_email_key, history, data_from",
        )
        .bind(parse::hash(hash))
        .bind(now.get())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((id, site, from, key, history, data_from)) = row else {
            return Ok(Taken::Gone);
        };
        let theirs: Option<(Uuid,)> = sqlx::query_as(
            "SELECT id FROM app_user WHERE id = $1 AND email_key = $2 AND deactivated_at IS NULL
             AND email_proven_at IS NOT NULL",
        )
        .bind(user.as_uuid())
        .bind(&key)
        .fetch_optional(&mut *tx)
        .await?;
        if theirs.is_none() {
            return Ok(Taken::NotTheirs);
        }
        let history = history_of(&history, data_from)?;
        let begin = history.begin(seen.map(instant).transpose()?, now);
        let to = household_of!(tx, user.as_uuid(), household.as_uuid(), now);
        hand_over!(tx, site, to, begin, now);
        sqlx::query("UPDATE site_transfer SET to_org = $2, accepted_by = $3 WHERE id = $1")
            .bind(id)
            .bind(to)
            .bind(user.as_uuid())
            .execute(&mut *tx)
            .await?;
        let site = SiteId::from_uuid(site);
        for org in [from, to].map(OrgId::from_uuid) {
            audit!(tx, now, transferred(user, site, org, id, history));
        }
        Taken::Done(site, OrgId::from_uuid(to))
    });
    Ok(taken)
}

fn transferred(by: UserId, site: SiteId, org: OrgId, transfer: Uuid, history: History) -> Act {
    let details = json!({ "transfer": transfer.to_string(), "history": history.as_str() });
    Act {
        org: Some(org),
        ..act(By::User(by), "site.transferred", site, details)
    }
}

fn history_of(text: &str, data_from: Option<i64>) -> Result<History, StoreError> {
    match (text, data_from) {
        ("all", None) => Ok(History::All),
        ("none", None) => Ok(History::Nothing),
        ("from_date", Some(at)) => Ok(History::From(instant(at)?)),
        _ => Err(StoreError::Damaged(
            "what goes along with a transfer cannot be read".to_owned(),
        )),
    }
}

fn act(by: By, action: &'static str, site: SiteId, details: serde_json::Value) -> Act {
    Act {
        site: Some(site),
        details: Some(details),
        ..Act::by(by, action)
    }
}

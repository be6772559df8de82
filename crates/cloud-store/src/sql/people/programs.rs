//! Programs of partners, and apps.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{By, ManagedOrg};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{ClientId, OrgId, UserId};
use uuid::Uuid;

use super::members::act;
use super::rights::still_managed;
use super::{parse, signing};
use crate::StoreError;
use crate::people::{NewProgram, OrgLine, Program, ProgramLine, Programs, SigningKey};
use crate::sql::audit::audit;
use crate::sql::{SqlStore, ask, instant, transaction};

#[async_trait]
impl Programs for SqlStore {
    async fn programs(&self, org: ManagedOrg) -> Result<Vec<ProgramLine>, StoreError> {
        list(self, org.org()).await
    }

    async fn add_program(
        &self,
        by: By,
        org: ManagedOrg,
        program: &NewProgram,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        add(self, by, org.org(), program, now).await
    }

    async fn revoke_program(
        &self,
        by: By,
        org: ManagedOrg,
        program: ClientId,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        revoke(self, by, org.org(), program, now).await
    }

    async fn program(&self, program: ClientId) -> Result<Option<Program>, StoreError> {
        one(self, program).await
    }

    async fn signing_keys(&self, after: UnixMillis) -> Result<Vec<SigningKey>, StoreError> {
        signing::list(self, after).await
    }

    async fn signing_key(&self, key: Uuid) -> Result<Option<SigningKey>, StoreError> {
        signing::one(self, key).await
    }

    async fn add_signing_key(
        &self,
        key: &SigningKey,
        forget: UnixMillis,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        signing::add(self, key, forget, now).await
    }
}

async fn add(
    db: &SqlStore,
    by: By,
    org: OrgId,
    new: &NewProgram,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let user = by.user().map(UserId::as_uuid);
    transaction!(db, |tx| {
        still_managed!(tx, by, org);
        sqlx::query(
            "INSERT INTO oauth_client (id, org, name, secret_hash, redirect_uris, scopes, created_at, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(new.id.as_uuid())
        .bind(org.as_uuid())
        .bind(&new.name)
        .bind(new.secret.map(parse::hash))
        .bind(new.redirect_uris.join(" "))
        .bind(new.scopes.to_string())
        .bind(now.get())
        .bind(user)
        .execute(&mut *tx)
        .await?;
        let details = json!({ "client": new.id.to_string(), "scopes": new.scopes.to_string() });
        audit!(tx, now, act(by, "client.added", org, details));
    });
    Ok(())
}

fn uris(text: &str) -> Vec<String> {
    let all = text.split_ascii_whitespace();
    all.map(str::to_owned).collect()
}

async fn list(db: &SqlStore, org: OrgId) -> Result<Vec<ProgramLine>, StoreError> {
    type Row = (Uuid, String, Option<Vec<u8>>, String, String, i64);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, name, secret_hash, redirect_uris, scopes, created_at FROM oauth_client
             WHERE org = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id LIMIT 500",
        )
        .bind(org.as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, name, secret, redirect_uris, scopes, created_at)| {
            Ok(ProgramLine {
                id: ClientId::from_uuid(id),
                name,
                confidential: secret.is_some(),
                redirect_uris: uris(&redirect_uris),
                scopes: parse::scopes(&scopes)?,
                created_at: instant(created_at)?,
            })
        })
        .collect()
}

async fn revoke(
    db: &SqlStore,
    by: By,
    org: OrgId,
    program: ClientId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        still_managed!(tx, by, org);
        let revoked = sqlx::query(
            "UPDATE oauth_client SET revoked_at = $3 WHERE id = $1 AND org = $2 AND revoked_at IS NULL",
        )
        .bind(program.as_uuid())
        .bind(org.as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if revoked == 0 {
            return Ok(false);
        }
        let details = json!({ "client": program.to_string() });
        audit!(tx, now, act(by, "client.revoked", org, details));
    });
    Ok(true)
}

async fn one(db: &SqlStore, program: ClientId) -> Result<Option<Program>, StoreError> {
    type Row = (
        String,
        Option<Vec<u8>>,
        String,
        String,
        Uuid,
        String,
        String,
    );
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT client.name, client.secret_hash, client.redirect_uris, client.scopes, org.id, org.kind, org.name
             FROM oauth_client AS client JOIN org ON org.id = client.org
             WHERE client.id = $1 AND client.revoked_at IS NULL",
        )
        .bind(program.as_uuid())
        .fetch_optional(pool)
        .await?
    });
    row.map(|(name, secret, redirect_uris, scopes, org, kind, of)| {
        Ok(Program {
            id: program,
            name,
            org: OrgLine {
                id: OrgId::from_uuid(org),
                kind: parse::org_kind(&kind)?,
                name: of,
            },
            secret: secret.map(|hash| parse::hash_of(&hash)).transpose()?,
            redirect_uris: uris(&redirect_uris),
            scopes: parse::scopes(&scopes)?,
        })
    })
    .transpose()
}

//! The end of a home: asked for by its owner, taken back while there is time, and proven by a receipt.

mod run;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{self, NewErasure};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::run::Eraser;
use super::Api;
use super::answer::{accepted, body, gone, private};
use super::arrival::Only;
use super::guard::{Allowed, Anyone, Owns, OwnsHome, Person};
use super::jwt::encode;
use super::letters::to_its_end;
use super::problem::{Problem, ProblemBody};
use crate::clock::new_id;
use crate::mail::Letter;

/// The end of a home, and how far it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Erasure {
    id: Uuid,
    site: Uuid,
    /// `waiting` (it can be taken back), `running` (nobody reaches the home any more), `done` or `cancelled`.
    state: &'static str,
    asked_at: Timestamp,
    /// Until when it can be taken back; then the home closes.
    due_at: Timestamp,
    /// Since when nobody reaches the home.
    closed_at: Option<Timestamp>,
    /// When nothing was left.
    done_at: Option<Timestamp>,
    /// Rows that were deleted, by table.
    deleted: BTreeMap<String, u64>,
    /// Signed (JWS, Ed25519), once it is done: keep it.
    receipt: Option<String>,
}

impl From<people::Erasure> for Erasure {
    fn from(erasure: people::Erasure) -> Self {
        Self {
            id: erasure.id,
            site: erasure.site.as_uuid(),
            state: erasure.state().as_str(),
            asked_at: erasure.created_at.into(),
            due_at: erasure.due_at.into(),
            closed_at: erasure.closed_at.map(Timestamp::from),
            done_at: erasure.done_at.map(Timestamp::from),
            deleted: erasure.deleted,
            receipt: erasure.receipt,
        }
    }
}

/// A home that is to be erased.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedErasure {
    /// Its name, typed once more: once it is closed it cannot be undone.
    name: String,
}

/// `POST /api/v1/sites/{site}/erasure`: asks for the end of the home. It can be taken back until `due_at`; then nobody reaches it any more, and everything that belongs to it is deleted. Its appliance keeps working at home, and can be bound anew.
#[utoipa::path(post, path = "/api/v1/sites/{site}/erasure", tag = "sites", operation_id = "askErasure", params(("site" = Uuid, Path)), request_body = AskedErasure, responses(
    (status = 202, body = Erasure), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn ask(
    Allowed((me, home, site)): Allowed<OwnsHome>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedErasure = body(&headers, &bytes)?;
    if asked.name.trim() != home.site.name.trim() {
        return Err(Problem::field("name", "not the name of this home"));
    }
    // Each question is a letter, also one that was taken back and is asked again.
    let wait = api.throttle.letter_by(me.user, api.clock.elapsed());
    wait.map_err(Problem::too_many)?;
    let now = api.clock.now();
    let new = NewErasure {
        id: new_id(),
        asked_by: me.user,
        due_at: now.plus_ms(api.policy.erasure_grace_ms()),
    };
    let (by, id, due_at) = (me.actor.by(), new.id, new.due_at);
    let told = Arc::clone(&api);
    to_its_end(async move {
        if !api.erasures.ask_erasure(by, site, &new, now).await? {
            return Err(Problem::erased_already());
        }
        // Whoever did this in the owner's name is to be noticed. Without mail it shows at the home itself.
        let owner = api.accounts.user(new.asked_by).await?;
        let letter = Letter::erasure_asked(&home.site.name, due_at.into());
        if let Some(owner) = owner
            && let Err(error) = api.mail.send(&owner.email, &letter).await
        {
            tracing::warn!(%error, erasure = %id, "the owner was not told by mail that his home is to be erased");
        }
        Ok(())
    })
    .await?;
    let erasure = told.erasures.erasure(id).await?;
    let erasure = erasure.ok_or(Problem::unavailable())?;
    let there = format!("/api/v1/erasures/{id}");
    Ok(accepted(&Erasure::from(erasure), &there))
}

/// `GET /api/v1/sites/{site}/erasure`: the one that was asked for and not taken back.
#[utoipa::path(get, path = "/api/v1/sites/{site}/erasure", tag = "sites", operation_id = "erasureOfSite", params(("site" = Uuid, Path)), responses(
    (status = 200, body = Erasure), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn of_site(
    Allowed((_, site)): Allowed<Owns>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let erasure = api.erasures.erasure_of(site).await?;
    let erasure = erasure.ok_or(Problem::not_found())?;
    Ok(private(&Erasure::from(erasure)))
}

/// `DELETE /api/v1/sites/{site}/erasure`: takes it back.
#[utoipa::path(delete, path = "/api/v1/sites/{site}/erasure", tag = "sites", operation_id = "cancelErasure", params(("site" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    Allowed((me, site)): Allowed<Owns>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let (by, now) = (me.actor.by(), api.clock.now());
    gone(api.erasures.cancel_erasure(by, site, now).await?)
}

/// `GET /api/v1/erasures/{erasure}`: how far it is, for who asked; the home itself is gone by then.
#[utoipa::path(get, path = "/api/v1/erasures/{erasure}", tag = "sites", operation_id = "erasure", params(("erasure" = Uuid, Path)), responses(
    (status = 200, body = Erasure), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn one(
    Allowed(me): Allowed<Person>,
    State(api): State<Arc<Api>>,
    Only(id): Only,
) -> Result<Response, Problem> {
    let erasure = api.erasures.erasure(id).await?;
    let mine = erasure.filter(|erasure| erasure.asked_by == Some(me.user));
    let mine = mine.ok_or(Problem::not_found())?;
    Ok(private(&Erasure::from(mine)))
}

/// The key that receipts are signed with, as RFC 8037 writes it.
#[derive(Serialize, ToSchema)]
pub(super) struct ReceiptKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    /// The public half.
    x: String,
}

/// `GET /api/v1/erasures/key`: by which anybody can check a receipt.
#[utoipa::path(get, path = "/api/v1/erasures/key", tag = "sites", operation_id = "receiptKey", responses(
    (status = 200, body = ReceiptKey)), security(()))]
pub(super) async fn key(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    Ok(private(&ReceiptKey {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        x: encode(api.receipts.public()),
    }))
}

//! A home that changes hands: its owner offers it, somebody takes it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{History, NewTransfer, Taken, TransferLine};
use solthrive_domain::OrgId;
use solthrive_domain::rollup::quarters_of_day;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{Made, body, gone, private, tagged};
use super::arrival::Second;
use super::auth::no_foreign_page;
use super::guard::{Allowed, Anyone, FullSession, OwnsHome};
use super::invitations::LetterToken;
use super::letters::{secret_for, to_its_end};
use super::problem::{Problem, ProblemBody};
use super::typed::address;
use crate::clock::new_id;
use crate::mail::Letter;
use crate::secrets::hash_token;

/// How long an offer waits.
const WAITS_MS: i64 = 14 * 86_400_000;

/// An offer of the site.
#[derive(Serialize, ToSchema)]
pub(super) struct Transfer {
    id: Uuid,
    /// To whom.
    email: String,
    /// `all`, `from_date` or `none`.
    history: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    accepted_at: Option<Timestamp>,
    /// When it was withdrawn or declined.
    ended_at: Option<Timestamp>,
}

impl From<TransferLine> for Transfer {
    fn from(line: TransferLine) -> Self {
        Self {
            id: line.id,
            email: line.email,
            history: line.history,
            created_at: line.created_at.into(),
            expires_at: line.expires_at.into(),
            accepted_at: line.accepted_at.map(Timestamp::from),
            ended_at: line.ended_at.map(Timestamp::from),
        }
    }
}

/// Offers, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct AllTransfers {
    items: Vec<Transfer>,
}

/// `GET /api/v1/sites/{site}/transfers`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/transfers", tag = "sites", operation_id = "transfers", params(("site" = Uuid, Path)), responses(
    (status = 200, body = AllTransfers), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed((_, _, site)): Allowed<OwnsHome>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lines = api.transfers.transfers(site).await?;
    let items = lines.into_iter().map(Transfer::from).collect();
    Ok(tagged(&headers, &AllTransfers { items }))
}

/// An offer to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedTransfer {
    /// Whose it is to be.
    #[schema(format = Email)]
    email: String,
    /// `all`, `from_date` or `none`: how much of the past the new owner sees.
    history: String,
    /// With `from_date`: the first local day that he sees.
    #[serde(default)]
    date: Option<Date>,
}

/// `POST /api/v1/sites/{site}/transfers`: offers the site to somebody, by a letter. Nothing changes until he takes it.
#[utoipa::path(post, path = "/api/v1/sites/{site}/transfers", tag = "sites", operation_id = "offerSite", params(("site" = Uuid, Path)), request_body = AskedTransfer, responses(
    (status = 201, body = Made), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn offer(
    Allowed((me, home, site)): Allowed<OwnsHome>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedTransfer = body(&headers, &bytes)?;
    let (email, key) = address(&asked.email)?;
    let history = history(&asked, &home.site.time_zone)?;
    let (secret, now) = (secret_for(&api, me.user)?, api.clock.now());
    let transfer = NewTransfer {
        id: new_id(),
        hash: hash_token(&secret),
        email,
        key,
        history,
        expires_at: now.plus_ms(WAITS_MS),
    };
    let id = transfer.id;
    let by = me.actor.by();
    to_its_end(async move {
        if !api.transfers.offer(by, site, &transfer, now).await? {
            return Err(Problem::offered_already());
        }
        let from = api.transfers.offered(transfer.hash, now).await?;
        let from = from.map_or_else(String::new, |offered| offered.from);
        let link = api.mail.link("transfer", &secret);
        let letter = Letter::transfer(&home.site.name, &from, &link);
        if let Err(error) = api.mail.send(&transfer.email, &letter).await {
            api.transfers.withdraw(by, site, id, now).await?;
            return Err(Problem::mail_away(&error));
        }
        Ok(())
    })
    .await?;
    Ok(Made::answer(id))
}

fn history(asked: &AskedTransfer, zone: &str) -> Result<History, Problem> {
    match (asked.history.as_str(), asked.date) {
        ("all", None) => Ok(History::All),
        ("none", None) => Ok(History::Nothing),
        ("from_date", Some(date)) => {
            let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
            let day = quarters_of_day(&zone, date);
            let day = day.map_err(|_| Problem::field("date", "no day that a calendar knows"))?;
            Ok(History::From(day.start.start()))
        }
        ("from_date", None) => Err(Problem::field("date", "the first day that goes along")),
        ("all" | "none", Some(_)) => Err(Problem::field("date", "only with `from_date`")),
        _ => Err(Problem::field("history", "all, from_date or none")),
    }
}

/// `DELETE /api/v1/sites/{site}/transfers/{transfer}`: takes an offer back.
#[utoipa::path(delete, path = "/api/v1/sites/{site}/transfers/{transfer}", tag = "sites", operation_id = "withdrawOffer",
    params(("site" = Uuid, Path), ("transfer" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn withdraw(
    Allowed((me, _, site)): Allowed<OwnsHome>,
    State(api): State<Arc<Api>>,
    Second(transfer): Second,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let by = me.actor.by();
    let ended = api.transfers.withdraw(by, site, transfer, now).await?;
    gone(ended)
}

/// What is offered.
#[derive(Serialize, ToSchema)]
pub(super) struct OfferedSite {
    /// Its name.
    site: String,
    /// Who hands it over.
    from: String,
    /// To whom.
    email: String,
    /// `all`, `from_date` or `none`.
    history: String,
}

/// `POST /api/v1/transfers/look`: what is offered, for whoever has the letter.
#[utoipa::path(post, path = "/api/v1/transfers/look", tag = "sites", operation_id = "lookAtOffer", request_body = LetterToken, responses(
    (status = 200, body = OfferedSite), (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn look(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    no_foreign_page(&headers)?;
    let LetterToken { token } = body(&headers, &bytes)?;
    let found = api.transfers.offered(hash_token(&token), api.clock.now());
    let found = found.await?.ok_or(Problem::not_found())?;
    Ok(private(&OfferedSite {
        site: found.site,
        from: found.from,
        email: found.email,
        history: found.history,
    }))
}

/// A home that is the caller's now.
#[derive(Serialize, ToSchema)]
pub(super) struct TakenSite {
    site: Uuid,
    /// The household that owns it.
    org: Uuid,
}

/// `POST /api/v1/transfers/accept`: takes the site. What its last owner saw of it, and let others see, is over at once.
#[utoipa::path(post, path = "/api/v1/transfers/accept", tag = "sites", operation_id = "takeSite", request_body = LetterToken, responses(
    (status = 200, body = TakenSite), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn accept(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let LetterToken { token } = body(&headers, &bytes)?;
    let (hash, household) = (hash_token(&token), OrgId::from_uuid(new_id()));
    let now = api.clock.now();
    match api.transfers.take(hash, me.user, household, now).await? {
        Taken::Done(site, org) => Ok(private(&TakenSite {
            site: site.as_uuid(),
            org: org.as_uuid(),
        })),
        Taken::Gone => Err(Problem::not_found()),
        Taken::NotTheirs => Err(Problem::not_yours()),
    }
}

/// `POST /api/v1/transfers/decline`: says no; the owner sees it.
#[utoipa::path(post, path = "/api/v1/transfers/decline", tag = "sites", operation_id = "declineSite", request_body = LetterToken, responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn decline(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let LetterToken { token } = body(&headers, &bytes)?;
    let now = api.clock.now();
    let ended = api.transfers.decline(hash_token(&token), me.user, now);
    gone(ended.await?)
}

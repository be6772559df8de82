//! Homes on their way: an installer begins them, binds their appliances by codes, and offers them to who lives there.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::meta::{CodeLine, CodeState};
use solthrive_cloud_store::people::{NewHome, SiteCode};
use solthrive_domain::SiteId;
use solthrive_domain::access::Scope;
use solthrive_domain::telemetry::UnixMillis;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{Made, body, gone, private, tagged};
use super::arrival::Second;
use super::guard::{Allowed, Commissions};
use super::problem::{Problem, ProblemBody};
use super::typed::{name_of, watts_of};
use crate::clock::new_id;
use crate::secrets::InstallerCode;

/// For how long a code is good if nothing is said: the days until somebody comes.
const USUAL_HOURS: u32 = 72;
/// And at most: a month.
const MOST_HOURS: u32 = 744;
const HOUR_MS: i64 = 3_600_000;

/// A home to be begun.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedHome {
    /// 1 to 100 letters.
    name: String,
    /// IANA, such as `Europe/Berlin`; days and months are local.
    time_zone: String,
    /// The array's nameplate, 0 to 10,000 kW.
    #[serde(default)]
    size_kw: Option<f64>,
}

/// `POST /api/v1/installers/{installer}/sites`: begins a home. It is the installer's until the person to whom it is offered takes it.
#[utoipa::path(post, path = "/api/v1/installers/{installer}/sites", tag = "installers", operation_id = "beginHome", params(("installer" = Uuid, Path)), request_body = AskedHome, responses(
    (status = 201, body = Made), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn begin(
    Allowed((me, org)): Allowed<Commissions>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedHome = body(&headers, &bytes)?;
    let zone = TimeZone::get(&asked.time_zone).ok();
    let zone = zone.and_then(|zone| zone.iana_name().map(str::to_owned));
    let home = NewHome {
        id: SiteId::from_uuid(new_id()),
        name: name_of(&asked.name)?,
        time_zone: zone
            .ok_or_else(|| Problem::field("time_zone", "an IANA name, such as Europe/Berlin"))?,
        size_w: asked.size_kw.map(watts_of).transpose()?,
    };
    let (by, now) = (me.actor.by(), api.clock.now());
    api.commissioning.begin_home(by, org, &home, now).await?;
    Ok(Made::answer(home.id.as_uuid()))
}

/// A code to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedCode {
    /// At which site the appliance is to be; the installer needs `config.write` there.
    site: Uuid,
    /// For how long it is good, 1 to 744; 72 if it is not said.
    #[serde(default)]
    hours: Option<u32>,
}

/// A code that was made. It is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeCode {
    id: Uuid,
    /// To be typed at the appliance.
    code: String,
    expires_at: Timestamp,
}

/// `POST /api/v1/installers/{installer}/codes`: a code by which one appliance finds its site.
#[utoipa::path(post, path = "/api/v1/installers/{installer}/codes", tag = "installers", operation_id = "addCode", params(("installer" = Uuid, Path)), request_body = AskedCode, responses(
    (status = 201, body = MadeCode), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn add_code(
    Allowed((me, org)): Allowed<Commissions>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedCode = body(&headers, &bytes)?;
    let hours = asked.hours.unwrap_or(USUAL_HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        return Err(Problem::field("hours", format!("1 to {MOST_HOURS}")));
    }
    let now = api.clock.now();
    let home = api
        .homes
        .home(&me.actor, SiteId::from_uuid(asked.site), now);
    let none = || Problem::field("site", "no site that you may wire");
    let home = home.await?.ok_or_else(none)?;
    let site = home.access.writable(Scope::ConfigWrite).ok_or_else(none)?;
    let code = InstallerCode::draw().map_err(|_| Problem::unavailable())?;
    let stored = SiteCode {
        id: new_id(),
        hash: code.hash(&api.pepper),
        expires_at: now.plus_ms(i64::from(hours) * HOUR_MS),
    };
    let by = me.actor.by();
    api.commissioning
        .add_site_code(by, org, site, &stored, now)
        .await?;
    let made = MadeCode {
        id: stored.id,
        code: code.to_string(),
        expires_at: stored.expires_at.into(),
    };
    Ok((StatusCode::CREATED, private(&made)).into_response())
}

/// A code, without what is typed.
#[derive(Serialize, ToSchema)]
pub(super) struct Code {
    id: Uuid,
    site: Uuid,
    /// `good`, `used`, `expired` or `revoked`.
    state: &'static str,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl Code {
    fn of(line: &CodeLine, now: UnixMillis) -> Self {
        let state = match line.state(now) {
            CodeState::Revoked => "revoked",
            CodeState::UsedUp => "used",
            CodeState::Expired => "expired",
            CodeState::Good => "good",
        };
        Self {
            id: line.id,
            site: line.site.as_uuid(),
            state,
            created_at: line.created_at.into(),
            expires_at: line.expires_at.into(),
        }
    }
}

/// The installer's codes, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Codes {
    items: Vec<Code>,
}

/// `GET /api/v1/installers/{installer}/codes`.
#[utoipa::path(get, path = "/api/v1/installers/{installer}/codes", tag = "installers", operation_id = "codes", params(("installer" = Uuid, Path)), responses(
    (status = 200, body = Codes), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn codes(
    Allowed((_, org)): Allowed<Commissions>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (lines, now) = (api.commissioning.site_codes(org).await?, api.clock.now());
    let items = lines.iter().map(|line| Code::of(line, now)).collect();
    Ok(tagged(&headers, &Codes { items }))
}

/// `DELETE /api/v1/installers/{installer}/codes/{code}`: it is worth nothing from now on; an appliance that used it stays where it is.
#[utoipa::path(delete, path = "/api/v1/installers/{installer}/codes/{code}", tag = "installers", operation_id = "revokeCode",
    params(("installer" = Uuid, Path), ("code" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn revoke_code(
    Allowed((me, org)): Allowed<Commissions>,
    State(api): State<Arc<Api>>,
    Second(code): Second,
) -> Result<Response, Problem> {
    let (by, now) = (me.actor.by(), api.clock.now());
    gone(
        api.commissioning
            .revoke_site_code(by, org, code, now)
            .await?,
    )
}

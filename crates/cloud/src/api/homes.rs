//! Sites, as a list and one by one, and the devices there.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{Edited, Home, HomeFilter, Page, PageKey, SiteEdit};
use solthrive_domain::access::{Reach, Scope};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Api;
use super::answer::{body, private, tagged};
use super::arrival::Queried;
use super::guard::{Allowed, AtSite, Caller, ConfigRead, OwnsHome, Reads};
use super::problem::{Problem, ProblemBody};
use super::typed::{limit, name_of, watts_of};

/// A site, and what the caller may there.
#[derive(Serialize, ToSchema)]
pub(super) struct Site {
    id: Uuid,
    name: String,
    /// IANA; days and months are local.
    time_zone: String,
    /// The array's nameplate.
    size_kw: Option<f64>,
    /// Grows with every change; in quotes, what `If-Match` of an edit says.
    version: i64,
    /// `owner`, `grant` or `support`.
    reach: &'static str,
    /// What of it the caller may see or do.
    scopes: Vec<&'static str>,
    /// When a device there was heard of last.
    last_seen: Option<Timestamp>,
    /// When its owner took it over from who installed it; `null` while it is commissioned.
    handed_over_at: Option<Timestamp>,
    /// Alerts that are firing; absent without the scope `alerts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<u32>,
}

impl From<&Home> for Site {
    fn from(home: &Home) -> Self {
        let reach = match home.access.reaches().next() {
            Some(Reach::Owner) => "owner",
            Some(Reach::Support(_)) => "support",
            Some(Reach::Grant(_)) | None => "grant",
        };
        let scopes = home.access.scopes();
        Self {
            id: home.site.id.as_uuid(),
            name: home.site.name.clone(),
            time_zone: home.site.time_zone.clone(),
            size_kw: home.site.size_w.map(|watts| f64::from(watts) / 1000.0),
            version: home.version,
            reach,
            scopes: scopes.iter().map(Scope::as_str).collect(),
            last_seen: home.last_seen.map(Timestamp::from),
            handed_over_at: home.handed_over_at.map(Timestamp::from),
            alerts: scopes.contains(Scope::Alerts).then_some(home.alerts),
        }
    }
}

/// Which sites.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// At most so many, 1 to 500; 50 if it is not said.
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Those with this in their name.
    name: Option<String>,
}

/// A page of sites by name.
#[derive(Serialize, ToSchema)]
pub(super) struct Sites {
    items: Vec<Site>,
    /// For the next page; absent on the last one.
    next_cursor: Option<String>,
}

/// `GET /api/v1/sites`.
#[utoipa::path(get, path = "/api/v1/sites", tag = "sites", operation_id = "sites", params(Wanted), responses(
    (status = 200, body = Sites), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed(me): Allowed<Caller>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let most = limit(wanted.limit, 50)?;
    let filter = HomeFilter {
        name: wanted.name.filter(|name| !name.is_empty()),
        ..HomeFilter::default()
    };
    let list = format!("sites?name={}", filter.name.as_deref().unwrap_or_default());
    let after = wanted.cursor.map(|text| {
        let key = api.cursors.read(me.whose, &list, &text);
        key.ok_or_else(|| Problem::field("cursor", "not one of yours, or of another list"))
    });
    let page = Page {
        after: after.transpose()?,
        most,
    };
    let homes = api
        .homes
        .homes(&me.actor, &filter, &page, api.clock.now())
        .await?;
    let full = u32::try_from(homes.len()).is_ok_and(|count| count == most);
    let last = homes.last().filter(|_| full).map(|home| PageKey {
        name: home.site.name.clone(),
        site: home.site.id,
    });
    let sites = Sites {
        items: homes.iter().map(Site::from).collect(),
        next_cursor: last.map(|key| api.cursors.write(me.whose, &list, &key)),
    };
    Ok(tagged(&headers, &sites))
}

/// `GET /api/v1/sites/{site}`.
#[utoipa::path(get, path = "/api/v1/sites/{site}", tag = "sites", operation_id = "site", params(("site" = Uuid, Path)), responses(
    (status = 200, body = Site), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn one(
    Allowed((_, home)): Allowed<AtSite>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(tagged(&headers, &Site::from(&home)))
}

/// What is to be changed; what is not said stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    /// 1 to 100 letters.
    #[serde(default)]
    name: Option<String>,
    /// The array's nameplate, 0 to 10,000 kW.
    #[serde(default)]
    size_kw: Option<f64>,
}

/// `PATCH /api/v1/sites/{site}`: for its owner. Two who edit at the same time overwrite nothing of each other's.
#[utoipa::path(patch, path = "/api/v1/sites/{site}", tag = "sites", operation_id = "editSite",
    params(("site" = Uuid, Path), ("if-match" = Option<String>, Header, description = "The `version` of the site as it was read, in quotes.")), request_body = Edit, responses(
    (status = 200, body = Version), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 412, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 428, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn edit(
    Allowed((me, _, site)): Allowed<OwnsHome>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: Edit = body(&headers, &bytes)?;
    let version = headers.get(header::IF_MATCH).ok_or(Problem::no_version())?;
    let version = version_of(version).ok_or(Problem::stale())?;
    if asked.name.is_none() && asked.size_kw.is_none() {
        return Err(Problem::body("say what is to be changed: name, size_kw"));
    }
    let edit = SiteEdit {
        name: asked.name.as_deref().map(name_of).transpose()?,
        size_w: asked.size_kw.map(watts_of).transpose()?,
    };
    let (by, now) = (me.actor.by(), api.clock.now());
    match api
        .transfers
        .edit_site(by, site, version, &edit, now)
        .await?
    {
        Edited::Done(version) => Ok(private(&Version { version })),
        Edited::Stale => Err(Problem::stale()),
    }
}

/// Of `If-Match: "7"`. Nothing else is a tag of ours, so nothing else is the version there is.
fn version_of(tag: &HeaderValue) -> Option<i64> {
    let text = tag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The version that an edit made.
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    version: i64,
}

/// A device at the site.
#[derive(Serialize, ToSchema)]
pub(super) struct Device {
    id: Uuid,
    last_seen: Timestamp,
    /// Time of its newest sample.
    newest: Option<Timestamp>,
    /// Version of its software.
    firmware: Option<String>,
}

/// The devices at the site.
#[derive(Serialize, ToSchema)]
pub(super) struct Devices {
    items: Vec<Device>,
}

/// `GET /api/v1/sites/{site}/devices`: what is there now.
#[utoipa::path(get, path = "/api/v1/sites/{site}/devices", tag = "sites", operation_id = "devices", params(("site" = Uuid, Path)), responses(
    (status = 200, body = Devices), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn devices(
    Allowed((_, right)): Allowed<Reads<ConfigRead>>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let statuses = api.views.status(right).await?;
    let items = statuses.into_iter().map(|status| Device {
        id: status.device.as_uuid(),
        last_seen: status.last_seen.into(),
        newest: status.newest.map(|newest| newest.ts.into()),
        firmware: status.firmware,
    });
    let devices = Devices {
        items: items.collect(),
    };
    Ok(tagged(&headers, &devices))
}

//! One field that finds sites, devices, people and orgs.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::meta::Standing;
use solthrive_cloud_store::people::{FoundDevice, FoundOrg, FoundPerson, FoundSite};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::Api;
use super::super::answer::private;
use super::super::arrival::Queried;
use super::super::guard::{Allowed, RunsThePlatform};
use super::super::problem::{Problem, ProblemBody};

/// Of each kind.
const MOST: u32 = 20;

/// What to look for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Sought {
    /// An id, or at least two letters of a name, a serial number or an address.
    q: String,
}

/// A site, and nothing that it measured: for that, open a visit.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct OfficeSite {
    id: Uuid,
    name: String,
    owner: Uuid,
    owner_name: String,
    /// `null` while it is commissioned.
    handed_over_at: Option<Timestamp>,
}

impl From<FoundSite> for OfficeSite {
    fn from(found: FoundSite) -> Self {
        Self {
            id: found.id.as_uuid(),
            name: found.name,
            owner: found.owner.as_uuid(),
            owner_name: found.owner_name,
            handed_over_at: found.handed_over_at.map(Timestamp::from),
        }
    }
}

/// A device.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct OfficeDevice {
    id: Uuid,
    serial: String,
    /// `waiting`, `bound` or `deactivated`.
    state: &'static str,
    /// Where it is.
    site: Option<Uuid>,
    firmware: Option<String>,
    last_seen: Option<Timestamp>,
}

impl From<FoundDevice> for OfficeDevice {
    fn from(found: FoundDevice) -> Self {
        let (state, site) = match found.line.standing {
            Standing::Waiting => ("waiting", None),
            Standing::Bound(site) => ("bound", Some(site.as_uuid())),
            Standing::Deactivated => ("deactivated", None),
        };
        Self {
            id: found.line.id.as_uuid(),
            serial: found.line.serial,
            state,
            site,
            firmware: found.line.firmware,
            last_seen: found.last_seen.map(Timestamp::from),
        }
    }
}

/// A person.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct OfficePerson {
    id: Uuid,
    name: String,
    #[schema(format = Email)]
    email: String,
    /// Since when nobody signs in with it any more.
    deactivated_at: Option<Timestamp>,
}

impl From<FoundPerson> for OfficePerson {
    fn from(found: FoundPerson) -> Self {
        Self {
            id: found.id.as_uuid(),
            name: found.name,
            email: found.email,
            deactivated_at: found.deactivated_at.map(Timestamp::from),
        }
    }
}

/// An org.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct OfficeOrg {
    id: Uuid,
    /// `household`, `installer`, `partner` or `platform`.
    kind: &'static str,
    name: String,
}

impl From<FoundOrg> for OfficeOrg {
    fn from(found: FoundOrg) -> Self {
        Self {
            id: found.id.as_uuid(),
            kind: found.kind.as_str(),
            name: found.name,
        }
    }
}

/// What was found, at most 20 of each kind.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Found {
    sites: Vec<OfficeSite>,
    devices: Vec<OfficeDevice>,
    people: Vec<OfficePerson>,
    orgs: Vec<OfficeOrg>,
}

/// `GET /api/v1/admin/search`.
#[utoipa::path(get, path = "/api/v1/admin/search", tag = "admin", operation_id = "search", params(Sought), responses(
    (status = 200, body = Found), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn search(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Queried(Sought { q }): Queried<Sought>,
) -> Result<Response, Problem> {
    let letters = q.trim().chars().count();
    if !(2..=100).contains(&letters) {
        return Err(Problem::field("q", "2 to 100 letters"));
    }
    let found = api.office.find(&operator, &q, MOST).await?;
    Ok(private(&Found {
        sites: found.sites.into_iter().map(OfficeSite::from).collect(),
        devices: found.devices.into_iter().map(OfficeDevice::from).collect(),
        people: found.people.into_iter().map(OfficePerson::from).collect(),
        orgs: found.orgs.into_iter().map(OfficeOrg::from).collect(),
    }))
}

//! What of a site an export shows: what its asker could see when he asked, and still can.

use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{Home, Job};
use solthrive_domain::SiteId;
use solthrive_domain::access::{Actor, Credential, Scope, SecondFactor};
use solthrive_domain::telemetry::UnixMillis;

use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::sight::Sight;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) production: bool,
    pub(super) consumption: bool,
    pub(super) alerts: bool,
    pub(super) config: bool,
    /// Who else looks, and who did what: for the owner.
    pub(super) owner: bool,
    /// Nothing older, ms.
    pub(super) since: Option<i64>,
}

/// What was asked for, as it is kept with the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) shown: Shown,
    /// The first instant, ms; all that there is if it is not said.
    pub(super) from: Option<i64>,
    /// The first one after it.
    pub(super) to: Option<i64>,
}

impl Shown {
    /// All that may be seen.
    ///
    /// # Errors
    /// When no measured value may.
    pub(super) fn of(home: &Home) -> Result<Self, Problem> {
        let sight = Sight::of(&home.access)?;
        let may = |scope| home.access.readable(scope).is_some();
        Ok(Self {
            production: sight.production,
            consumption: sight.consumption,
            alerts: may(Scope::Alerts),
            config: may(Scope::ConfigRead),
            owner: home.access.owned().is_some(),
            since: sight.right.since().map(UnixMillis::get),
        })
    }

    /// What either hides stays hidden.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            production: self.production && other.production,
            consumption: self.consumption && other.consumption,
            alerts: self.alerts && other.alerts,
            config: self.config && other.config,
            owner: self.owner && other.owner,
            since: self.since.max(other.since),
        }
    }

    /// Whether who may see `other` may see all of this.
    pub(super) fn is_within(self, other: Self) -> bool {
        self.and(other) == self
    }
}

/// The home of a job as its asker reaches it now, as if he sat at a browser; and what he sees of it.
///
/// # Errors
/// `not-found` when he may not have exports of it any more.
pub(super) async fn still(api: &Api, job: &Job) -> Result<(Home, Shown), Problem> {
    let memberships = api.jobs.still(job.asked_by).await?;
    let actor = Actor {
        user: Some(job.asked_by),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: memberships.ok_or(Problem::not_found())?,
        support: Vec::new(),
    };
    reached(api, &actor, job.site).await
}

/// The site of an export as somebody reaches it now, and what he sees of it.
///
/// # Errors
/// `not-found` when he may not have exports of it.
pub(super) async fn reached(
    api: &Api,
    actor: &Actor,
    site: SiteId,
) -> Result<(Home, Shown), Problem> {
    let home = api.homes.home(actor, site, api.clock.now()).await?;
    let home = home.ok_or(Problem::not_found())?;
    home.access
        .readable(Scope::Export)
        .ok_or(Problem::not_found())?;
    let shown = Shown::of(&home).map_err(|_| Problem::not_found())?;
    Ok((home, shown))
}

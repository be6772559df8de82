//! What of a site's measured values somebody may see, and whether he still may.

use axum::http::request::Parts;
use solthrive_cloud_store::chunk::{ColumnId, Known};
use solthrive_domain::access::{ReadableSite, Scope, SiteAccess};

use super::Api;
use super::guard::{AtSite, Rule as _};
use super::problem::Problem;

/// What the caller may see, and how far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// How far back, for all of it.
    pub(super) right: ReadableSite,
    /// What the array makes.
    pub(super) production: bool,
    /// What the home uses, and what is read at the grid's connection.
    pub(super) consumption: bool,
}

impl Sight {
    /// What of `access` is about measured values. What one of several scopes hides stays hidden.
    ///
    /// # Errors
    /// When nothing is.
    pub(super) fn of(access: &SiteAccess) -> Result<Self, Problem> {
        let (production, consumption) = (
            access.readable(Scope::Production),
            access.readable(Scope::Consumption),
        );
        let right = match (production, consumption) {
            (Some(one), Some(other)) => one.and(other),
            (one, other) => one.or(other),
        };
        Ok(Self {
            right: right.ok_or(Problem::not_allowed())?,
            production: production.is_some(),
            consumption: consumption.is_some(),
        })
    }

    /// Whether a column of rows may be seen.
    pub(super) fn shows(self, column: &ColumnId) -> bool {
        match column {
            ColumnId::Known(Known::SolarKw | Known::SolarKwhTotal | Known::CurrentPv) => {
                self.production
            }
            ColumnId::Known(Known::Quality) => true,
            ColumnId::Known(Known::Ledger) => false,
            // Everything else tells of the home or of the grid's connection, further channels too.
            ColumnId::Known(_) | ColumnId::Named(_) => self.consumption,
        }
    }
}

/// A call that goes on for a while, to be judged anew as if it had come just now.
#[derive(Debug, Clone)]
pub(super) struct Again {
    parts: Parts,
    sight: Sight,
    needs: Option<Scope>,
}

impl Again {
    /// Of this call, which was let in to see this; with a scope that it needs beside.
    pub(super) const fn new(parts: Parts, sight: Sight, needs: Option<Scope>) -> Self {
        Self {
            parts,
            sight,
            needs,
        }
    }

    /// Whether it would be let in to see the same.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn still(&self, api: &Api) -> Result<(), Problem> {
        let (_, home) = AtSite::check(api, &mut self.parts.clone()).await?;
        let needed = self
            .needs
            .is_none_or(|scope| home.access.readable(scope).is_some());
        if needed && Sight::of(&home.access)? == self.sight {
            Ok(())
        } else {
            Err(Problem::not_allowed())
        }
    }
}

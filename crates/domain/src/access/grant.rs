//! A right at a site that its owner, the law or commissioning gave to somebody else.

use super::{Scopes, SiteFacts};
use crate::telemetry::UnixMillis;
use crate::{GrantId, OrgId, UserId};

/// Days after the hand-over in which an installer keeps every scope.
const AFTER_HAND_OVER_MS: i64 = 30 * 86_400_000;

/// Why there is a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The installer builds the site.
    Commissioning,
    /// The owner said so.
    OwnerConsent,
    /// The owner asked for help.
    Support,
    /// A court or an authority said so.
    Legal,
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Commissioning,
        Self::OwnerConsent,
        Self::Support,
        Self::Legal,
    ];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commissioning => "commissioning",
            Self::OwnerConsent => "owner_consent",
            Self::Support => "support",
            Self::Legal => "legal",
        }
    }
}

/// Who got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grantee {
    /// Everybody of an org, as far as their role goes.
    Org(OrgId),
    /// One person.
    User(UserId),
}

/// A right at a site, as it is stored. Rows are added and revoked, never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who got it.
    pub grantee: Grantee,
    /// Which rights.
    pub scopes: Scopes,
    /// Why.
    pub basis: Basis,
    /// Counts from then on.
    pub valid_from: UnixMillis,
    /// Does not count from then on.
    pub valid_to: Option<UnixMillis>,
    /// Nothing older than this is shown; `None` shows all.
    pub data_from: Option<UnixMillis>,
    /// Does not count from then on, because somebody ended it.
    pub revoked_at: Option<UnixMillis>,
}

impl Grant {
    /// What it gives at this moment. A commissioning grant shrinks 30 days after the site was handed over
    /// to its owner, to what looking after it takes.
    #[must_use]
    pub fn scopes_at(&self, facts: &SiteFacts, now: UnixMillis) -> Scopes {
        let ended = |end: Option<UnixMillis>| end.is_some_and(|end| now >= end);
        if now < self.valid_from || ended(self.valid_to) || ended(self.revoked_at) {
            return Scopes::NONE;
        }
        let still = facts
            .handed_over_at
            .is_none_or(|at| now.get().saturating_sub(at.get()) < AFTER_HAND_OVER_MS);
        match self.basis {
            Basis::Commissioning if !still => self.scopes.and(Scopes::AFTER_COMMISSIONING),
            Basis::Commissioning | Basis::OwnerConsent | Basis::Support | Basis::Legal => {
                self.scopes
            }
        }
    }
}

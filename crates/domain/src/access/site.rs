//! What somebody may at one site.

use std::ops::Range;

use super::{Actor, Grant, Grantee, Role, Scope, Scopes};
use crate::telemetry::UnixMillis;
use crate::{GrantId, OrgId, SiteId, SupportId};

/// What the store knows about the access to a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFacts {
    /// Which one.
    pub site: SiteId,
    /// Whose it is.
    pub owner: OrgId,
    /// Nothing older is shown to the owner: the seller did not hand it over.
    pub owner_data_from: Option<UnixMillis>,
    /// When commissioning was over and the owner took the site; `None` until then.
    pub handed_over_at: Option<UnixMillis>,
    /// Grants to the caller, counting or not.
    pub grants: Vec<Grant>,
}

/// By what right somebody is at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is his.
    Owner,
    /// It was given to him.
    Grant(GrantId),
    /// He helps.
    Support(SupportId),
}

/// Some scopes, from the same source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) reach: Reach,
    pub(super) scopes: Scopes,
    pub(super) since: Option<UnixMillis>,
}

/// What somebody may at one site, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAccess {
    site: SiteId,
    pub(super) parts: Vec<Part>,
    owned: Option<OwnedSite>,
}

impl Actor {
    /// What this one may at the site now; `None` where it is none of his business, not even that there is one.
    #[must_use]
    pub fn at(&self, facts: &SiteFacts, now: UnixMillis) -> Option<SiteAccess> {
        let confined = self.credential.only_sites();
        if confined.is_some_and(|sites| !sites.contains(&facts.site)) {
            return None;
        }
        let mut parts = Vec::new();
        parts.extend(self.as_owner(facts));
        parts.extend(facts.grants.iter().filter_map(|grant| {
            let scopes = grant.scopes_at(facts, now).and(self.ceiling_of(grant)?);
            Some(Part {
                reach: Reach::Grant(grant.id),
                scopes,
                since: grant.data_from,
            })
        }));
        parts.extend(self.as_support(facts.site, now));
        let ceiling = self.credential.ceiling();
        for part in &mut parts {
            part.scopes = part.scopes.and(ceiling);
        }
        parts.retain(|part| !part.scopes.is_empty());
        let owned = self.owns(facts).then_some(OwnedSite {
            site: facts.site,
            owner: facts.owner,
        });
        (!parts.is_empty()).then_some(SiteAccess {
            site: facts.site,
            parts,
            owned,
        })
    }

    fn as_owner(&self, facts: &SiteFacts) -> Option<Part> {
        let mut mine = self.memberships.iter();
        let mine = mine.find(|mine| mine.org == facts.owner)?;
        Some(Part {
            reach: Reach::Owner,
            scopes: mine.role.ceiling(),
            since: facts.owner_data_from,
        })
    }

    /// What a grant's scopes are cut to; `None` when it is not for this one.
    fn ceiling_of(&self, grant: &Grant) -> Option<Scopes> {
        match grant.grantee {
            Grantee::Org(org) => {
                let mut mine = self.memberships.iter();
                mine.find(|mine| mine.org == org)
                    .map(|mine| mine.role.ceiling())
            }
            Grantee::User(user) => (self.user == Some(user)).then_some(Scopes::ALL),
        }
    }

    fn as_support(&self, site: SiteId, now: UnixMillis) -> Option<Part> {
        if !self.is_platform_admin() {
            return None;
        }
        let mut sessions = self.support.iter();
        let open =
            sessions.find(|open| open.site == site && open.from <= now && now < open.until)?;
        Some(Part {
            reach: Reach::Support(open.id),
            scopes: Scopes::ALL,
            since: None,
        })
    }

    /// Grants, transfers and erasure are for admins of the owner, in a session.
    fn owns(&self, facts: &SiteFacts) -> bool {
        let mut mine = self.memberships.iter();
        self.credential.is_full_session()
            && mine.any(|mine| mine.org == facts.owner && mine.role == Role::Admin)
    }
}

impl SiteAccess {
    /// Which site.
    #[must_use]
    pub const fn site(&self) -> SiteId {
        self.site
    }

    /// Everything that is allowed, whatever the source.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        let parts = self.parts.iter();
        parts.fold(Scopes::NONE, |all, part| all.or(part.scopes))
    }

    /// By what right: his own before what was given to him.
    pub fn reaches(&self) -> impl Iterator<Item = Reach> {
        self.parts.iter().map(|part| part.reach)
    }

    /// The right to read what this scope covers, as far back as the best source goes.
    #[must_use]
    pub fn readable(&self, scope: Scope) -> Option<ReadableSite> {
        let parts = self.parts.iter();
        let giving = parts.filter(|part| part.scopes.contains(scope));
        // `None` is less than any time, and goes further back.
        let since = giving.map(|part| part.since).min()?;
        Some(ReadableSite {
            site: self.site,
            since,
        })
    }

    /// The right to change what this scope covers.
    #[must_use]
    pub fn writable(&self, scope: Scope) -> Option<WritableSite> {
        let may = self.scopes().contains(scope);
        (may && matches!(scope, Scope::ConfigWrite | Scope::Commands))
            .then_some(WritableSite(self.site))
    }

    /// The rights of an owner.
    #[must_use]
    pub const fn owned(&self) -> Option<OwnedSite> {
        self.owned
    }
}

/// A site that the caller may read, from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadableSite {
    site: SiteId,
    since: Option<UnixMillis>,
}

impl ReadableSite {
    pub(super) const fn everything_of(site: SiteId) -> Self {
        Self { site, since: None }
    }

    /// Which one.
    #[must_use]
    pub const fn site(self) -> SiteId {
        self.site
    }

    /// Nothing older than this may be shown; `None`: everything may.
    #[must_use]
    pub const fn since(self) -> Option<UnixMillis> {
        self.since
    }

    /// The part of a span of ms since 1970 that may be shown.
    #[must_use]
    pub fn clamp(self, span: Range<i64>) -> Range<i64> {
        let floor = self.since.map_or(i64::MIN, UnixMillis::get);
        span.start.max(floor)..span.end
    }

    /// Both rights at once: what either hides stays hidden. `None` for rights at two sites.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let since = self.since.max(other.since);
        (self.site == other.site).then_some(Self { since, ..self })
    }
}

/// A site whose configuration or appliance the caller may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritableSite(SiteId);

impl WritableSite {
    /// Which one.
    #[must_use]
    pub const fn site(self) -> SiteId {
        self.0
    }
}

/// A site of the caller's own: grants, transfer, erasure. It says whose it was when that was judged: a site can be sold
/// while the call is under way, so whoever writes with this right asks for that owner once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedSite {
    site: SiteId,
    owner: OrgId,
}

impl OwnedSite {
    /// Which one.
    #[must_use]
    pub const fn site(self) -> SiteId {
        self.site
    }

    /// Whose it was when the right was given.
    #[must_use]
    pub const fn owner(self) -> OrgId {
        self.owner
    }
}

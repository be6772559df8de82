//! Who may command a site's appliance, and see what came of it.

use super::{Reach, SiteAccess};
use crate::command::Kind;
use crate::telemetry::UnixMillis;
use crate::{SiteId, SupportId};

/// The right to ask the site's appliance for one kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandedSite {
    site: SiteId,
    kind: Kind,
    support: Option<SupportId>,
}

impl CommandedSite {
    /// Which site.
    #[must_use]
    pub const fn site(self) -> SiteId {
        self.site
    }

    /// Which kind.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// The visit that gives the right, where nothing else does.
    #[must_use]
    pub const fn support(self) -> Option<SupportId> {
        self.support
    }
}

/// The right to see commands of a site: of those kinds that the caller could ask himself, since what he sees tells as much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCommands {
    site: SiteId,
    kinds: Vec<Kind>,
    since: Option<UnixMillis>,
}

impl SeenCommands {
    /// Of which site.
    #[must_use]
    pub const fn site(&self) -> SiteId {
        self.site
    }

    /// Of which kinds.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Nothing that was asked before may be shown.
    #[must_use]
    pub const fn since(&self) -> Option<UnixMillis> {
        self.since
    }
}

impl SiteAccess {
    /// The right to ask for this.
    #[must_use]
    pub fn commands(&self, kind: Kind) -> Option<CommandedSite> {
        // His own right comes before what was given to him, and that before a visit.
        let mut parts = self.parts.iter();
        let part = parts.find(|part| part.scopes.contains(kind.scope()))?;
        Some(CommandedSite {
            site: self.site(),
            kind,
            support: match part.reach {
                Reach::Support(visit) => Some(visit),
                Reach::Owner | Reach::Grant(_) => None,
            },
        })
    }

    /// The right to see commands; `None` when those of no kind may be seen.
    #[must_use]
    pub fn sees_commands(&self) -> Option<SeenCommands> {
        let may = |kind: &Kind| self.readable(kind.scope()).is_some();
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(may).collect();
        // Where rights reach back differently, the shortest counts for all of them.
        let since = kinds
            .iter()
            .filter_map(|kind| self.readable(kind.scope())?.since())
            .max();
        (!kinds.is_empty()).then_some(SeenCommands {
            site: self.site(),
            kinds,
            since,
        })
    }
}

//! Who asks, and by what right he is believed to be it.

use std::collections::BTreeSet;

use super::{By, Membership, OrgKind, Role, Scopes};
use crate::telemetry::UnixMillis;
use crate::{ClientId, SiteId, SupportId, UserId};

/// How far a session's sign-in went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// Proven in this session.
    Passed,
    /// Not proven, and this platform does not ask this person for it.
    NotAsked,
    /// Still to be proven or set up: until then the session is good for nothing else.
    Missing,
}

/// What proves who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A browser's session.
    Session(SecondFactor),
    /// A person's own token for scripts, or an app that the person let in.
    Token {
        /// What it may at most.
        ceiling: Scopes,
        /// At which sites; `None` for all of the person's.
        only_sites: Option<BTreeSet<SiteId>>,
    },
    /// A partner's program, with the secret of the client.
    Client {
        /// What it may at most.
        ceiling: Scopes,
    },
}

impl Credential {
    /// What it may at most.
    #[must_use]
    pub const fn ceiling(&self) -> Scopes {
        match self {
            Self::Session(SecondFactor::Missing) => Scopes::NONE,
            Self::Session(_) => Scopes::ALL,
            Self::Token { ceiling, .. } | Self::Client { ceiling } => *ceiling,
        }
    }

    /// A browser's session that went all the way. What makes new rights asks for one: a token that leaked
    /// must not make others.
    #[must_use]
    pub const fn is_full_session(&self) -> bool {
        matches!(
            self,
            Self::Session(SecondFactor::Passed | SecondFactor::NotAsked)
        )
    }

    /// The sites it is confined to.
    #[must_use]
    pub const fn only_sites(&self) -> Option<&BTreeSet<SiteId>> {
        match self {
            Self::Token { only_sites, .. } => only_sites.as_ref(),
            Self::Session(_) | Self::Client { .. } => None,
        }
    }
}

/// An admin's permission to look into one site, with a reason that the owner sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Its id.
    pub id: SupportId,
    /// At which site.
    pub site: SiteId,
    /// Since when.
    pub from: UnixMillis,
    /// Until when, or when it was ended.
    pub until: UnixMillis,
}

/// Who asks, as the store knows it at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The person; `None` for a partner's program.
    pub user: Option<UserId>,
    /// The program, where one asks for itself or for the person.
    pub client: Option<ClientId>,
    /// What proves it.
    pub credential: Credential,
    /// The orgs of the person or program.
    pub memberships: Vec<Membership>,
    /// Support sessions, open or not.
    pub support: Vec<Support>,
}

impl Actor {
    /// For the audit log: the person before the program that acts for him.
    #[must_use]
    pub fn by(&self) -> By {
        match (self.user, self.client) {
            (Some(user), _) => By::User(user),
            (None, Some(client)) => By::Client(client),
            (None, None) => By::Service,
        }
    }

    /// Whether a platform that asks its installers and admins for a second factor asks this one.
    #[must_use]
    pub fn needs_second_factor(memberships: &[Membership]) -> bool {
        let mut kinds = memberships.iter().map(|mine| mine.kind);
        kinds.any(|kind| matches!(kind, OrgKind::Installer | OrgKind::Platform))
    }

    /// Whether this is an admin of the platform, in a session that went all the way.
    #[must_use]
    pub(super) fn is_platform_admin(&self) -> bool {
        let mut mine = self.memberships.iter();
        self.credential.is_full_session()
            && mine.any(|mine| mine.kind == OrgKind::Platform && mine.role == Role::Admin)
    }
}

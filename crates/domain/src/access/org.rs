//! Orgs and who is in them.

use super::{Actor, Scope, Scopes};
use crate::OrgId;

/// What kind of org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgKind {
    /// People who live in a home.
    Household,
    /// A company that installs.
    Installer,
    /// A company whose programs read what owners let them.
    Partner,
    /// Who runs the platform.
    Platform,
}

impl OrgKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Household,
        Self::Installer,
        Self::Partner,
        Self::Platform,
    ];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Installer => "installer",
            Self::Partner => "partner",
            Self::Platform => "platform",
        }
    }

    /// Whether orgs of this kind have programs that call. One with a secret acts for its org, so it is a
    /// partner's; an app, which acts for people who let it in, is a partner's or an installer's. A household's
    /// scripts have their person's tokens.
    #[must_use]
    pub const fn has_programs(self, with_secret: bool) -> bool {
        match self {
            Self::Partner => true,
            Self::Installer => !with_secret,
            Self::Household | Self::Platform => false,
        }
    }
}

/// What a person may in an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything, people included.
    Admin,
    /// Everything at the sites, nothing about people.
    Technician,
    /// Looks.
    Viewer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Technician, Self::Viewer];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Technician => "technician",
            Self::Viewer => "viewer",
        }
    }

    /// What of the org's rights at a site this role has at most.
    #[must_use]
    pub const fn ceiling(self) -> Scopes {
        match self {
            Self::Admin | Self::Technician => Scopes::ALL,
            Self::Viewer => Scopes::LOOKING,
        }
    }
}

/// Being in an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// In which.
    pub org: OrgId,
    /// What kind it is.
    pub kind: OrgKind,
    /// As what.
    pub role: Role,
}

/// An org that the caller belongs to: its name, its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadableOrg(OrgId);

impl ReadableOrg {
    /// Which one.
    #[must_use]
    pub const fn org(self) -> OrgId {
        self.0
    }
}

/// An org whose people and programs the caller manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManagedOrg(OrgId);

impl ManagedOrg {
    /// Which one.
    #[must_use]
    pub const fn org(self) -> OrgId {
        self.0
    }
}

/// An installer's fleet that the caller works with: sums over its sites. Each site is judged by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadableFleet(OrgId);

impl ReadableFleet {
    /// Whose.
    #[must_use]
    pub const fn org(self) -> OrgId {
        self.0
    }
}

/// An installer for whom the caller commissions homes: makes sites, and codes for their appliances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommissioningOrg(OrgId);

impl CommissioningOrg {
    /// Which one.
    #[must_use]
    pub const fn org(self) -> OrgId {
        self.0
    }
}

impl Actor {
    fn membership(&self, org: OrgId) -> Option<&Membership> {
        self.memberships.iter().find(|mine| mine.org == org)
    }

    /// Every member may look at the org.
    #[must_use]
    pub fn reads_org(&self, org: OrgId) -> Option<ReadableOrg> {
        self.membership(org)?;
        (!self.credential.ceiling().is_empty()).then_some(ReadableOrg(org))
    }

    /// An org's admins manage it, in a session.
    #[must_use]
    pub fn manages_org(&self, org: OrgId) -> Option<ManagedOrg> {
        let admin = self.membership(org)?.role == Role::Admin;
        (admin && self.credential.is_full_session()).then_some(ManagedOrg(org))
    }

    /// An installer's admins and technicians commission homes, in a session.
    #[must_use]
    pub fn commissions_for(&self, org: OrgId) -> Option<CommissioningOrg> {
        let mine = self.membership(org)?;
        let works = matches!(mine.role, Role::Admin | Role::Technician);
        let installer = mine.kind == OrgKind::Installer;
        (works && installer && self.credential.is_full_session()).then_some(CommissioningOrg(org))
    }

    /// Every member of an installer may look at its fleet, if the credential reaches all sites.
    #[must_use]
    pub fn reads_fleet(&self, org: OrgId) -> Option<ReadableFleet> {
        let installer = self.membership(org)?.kind == OrgKind::Installer;
        let everywhere = self.credential.only_sites().is_none();
        let looks = self.credential.ceiling().contains(Scope::Production);
        (installer && everywhere && looks).then_some(ReadableFleet(org))
    }
}

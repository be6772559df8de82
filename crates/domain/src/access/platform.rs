//! Who runs the platform, and the service itself.

use super::{Actor, By, ReadableSite};
use crate::SiteId;

/// The right to run the platform: provisioning, deactivation, every org. It shows nobody's data: for that
/// an admin opens a support session, with a reason that the owner sees.
#[derive(Debug)]
pub struct Operator(By);

impl Operator {
    /// Whoever can start a program on the machine that holds the database can read its files anyway.
    #[must_use]
    pub const fn at_the_console() -> Self {
        Self(By::Console)
    }

    /// Who it is, for the audit log.
    #[must_use]
    pub const fn by(&self) -> By {
        self.0
    }

    /// Somebody at the console may read any site; an admin over the network may not.
    #[must_use]
    pub fn may_read(&self, site: SiteId) -> Option<ReadableSite> {
        (self.0 == By::Console).then(|| ReadableSite::everything_of(site))
    }
}

impl Actor {
    /// An admin of the platform, in a session that went all the way.
    #[must_use]
    pub fn operator(&self) -> Option<Operator> {
        self.is_platform_admin().then(|| Operator(self.by()))
    }
}

/// The service itself, where it works for nobody in particular: following the log, answering a device
/// about its own site. Nothing that it reads goes to a person.
#[derive(Debug)]
pub struct Machinery(());

impl Machinery {
    /// For the service's own code, outside of every request of a person.
    #[must_use]
    pub const fn of_the_service() -> Self {
        Self(())
    }

    /// The service may read any site, for itself.
    #[must_use]
    pub const fn may_read(&self, site: SiteId) -> ReadableSite {
        ReadableSite::everything_of(site)
    }
}

//! Who may do what, as values that only this module can make.
//!
//! A store asks for the value, so a call whose caller forgot to check does not compile.

use crate::SiteId;

/// The right to run the platform: provisioning, deactivation, everything of every org.
#[derive(Debug)]
pub struct Operator(());

impl Operator {
    /// Whoever can start a program on the machine that holds the database can read its files anyway.
    #[must_use]
    pub const fn at_the_console() -> Self {
        Self(())
    }

    /// An operator may read any site.
    #[must_use]
    pub const fn may_read(&self, site: SiteId) -> ReadableSite {
        ReadableSite(site)
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
        ReadableSite(site)
    }
}

/// A site that the caller may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadableSite(SiteId);

impl ReadableSite {
    /// Which one.
    #[must_use]
    pub const fn site(self) -> SiteId {
        self.0
    }
}

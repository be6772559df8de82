//! Who may do what, as values that only this module can make.
//!
//! A store asks for the value, so a call whose caller forgot to check does not compile. The rules are
//! plain functions of who asks ([`Actor`]), what the store knows of the thing ([`SiteFacts`]) and the
//! time; the store reads these facts anew for each call, so what was revoked is over at once.

mod actor;
mod by;
mod commands;
mod factor;
mod grant;
mod org;
mod platform;
mod scope;
mod site;

pub use self::actor::{Actor, Credential, SecondFactor, Support};
pub use self::by::By;
pub use self::commands::{CommandedSite, SeenCommands};
pub use self::factor::FactorFacts;
pub use self::grant::{Basis, Grant, Grantee};
pub use self::org::{
    CommissioningOrg, ManagedOrg, Membership, OrgKind, ReadableFleet, ReadableOrg, Role,
};
pub use self::platform::{Machinery, Operator};
pub use self::scope::{NoScope, Scope, Scopes};
pub use self::site::{OwnedSite, Reach, ReadableSite, SiteAccess, SiteFacts, WritableSite};

//! Promises that every engine keeps, as tests that each engine's suite runs.
//!
//! They live beside the ports, not in a test folder, because the engines of other crates run them
//! too. Each takes a fresh store and panics where a promise is broken.

#![expect(clippy::missing_panics_doc, reason = "to panic is what they are for")]

pub mod archive;
pub mod audit;
pub mod commands;
pub mod commissioning;
pub mod console;
pub mod erasures;
pub mod hot;
pub mod identities;
pub mod jobs;
pub mod joining;
pub mod oauth;
pub mod office;
pub mod overtaken;
pub mod people;
pub mod registry;
pub mod rotation;
pub mod transfers;

use solthrive_domain::SiteId;
use solthrive_domain::access::{Machinery, ReadableSite};

/// The right to read a site, of the service itself.
fn readable(site: SiteId) -> ReadableSite {
    Machinery::of_the_service().may_read(site)
}

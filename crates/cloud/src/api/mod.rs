//! The API for people and their programs, under `/api/v1`.
//!
//! An operation is a handler whose first argument is the right that it needs ([`guard::Allowed`]): the
//! router takes no other, so a route without an access rule does not compile. What the handler gets is a
//! value that only `solthrive_domain::access` makes.

mod admin;
mod alerts;
mod answer;
mod arrival;
mod auth;
mod caller;
mod clients;
mod commands;
mod commissioning;
mod cursor;
mod days;
mod document;
mod erasures;
mod events;
mod exports;
mod factor;
mod fleet;
mod grants;
mod guard;
mod health;
mod homes;
mod identity;
mod installed;
mod invitations;
mod jwt;
mod letters;
mod live;
mod me;
mod oauth;
mod orgs;
mod password;
mod passwords;
mod problem;
mod quota;
mod routes;
mod seal;
mod setup;
mod sight;
mod signing;
mod span;
mod state;
mod support;
mod telemetry;
mod throttle;
mod transfers;
mod typed;
mod watched;

pub(crate) use self::caller::program_as_actor;
pub use self::document::{add_to as add_to_document, operations as documented_operations};
pub(crate) use self::erasures::Eraser;
pub(crate) use self::exports::Exporter;
pub use self::guard::Needs;
pub use self::identity::Providers;
pub use self::password::{Cost, NoHash, Passwords, SHORTEST as SHORTEST_PASSWORD};
pub(crate) use self::problem::all as problems;
pub(crate) use self::routes::path;
pub use self::routes::{Operation, operations};
pub use self::state::{Api, Policy, Ports};
pub(crate) use self::watched::Watcher;

use std::sync::Arc;

use axum::Router;

/// Every path of the API.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(api: Arc<Api>) -> Router<S> {
    routes::all().into_router(api)
}

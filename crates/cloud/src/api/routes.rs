//! Which operations there are. The router is made from this list, and so are the tests that walk it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, patch, post};

use super::arrival::whole;
use super::guard::{Guarded, Needs};
use super::quota::counted;
use super::{
    Api, admin, alerts, auth, clients, commands, commissioning, days, erasures, events, exports,
    factor, fleet, grants, health, homes, identity, installed, invitations, live, me, oauth, orgs,
    passwords, setup, support, telemetry, transfers,
};

/// An operation, as it is called and what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, with names in braces.
    pub path: &'static str,
    /// The right.
    pub needs: Needs,
}

/// All of them.
#[must_use]
pub fn operations() -> Vec<Operation> {
    all().operations
}

/// The path of the list that is written like this one.
pub(crate) fn path(matched: &str) -> Option<&'static str> {
    static PATHS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| {
        operations()
            .iter()
            .map(|operation| operation.path)
            .collect()
    });
    paths.get(matched).copied()
}

pub(super) fn all() -> Routes {
    let people = people_routes(Routes::default());
    office_routes(homes_routes(programs_routes(orgs_routes(people))))
}

/// Signing in, and the caller himself.
fn people_routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/setup", setup::needed)
        .post("/api/v1/setup", setup::set_up)
        .post("/api/v1/auth/session", auth::sign_in)
        .delete("/api/v1/auth/session", auth::sign_out)
        .post("/api/v1/auth/factor", factor::pass)
        .post("/api/v1/auth/reset", passwords::forgotten)
        .post("/api/v1/auth/password", passwords::by_link)
        .post("/api/v1/me/password", passwords::change)
        .post("/api/v1/me/factor", factor::begin)
        .post("/api/v1/me/factor/proof", factor::prove)
        .get("/api/v1/auth/providers", identity::providers)
        .post("/api/v1/auth/providers/{provider}/trips", identity::begin)
        .get("/oauth/callback", identity::back)
        .get("/api/v1/me/identities", identity::list)
        .post(
            "/api/v1/me/identities/{provider}/trips",
            identity::begin_to_link,
        )
        .delete("/api/v1/me/identities/{identity}", identity::unlink)
        .get("/api/v1/me", me::me)
        .get("/api/v1/me/sessions", me::sessions)
        .delete("/api/v1/me/sessions/{session}", me::end_session)
        .get("/api/v1/me/tokens", me::tokens)
        .post("/api/v1/me/tokens", me::add_token)
        .delete("/api/v1/me/tokens/{token}", me::revoke_token)
}

/// Orgs and who joins them.
fn orgs_routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/orgs", orgs::list)
        .get("/api/v1/orgs/{org}/members", orgs::members)
        .patch("/api/v1/orgs/{org}/members/{member}", orgs::set_role)
        .delete("/api/v1/orgs/{org}/members/{member}", orgs::remove)
        .get("/api/v1/orgs/{org}/invitations", orgs::invitations)
        .post("/api/v1/orgs/{org}/invitations", orgs::invite)
        .delete("/api/v1/orgs/{org}/invitations/{invitation}", orgs::revoke)
        .post("/api/v1/invitations/look", invitations::look)
        .post("/api/v1/invitations/accept", invitations::accept)
}

/// Programs, and what people let them do.
fn programs_routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/orgs/{org}/clients", clients::list)
        .post("/api/v1/orgs/{org}/clients", clients::add)
        .delete("/api/v1/orgs/{org}/clients/{client}", clients::revoke)
        .get("/api/v1/oauth/clients/{client}", oauth::app)
        .post("/api/v1/oauth/consents", oauth::let_in)
        .get("/api/v1/me/consents", oauth::consents)
        .delete("/api/v1/me/consents/{consent}", oauth::revoke_consent)
        .post("/oauth/token", oauth::token)
        .post("/oauth/revoke", oauth::revoke)
        .get("/oauth/jwks.json", oauth::keys)
        .get("/.well-known/oauth-authorization-server", oauth::metadata)
}

/// Homes, fleets, and who looks into them.
fn homes_routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/sites", homes::list)
        .get("/api/v1/sites/{site}", homes::one)
        .patch("/api/v1/sites/{site}", homes::edit)
        .get("/api/v1/sites/{site}/transfers", transfers::list)
        .post("/api/v1/sites/{site}/transfers", transfers::offer)
        .delete(
            "/api/v1/sites/{site}/transfers/{transfer}",
            transfers::withdraw,
        )
        .post("/api/v1/transfers/look", transfers::look)
        .post("/api/v1/transfers/accept", transfers::accept)
        .post("/api/v1/transfers/decline", transfers::decline)
        .get("/api/v1/sites/{site}/telemetry", telemetry::telemetry)
        .get("/api/v1/sites/{site}/live", live::live)
        .get("/api/v1/sites/{site}/daily", days::daily)
        .get("/api/v1/sites/{site}/monthly", days::monthly)
        .get("/api/v1/sites/{site}/events", events::events)
        .get("/api/v1/sites/{site}/devices", homes::devices)
        .get("/api/v1/device/{device}/health", health::health)
        .get("/api/v1/device/{device}/config", installed::config)
        .get("/api/v1/sites/{site}/grants", grants::list)
        .post("/api/v1/sites/{site}/grants", grants::add)
        .delete("/api/v1/sites/{site}/grants/{grant}", grants::revoke)
        .get("/api/v1/sites/{site}/support", support::list)
        .delete(
            "/api/v1/sites/{site}/support/{support}",
            support::end_at_home,
        )
        .get("/api/v1/sites/{site}/alerts", alerts::list)
        .get("/api/v1/sites/{site}/exports", exports::list)
        .post("/api/v1/sites/{site}/exports", exports::ask)
        .get("/api/v1/sites/{site}/commands", commands::list)
        .post("/api/v1/sites/{site}/commands", commands::ask)
        .get("/api/v1/sites/{site}/commands/{command}", commands::one)
        .delete(
            "/api/v1/sites/{site}/commands/{command}",
            commands::take_back,
        )
        .get("/api/v1/sites/{site}/erasure", erasures::of_site)
        .post("/api/v1/sites/{site}/erasure", erasures::ask)
        .delete("/api/v1/sites/{site}/erasure", erasures::cancel)
        .get("/api/v1/erasures/key", erasures::key)
        .get("/api/v1/erasures/{erasure}", erasures::one)
        .get("/api/v1/exports/{export}", exports::one)
        .delete("/api/v1/exports/{export}", exports::cancel)
        .get("/api/v1/exports/{export}/file", exports::file)
        .get("/api/v1/installers/{installer}/fleet", fleet::fleet)
        .post("/api/v1/installers/{installer}/sites", commissioning::begin)
        .get("/api/v1/installers/{installer}/codes", commissioning::codes)
        .post(
            "/api/v1/installers/{installer}/codes",
            commissioning::add_code,
        )
        .delete(
            "/api/v1/installers/{installer}/codes/{code}",
            commissioning::revoke_code,
        )
}

/// Who runs the platform.
fn office_routes(routes: Routes) -> Routes {
    routes
        .post("/api/v1/admin/support", support::open)
        .delete("/api/v1/admin/support/{support}", support::end_own)
        .get("/api/v1/admin/search", admin::search)
        .get("/api/v1/admin/audit", admin::acts)
        .get("/api/v1/admin/devices/{device}", admin::device)
        .post(
            "/api/v1/admin/devices/{device}/deactivation",
            admin::deactivate,
        )
        .post("/api/v1/admin/devices/{device}/rotation", admin::rotate)
        .get("/api/v1/admin/users/{user}", admin::person)
        .post("/api/v1/admin/users/{user}/deactivation", admin::shut_out)
        .delete("/api/v1/admin/users/{user}/deactivation", admin::let_in)
}

/// The router while it grows.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Arc<Api>>,
    operations: Vec<Operation>,
}

impl Routes {
    fn add<T: Guarded>(
        mut self,
        method: &'static str,
        path: &'static str,
        handler: MethodRouter<Arc<Api>>,
    ) -> Self {
        self.router = self.router.route(path, handler);
        self.operations.push(Operation {
            method,
            path,
            needs: T::NEEDS,
        });
        self
    }

    fn get<T: Guarded + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.add::<T>("GET", path, get(handler))
    }

    fn post<T: Guarded + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.add::<T>("POST", path, post(handler))
    }

    fn patch<T: Guarded + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.add::<T>("PATCH", path, patch(handler))
    }

    fn delete<T: Guarded + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Arc<Api>>,
    ) -> Self {
        self.add::<T>("DELETE", path, delete(handler))
    }

    pub(super) fn into_router<S>(self, api: Arc<Api>) -> Router<S> {
        let counted = from_fn_with_state(Arc::clone(&api), counted);
        self.router
            .layer(from_fn(whole))
            .layer(counted)
            .with_state(api)
    }
}

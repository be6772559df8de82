//! Every operation, for every kind of caller, at his own and at others' homes, against an oracle of its own.

mod town;

use std::collections::BTreeSet;

use serde_json::json;
use solthrive_cloud::api::{Needs, Operation, documented_operations, operations};
use solthrive_cloud::clock::new_id;
use solthrive_domain::access::Scope;
use solthrive_domain::{DeviceId, OrgId, SiteId};

use self::town::{Actor, Town, town};
use super::{Who, World};
use crate::service::run;

/// What an operation should answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The caller is let in; whether the call makes sense is another question.
    In,
    Status(u16),
}

fn expected(actor: &Actor, needs: Needs, site: SiteId, fleet: OrgId) -> Expected {
    let known = actor.who != Who::Nobody;
    let scopes = actor
        .at
        .iter()
        .find(|(at, _)| *at == site)
        .map(|(_, scopes)| *scopes);
    match needs {
        Needs::Nothing => Expected::In,
        _ if !known => Expected::Status(401),
        Needs::AnySession | Needs::FullSession if !actor.session => Expected::Status(403),
        Needs::Person | Needs::Member | Needs::Manager | Needs::Commissioner | Needs::Platform
            if actor.name.starts_with("program") =>
        {
            Expected::Status(403)
        }
        Needs::AnySession | Needs::FullSession | Needs::Person | Needs::Caller => Expected::In,
        Needs::Fleet if actor.fleets.contains(&fleet) => Expected::In,
        Needs::Fleet => Expected::Status(404),
        Needs::Member | Needs::Manager => match actor.orgs.iter().find(|(org, _)| *org == fleet) {
            None => Expected::Status(404),
            Some((_, true)) => Expected::In,
            Some((_, false)) if needs == Needs::Member => Expected::In,
            Some((_, false)) => Expected::Status(403),
        },
        Needs::Commissioner if !actor.orgs.iter().any(|(org, _)| *org == fleet) => {
            Expected::Status(404)
        }
        Needs::Commissioner if actor.session => Expected::In,
        Needs::Commissioner => Expected::Status(403),
        Needs::Platform if actor.name.starts_with("admin") => Expected::In,
        Needs::Platform => Expected::Status(404),
        Needs::Exporter if scopes.is_none() => Expected::Status(404),
        Needs::Exporter if actor.name.starts_with("program") => Expected::Status(403),
        // A visit looks, and takes nothing along.
        Needs::Exporter if actor.name.starts_with("admin") => Expected::Status(403),
        Needs::Exporter if scopes.is_some_and(|mine| mine.contains(&Scope::Export)) => Expected::In,
        Needs::Exporter => Expected::Status(403),
        Needs::Site | Needs::Scope(_) | Needs::Owner if scopes.is_none() => Expected::Status(404),
        Needs::Site => Expected::In,
        Needs::Scope(scope) if scopes.is_some_and(|mine| mine.contains(&scope)) => Expected::In,
        Needs::Owner if actor.owns.contains(&site) => Expected::In,
        Needs::Scope(_) | Needs::Owner => Expected::Status(403),
    }
}

/// The path with these ids, and a query that makes sense.
fn path_of(operation: &Operation, site: SiteId, fleet: OrgId, device: DeviceId) -> String {
    let some = new_id().to_string();
    let path = operation
        .path
        .replace("{site}", &site.to_string())
        .replace("{installer}", &fleet.to_string())
        .replace("{org}", &fleet.to_string())
        .replace("{device}", &device.to_string())
        .replace("{member}", &some)
        .replace("{transfer}", &some)
        .replace("{invitation}", &some)
        .replace("{client}", &some)
        .replace("{consent}", &some)
        .replace("{grant}", &some)
        .replace("{token}", &some)
        .replace("{session}", &some)
        .replace("{support}", &some)
        .replace("{user}", &some)
        .replace("{export}", &some)
        .replace("{command}", &some)
        .replace("{erasure}", &some)
        .replace("{identity}", &some)
        .replace("{provider}", "nobody")
        .replace("{code}", &some);
    let query = match operation.path.rsplit('/').next() {
        Some("telemetry") => "?from=2026-06-21T00:00:00Z&to=2026-06-22T00:00:00Z",
        Some("search") => "?q=nobody-of-this-name",
        Some("daily" | "monthly" | "fleet") => "?from=2026-06-21&to=2026-06-22",
        _ => "",
    };
    path + query
}

#[test]
fn nobody_gets_in_where_he_should_not_and_everybody_where_he_should() {
    run(async { walk_through(World::new().await).await });
}

#[test]
fn nobody_gets_in_where_he_should_not_with_the_second_wall_of_postgresql() {
    run(async { walk_through(World::on_postgres().await).await });
}

async fn walk_through(world: World) {
    let town = town(world).await;
    let mut walked = BTreeSet::new();
    for operation in operations() {
        for actor in &town.actors {
            for (site, fleet) in town.sites.into_iter().zip(town.fleets) {
                walk(&town, &operation, actor, site, fleet).await;
                walked.insert((operation.method, operation.path));
            }
        }
    }
    assert_eq!(walked.len(), operations().len());
    town.world.stop().await;
}

async fn walk(town: &Town, operation: &Operation, actor: &Actor, site: SiteId, fleet: OrgId) {
    // Signing out ends the session that asks: it gets one of its own.
    let ends = operation.method == "DELETE" && operation.path == "/api/v1/auth/session";
    let own = match actor.email.as_ref().filter(|_| ends) {
        Some(email) => town.world.session(email).await,
        None => actor.who.clone(),
    };
    let at = town.sites.iter().position(|known| *known == site);
    let device = town.devices[at.unwrap()];
    let path = path_of(operation, site, fleet, device);
    let body = matches!(operation.method, "POST" | "PATCH").then(|| match operation.path {
        path if path.ends_with("{member}") => json!({ "role": "viewer" }),
        _ => json!({}),
    });
    let answer = town.world.call(&own, operation.method, &path, body).await;
    let context = || format!("{} {path} as {}: {answer:?}", operation.method, actor.name);
    match expected(actor, operation.needs, site, fleet) {
        Expected::Status(status) => assert_eq!(answer.status, status, "{}", context()),
        Expected::In => {
            // What a path names beside the site is made up, and not there.
            let made_up = [
                "{grant}",
                "{token}",
                "{session}",
                "{support}",
                "{member}",
                "{invitation}",
                "{transfer}",
                "{client}",
                "{consent}",
                "{user}",
                "{export}",
                "{command}",
                "{erasure}",
                "{identity}",
                "{provider}",
                "{code}",
            ];
            // No home of the town is to be erased.
            let made_up = made_up.iter().any(|name| operation.path.contains(name))
                || (operation.path.ends_with("/erasure") && operation.method != "POST");
            let scoped = matches!(
                answer.code().as_str(),
                "not-allowed" | "session-needed" | "second-factor"
            );
            let refused = matches!(answer.status, 401 | 403) && operation.needs != Needs::Nothing;
            // An operation that shows several scopes answers who has none of them with 403.
            let lacks_all = operation.needs == Needs::Site && scoped;
            assert!(!refused || lacks_all, "{}", context());
            assert_eq!(answer.status == 404, made_up, "{}", context());
            assert!(answer.status < 500, "{}", context());
        }
    }
    for (name, hidden) in [
        ("secret-of-site-a", town.sites[0]),
        ("secret-of-site-b", town.sites[1]),
    ] {
        let reaches = actor.at.iter().any(|(at, _)| *at == hidden);
        assert!(reaches || !answer.text.contains(name), "{}", context());
    }
}

#[test]
fn every_route_is_documented_and_every_documented_operation_is_a_route() {
    let routes: BTreeSet<_> = operations()
        .into_iter()
        .map(|operation| (operation.method, operation.path.to_owned()))
        .collect();
    let documented: BTreeSet<_> = documented_operations().into_iter().collect();
    assert_eq!(routes, documented);
}

#[test]
fn what_is_open_to_whoever_comes_is_this_and_nothing_else() {
    let open = operations()
        .into_iter()
        .filter(|operation| operation.needs == Needs::Nothing);
    let open: Vec<_> = open
        .map(|operation| (operation.method, operation.path))
        .collect();
    let known = [
        ("GET", "/api/v1/setup"),
        ("POST", "/api/v1/setup"),
        ("POST", "/api/v1/auth/session"),
        ("POST", "/api/v1/auth/reset"),
        ("POST", "/api/v1/auth/password"),
        ("GET", "/api/v1/auth/providers"),
        ("POST", "/api/v1/auth/providers/{provider}/trips"),
        ("GET", "/oauth/callback"),
        ("POST", "/api/v1/invitations/look"),
        ("POST", "/api/v1/invitations/accept"),
        ("POST", "/oauth/token"),
        ("POST", "/oauth/revoke"),
        ("GET", "/oauth/jwks.json"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("POST", "/api/v1/transfers/look"),
        ("GET", "/api/v1/erasures/key"),
        ("GET", "/api/v1/exports/{export}/file"),
    ];
    assert_eq!(open, known);
}

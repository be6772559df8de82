//! Every operation, for every kind of caller, at his own and at others' homes, against an oracle of its own.

use std::collections::BTreeSet;

use serde_json::json;
use solthrive_cloud::api::{Needs, Operation, documented_operations, operations};
use solthrive_cloud::clock::{Clock, new_id};
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::{Role, Scope};
use solthrive_domain::{DeviceId, OrgId, SiteId};

use super::{Who, World, oauth};
use crate::service::run;

/// A caller, and what he should have: written down by hand, not computed by the rules under test.
struct Actor {
    name: &'static str,
    who: Who,
    email: Option<String>,
    session: bool,
    /// At which sites, with which scopes.
    at: Vec<(SiteId, &'static [Scope])>,
    owns: Vec<SiteId>,
    fleets: Vec<OrgId>,
    /// Where he belongs, and whether he manages it.
    orgs: Vec<(OrgId, bool)>,
}

const ALL: &[Scope] = &Scope::ALL;
const LOOKING: &[Scope] = &[
    Scope::Production,
    Scope::Consumption,
    Scope::Live,
    Scope::Alerts,
    Scope::ConfigRead,
    Scope::Logs,
];

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
        Needs::Person | Needs::Member | Needs::Manager | Needs::Platform
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
        Needs::Platform if actor.name.starts_with("admin") => Expected::In,
        Needs::Platform => Expected::Status(404),
        Needs::Site | Needs::Scope(_) | Needs::Owner if scopes.is_none() => Expected::Status(404),
        Needs::Site => Expected::In,
        Needs::Scope(scope) if scopes.is_some_and(|mine| mine.contains(&scope)) => Expected::In,
        Needs::Owner if actor.owns.contains(&site) => Expected::In,
        Needs::Scope(_) | Needs::Owner => Expected::Status(403),
    }
}

/// Two homes and everybody who could want something of them.
struct Town {
    world: World,
    sites: [SiteId; 2],
    fleets: [OrgId; 2],
    devices: [DeviceId; 2],
    actors: Vec<Actor>,
}

async fn town() -> Town {
    let world = World::new().await;
    let home = world.org(OrgKind::Household, "household-a").await;
    let other = world.org(OrgKind::Household, "household-b").await;
    let solar = world.org(OrgKind::Installer, "installer-a").await;
    let rival = world.org(OrgKind::Installer, "installer-b").await;
    let platform = world.org(OrgKind::Platform, "platform").await;
    let a = world.site(home, "secret-of-site-a").await;
    let b = world.site(other, "secret-of-site-b").await;
    let orgs = [home, other, solar, rival, platform];
    // Nobody belongs to who wired them: what that gives is another test's.
    let wirer = world.org(OrgKind::Installer, "wirer").await;
    let devices = [
        world.device(a, wirer).await.id,
        world.device(b, wirer).await.id,
    ];
    let mut actors = people(&world, orgs, a, b).await;
    grants(&world, &actors[1].who, a, solar, rival).await;
    scripts(&world, &mut actors, a, b, solar).await;
    programs(&world, &mut actors, a, b).await;
    Town {
        world,
        sites: [a, b],
        fleets: [solar, rival],
        devices,
        actors,
    }
}

/// Everybody, nobody first and the owner next.
async fn people(world: &World, orgs: [OrgId; 5], a: SiteId, b: SiteId) -> Vec<Actor> {
    let [home, other, solar, rival, platform] = orgs;
    let some: &[Scope] = &[Scope::Production, Scope::Alerts];
    let people = [
        person(world, "owner", (home, Role::Admin), &[(a, ALL)], &[a]).await,
        person(
            world,
            "viewer at home",
            (home, Role::Viewer),
            &[(a, LOOKING)],
            &[],
        )
        .await,
        person(world, "neighbour", (other, Role::Admin), &[(b, ALL)], &[b]).await,
        person(
            world,
            "installer",
            (solar, Role::Technician),
            &[(a, some)],
            &[],
        )
        .await,
        person(
            world,
            "rival whose grants are over",
            (rival, Role::Admin),
            &[],
            &[],
        )
        .await,
        person(
            world,
            "admin without a reason",
            (platform, Role::Admin),
            &[],
            &[],
        )
        .await,
        person(
            world,
            "admin who helps",
            (platform, Role::Admin),
            &[(a, ALL)],
            &[],
        )
        .await,
    ];
    let mut actors = vec![nobody()];
    actors.extend(people);
    settle(world, &mut actors, a, [solar, rival]).await;
    actors
}

/// Who works where, and a visit.
async fn settle(world: &World, actors: &mut [Actor], a: SiteId, [solar, rival]: [OrgId; 2]) {
    for actor in actors {
        match actor.name {
            "admin who helps" => help(world, &actor.who, a).await,
            "installer" => {
                actor.fleets = vec![solar];
                actor.orgs = vec![(solar, false)];
            }
            "rival whose grants are over" => {
                actor.fleets = vec![rival];
                actor.orgs = vec![(rival, true)];
            }
            _ => {}
        }
    }
}

fn nobody() -> Actor {
    Actor {
        name: "nobody",
        who: Who::Nobody,
        email: None,
        session: false,
        at: Vec::new(),
        owns: Vec::new(),
        fleets: Vec::new(),
        orgs: Vec::new(),
    }
}

/// Somebody with a session, and what he should have.
async fn person(
    world: &World,
    name: &'static str,
    member: (OrgId, Role),
    at: &[(SiteId, &'static [Scope])],
    owns: &[SiteId],
) -> Actor {
    let email = format!("{}@example.org", name.replace(' ', "."));
    world.user(&email, &[member]).await;
    Actor {
        name,
        who: world.session(&email).await,
        email: Some(email),
        session: true,
        at: at.to_vec(),
        owns: owns.to_vec(),
        fleets: Vec::new(),
        orgs: Vec::new(),
    }
}

/// One that counts, one that was revoked, one that is over.
async fn grants(world: &World, owner: &Who, site: SiteId, solar: OrgId, rival: OrgId) {
    let path = format!("/api/v1/sites/{site}/grants");
    let give = |org: OrgId, scopes: &[&str]| json!({ "org": org.as_uuid(), "scopes": scopes });
    let made = world
        .call(
            owner,
            "POST",
            &path,
            Some(give(solar, &["production", "alerts"])),
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = world
        .call(owner, "POST", &path, Some(give(rival, &["production"])))
        .await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let revoked = world
        .call(owner, "DELETE", &format!("{path}/{id}"), None)
        .await;
    assert_eq!(revoked.status, 204);
    let mut short = give(rival, &["consumption"]);
    let soon = Clock::system().now().get() + 300;
    short["valid_to"] = json!(jiff::Timestamp::from_millisecond(soon).unwrap());
    let made = world.call(owner, "POST", &path, Some(short)).await;
    assert_eq!(made.status, 201, "{made:?}");
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
}

/// Tokens that may less than their people.
async fn scripts(world: &World, actors: &mut Vec<Actor>, a: SiteId, b: SiteId, solar: OrgId) {
    let mut made = Vec::new();
    for (name, of, asked, at) in [
        (
            "owner's script for production",
            1,
            json!({ "name": "x", "scopes": ["production"] }),
            vec![(a, &[Scope::Production][..])],
        ),
        (
            "owner's script for another site",
            1,
            json!({ "name": "x", "scopes": ["production"], "sites": [b.as_uuid()] }),
            Vec::new(),
        ),
        (
            "installer's script",
            4,
            json!({ "name": "x", "scopes": ["production", "consumption", "alerts", "config.read"] }),
            vec![(a, &[Scope::Production, Scope::Alerts][..])],
        ),
    ] {
        let who = world.token(&actors[of].who, asked).await;
        let fleets = if of == 4 { vec![solar] } else { Vec::new() };
        made.push(Actor {
            name,
            who,
            email: None,
            session: false,
            at,
            owns: Vec::new(),
            orgs: fleets.iter().map(|org| (*org, false)).collect(),
            fleets,
        });
    }
    actors.extend(made);
}

/// A partner's program, and apps that people let in.
async fn programs(world: &World, actors: &mut Vec<Actor>, a: SiteId, b: SiteId) {
    for (name, who, scopes) in oauth::callers(world, &actors[1].who, a, b).await {
        let at = (!scopes.is_empty()).then_some((a, scopes));
        let at = at.into_iter().collect();
        actors.push(Actor {
            name,
            who,
            at,
            ..nobody()
        });
    }
}

/// Opens a visit.
async fn help(world: &World, admin: &Who, site: SiteId) {
    let asked = json!({ "site": site.as_uuid(), "reason": "the owner called", "minutes": 30 });
    let opened = world
        .call(admin, "POST", "/api/v1/admin/support", Some(asked))
        .await;
    assert_eq!(opened.status, 201, "{opened:?}");
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
        .replace("{support}", &some);
    let query = match operation.path.rsplit('/').next() {
        Some("telemetry") => "?from=2026-06-21T00:00:00Z&to=2026-06-22T00:00:00Z",
        Some("daily" | "monthly" | "fleet") => "?from=2026-06-21&to=2026-06-22",
        _ => "",
    };
    path + query
}

#[test]
fn nobody_gets_in_where_he_should_not_and_everybody_where_he_should() {
    run(async {
        let town = town().await;
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
    });
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
            ];
            let made_up = made_up.iter().any(|name| operation.path.contains(name));
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
        ("POST", "/api/v1/invitations/look"),
        ("POST", "/api/v1/invitations/accept"),
        ("POST", "/oauth/token"),
        ("POST", "/oauth/revoke"),
        ("GET", "/oauth/jwks.json"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("POST", "/api/v1/transfers/look"),
    ];
    assert_eq!(open, known);
}

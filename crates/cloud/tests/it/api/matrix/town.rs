//! Two homes, and everybody who could want something of them.

use serde_json::json;
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::{Role, Scope};
use solthrive_domain::{DeviceId, OrgId, SiteId};

use crate::api::{Who, World, oauth};

/// A caller, and what he should have: written down by hand, not computed by the rules under test.
pub(super) struct Actor {
    pub(super) name: &'static str,
    pub(super) who: Who,
    pub(super) email: Option<String>,
    pub(super) session: bool,
    /// At which sites, with which scopes.
    pub(super) at: Vec<(SiteId, &'static [Scope])>,
    pub(super) owns: Vec<SiteId>,
    pub(super) fleets: Vec<OrgId>,
    /// Where he belongs, and whether he manages it.
    pub(super) orgs: Vec<(OrgId, bool)>,
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

/// Two homes and everybody who could want something of them.
pub(super) struct Town {
    pub(super) world: World,
    pub(super) sites: [SiteId; 2],
    pub(super) fleets: [OrgId; 2],
    pub(super) devices: [DeviceId; 2],
    pub(super) actors: Vec<Actor>,
}

pub(super) async fn town(world: World) -> Town {
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

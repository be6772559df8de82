//! A home from the first word of its installer to the people who live there.

use hyper::Method;
use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::OrgId;
use solthrive_domain::access::Role;
use tempfile::TempDir;

use super::letters::{Letters, world_with_letters};
use super::{Who, World};
use crate::service::{Answer, run, snapshot};

/// An installer with an admin, a technician and somebody who only looks; a rival; and who is to live there.
struct Town {
    world: World,
    letters: Letters,
    solar: OrgId,
    rival: OrgId,
    ines: Who,
    tess: Who,
    vera: Who,
    bo: Who,
    _folder: TempDir,
}

async fn town() -> Town {
    let (world, letters, folder) = world_with_letters(Clock::system()).await;
    let solar = world.org(OrgKind::Installer, "Solar").await;
    let rival = world.org(OrgKind::Installer, "Rival").await;
    for (email, role) in [
        ("ines@example.org", Role::Admin),
        ("tess@example.org", Role::Technician),
        ("vera@example.org", Role::Viewer),
    ] {
        world.user(email, &[(solar, role)]).await;
    }
    world.user("bo@example.org", &[]).await;
    Town {
        ines: world.session("ines@example.org").await,
        tess: world.session("tess@example.org").await,
        vera: world.session("vera@example.org").await,
        bo: world.session("bo@example.org").await,
        letters,
        solar,
        rival,
        world,
        _folder: folder,
    }
}

impl Town {
    fn of(org: OrgId, rest: &str) -> String {
        format!("/api/v1/installers/{org}{rest}")
    }

    async fn post(&self, who: &Who, path: &str, body: Value) -> Answer {
        self.world.call(who, "POST", path, Some(body)).await
    }

    /// The technician begins it; its id.
    async fn home(&self) -> String {
        let new = json!({ "name": "Bo's house", "time_zone": "Europe/Berlin", "size_kw": 7.5 });
        let made = self
            .post(&self.tess, &Self::of(self.solar, "/sites"), new)
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["id"].as_str().unwrap().to_owned()
    }

    async fn code(&self, site: &str) -> String {
        let asked = json!({ "site": site, "hours": 24 });
        let code = self
            .post(&self.tess, &Self::of(self.solar, "/codes"), asked)
            .await;
        assert_eq!(code.status, 201, "{code:?}");
        code.json()["code"].as_str().unwrap().to_owned()
    }

    /// Of the installer's codes, sorted.
    async fn states(&self) -> Vec<String> {
        let listed = self
            .world
            .get(&self.tess, &Self::of(self.solar, "/codes"))
            .await
            .json();
        let items = listed["items"].as_array().unwrap().iter();
        let states = items.map(|code| code["state"].as_str().unwrap().to_owned());
        let mut states: Vec<_> = states.collect();
        states.sort_unstable();
        states
    }
}

#[test]
fn a_home_is_begun_by_who_works_for_the_installer_and_makes_sense() {
    run(async {
        let town = town().await;
        let sites = Town::of(town.solar, "/sites");
        let new = json!({ "name": "x", "time_zone": "Europe/Berlin" });
        let viewer = town.post(&town.vera, &sites, new.clone()).await;
        assert_eq!(viewer.status, 403);
        let stranger = Town::of(town.rival, "/sites");
        assert_eq!(town.post(&town.tess, &stranger, new).await.status, 404);
        for (field, wrong) in [
            (
                "time_zone",
                json!({ "name": "x", "time_zone": "Mars/Olympus" }),
            ),
            ("name", json!({ "name": " ", "time_zone": "UTC" })),
            (
                "size_kw",
                json!({ "name": "x", "time_zone": "UTC", "size_kw": -1 }),
            ),
        ] {
            let refused = town.post(&town.tess, &sites, wrong).await;
            let said = &refused.json()["errors"][0]["field"];
            assert_eq!((refused.status, said), (422, &json!(field)), "{refused:?}");
        }
        let home = format!("/api/v1/sites/{}", town.home().await);
        let seen = town.world.get(&town.tess, &home).await.json();
        assert_eq!(
            (&seen["reach"], &seen["size_kw"]),
            (&json!("owner"), &json!(7.5))
        );
        assert!(seen["handed_over_at"].is_null());
        assert_eq!(town.world.get(&town.bo, &home).await.status, 404);
        town.world.stop().await;
    });
}

#[test]
fn a_code_binds_one_appliance_to_a_site_that_its_installer_may_wire() {
    run(async {
        let town = town().await;
        let site = town.home().await;
        let codes = Town::of(town.solar, "/codes");
        let asked = json!({ "site": site, "hours": 24 });
        assert_eq!(town.post(&town.vera, &codes, asked).await.status, 403);
        let foreign = town.world.site(town.rival, "Elsewhere").await;
        for (field, wrong) in [
            ("site", json!({ "site": foreign.to_string() })),
            ("hours", json!({ "site": site, "hours": 745 })),
        ] {
            let refused = town.post(&town.tess, &codes, wrong).await;
            let said = &refused.json()["errors"][0]["field"];
            assert_eq!((refused.status, said), (422, &json!(field)), "{refused:?}");
        }
        let (code, _spare) = (town.code(&site).await, town.code(&site).await);
        let device = town.world.fleet.device().await;
        let bound = device.register(&town.world.client, &code).await;
        assert_eq!(bound.status, 200, "{bound:?}");
        device
            .deliver(&town.world.client, &[snapshot(60, 1.0)])
            .await;
        assert_eq!(town.states().await, ["good", "used"]);
        let listed = town.world.get(&town.tess, &codes).await.json();
        let items = listed["items"].as_array().unwrap().iter();
        let good = items.clone().find(|code| code["state"] == "good").unwrap();
        let path = format!("{codes}/{}", good["id"].as_str().unwrap());
        assert_eq!(
            town.world
                .call(&town.tess, "DELETE", &path, None)
                .await
                .status,
            204
        );
        assert_eq!(town.states().await, ["revoked", "used"]);
        town.world.stop().await;
    });
}

#[test]
fn a_home_that_was_handed_over_is_bound_by_no_code_of_before() {
    run(async {
        let town = town().await;
        let site = town.home().await;
        let home = format!("/api/v1/sites/{site}");
        let (code, spare) = (town.code(&site).await, town.code(&site).await);
        let device = town.world.fleet.device().await;
        assert_eq!(device.register(&town.world.client, &code).await.status, 200);
        let offer = json!({ "email": "bo@example.org", "history": "all" });
        let offered = town
            .post(&town.ines, &format!("{home}/transfers"), offer)
            .await;
        assert_eq!(offered.status, 201, "{offered:?}");
        let token = json!({ "token": town.letters.secret("bo@example.org").await });
        let taken = town.post(&town.bo, "/api/v1/transfers/accept", token).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        let mine = town.world.get(&town.bo, &home).await.json();
        assert!(mine["handed_over_at"].is_string());
        // What is left to the installer is the commissioning grant; the spare code is worth nothing.
        let theirs = town.world.get(&town.tess, &home).await.json();
        assert_eq!(theirs["reach"], "grant");
        let late = town.world.fleet.device().await;
        assert_ne!(late.register(&town.world.client, &spare).await.status, 200);
        town.world.stop().await;
    });
}

#[test]
fn alerts_of_a_site_are_told_those_that_last_first() {
    run(async {
        let world = World::new().await;
        let household = world.org(OrgKind::Household, "Ada").await;
        let site = world.site(household, "Ada's house").await;
        world
            .user("ada@example.org", &[(household, Role::Admin)])
            .await;
        let ada = world.session("ada@example.org").await;
        // No rule of the cloud fires yet: these are written as one would.
        let database = solthrive_cloud::config::Place::database(world.folder.path());
        let db = rusqlite::Connection::open(database).unwrap();
        let home = site.as_uuid().into_bytes();
        let alerts = [
            (1_u8, "firing", None),
            (2, "resolved", Some(50)),
            (3, "pending", None),
        ];
        for (n, state, resolved) in alerts {
            db.execute(
                "INSERT INTO alert (id, code, subject, site, severity, state, memory, began_at, resolved_at, changed_at, message)
                 VALUES (?1, 'offline', ?2, ?3, 'high', ?4, '{}', ?5, ?6, 1, 'silent')",
                rusqlite::params![vec![n; 16], n.to_string(), home, state, i64::from(n), resolved],
            )
            .unwrap();
        }
        let path = format!("/api/v1/sites/{site}/alerts");
        let ids = async |query: &str| {
            let answer = world.get(&ada, &format!("{path}{query}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let items = answer.json()["items"].as_array().unwrap().clone();
            items
                .iter()
                .map(|alert| alert["state"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids("").await, ["firing", "resolved"]);
        assert_eq!(ids("?state=open").await, ["firing"]);
        assert_eq!(ids("?limit=1").await, ["firing"]);
        for wrong in ["?state=some", "?limit=0", "?limit=501", "?x=1"] {
            let refused = world.get(&ada, &format!("{path}{wrong}")).await;
            assert_eq!(refused.status, 422, "{wrong}");
        }
        let kept = world.get(&ada, &path).await;
        let tag = kept.header("etag").unwrap().to_owned();
        let Who::Cookie(cookie) = &ada else { panic!() };
        let headers = [("cookie", cookie.as_str()), ("if-none-match", tag.as_str())];
        let again = world
            .client
            .call(Method::GET, &path, "", &headers, axum::body::Body::empty());
        assert_eq!(again.await.status, 304);
        world.stop().await;
    });
}

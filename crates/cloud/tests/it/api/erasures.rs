//! The end of a home, as its owner asks for it, in the whole service.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud::config::Place;
use solthrive_cloud::receipts::Receipts;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;
use solthrive_domain::{OrgId, SiteId};

use super::letters::Letters;
use super::{Who, World};
use crate::service::{Answer, Device, ago, run, snapshot};

/// Letters that no other text of the store has.
const NAME: &str = "Ada's lighthouse";

struct Town {
    world: World,
    leap: &'static AtomicI64,
    letters: Letters,
    site: SiteId,
    next_door: SiteId,
    solar: OrgId,
    ada: Who,
    ines: Who,
    device: Device,
    neighbour: Device,
}

fn settings(letters: &Letters, days: &str) -> Vec<String> {
    let mail = letters.setting();
    let words = [
        "--no-second-factor",
        "--mail",
        &mail,
        "--public-url",
        "https://solthrive.example/",
        "--checkpoint-s",
        "1",
        "--erasure-days",
        days,
    ];
    words.map(str::to_owned).to_vec()
}

async fn town(days: &str) -> Town {
    let leap: &'static AtomicI64 = Box::leak(Box::default());
    let letters = Letters(tempfile::tempdir().unwrap().keep().join("letters"));
    let words = settings(&letters, days);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let world = World::telling(Clock::ahead(leap), &words).await;
    town_of(world, leap, letters).await
}

async fn town_of(world: World, leap: &'static AtomicI64, letters: Letters) -> Town {
    let household = world.org(OrgKind::Household, "Ada").await;
    let other = world.org(OrgKind::Household, "Bo").await;
    let solar = world.org(OrgKind::Installer, "Solar").await;
    let site = world.site(household, NAME).await;
    let next_door = world.site(other, "Bo's house").await;
    world
        .user("ada@example.org", &[(household, Role::Admin)])
        .await;
    world
        .user("eve@example.org", &[(household, Role::Viewer)])
        .await;
    world
        .user("ines@example.org", &[(solar, Role::Admin)])
        .await;
    let device = world.device(site, solar).await;
    let neighbour = world.device(next_door, solar).await;
    for of in [&device, &neighbour] {
        let rows: Vec<Value> = (1..=60).rev().map(|n| snapshot(n * 15, 0.5)).collect();
        assert_eq!(of.deliver(&world.client, &rows).await.status, 200);
    }
    // It is in the log, in what follows it, and in the node's memory.
    tokio::time::sleep(Duration::from_secs(3)).await;
    Town {
        ada: world.session("ada@example.org").await,
        ines: world.session("ines@example.org").await,
        world,
        leap,
        letters,
        site,
        next_door,
        solar,
        device,
        neighbour,
    }
}

impl Town {
    fn path(&self) -> String {
        format!("/api/v1/sites/{}/erasure", self.site)
    }

    async fn ask(&self, who: &Who, name: &str) -> Answer {
        let body = Some(json!({ "name": name }));
        self.world.call(who, "POST", &self.path(), body).await
    }

    async fn told(&self, there: &str) -> Value {
        let told = self.world.get(&self.ada, there).await;
        assert_eq!(told.status, 200, "{told:?}");
        told.json()
    }

    async fn until(&self, there: &str, state: &str) -> Value {
        for _ in 0..600 {
            let told = self.told(there).await;
            if told["state"] == state {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never is {state}: {}", self.told(there).await);
    }

    async fn sees(&self, who: &Who, site: SiteId) -> u16 {
        self.world
            .get(who, &format!("/api/v1/sites/{site}"))
            .await
            .status
    }

    async fn rows(&self, who: &Who, site: SiteId) -> usize {
        let path = format!(
            "/api/v1/sites/{site}/telemetry?from={}&to={}",
            ago(3_600),
            ago(-600)
        );
        let told = self.world.get(who, &path).await;
        assert_eq!(told.status, 200, "{told:?}");
        told.json()["t"].as_array().map_or(0, Vec::len)
    }
}

#[test]
fn who_does_not_own_the_home_or_types_another_name_erases_nothing() {
    run(async {
        let town = town("7").await;
        let eve = town.world.session("eve@example.org").await;
        assert_eq!(town.ask(&eve, NAME).await.status, 403, "she may look");
        assert_eq!(town.ask(&town.ines, NAME).await.status, 403, "she built it");
        assert_eq!(town.ask(&Who::Nobody, NAME).await.status, 401);
        let asked = json!({ "name": "script", "scopes": ["export"] });
        let token = town.world.token(&town.ada, asked).await;
        assert_eq!(town.ask(&token, NAME).await.status, 403, "a token");
        let wrong = town.ask(&town.ada, "Ada's house").await;
        assert_eq!((wrong.status, wrong.code()), (422, "invalid".to_owned()));
        assert_eq!(town.world.get(&town.ada, &town.path()).await.status, 404);
        town.world.stop().await;
    });
}

#[test]
fn it_can_be_taken_back_for_a_week_and_the_owner_is_told_by_mail() {
    run(async {
        let town = town("7").await;
        let asked = town.ask(&town.ada, NAME).await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let there = asked.header("location").unwrap().to_owned();
        assert_eq!(town.told(&there).await["state"], "waiting");
        let [letter] = &town.letters.to("ada@example.org")[..] else {
            panic!("one letter");
        };
        assert!(letter.contains("is to be deleted"), "{letter}");
        let again = town.ask(&town.ada, NAME).await;
        assert_eq!(
            (again.status, again.code()),
            (409, "erased-already".to_owned())
        );
        let others = town.world.get(&town.ines, &there).await;
        assert_eq!(others.status, 404, "it is for who asked");
        town.leap.store(6 * 86_400_000, Ordering::Relaxed);
        let ada = town.world.session("ada@example.org").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(town.sees(&ada, town.site).await, 200, "six days later");
        let back = town.world.call(&ada, "DELETE", &town.path(), None).await;
        assert_eq!(back.status, 204, "{back:?}");
        let back = town.world.call(&ada, "DELETE", &town.path(), None).await;
        assert_eq!(back.status, 404, "{back:?}");
        town.leap.store(9 * 86_400_000, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let ada = town.world.session("ada@example.org").await;
        assert_eq!(town.sees(&ada, town.site).await, 200);
        town.world.stop().await;
    });
}

/// Whether these letters are anywhere in the files of a folder.
fn is_in_files(folder: &Path, letters: &str) -> bool {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(letters.len())
            .any(|some| some == letters.as_bytes())
    })
}

/// From the question to the receipt.
async fn erase(town: &Town) -> Value {
    let grant = json!({ "org": town.solar.as_uuid(), "scopes": ["production", "live"] });
    let grants = format!("/api/v1/sites/{}/grants", town.site);
    let granted = town
        .world
        .call(&town.ada, "POST", &grants, Some(grant))
        .await;
    assert_eq!(granted.status, 201, "{granted:?}");
    let exports = format!("/api/v1/sites/{}/exports", town.site);
    let asked = Some(json!({ "format": "csv" }));
    let export = town.world.call(&town.ada, "POST", &exports, asked).await;
    let export = export.header("location").unwrap().to_owned();
    town.until(&export, "done").await;
    let Who::Cookie(cookie) = &town.ines else {
        panic!("a session");
    };
    let live = format!("/api/v1/sites/{}/live", town.site);
    let mut live = town.world.client.open(&live, &[("cookie", cookie)]).await;
    assert!(town.rows(&town.ada, town.site).await > 0);

    let asked = town.ask(&town.ada, NAME).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let there = asked.header("location").unwrap().to_owned();
    town.until(&there, "running").await;
    for who in [&town.ada, &town.ines] {
        assert_eq!(town.sees(who, town.site).await, 404);
        let list = town.world.get(who, "/api/v1/sites").await;
        assert!(!list.text.contains(&town.site.to_string()), "{list:?}");
    }
    let file = town.world.get(&town.ada, &export).await;
    assert_eq!(file.status, 404, "{file:?}");
    let over = async { while live.event().await.is_some() {} };
    let over = tokio::time::timeout(Duration::from_secs(10), over).await;
    assert!(over.is_ok(), "who listens is let go");
    // Nodes have heard of it: nothing more is taken in.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let late = town
        .device
        .deliver(&town.world.client, &[snapshot(5, 1.0)])
        .await;
    assert_ne!(late.status, 200, "{late:?}");
    // The rest comes once every node has had its time to hear of it.
    town.leap.store(60_000, Ordering::Relaxed);
    town.until(&there, "done").await
}

async fn is_proven(town: &Town, done: &Value, pepper: &Path) {
    let receipt = done["receipt"].as_str().unwrap();
    let pepper: [u8; 32] = fs::read(pepper).unwrap().try_into().unwrap();
    let said = Receipts::new(&pepper).unwrap().read(receipt).unwrap();
    assert_eq!(said.site, town.site.as_uuid());
    assert_eq!(said.issuer, "https://solthrive.example");
    for table in [
        "site_day",
        "bucket_day",
        "site_grant",
        "export_part",
        "device_status",
        "site_state",
    ] {
        assert!(said.deleted.contains_key(table), "{table}: {said:?}");
    }
    let kept: Vec<_> = said.kept.iter().map(|kept| kept.table.as_str()).collect();
    assert!(
        kept.contains(&"site") && kept.contains(&"audit"),
        "{kept:?}"
    );
    for _ in 0..100 {
        if town
            .letters
            .to("ada@example.org")
            .iter()
            .any(|letter| letter.contains("receipt"))
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the receipt comes by mail, too");
}

#[test]
fn an_erased_home_leaves_nothing_but_a_receipt_and_the_neighbour_everything() {
    run(async {
        let town = town("0").await;
        let kept = Arc::clone(&town.world.folder);
        let folder = kept.path();
        assert!(is_in_files(folder, NAME), "it can be found at first");
        let done = erase(&town).await;
        is_proven(&town, &done, &folder.join("pepper")).await;
        // Its appliance can be bound anew, elsewhere, and brings nothing of the home along.
        let code = town
            .world
            .fleet
            .code_for(town.next_door, town.solar, 3_600_000, 1)
            .await;
        let taken = town.device.register(&town.world.client, &code).await;
        assert_ne!(
            taken.status, 200,
            "another device measures there: {taken:?}"
        );
        let more = town
            .neighbour
            .deliver(&town.world.client, &[snapshot(3, 1.0)])
            .await;
        assert_eq!(more.status, 200, "{more:?}");
        let household = town.world.org(OrgKind::Household, "Cem").await;
        let third = town.world.site(household, "Cem's house").await;
        town.world
            .user("cem@example.org", &[(household, Role::Admin)])
            .await;
        let code = town
            .world
            .fleet
            .code_for(third, town.solar, 3_600_000, 1)
            .await;
        let bound = town.device.register(&town.world.client, &code).await;
        assert_eq!(bound.status, 200, "{bound:?}");
        tokio::time::sleep(Duration::from_secs(3)).await;
        let backlog = town
            .device
            .deliver(
                &town.world.client,
                &[snapshot(900, 1.0), snapshot(800, 1.0)],
            )
            .await;
        assert_eq!(backlog.status, 200, "{backlog:?}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let cem = town.world.session("cem@example.org").await;
        assert_eq!(
            town.rows(&cem, third).await,
            0,
            "what it measured before is not his"
        );
        town.world.stop().await;
        assert!(!is_in_files(folder, NAME), "its name is in no file");
    });
}

#[test]
fn there_is_no_receipt_while_anything_is_left() {
    run(async {
        let town = town("0").await;
        let there = town.ask(&town.ada, NAME).await;
        let there = there.header("location").unwrap().to_owned();
        town.until(&there, "running").await;
        // What no step of the erasure looks for: its table's rows went when the home closed.
        let path = Place::database(town.world.folder.path());
        let beside = rusqlite::Connection::open(&path).unwrap();
        beside.busy_timeout(Duration::from_secs(5)).unwrap();
        let site = town.site.as_uuid();
        let added = beside.execute(
            "INSERT INTO site_config (site, revision, at, told_by, json) VALUES (?1, 1, 1, 'somebody', '{}')",
            [site.as_bytes()],
        );
        assert_eq!(added.unwrap(), 1);
        town.leap.store(60_000, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(town.told(&there).await["state"], "running");
        let gone = beside.execute("DELETE FROM site_config WHERE site = ?1", [site.as_bytes()]);
        assert_eq!(gone.unwrap(), 1);
        town.until(&there, "done").await;
        town.world.stop().await;
    });
}

#[test]
fn on_postgresql_it_is_proven_as_well() {
    run(async {
        let leap: &'static AtomicI64 = Box::leak(Box::default());
        let letters = Letters(tempfile::tempdir().unwrap().keep().join("letters"));
        let words = settings(&letters, "0");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let world = World::on_postgres_telling(Clock::ahead(leap), &words).await;
        let town = town_of(world, leap, letters).await;
        let done = erase(&town).await;
        let folder = town.world.folder.path().to_owned();
        is_proven(&town, &done, &folder.join("pepper")).await;
        town.world.stop().await;
    });
}

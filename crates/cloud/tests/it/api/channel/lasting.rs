//! What becomes of a command while time passes: it expires, its appliance moves, who asked loses his right.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::{OrgKind, Registry as _};
use solthrive_domain::access::{Operator, Role};

use super::device::Line;
use super::{Town, World, both, town};
use crate::service::{now, run};

const MINUTE: i64 = 60_000;

async fn both_telling(test: impl AsyncFn(Town, &'static AtomicI64)) {
    let flags = ["--no-second-factor"];
    let leap: &'static AtomicI64 = Box::leak(Box::default());
    let world = World::telling(Clock::ahead(leap), &flags).await;
    test(town(world).await, leap).await;
    let leap: &'static AtomicI64 = Box::leak(Box::default());
    let world = World::on_postgres_telling(Clock::ahead(leap), &flags).await;
    test(town(world).await, leap).await;
}

#[test]
fn a_command_expires_and_is_never_sent_after_that() {
    run(both_telling(
        async |town: Town, leap: &'static AtomicI64| {
            let waits = town.asked(json!({ "kind": "restart" })).await;
            let week = json!({ "kind": "update", "expires_in_s": 604_800 });
            let lasting = town.asked(week).await;
            let mut line = town.line().await;
            line.command().await;
            line.command().await;
            drop(line);
            let late = town.asked(json!({ "kind": "validate" })).await;
            leap.fetch_add(12 * MINUTE, Ordering::Relaxed);
            town.until(&waits, "expired").await;
            town.until(&late, "expired").await;
            let mut line = town.line().await;
            assert_eq!(line.command().await["id"], json!(lasting));
            line.say(&json!({ "id": waits, "state": "done" })).await;
            assert!(line.is_quiet().await);
            assert_eq!(town.command(&waits).await["state"], "expired", "too late");
            // What runs is asked for once more on the next line, without any time to begin.
            line.say(&json!({ "id": lasting, "state": "running" }))
                .await;
            town.until(&lasting, "running").await;
            leap.fetch_add(7 * 24 * 60 * MINUTE, Ordering::Relaxed);
            drop(line);
            let owner = town.world.session("ada@example.org").await;
            let town = Town { owner, ..town };
            let mut line = town.line().await;
            let asked = line.command().await;
            assert_eq!(
                (&asked["id"], &asked["expires_in_s"]),
                (&json!(lasting), &json!(0))
            );
            line.say(&json!({ "id": lasting, "state": "done" })).await;
            town.until(&lasting, "done").await;
            leap.fetch_add(31 * 24 * 60 * MINUTE, Ordering::Relaxed);
            let owner = town.world.session("ada@example.org").await;
            for _ in 0..300 {
                let all = town.world.get(&owner, &town.path()).await.json();
                if all["items"].as_array().unwrap().is_empty() {
                    return town.world.stop().await;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            panic!("what came of it is kept too long");
        },
    ));
}

#[test]
fn an_appliance_that_moved_gets_nothing_that_was_asked_at_its_former_home() {
    run(both(async |town: Town| {
        let id = town.asked(json!({ "kind": "config_get" })).await;
        let spare = town.world.fleet.device().await;
        let by = Operator::at_the_console();
        let moved = town
            .world
            .store
            .replace(&by, town.device.id, spare.id, now());
        assert_eq!(moved.await.unwrap(), Some(town.site));
        let elsewhere = town.world.site(town.wirer, "Elsewhere").await;
        let code = town
            .world
            .fleet
            .code_for(elsewhere, town.wirer, 3_600_000, 1)
            .await;
        let bound = town.device.register(&town.world.client, &code).await;
        assert_eq!(bound.status, 200, "{bound:?}");
        let mut line = town.line().await;
        assert!(line.is_quiet().await);
        line.say(&json!({ "id": id, "state": "done", "result": "of another home" }))
            .await;
        let told = town.until(&id, "cancelled").await;
        assert!(told.get("result").is_none(), "{told}");
        let mut other = loop {
            match Line::open(&town.world.client, &spare.token).await {
                Ok(line) => break line,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
            }
        };
        assert!(
            other.is_quiet().await,
            "nor does the one that took its place"
        );
        town.world.stop().await;
    }));
}

#[test]
fn who_lost_his_right_while_his_command_waited_is_not_obeyed() {
    run(both(async |town: Town| {
        let solar = town.world.org(OrgKind::Installer, "Solar").await;
        town.world
            .user("ines@example.org", &[(solar, Role::Technician)])
            .await;
        let ines = town.world.session("ines@example.org").await;
        let grants = format!("/api/v1/sites/{}/grants", town.site);
        let asked = json!({ "org": solar.as_uuid(), "scopes": ["production", "commands"] });
        let grant = town
            .world
            .call(&town.owner, "POST", &grants, Some(asked))
            .await;
        let grant = format!("{grants}/{}", grant.json()["id"].as_str().unwrap());
        let restart = || Some(json!({ "kind": "restart" }));
        let hers = town
            .world
            .call(&ines, "POST", &town.path(), restart())
            .await;
        assert_eq!(hers.status, 202, "{hers:?}");
        let hers = hers.json()["id"].as_str().unwrap().to_owned();
        let mine = town.asked(json!({ "kind": "validate" })).await;
        let over = town.world.call(&town.owner, "DELETE", &grant, None).await;
        assert_eq!(over.status, 204, "{over:?}");
        let mut line = town.line().await;
        assert_eq!(line.command().await["id"], json!(mine));
        town.until(&hers, "cancelled").await;
        assert!(line.is_quiet().await);
        town.world.stop().await;
    }));
}

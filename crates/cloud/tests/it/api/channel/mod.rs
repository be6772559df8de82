//! The channel to appliances in the whole service, through real sockets: asked for by people, answered by devices.

mod bounds;
mod device;
mod lasting;
mod live;
mod nodes;

use serde_json::{Value, json};
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;
use solthrive_domain::{OrgId, SiteId};

use self::device::Line;
use super::{Who, World};
use crate::service::{Answer, Client, Device, run, snapshot};

struct Town {
    world: World,
    wirer: OrgId,
    site: SiteId,
    device: Device,
    owner: Who,
}

async fn town(world: World) -> Town {
    let household = world.org(OrgKind::Household, "Ada").await;
    let wirer = world.org(OrgKind::Installer, "Wirer").await;
    let site = world.site(household, "Ada's house").await;
    world
        .user("ada@example.org", &[(household, Role::Admin)])
        .await;
    Town {
        owner: world.session("ada@example.org").await,
        device: world.device(site, wirer).await,
        wirer,
        site,
        world,
    }
}

impl Town {
    fn path(&self) -> String {
        format!("/api/v1/sites/{}/commands", self.site)
    }

    async fn ask(&self, body: Value) -> Answer {
        let path = self.path();
        self.world
            .call(&self.owner, "POST", &path, Some(body))
            .await
    }

    /// Its id.
    async fn asked(&self, body: Value) -> String {
        let answer = self.ask(body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn command(&self, id: &str) -> Value {
        let path = format!("{}/{id}", self.path());
        let told = self.world.get(&self.owner, &path).await;
        assert_eq!(told.status, 200, "{told:?}");
        told.json()
    }

    /// Waits until the command is like this.
    async fn until(&self, id: &str, state: &str) -> Value {
        for _ in 0..300 {
            let told = self.command(id).await;
            if told["state"] == state {
                return told;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{:?} is not {state}", self.command(id).await);
    }

    async fn line(&self) -> Line {
        Line::open(&self.world.client, &self.device.token)
            .await
            .unwrap()
    }

    async fn is_pending(&self, client: &Client) -> bool {
        let answer = self.device.deliver(client, &[snapshot(60, 2.0)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["commands_pending"].as_bool().unwrap()
    }

    async fn until_pending(&self, client: &Client, pending: bool) {
        for _ in 0..100 {
            if self.is_pending(client).await == pending {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("commands_pending is not {pending}");
    }
}

async fn both(test: impl AsyncFn(Town)) {
    test(town(World::new().await).await).await;
    test(town(World::on_postgres().await).await).await;
}

#[test]
fn a_command_goes_down_and_what_came_of_it_comes_up() {
    run(both(async |town: Town| {
        let mut line = town.line().await;
        let began = crate::service::now().get();
        let id = town
            .asked(json!({ "kind": "logs_tail", "args": { "lines": 9 } }))
            .await;
        let command = line.command().await;
        assert!(
            crate::service::now().get() - began < 2_000,
            "within two seconds"
        );
        assert_eq!(
            (&command["id"], &command["kind"], &command["args"]),
            (&json!(id), &json!("logs_tail"), &json!({ "lines": 9 }))
        );
        let left = command["expires_in_s"].as_u64().unwrap();
        assert!((590..=600).contains(&left), "{command}");
        town.until(&id, "delivered").await;
        line.say(&json!({ "id": id, "state": "accepted" })).await;
        town.until(&id, "accepted").await;
        line.say(&json!({ "id": id, "state": "running", "progress": 0.25 }))
            .await;
        let told = town.until(&id, "running").await;
        assert_eq!(told["progress"], 0.25);
        line.say(&json!({ "id": id, "state": "done", "result": { "lines": ["a", "b"] } }))
            .await;
        let told = town.until(&id, "done").await;
        assert_eq!(told["result"], json!({ "lines": ["a", "b"] }));
        assert!(told["ended_at"].is_string() && told["sent_at"].is_string());
        town.world.stop().await;
    }));
}

#[test]
fn what_was_asked_while_nobody_was_there_waits_and_is_told_with_each_receipt() {
    run(both(async |town: Town| {
        assert!(!town.is_pending(&town.world.client).await);
        let ids = [
            town.asked(json!({ "kind": "validate" })).await,
            town.asked(json!({ "kind": "restart" })).await,
        ];
        town.until_pending(&town.world.client, true).await;
        let mut line = town.line().await;
        for id in &ids {
            assert_eq!(line.command().await["id"], json!(id), "in their order");
            line.say(&json!({ "id": id, "state": "failed", "result": { "code": "busy", "detail": "later" } })).await;
        }
        for id in &ids {
            assert_eq!(town.until(id, "failed").await["result"]["code"], "busy");
        }
        town.until_pending(&town.world.client, false).await;
        town.world.stop().await;
    }));
}

#[test]
fn a_command_comes_again_until_its_end_was_told_and_ends_once() {
    run(both(async |town: Town| {
        let mut line = town.line().await;
        let id = town.asked(json!({ "kind": "update" })).await;
        assert_eq!(line.command().await["id"], json!(id));
        // The line is lost before anything was said.
        drop(line);
        let mut line = town.line().await;
        assert_eq!(line.command().await["id"], json!(id), "delivered twice");
        line.say(&json!({ "id": id, "state": "running", "progress": 0.5 }))
            .await;
        town.until(&id, "running").await;
        // And once more, with the last word on its way.
        drop(line);
        let mut line = town.line().await;
        assert_eq!(line.command().await["id"], json!(id), "how far is it?");
        for _ in 0..2 {
            line.say(&json!({ "id": id, "state": "done", "result": 1 }))
                .await;
        }
        assert_eq!(town.until(&id, "done").await["result"], 1);
        line.say(&json!({ "id": id, "state": "failed", "result": 2 }))
            .await;
        line.say(&json!({ "id": id, "state": "running", "progress": 0.9 }))
            .await;
        let other = town.asked(json!({ "kind": "validate" })).await;
        assert_eq!(line.command().await["id"], json!(other), "and nothing else");
        let told = town.command(&id).await;
        assert_eq!(
            (&told["state"], &told["result"]),
            (&json!("done"), &json!(1))
        );
        drop(line);
        town.world.stop().await;
    }));
}

#[test]
fn a_foreign_devices_word_counts_nothing() {
    run(both(async |town: Town| {
        let household = town.world.org(OrgKind::Household, "Ben").await;
        let next_door = town.world.site(household, "Ben's house").await;
        let foreign = town.world.device(next_door, town.wirer).await;
        let mut mine = town.line().await;
        let id = town.asked(json!({ "kind": "config_get" })).await;
        mine.command().await;
        let mut other = Line::open(&town.world.client, &foreign.token)
            .await
            .unwrap();
        other
            .say(&json!({ "id": id, "state": "done", "result": "mine" }))
            .await;
        other
            .say(&json!({ "id": uuid::Uuid::from_u128(7), "state": "done" }))
            .await;
        assert!(other.is_quiet().await, "nothing of next door comes here");
        assert_eq!(town.command(&id).await["state"], "delivered");
        mine.say(&json!({ "id": id, "state": "refused" })).await;
        let told = town.until(&id, "refused").await;
        assert!(told.get("result").is_none(), "{told}");
        town.world.stop().await;
    }));
}

#[test]
fn what_was_taken_back_is_not_sent_and_what_was_sent_is_not_taken_back() {
    run(both(async |town: Town| {
        let first = town.asked(json!({ "kind": "restart" })).await;
        let second = town.asked(json!({ "kind": "validate" })).await;
        let path = format!("{}/{first}", town.path());
        let back = town.world.call(&town.owner, "DELETE", &path, None).await;
        assert_eq!(back.status, 204, "{back:?}");
        let mut line = town.line().await;
        assert_eq!(line.command().await["id"], json!(second));
        assert!(line.is_quiet().await);
        let path = format!("{}/{second}", town.path());
        let back = town.world.call(&town.owner, "DELETE", &path, None).await;
        assert_eq!((back.status, back.code().as_str()), (409, "command-sent"));
        town.world.stop().await;
    }));
}

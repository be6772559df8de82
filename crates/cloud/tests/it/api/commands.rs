//! What people ask of a home's appliance, from the question to the answer.

use serde_json::{Value, json};
use solthrive_cloud_store::meta::{OrgKind, Registry as _};
use solthrive_domain::SiteId;
use solthrive_domain::access::{Operator, Role};

use super::{Who, World};
use crate::service::{Answer, Device, run};

struct Town {
    world: World,
    site: SiteId,
    device: Device,
    owner: Who,
    viewer: Who,
    stranger: Who,
    admin: Who,
}

async fn town(world: World) -> Town {
    let household = world.org(OrgKind::Household, "Ada").await;
    let other = world.org(OrgKind::Household, "Ben").await;
    let wirer = world.org(OrgKind::Installer, "Wirer").await;
    let platform = world.org(OrgKind::Platform, "Platform").await;
    let site = world.site(household, "Ada's house").await;
    for (email, org, role) in [
        ("ada@example.org", household, Role::Admin),
        ("vic@example.org", household, Role::Viewer),
        ("ben@example.org", other, Role::Admin),
        ("pat@example.org", platform, Role::Admin),
    ] {
        world.user(email, &[(org, role)]).await;
    }
    Town {
        owner: world.session("ada@example.org").await,
        viewer: world.session("vic@example.org").await,
        stranger: world.session("ben@example.org").await,
        admin: world.session("pat@example.org").await,
        device: world.device(site, wirer).await,
        site,
        world,
    }
}

impl Town {
    fn path(&self) -> String {
        format!("/api/v1/sites/{}/commands", self.site)
    }

    async fn ask(&self, who: &Who, body: Value) -> Answer {
        self.world.call(who, "POST", &self.path(), Some(body)).await
    }

    /// Where it is followed.
    async fn asked(&self, who: &Who, body: Value) -> String {
        let answer = self.ask(who, body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.header("location").unwrap().to_owned()
    }

    async fn acts(&self, action: &str) -> Vec<Value> {
        let path = format!("/api/v1/admin/audit?action={action}&site={}", self.site);
        let acts = self.world.get(&self.admin, &path).await;
        assert_eq!(acts.status, 200, "{acts:?}");
        acts.json()["items"].as_array().unwrap().clone()
    }
}

async fn both(test: impl AsyncFn(Town)) {
    test(town(World::new().await).await).await;
    test(town(World::on_postgres().await).await).await;
}

#[test]
fn a_command_is_asked_for_followed_and_taken_back() {
    run(both(async |town: Town| {
        let body = json!({ "kind": "logs_tail", "args": { "lines": 50 }, "expires_in_s": 60 });
        let answer = town.ask(&town.owner, body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let there = answer.header("location").unwrap().to_owned();
        let told = town.world.get(&town.owner, &there).await;
        assert_eq!(told.json(), answer.json());
        let told = told.json();
        assert_eq!(
            (&told["kind"], &told["state"], &told["args"], &told["asker"]),
            (
                &json!("logs_tail"),
                &json!("queued"),
                &json!({ "lines": 50 }),
                &json!("Ada")
            )
        );
        assert_eq!(told["device"], json!(town.device.id.as_uuid()));
        assert!(told["asked_by"].as_str().unwrap().starts_with("user:"));
        let times = ["created_at", "expires_at"]
            .map(|name| -> jiff::Timestamp { told[name].as_str().unwrap().parse().unwrap() });
        assert_eq!(times[1].duration_since(times[0]).as_secs(), 60);
        let gone = town.world.call(&town.owner, "DELETE", &there, None).await;
        assert_eq!(gone.status, 204, "{gone:?}");
        let told = town.world.get(&town.owner, &there).await.json();
        assert_eq!(told["state"], "cancelled");
        let again = town.world.call(&town.owner, "DELETE", &there, None).await;
        assert_eq!((again.status, again.code().as_str()), (409, "command-sent"));
        let actions = |acts: Vec<Value>| {
            acts.iter()
                .map(|act| act["action"].clone())
                .collect::<Vec<_>>()
        };
        let acts = actions(town.acts("command.").await);
        assert_eq!(acts, ["command.cancelled", "command.asked"]);
        town.world.stop().await;
    }));
}

#[test]
fn each_kind_is_for_who_has_its_scope() {
    run(both(async |town: Town| {
        let restart = || json!({ "kind": "restart" });
        let logs = town
            .asked(&town.viewer, json!({ "kind": "logs_tail" }))
            .await;
        let refused = town.ask(&town.viewer, restart()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "not-allowed")
        );
        let refused = town.ask(&town.stranger, restart()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (404, "not-found")
        );
        let refused = town.ask(&Who::Nobody, restart()).await;
        assert_eq!(refused.status, 401);
        let secret = town.asked(&town.owner, restart()).await;
        for (method, who, status) in [
            ("GET", &town.viewer, 403),
            ("DELETE", &town.viewer, 403),
            ("GET", &town.stranger, 404),
            ("DELETE", &town.stranger, 404),
        ] {
            let answer = town.world.call(who, method, &secret, None).await;
            assert_eq!(answer.status, status, "{method} {answer:?}");
        }
        let seen = town.world.get(&town.viewer, &town.path()).await.json();
        let seen = seen["items"].as_array().unwrap();
        assert_eq!(seen.len(), 1, "no kind that he could not ask himself");
        assert!(logs.ends_with(seen[0]["id"].as_str().unwrap()));
        let all = town.world.get(&town.owner, &town.path()).await.json();
        assert_eq!(all["items"].as_array().unwrap().len(), 2);
        let asked = json!({ "name": "x", "scopes": ["config.read"] });
        let script = town.world.token(&town.owner, asked).await;
        town.asked(&script, json!({ "kind": "config_get" })).await;
        let refused = town.ask(
            &script,
            json!({ "kind": "config_set", "args": { "config": {} } }),
        );
        assert_eq!(refused.await.status, 403);
        let asked = json!({ "name": "x", "scopes": ["production"] });
        let blind = town.world.token(&town.owner, asked).await;
        assert_eq!(town.world.get(&blind, &town.path()).await.status, 403);
        town.world.stop().await;
    }));
}

#[test]
fn a_visit_commands_in_sight_of_the_owner() {
    run(both(async |town: Town| {
        let restart = || json!({ "kind": "restart" });
        assert_eq!(
            town.ask(&town.admin, restart()).await.status,
            404,
            "no visit yet"
        );
        let asked =
            json!({ "site": town.site.as_uuid(), "reason": "the owner called", "minutes": 30 });
        let visit = town
            .world
            .call(&town.admin, "POST", "/api/v1/admin/support", Some(asked));
        let visit = visit.await.json()["id"].clone();
        let there = town.asked(&town.admin, restart()).await;
        let told = town.world.get(&town.owner, &there).await.json();
        assert_eq!(told["support"], visit);
        let acts = town.acts("command.asked").await;
        assert_eq!(
            (&acts[0]["details"]["support"], &acts[0]["details"]["kind"]),
            (&visit, &json!("restart"))
        );
        town.world.stop().await;
    }));
}

#[test]
fn what_cannot_be_asked_is_told_by_its_field() {
    run(async {
        let town = town(World::new().await).await;
        let other = crate::service::now().get();
        for (field, body) in [
            ("kind", json!({ "kind": "self_destruct" })),
            (
                "args",
                json!({ "kind": "restart", "args": { "what": "everything" } }),
            ),
            ("args", json!({ "kind": "restart", "args": { "lines": 5 } })),
            ("args", json!({ "kind": "config_set" })),
            (
                "args",
                json!({ "kind": "logs_tail", "args": { "lines": 0 } }),
            ),
            (
                "args",
                json!({ "kind": "live", "args": { "seconds": 301 } }),
            ),
            (
                "args",
                json!({ "kind": "config_set", "args": { "config": { "x": "y".repeat(13_000) } } }),
            ),
            (
                "expires_in_s",
                json!({ "kind": "live", "expires_in_s": 301 }),
            ),
            (
                "expires_in_s",
                json!({ "kind": "update", "expires_in_s": 604_801 }),
            ),
            (
                "expires_in_s",
                json!({ "kind": "update", "expires_in_s": 0 }),
            ),
            (
                "device_id",
                json!({ "kind": "update", "device_id": uuid::Uuid::from_u128(other.unsigned_abs().into()) }),
            ),
        ] {
            let answer = town.ask(&town.owner, body.clone()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (422, "invalid"),
                "{body}"
            );
            assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
        }
        let mine = json!({ "kind": "restart", "device_id": town.device.id.as_uuid() });
        town.asked(&town.owner, mine).await;
        town.world.stop().await;
    });
}

#[test]
fn a_body_of_another_shape_is_refused() {
    run(async {
        let town = town(World::new().await).await;
        for body in [
            json!({}),
            json!({ "kind": "restart", "when": "now" }),
            json!({ "kind": "restart", "args": [] }),
            json!({ "kind": "restart", "expires_in_s": -1 }),
        ] {
            let answer = town.ask(&town.owner, body.clone()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (422, "invalid-body"),
                "{body}"
            );
        }
        town.world.stop().await;
    });
}

#[test]
fn an_appliance_has_so_many_commands_and_none_when_it_is_gone() {
    run(async {
        let town = town(World::new().await).await;
        for _ in 0..20 {
            town.asked(&town.owner, json!({ "kind": "validate" })).await;
        }
        let more = town.ask(&town.owner, json!({ "kind": "validate" })).await;
        assert_eq!(
            (more.status, more.code().as_str()),
            (409, "commands-at-once")
        );
        let mut seen = Vec::new();
        let mut path = format!("{}?limit=7", town.path());
        loop {
            let page = town.world.get(&town.owner, &path).await.json();
            let items = page["items"].as_array().unwrap().clone();
            seen.extend(items.iter().map(|item| item["id"].to_string()));
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            let foreign = format!("{}?cursor={cursor}", town.path());
            let foreign = town.world.get(&town.viewer, &foreign).await;
            assert_eq!(foreign.status, 422, "a cursor is one person's");
            path = format!("{}?limit=7&cursor={cursor}", town.path());
        }
        let known = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((known, seen.len()), (20, 20));
        let by = Operator::at_the_console();
        let out = town
            .world
            .store
            .deactivate(&by, town.device.id, crate::service::now());
        assert!(out.await.unwrap());
        let none = town.ask(&town.owner, json!({ "kind": "validate" })).await;
        assert_eq!((none.status, none.code().as_str()), (409, "no-appliance"));
        town.world.stop().await;
    });
}

//! How a device is, what its flags are to its home, and what is installed: told by the device, asked for by people.

use std::time::Duration;

use serde_json::{Value, json};
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::SiteId;
use solthrive_domain::access::Role;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::{Who, World};
use crate::service::{Device, ago, run, snapshot};

struct Town {
    world: World,
    site: SiteId,
    owner: Who,
    device: Device,
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
        site,
        world,
    }
}

fn flag(seconds: i64, state: &str, severity: &str) -> Value {
    json!({
        "ts": ago(seconds), "code": "ct_reversed", "subject": "mains", "state": state, "severity": severity,
        "message": format!("as of {seconds} s ago"),
    })
}

impl Town {
    async fn reports(&self, more: Value) {
        let mut body =
            json!({ "device_id": self.device.id, "firmware": "2.1.0", "sent_at": ago(-90) });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (client, token) = (&self.world.client, &self.device.token);
        let answer = client
            .post("/v1/ingest/health", token, body.to_string())
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Asks until it is so: what was told is stored within a second.
    async fn until(&self, path: &str, what: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        for _ in 0..100 {
            let answer = self.world.get(&self.owner, path).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            seen = answer.json();
            if what(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never: {seen:#}");
    }

    fn alerts(&self) -> String {
        format!("/api/v1/sites/{}/alerts", self.site)
    }

    fn device(&self, what: &str) -> String {
        format!("/api/v1/device/{}/{what}", self.device.id)
    }
}

async fn a_flag_is_an_alert_until_it_is_cleared(world: World) {
    let town = town(world).await;
    // The newer one first, and the older one twice.
    for (seconds, severity) in [(60, "critical"), (300, "high"), (300, "high")] {
        town.reports(json!({ "events": [flag(seconds, "raised", severity)] }))
            .await;
    }
    let began = ago(300).to_string();
    let is_one = |told: &Value| {
        let items = told["items"].as_array().unwrap();
        items.len() == 1
            && items[0]["began_at"]
                .as_str()
                .is_some_and(|at| at <= began.as_str())
    };
    let told = town.until(&town.alerts(), is_one).await;
    let alert = &told["items"][0];
    assert_eq!(
        [
            &alert["code"],
            &alert["subject"],
            &alert["state"],
            &alert["severity"]
        ],
        ["ct_reversed", "mains", "firing", "critical"]
    );
    assert_eq!(alert["device"], json!(town.device.id));
    let home = town.world.get(&town.owner, "/api/v1/sites").await;
    assert_eq!(home.json()["items"][0]["alerts"], 1);
    let health = town.until(&town.device("health"), |_| true).await;
    assert_eq!(health["flags"].as_array().unwrap().len(), 1, "{health}");
    town.reports(json!({ "events": [flag(10, "cleared", "critical")] }))
        .await;
    let is_over = |told: &Value| told["items"][0]["state"] == "resolved";
    let told = town.until(&town.alerts(), is_over).await;
    assert_eq!(told["items"].as_array().unwrap().len(), 1);
    let home = town.world.get(&town.owner, "/api/v1/sites").await;
    assert_eq!(home.json()["items"][0]["alerts"], 0);
    town.world.stop().await;
}

#[test]
fn a_flag_is_an_alert_until_it_is_cleared_on_sqlite() {
    run(async {
        let settings = ["--no-second-factor", "--checkpoint-s", "1"];
        a_flag_is_an_alert_until_it_is_cleared(World::with(&settings).await).await;
    });
}

#[test]
fn a_flag_is_an_alert_until_it_is_cleared_on_postgresql() {
    run(async {
        let settings = ["--no-second-factor", "--checkpoint-s", "1"];
        let clock = solthrive_cloud::clock::Clock::system();
        let world = World::on_postgres_telling(clock, &settings).await;
        a_flag_is_an_alert_until_it_is_cleared(world).await;
    });
}

#[test]
fn the_health_of_a_device_tells_what_it_said_and_when() {
    run(async {
        let settings = ["--no-second-factor", "--checkpoint-s", "1"];
        let town = town(World::with(&settings).await).await;
        let never = town.until(&town.device("health"), |_| true).await;
        assert!(never.get("channel_open").is_none(), "{never}");
        let row = snapshot(60, 2.0);
        town.device.deliver(&town.world.client, &[row]).await;
        town.reports(
            json!({ "system": { "uptime_s": 77 }, "events": [flag(30, "raised", "high")] }),
        )
        .await;
        let path = town.device("health");
        let is_told = |health: &Value| health["system_at"].is_string() && health["rows"] == 1;
        let health = town.until(&path, is_told).await;
        assert_eq!(
            [&health["firmware"], &health["uptime_s"], &health["site"]],
            [&json!("2.1.0"), &json!(77), &json!(town.site)]
        );
        assert!(health["firmware_since"].is_string(), "{health}");
        let age = health["newest_age_s"].as_i64().unwrap();
        assert!((60..120).contains(&age), "{age}");
        // Its clock is a minute and a half ahead.
        let offset = health["clock_offset_ms"].as_i64().unwrap();
        assert!((80_000..=90_000).contains(&offset), "{offset}");
        // Who may not see alerts sees no flags.
        let scopes = json!({ "name": "x", "scopes": ["config.read"] });
        let script = town.world.token(&town.owner, scopes).await;
        let seen = town.world.get(&script, &path).await;
        assert_eq!((seen.status, seen.json().get("flags")), (200, None));
        channel_is_told(&town, &path).await;
        town.world.stop().await;
    });
}

async fn channel_is_told(town: &Town, path: &str) {
    let stream = town.world.client.dial().await;
    let mut request = "ws://localhost/v1/device/channel"
        .into_client_request()
        .unwrap();
    let token = format!("Bearer {}", town.device.token);
    request
        .headers_mut()
        .insert("authorization", token.parse().unwrap());
    let (line, _) = client_async(request, stream).await.unwrap();
    town.until(path, |health| health["channel_open"] == true)
        .await;
    drop(line);
    town.until(path, |health| health.get("channel_open").is_none())
        .await;
}

async fn what_is_installed_is_kept_with_its_history(world: World) {
    let town = town(world).await;
    let path = town.device("config");
    let never = town.until(&path, |_| true).await;
    assert_eq!(
        (&never["current"], &never["history"]),
        (&Value::Null, &json!([]))
    );
    let (one, other) = (
        json!({ "service": "split_phase" }),
        json!({ "service": "single_phase" }),
    );
    // Twice the same is once; what is no object, or too large, is none.
    let large = json!({ "x": "y".repeat(32_000) });
    for config in [&one, &one, &json!("no"), &large, &other, &other] {
        town.reports(json!({ "config": config })).await;
    }
    let is_other = |told: &Value| told["current"] == other;
    let told = town.until(&path, is_other).await;
    let history = told["history"].as_array().unwrap();
    let configs: Vec<_> = history.iter().map(|held| &held["config"]).collect();
    assert_eq!(configs, [&other, &one]);
    assert_eq!(told["since"], history[0]["from"]);
    assert!(history[1]["from"].as_str() <= history[0]["from"].as_str());
    town.world.stop().await;
}

#[test]
fn what_is_installed_is_kept_with_its_history_on_sqlite() {
    run(async {
        let settings = ["--no-second-factor", "--checkpoint-s", "1"];
        what_is_installed_is_kept_with_its_history(World::with(&settings).await).await;
    });
}

#[test]
fn what_is_installed_is_kept_with_its_history_on_postgresql() {
    run(async {
        let settings = ["--no-second-factor", "--checkpoint-s", "1"];
        let clock = solthrive_cloud::clock::Clock::system();
        let world = World::on_postgres_telling(clock, &settings).await;
        what_is_installed_is_kept_with_its_history(world).await;
    });
}

//! What people ask of the appliance through the cloud is done, once.

use std::time::Duration;

use serde_json::{Value, json};

use super::appliance::Appliance;
use super::cloud::Cloud;

struct Both {
    cloud: Cloud,
    appliance: Appliance,
}

impl Both {
    fn start() -> Self {
        let cloud = Cloud::start();
        let appliance = Appliance::start(&cloud);
        appliance.register(&cloud);
        appliance.until("connected", |status| status["state"] == "connected");
        Self { cloud, appliance }
    }

    fn path(&self) -> String {
        format!("/api/v1/sites/{}/commands", self.cloud.home.site)
    }

    /// Asks, and waits for the end.
    fn ask(&self, kind: &str, args: &Value) -> Value {
        let (status, asked) = self
            .cloud
            .post(&self.path(), &json!({"kind": kind, "args": args}));
        assert_eq!(status, 202, "{asked}");
        let id = asked["id"].as_str().unwrap().to_owned();
        for _ in 0..400 {
            let command = self.cloud.get(&format!("{}/{id}", self.path()));
            let state = command["state"].as_str().unwrap();
            if ["done", "failed", "refused", "expired"].contains(&state) {
                return command;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!(
            "{kind} never ends: {}",
            self.cloud.get(&format!("{}/{id}", self.path()))
        );
    }
}

fn value_of<'a>(effective: &'a Value, key: &str) -> &'a Value {
    &effective["effective"][key]["value"]
}

#[test]
fn an_owner_looks_into_the_appliance() {
    let both = Both::start();
    let told = both.ask("diagnostics", &json!({}));
    let result = &told["result"];
    assert_eq!(
        (
            &told["state"],
            &result["health"]["modbus_status"],
            &result["cloud"]["state"]
        ),
        (&json!("done"), &json!("ok"), &json!("connected")),
        "{told}"
    );
    let told = both.ask("validate", &json!({}));
    assert_eq!(
        (&told["state"], &told["result"]["measured"]),
        (&json!("done"), &json!(true)),
        "{told}"
    );
    let told = both.ask("logs_tail", &json!({"lines": 50}));
    let lines = told["result"]["lines"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line.as_str().unwrap().contains("the link is open")),
        "{told}"
    );
}

#[test]
fn an_owner_changes_the_configuration_and_starts_the_appliance_anew() {
    let both = Both::start();
    // Wrong configurations are refused with the reason, and change nothing.
    let wrong = both.ask(
        "config_set",
        &json!({"config": {"storage": {"minute_dayz": 3}}}),
    );
    let why = wrong["result"]["detail"].as_str().unwrap();
    assert!(
        wrong["state"] == "failed" && why.contains("minute_days"),
        "{wrong}"
    );
    let not = both.ask(
        "config_set",
        &json!({"config": {"cloud": {"url": "https://evil.example"}}}),
    );
    assert_eq!(
        (&not["state"], &not["result"]["code"]),
        (&json!("failed"), &json!("not_from_afar")),
        "{not}"
    );
    let before = both.ask("config_get", &json!({}));
    assert_eq!(
        value_of(&before["result"], "storage.minute_days"),
        &json!(30),
        "{before}"
    );
    let base = before["result"]["version"].clone();
    let set = both.ask(
        "config_set",
        &json!({"config": {"storage": {"minute_days": 29}}, "base": base}),
    );
    assert_eq!(set["state"], "done", "{set}");
    let after = both.ask("config_get", &json!({}));
    assert_eq!(
        value_of(&after["result"], "storage.minute_days"),
        &json!(29),
        "{after}"
    );
    let stale = both.ask("config_set", &json!({"config": {}, "base": base}));
    assert_eq!(
        (&stale["state"], &stale["result"]["code"]),
        (&json!("failed"), &json!("conflict")),
        "{stale}"
    );
    let restarted = both.ask("restart", &json!({}));
    assert_eq!(restarted["state"], "done", "{restarted}");
    let told = both.ask("diagnostics", &json!({}));
    assert!(
        told["result"]["system"]["uptime_s"].as_u64() < Some(60),
        "{told}"
    );
    let refused = both.ask("tunnel_open", &json!({}));
    assert_eq!(
        (&refused["state"], &refused["result"]["code"]),
        (&json!("refused"), &json!("not_supported")),
        "{refused}"
    );
}

#[test]
fn a_token_that_takes_over_lets_the_appliance_in_and_the_old_one_nobody() {
    let both = Both::start();
    both.cloud
        .admin(&["token", "rotate", &both.cloud.home.serial], "");
    let told = both.ask("token_rotate", &json!({}));
    assert_eq!(told["state"], "done", "{told}");
    let file = std::fs::read_to_string(both.appliance.path("etc/device_token")).unwrap();
    let tokens: Vec<&str> = file.lines().collect();
    assert!(
        tokens.len() == 2
            && tokens[0] != both.cloud.home.token
            && tokens[1] == both.cloud.home.token
    );
    both.appliance.until("connected", |status| {
        status["state"] == "connected" && status["delivery"]["waiting_rows"] == 0
    });
}

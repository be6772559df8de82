//! Snapshots each second while somebody looks, and no longer.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::json;
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::Registry as _;
use solthrive_domain::access::Operator;

use super::device::Line;
use super::{Town, World, both, town};
use crate::api::Who;
use crate::service::{Client, Open, now, run};

impl Town {
    async fn watch(&self) -> Open {
        let Who::Cookie(cookie) = &self.owner else {
            panic!("a session");
        };
        let path = format!("/api/v1/sites/{}/live", self.site);
        let stream = self.world.client.open(&path, &[("cookie", cookie)]).await;
        assert_eq!(stream.status, 200);
        stream
    }
}

#[test]
fn an_appliance_is_live_while_somebody_looks_and_nothing_of_that_is_stored() {
    run(both(async |town: Town| {
        let mut line = town.line().await;
        assert!(line.is_quiet().await, "nobody looks");
        let began = now().get();
        let stream = town.watch().await;
        let command = line.command().await;
        assert!(now().get() - began < 2_000, "{} ms", now().get() - began);
        assert_eq!(
            (&command["kind"], &command["args"], &command["expires_in_s"]),
            (&json!("live"), &json!({ "seconds": 60 }), &json!(60))
        );
        let second = town.watch().await;
        line.say(&json!({ "id": command["id"], "state": "running" }))
            .await;
        assert!(line.is_quiet().await, "one is enough for all who look");
        let all = town.world.get(&town.owner, &town.path()).await.json();
        assert_eq!(all["items"], json!([]));
        let by = Operator::at_the_console();
        let rows = town.world.store.audit(&by, None, 100).await.unwrap();
        assert!(rows.iter().all(|row| !row.action.starts_with("command")));
        assert!(!town.is_pending(&town.world.client).await);
        // Whoever comes while somebody looks is told at once.
        drop(line);
        let mut line = town.line().await;
        assert_eq!(line.command().await["kind"], "live");
        drop((stream, second));
        town.world.stop().await;
    }));
}

#[test]
fn it_is_asked_again_before_its_minute_is_over_and_not_when_nobody_looks_any_more() {
    run(async {
        let leap: &'static AtomicI64 = Box::leak(Box::default());
        let world = World::telling(Clock::ahead(leap), &["--no-second-factor"]).await;
        let town = town(world).await;
        let mut line = town.line().await;
        let stream = town.watch().await;
        let first = line.command().await;
        let began = now().get();
        let again = line.command_within(Duration::from_secs(50)).await;
        let again = again.expect("it is asked again");
        let took = now().get() - began;
        assert!((38_000..50_000).contains(&took), "{took} ms");
        assert_ne!(first["id"], again["id"]);
        // A reader who is gone is forgotten within half a minute, and whoever comes then is not asked.
        drop((stream, line));
        tokio::time::sleep(Duration::from_secs(1)).await;
        leap.fetch_add(31_000, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut line = town.line().await;
        let more = line.command_within(Duration::from_millis(2_500)).await;
        assert_eq!(more, None, "nobody looks");
        town.world.stop().await;
    });
}

#[test]
fn who_looks_on_one_node_has_the_appliance_on_the_other_live() {
    run(async {
        let town = town(World::on_postgres().await).await;
        let other = town.world.another_node().await;
        let there = Client::plain(other.address);
        let mut line = Line::open(&there, &town.device.token).await.unwrap();
        let began = now().get();
        let stream = town.watch().await;
        assert_eq!(line.command().await["kind"], "live");
        assert!(now().get() - began < 2_000, "{} ms", now().get() - began);
        drop(stream);
        town.world.stop().await;
        other.stop().await;
    });
}

//! Who is let in, for how long, and how much he may say.

use std::time::Duration;

use serde_json::json;
use solthrive_cloud::secrets::hash_token;
use solthrive_cloud_store::meta::Registry as _;
use solthrive_domain::access::Operator;
use solthrive_protocol::{Close, MAX_REPORT};

use super::device::Line;
use super::{Town, World, both, town};
use crate::service::{Client, now, run};

const BY: Operator = Operator::at_the_console();

#[test]
fn who_is_not_let_in_is_answered_as_by_ingest() {
    run(async {
        let town = town(World::new().await).await;
        let client = &town.world.client;
        assert_eq!(Line::open(client, "std_nobody").await.err(), Some(401));
        let waiting = town.world.fleet.device().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(Line::open(client, &waiting.token).await.err(), Some(403));
        // Without asking for a WebSocket it is a call like any other, and none that there is.
        let headers = [("authorization", format!("Bearer {}", town.device.token))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let plain = client.open("/v1/device/channel", &headers).await;
        assert!((400..500).contains(&plain.status), "{}", plain.status);
        let out = town
            .world
            .store
            .deactivate(&BY, town.device.id, now())
            .await;
        assert!(out.unwrap());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(
            Line::open(client, &town.device.token).await.err(),
            Some(410)
        );
        town.world.stop().await;
    });
}

#[test]
fn a_revoked_token_and_a_deactivated_device_lose_their_line_within_ten_seconds() {
    run(both(async |town: Town| {
        let mut line = town.line().await;
        let token = hash_token(&town.device.token);
        let began = now().get();
        let revoked = town.world.store.revoke_token(&BY, token, now()).await;
        assert!(revoked.unwrap());
        assert_eq!(line.closed().await, Some(Close::UnknownToken.code()));
        assert!(now().get() - began < 10_000);
        let site = town.world.site(town.wirer, "Next door").await;
        let device = town.world.device(site, town.wirer).await;
        let mut line = Line::open(&town.world.client, &device.token).await.unwrap();
        let began = now().get();
        let out = town.world.store.deactivate(&BY, device.id, now()).await;
        assert!(out.unwrap());
        assert_eq!(line.closed().await, Some(Close::Deactivated.code()));
        assert!(now().get() - began < 10_000);
        town.world.stop().await;
    }));
}

#[test]
fn a_newer_line_takes_the_place_of_the_older_one() {
    run(async {
        let town = town(World::new().await).await;
        let mut older = town.line().await;
        let mut newer = town.line().await;
        assert_eq!(older.closed().await, Some(Close::Replaced.code()));
        let id = town.asked(json!({ "kind": "validate" })).await;
        assert_eq!(newer.command().await["id"], json!(id));
        town.world.stop().await;
    });
}

#[test]
fn a_line_on_which_nothing_is_heard_is_closed_and_one_that_answers_pings_is_not() {
    run(async {
        let town = town(World::new().await).await;
        let site = town.world.site(town.wirer, "Next door").await;
        let other = town.world.device(site, town.wirer).await;
        let mut sound = Line::open(&town.world.client, &other.token).await.unwrap();
        let mut dead = town.line().await;
        // Who does not read does not answer either.
        let more = sound.command_within(Duration::from_secs(68)).await;
        assert_eq!(more, None);
        // Unless it was reset meanwhile, it still finds out why.
        let closed = dead.closed().await;
        assert!(
            closed.is_none_or(|code| code == Close::Silent.code()),
            "{closed:?}"
        );
        let again = town.line().await;
        drop(again);
        town.world.stop().await;
    });
}

#[test]
fn a_flood_closes_the_line_and_harms_nobody_else() {
    run(async {
        let town = town(World::new().await).await;
        let site = town.world.site(town.wirer, "Next door").await;
        let calm = town.world.device(site, town.wirer).await;
        let mut calm = Line::open(&town.world.client, &calm.token).await.unwrap();
        let mut line = town.line().await;
        for _ in 0..500 {
            let said = json!({ "id": uuid::Uuid::from_u128(7), "state": "running" });
            if !line.try_say(said.to_string()).await {
                break;
            }
        }
        assert_eq!(line.closed().await, Some(Close::TooMuch.code()));
        // Who comes again has not got more.
        assert_eq!(
            Line::open(&town.world.client, &town.device.token)
                .await
                .err(),
            Some(429)
        );
        assert!(calm.is_quiet().await, "still there");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let again = Line::open(&town.world.client, &town.device.token).await;
        assert!(again.is_ok(), "after a while it may come again");
        town.world.stop().await;
    });
}

#[test]
fn what_is_no_report_or_too_large_is_no_reason_to_break() {
    run(async {
        let town = town(World::new().await).await;
        let mut line = town.line().await;
        let id = town.asked(json!({ "kind": "diagnostics" })).await;
        line.command().await;
        for text in ["", "{}", "[]", "\u{0}", "{\"id\":1}"] {
            assert!(line.try_say(text.to_owned()).await);
        }
        assert!(line.try_say_bytes(vec![0xff; 100]).await);
        line.say(&json!({ "id": id, "state": "exploded" })).await;
        line.say(&json!({ "id": id, "state": "running", "progress": 7 }))
            .await;
        let frame = json!({ "id": id, "state": "done", "result": "" })
            .to_string()
            .len();
        let largest =
            json!({ "id": id, "state": "done", "result": "x".repeat(MAX_REPORT - frame) });
        assert_eq!(largest.to_string().len(), MAX_REPORT);
        line.say(&largest).await;
        let told = town.until(&id, "done").await;
        assert_eq!(told["result"].as_str().unwrap().len(), MAX_REPORT - frame);
        assert!(line.try_say(format!("{largest} ")).await);
        assert_eq!(line.closed().await, Some(Close::TooMuch.code()));
        town.world.stop().await;
    });
}

#[test]
fn a_line_over_tls_is_told_when_the_service_ends() {
    run(async {
        let world = World::with(&["--no-second-factor", "--tls"]).await;
        let certificate = world.folder.path().join("dev-cert.pem");
        let world = World {
            client: Client::trusting(world.running.address, &certificate),
            ..world
        };
        let town = town(world).await;
        let mut line = town.line().await;
        let id = town.asked(json!({ "kind": "validate" })).await;
        assert_eq!(line.command().await["id"], json!(id));
        let (closed, ()) = tokio::join!(line.closed(), town.world.stop());
        assert_eq!(closed, Some(Close::Restart.code()));
    });
}

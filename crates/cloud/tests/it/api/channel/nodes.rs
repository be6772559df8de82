//! Several nodes, and a store that goes away.

use serde_json::json;
use solthrive_protocol::Close;
use solthrive_testkit::Server;

use super::device::Line;
use super::{World, town};
use crate::service::{Client, Fleet, now, run, serve};

#[test]
fn a_command_that_was_asked_on_one_node_goes_down_on_the_other_within_two_seconds() {
    run(async {
        let town = town(World::on_postgres().await).await;
        let other = town.world.another_node().await;
        let there = Client::plain(other.address);
        let mut line = Line::open(&there, &town.device.token).await.unwrap();
        for _ in 0..3 {
            let began = now().get();
            let id = town.asked(json!({ "kind": "validate" })).await;
            assert_eq!(line.command().await["id"], json!(id));
            assert!(now().get() - began < 2_000, "{} ms", now().get() - began);
            line.say(&json!({ "id": id, "state": "done" })).await;
            town.until(&id, "done").await;
        }
        town.asked(json!({ "kind": "restart" })).await;
        line.command().await;
        town.until_pending(&town.world.client, true).await;
        town.until_pending(&there, true).await;
        town.world.stop().await;
        other.stop().await;
    });
}

#[test]
fn an_appliance_with_a_line_on_two_nodes_gets_it_on_either_and_it_ends_once() {
    run(async {
        let town = town(World::on_postgres().await).await;
        let other = town.world.another_node().await;
        let mut here = town.line().await;
        let mut there = Line::open(&Client::plain(other.address), &town.device.token)
            .await
            .unwrap();
        let id = town.asked(json!({ "kind": "update" })).await;
        assert_eq!(here.command().await["id"], json!(id));
        assert_eq!(
            there.command().await["id"],
            json!(id),
            "the same one, to be executed once"
        );
        here.say(&json!({ "id": id, "state": "done", "result": "here" }))
            .await;
        assert_eq!(town.until(&id, "done").await["result"], "here");
        there
            .say(&json!({ "id": id, "state": "failed", "result": "there" }))
            .await;
        assert!(there.is_quiet().await);
        assert_eq!(town.command(&id).await["result"], "here");
        // The node goes away, and its appliances come to the other one.
        let (closed, ()) = tokio::join!(there.closed(), other.stop());
        assert_eq!(closed, Some(Close::Restart.code()));
        town.world.stop().await;
    });
}

#[test]
fn while_the_store_is_away_a_report_is_sent_back_and_asked_for_again() {
    run(async {
        let server = Server::start().unwrap();
        let url = server.database("away").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = serve(folder.path(), &url, &["--no-second-factor"]);
        let clock = solthrive_cloud::clock::Clock::system();
        let running = solthrive_cloud::app::Running::start(&settings, clock)
            .await
            .unwrap();
        let store = solthrive_cloud_store::sql::SqlStore::postgres(&url)
            .await
            .unwrap();
        let world = World {
            client: Client::plain(running.address),
            fleet: Fleet::new(std::sync::Arc::clone(&running.registry), folder.path()),
            running,
            store,
            folder: std::sync::Arc::new(folder),
            database: None,
        };
        let town = town(world).await;
        let mut line = town.line().await;
        let id = town.asked(json!({ "kind": "validate" })).await;
        line.command().await;
        server.halt().unwrap();
        line.say(&json!({ "id": id, "state": "done", "result": 7 }))
            .await;
        assert_eq!(line.closed().await, Some(Close::Unavailable.code()));
        server.resume().unwrap();
        let mut line = town.line().await;
        assert_eq!(line.command().await["id"], json!(id), "what became of it?");
        line.say(&json!({ "id": id, "state": "done", "result": 7 }))
            .await;
        assert_eq!(town.until(&id, "done").await["result"], 7);
        town.world.stop().await;
    });
}

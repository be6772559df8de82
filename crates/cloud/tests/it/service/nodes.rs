//! Several nodes on one PostgreSQL, and a PostgreSQL that goes away.

#![expect(
    clippy::disallowed_methods,
    reason = "how long an answer took is what is promised"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use solthrive_cloud_store::meta::TokenHash;
use solthrive_domain::access::Operator;
use solthrive_testkit::{Database, Server};
use tempfile::TempDir;

use super::fleet::{Device, now, snapshot};
use super::{World, run};
use crate::service::Client;

async fn node(folder: &Arc<TempDir>, url: &str) -> World {
    World::on(Arc::clone(folder), url, &[]).await
}

/// Delivers until the answer is `status`; how long it took.
async fn until(status: u16, device: &Device, client: &Client) -> Duration {
    let began = Instant::now();
    for n in 0.. {
        let answer = device.deliver(client, &[snapshot(1_000 + n, 2.0)]).await;
        if answer.status == status {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    began.elapsed()
}

#[test]
fn two_nodes_take_each_snapshot_once() {
    run(async {
        let (database, folder) = (
            Database::fresh().unwrap(),
            Arc::new(tempfile::tempdir().unwrap()),
        );
        let (one, other) = (
            node(&folder, database.url()).await,
            node(&folder, database.url()).await,
        );
        let device = one.fleet.at_home(&one.client).await;
        until(200, &device, &other.client).await;
        let mut calls = tokio::task::JoinSet::new();
        let addresses = [one.running.address, other.running.address];
        for n in 0..20 {
            for address in addresses {
                let device = device.clone();
                calls.spawn(async move {
                    device
                        .deliver(&Client::plain(address), &[snapshot(5_000 + n, 2.0)])
                        .await
                        .counts()
                });
            }
        }
        let mut sums = [0; 3];
        while let Some(counts) = calls.join_next().await {
            for (sum, count) in sums.iter_mut().zip(counts.unwrap()) {
                *sum += count;
            }
        }
        assert_eq!(sums, [20, 20, 0]);
        one.running.stop().await;
        other.running.stop().await;
    });
}

#[test]
fn a_revoked_token_and_a_deactivated_device_are_out_everywhere_within_ten_seconds() {
    run(async {
        let (database, folder) = (
            Database::fresh().unwrap(),
            Arc::new(tempfile::tempdir().unwrap()),
        );
        let (one, other) = (
            node(&folder, database.url()).await,
            node(&folder, database.url()).await,
        );
        let (revoked, gone) = (
            one.fleet.at_home(&one.client).await,
            one.fleet.at_home(&one.client).await,
        );
        for device in [&revoked, &gone] {
            until(200, device, &other.client).await;
        }
        let (by, registry) = (Operator::at_the_console(), &one.fleet.registry);
        let token: TokenHash = solthrive_cloud::secrets::hash_token(&revoked.token);
        assert!(registry.revoke_token(&by, token, now()).await.unwrap());
        assert!(registry.deactivate(&by, gone.id, now()).await.unwrap());
        for client in [&one.client, &other.client] {
            assert!(until(401, &revoked, client).await < Duration::from_secs(10));
            assert!(until(410, &gone, client).await < Duration::from_secs(10));
        }
        one.running.stop().await;
        other.running.stop().await;
    });
}

#[test]
fn while_the_database_is_away_calls_are_sent_back_and_then_it_goes_on() {
    run(async {
        let server = Server::start().unwrap();
        let url = server.database("away").unwrap();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let world = node(&folder, &url).await;
        let device = world.fleet.at_home(&world.client).await;
        assert_eq!(
            device
                .deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .counts(),
            [1, 0, 0]
        );
        server.halt().unwrap();
        let answer = device.deliver(&world.client, &[snapshot(50, 2.0)]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "unavailable")
        );
        assert!(answer.header("retry-after").is_some());
        assert!(
            !answer.text.contains("postgres") && !answer.text.contains("sql"),
            "{answer:?}"
        );
        server.resume().unwrap();
        until(200, &device, &world.client).await;
        // What was acknowledged before is known, what was sent back is not.
        assert_eq!(
            device
                .deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .status,
            200
        );
        world.running.stop().await;
    });
}

#[test]
fn a_database_that_swallows_everything_is_given_up_in_time_and_found_again() {
    run(async {
        let server = Server::start().unwrap();
        let url = server.database("frozen").unwrap();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let world = node(&folder, &url).await;
        let device = world.fleet.at_home(&world.client).await;
        until(200, &device, &world.client).await;
        server.freeze().unwrap();
        let began = Instant::now();
        let row = snapshot(50, 2.0);
        let answer = device
            .deliver(&world.client, std::slice::from_ref(&row))
            .await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some());
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
        let answer = device.deliver(&world.client, &[snapshot(49, 2.0)]).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        server.thaw().unwrap();
        assert!(until(200, &device, &world.client).await < Duration::from_secs(20));
        // It may have been stored without an answer: once, whatever happened.
        let answer = device.deliver(&world.client, &[row]).await;
        let [accepted, duplicates, conflicts] = answer.counts();
        assert_eq!((accepted + duplicates, conflicts), (1, 0));
        // And a revocation is heard of again.
        let (by, registry) = (Operator::at_the_console(), &world.fleet.registry);
        let token: TokenHash = solthrive_cloud::secrets::hash_token(&device.token);
        assert!(registry.revoke_token(&by, token, now()).await.unwrap());
        assert!(until(401, &device, &world.client).await < Duration::from_secs(10));
        world.running.stop().await;
    });
}

#[test]
fn who_stops_while_the_database_is_frozen_ends_all_the_same() {
    run(async {
        let server = Server::start().unwrap();
        let url = server.database("frozen").unwrap();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let world = node(&folder, &url).await;
        let device = world.fleet.at_home(&world.client).await;
        until(200, &device, &world.client).await;
        server.freeze().unwrap();
        let began = Instant::now();
        world.running.stop().await;
        assert!(
            began.elapsed() < Duration::from_secs(40),
            "{:?}",
            began.elapsed()
        );
    });
}

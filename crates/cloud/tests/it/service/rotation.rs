//! A device's token is exchanged while it calls, and it is never without one.

#![expect(
    clippy::disallowed_methods,
    reason = "how long the old token works is what is promised"
)]

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use solthrive_cloud::secrets::hash_token;
use solthrive_domain::access::Operator;
use solthrive_domain::rotation::Asking;
use solthrive_testkit::Database;
use tempfile::TempDir;

use super::fleet::{Device, now, snapshot};
use super::{World, run};
use crate::service::{Answer, Client};

const BY: Operator = Operator::at_the_console();
const PATIENCE: Duration = Duration::from_secs(60);

async fn call(device: &Device, client: &Client) -> Answer {
    device.deliver(client, &[snapshot(60, 2.0)]).await
}

fn offered(answer: &Answer) -> Option<String> {
    answer.json()["next_token"].as_str().map(str::to_owned)
}

/// Calls like a device that keeps nothing until it is offered a token.
async fn until_offered(device: &Device, client: &Client) -> String {
    let began = Instant::now();
    loop {
        let answer = call(device, client).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if let Some(token) = offered(&answer) {
            return token;
        }
        assert!(began.elapsed() < PATIENCE, "no token was offered");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Calls until the answer is `status`; how long it took.
async fn until(status: u16, device: &Device, client: &Client) -> Duration {
    let began = Instant::now();
    loop {
        let answer = call(device, client).await;
        if answer.status == status {
            return began.elapsed();
        }
        assert!(began.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn ask(world: &World, device: &Device) {
    let (registry, devices) = (&world.fleet.registry, [device.id]);
    let told = registry.ask_rotation(&BY, &devices, now());
    assert_eq!(told.await.unwrap(), [Some(Asking::Begin)]);
}

fn with(device: &Device, token: &str) -> Device {
    Device {
        token: token.to_owned(),
        ..device.clone()
    }
}

#[test]
fn a_token_takes_over_however_many_answers_are_lost() {
    run(async {
        let world = World::new().await;
        let old = world.fleet.at_home(&world.client).await;
        assert_eq!(offered(&call(&old, &world.client).await), None);
        ask(&world, &old).await;
        let next = until_offered(&old, &world.client).await;
        // Lost answers, or a crash before it was kept: the old one works, and the same one is offered again.
        for _ in 0..5 {
            let again = call(&old, &world.client).await;
            assert_eq!((again.status, offered(&again)), (200, Some(next.clone())));
        }
        // A crash after it was kept and before it was used: it is used at the next start.
        let new = with(&old, &next);
        let first = call(&new, &world.client).await;
        assert_eq!((first.status, offered(&first)), (200, None));
        assert!(until(401, &old, &world.client).await < Duration::from_secs(10));
        // Whoever has the old one is told nothing.
        let answer = call(&old, &world.client).await;
        assert!(!answer.text.contains("std_"), "{answer:?}");
        let later = call(&new, &world.client).await;
        assert_eq!((later.status, offered(&later)), (200, None));
        let rows = world.fleet.registry.audit(&BY, None, 3).await.unwrap();
        let told: Vec<_> = rows.iter().rev().map(|row| row.action.as_str()).collect();
        let steps = ["token_rotation_asked", "token_prepared", "token_rotated"];
        assert_eq!(told, steps.map(|step| format!("device.{step}")));
        let folder = Arc::clone(&world.folder);
        world.running.stop().await;
        assert_nowhere(&folder, &[&old.token, &next]);
    });
}

/// No file of the store holds one of these texts.
fn assert_nowhere(folder: &TempDir, secrets: &[&str]) {
    let mut files = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            for secret in secrets {
                let found = bytes
                    .windows(secret.len())
                    .any(|it| it == secret.as_bytes());
                assert!(!found, "a token is in {}", path.display());
            }
            files += 1;
        }
    }
    assert!(files >= 3, "log, registry and pepper");
}

#[test]
fn a_service_that_starts_anew_offers_the_same_token() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        ask(&world, &device).await;
        let next = until_offered(&device, &world.client).await;
        let world = world.restarted().await;
        assert_eq!(until_offered(&device, &world.client).await, next);
        // Kept before the restart and used after it.
        assert_eq!(call(&with(&device, &next), &world.client).await.status, 200);
        assert!(until(401, &device, &world.client).await < Duration::from_secs(10));
        world.running.stop().await;
    });
}

#[test]
fn a_token_that_was_taken_back_lets_nobody_in_and_the_old_one_works_on() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        ask(&world, &device).await;
        let next = until_offered(&device, &world.client).await;
        let registry = &world.fleet.registry;
        let back = registry.revoke_token(&BY, hash_token(&next), now()).await;
        assert!(back.unwrap());
        // A device that comes with it is sent back to its old one.
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(call(&with(&device, &next), &world.client).await.status, 401);
        let answer = call(&device, &world.client).await;
        assert_eq!((answer.status, offered(&answer)), (200, None));
        world.running.stop().await;
    });
}

async fn node(folder: &Arc<TempDir>, url: &str) -> World {
    World::on(Arc::clone(folder), url, &[]).await
}

#[test]
fn two_nodes_offer_one_token_and_both_know_it_at_once() {
    run(async {
        let database = Database::fresh().unwrap();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let url = database.url();
        let (one, other) = (node(&folder, url).await, node(&folder, url).await);
        let (old, second) = (
            one.fleet.at_home(&one.client).await,
            one.fleet.at_home(&one.client).await,
        );
        for device in [&old, &second] {
            until(200, device, &other.client).await;
            ask(&one, device).await;
        }
        let next = until_offered(&second, &one.client).await;
        assert_eq!(until_offered(&second, &other.client).await, next);
        // The other node has known the token for as long: it is let in there without any delay.
        let new = with(&old, &until_offered(&old, &one.client).await);
        assert_eq!(call(&new, &other.client).await.status, 200);
        for client in [&one.client, &other.client] {
            assert!(until(401, &old, client).await < Duration::from_secs(10));
            assert_eq!(call(&new, client).await.status, 200);
        }
        one.running.stop().await;
        other.running.stop().await;
    });
}

#[test]
fn a_node_with_another_pepper_offers_nothing_that_would_lock_a_device_out() {
    run(async {
        let database = Database::fresh().unwrap();
        let fresh = || Arc::new(tempfile::tempdir().unwrap());
        let url = database.url();
        let (one, stray) = (node(&fresh(), url).await, node(&fresh(), url).await);
        let device = one.fleet.at_home(&one.client).await;
        until(200, &device, &stray.client).await;
        ask(&one, &device).await;
        let next = until_offered(&device, &one.client).await;
        // Longer than the time after which it would offer one of its own.
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(14) {
            let answer = call(&device, &stray.client).await;
            assert_eq!((answer.status, offered(&answer)), (200, None));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert_eq!(call(&with(&device, &next), &stray.client).await.status, 200);
        one.running.stop().await;
        stray.running.stop().await;
    });
}

//! The service with real sockets and a real store, called as devices call it.

mod abuse;
mod budgets;
mod client;
mod damage;
mod deliveries;
mod fleet;
mod nodes;
mod registration;
mod rotation;

use std::path::Path;
use std::sync::Arc;

use solthrive_cloud::app::Running;
use solthrive_cloud::clock::Clock;
use solthrive_cloud::config::Serve;
use tempfile::TempDir;

pub(crate) use self::client::{Answer, Client, Open, Wire};
pub(crate) use self::fleet::{Device, Fleet, ago, now, snapshot, snapshot_at};

/// A service on a port of its own, and what its tests need.
struct World {
    running: Running,
    client: Client,
    fleet: Fleet,
    folder: Arc<TempDir>,
}

impl World {
    /// One on the embedded store, with plain HTTP.
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[&str]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::on(folder, "sqlite:", settings).await
    }

    async fn on(folder: Arc<TempDir>, store: &str, settings: &[&str]) -> Self {
        let running = Running::start(&serve(folder.path(), store, settings), Clock::system())
            .await
            .unwrap();
        let fleet = Fleet::new(Arc::clone(&running.registry), folder.path());
        Self {
            client: Client::plain(running.address),
            running,
            fleet,
            folder,
        }
    }

    /// Ends it and starts another on what it left.
    async fn restarted(self) -> Self {
        let Self {
            running,
            folder,
            fleet,
            ..
        } = self;
        running.stop().await;
        let settings = serve(folder.path(), "sqlite:", &[]);
        let running = Running::start(&settings, Clock::system()).await.unwrap();
        Self {
            client: Client::plain(running.address),
            running,
            fleet,
            folder,
        }
    }
}

/// Settings as the command line would give them.
pub(crate) fn serve(folder: &Path, store: &str, more: &[&str]) -> Serve {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        serve: Serve,
    }
    let folder = folder.to_str().unwrap();
    let fixed = [
        "serve",
        "--data",
        folder,
        "--store",
        store,
        "--listen",
        "127.0.0.1:0",
    ];
    let plain = if more.contains(&"--tls") {
        None
    } else {
        Some(&"--plain-http")
    };
    let more = more.iter().filter(|word| **word != "--tls");
    Line::parse_from(fixed.iter().chain(plain).chain(more)).serve
}

/// Devices that are at home, in a store that nobody has open afterwards.
pub(crate) async fn devices_on(folder: &Path, store: &str, count: usize) -> Vec<Device> {
    let running = Running::start(&serve(folder, store, &[]), Clock::system())
        .await
        .unwrap();
    let client = Client::plain(running.address);
    let fleet = Fleet::new(Arc::clone(&running.registry), folder);
    let mut devices = Vec::new();
    for _ in 0..count {
        devices.push(fleet.at_home(&client).await);
    }
    running.stop().await;
    devices
}

/// Devices that are not registered yet, each with the code for a home of its own.
pub(crate) async fn devices_with_codes(folder: &Path, count: usize) -> Vec<(Device, String)> {
    let running = Running::start(&serve(folder, "sqlite:", &[]), Clock::system())
        .await
        .unwrap();
    let fleet = Fleet::new(Arc::clone(&running.registry), folder);
    let mut devices = Vec::new();
    for _ in 0..count {
        devices.push((fleet.device().await, fleet.home().await.code));
    }
    running.stop().await;
    devices
}

/// Runs a test that needs a runtime, with two threads as the service has.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

//! `solthrived`: reads the configuration, opens the store, starts the threads, serves, and stops.
//!
//! Order matters: the store's lock proves that no other daemon works in the folder before anything
//! is asked on a bus; polling starts before the web server, and a port that is taken does not stop it.

pub(crate) mod clocks;
mod facts;
mod latest_file;
mod outside;
mod pipeline;
mod restart;
mod start;
mod systemd;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::files::Places;
use crate::config::last_good::{Started, load_or_last_good};
use crate::http::{self, AppState};
use crate::logging;
use crate::sync::orders::roll_back_if_out_of_tries;
use crate::vital::{Ended, vital};
pub(crate) use restart::Again;
use systemd::Systemd;

/// Between two attempts to take the web server's address.
const BIND_AGAIN: Duration = Duration::from_secs(10);

/// The appliance's daemon: polls the meters, keeps the totals, stores, serves the dashboard.
///
/// Without any configuration it expects a version 1 site: /dev/ttyUSB0, 9600 8N1, unit 1.
/// `solthrive-cli config check` tells what is wrong with a configuration before it is used.
#[derive(Debug, clap::Parser)]
#[command(name = "solthrived", version, max_term_width = 100)]
pub struct Args {
    /// Folder with base.yaml, network.yaml, meter.yaml, api.yaml, logging.yaml and others.
    #[arg(long, default_value = "/etc/solthrive", value_name = "FOLDER")]
    pub config_dir: PathBuf,
    /// A file whose values win over the folder's; it need not exist.
    #[arg(
        long = "override",
        default_value = "/boot/solthrive/config.yaml",
        value_name = "FILE"
    )]
    pub override_file: PathBuf,
    /// Folder for history, totals and logs.
    #[arg(long, default_value = "/var/solthrive", value_name = "FOLDER")]
    pub data_dir: PathBuf,
}

/// Runs until SIGTERM or SIGINT. Exit codes: 0 stopped, 1 could not start or go on, 2 configuration.
pub fn run(args: Args) -> ExitCode {
    let places = Places {
        config_dir: args.config_dir,
        override_file: args.override_file,
        data_dir: args.data_dir,
    };
    roll_back_if_out_of_tries(&places.data_dir);
    let started = match load_or_last_good(&places, std::env::vars_os()) {
        Ok(started) => started,
        Err(errors) => {
            eprintln!("{errors}");
            eprintln!(
                "solthrived: the configuration has errors, and there is no earlier one that worked"
            );
            return ExitCode::from(2);
        }
    };
    match logging::start(started.loaded.config.logging, &places.data_dir) {
        Ok(None) => {}
        Ok(Some(error)) => {
            tracing::warn!(%error, "the log file cannot be written; standard output goes on");
        }
        Err(error) => eprintln!("solthrived: {error}"),
    }
    report_configuration(&started);
    match serve(&places, &started) {
        Ok(End::Stop) => ExitCode::SUCCESS,
        Ok(End::Again) => restart::again(),
        Err(error) => {
            tracing::error!("solthrived ends: {error:#}");
            eprintln!("solthrived: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn report_configuration(started: &Started) {
    for warning in &started.loaded.warnings {
        tracing::warn!("configuration: {warning}");
    }
    if let Some(errors) = &started.errors {
        for problem in &errors.problems {
            tracing::error!("configuration: {problem}");
        }
        tracing::error!("the configuration has errors; the last one that worked is in use");
    }
}

/// How the service ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Somebody told it to stop.
    Stop,
    /// It starts anew.
    Again,
}

fn serve(places: &Places, started: &Started) -> anyhow::Result<End> {
    let listen = started.loaded.config.network.listen;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Answers that read the disk; two at once are plenty, and they end when idle.
        .max_blocking_threads(2)
        .thread_keep_alive(Duration::from_secs(5))
        .build()
        .context("the runtime of the web server cannot be started")?;
    let systemd = Systemd::from_env();
    let (vital, ended) = vital();
    let (running, setup) = start::everything(places, started, &systemd, &vital)?;
    systemd.ready();
    let shutdown = CancellationToken::new();
    let again = Again::default();
    let app = AppState::new(setup);
    running.take_orders(&app, places, &again);
    let server = web(listen, app, shutdown.clone());
    let stopped = runtime.block_on(until_told(server, &shutdown, &systemd, ended, &again));
    match &stopped {
        Ok(_) => running.stop(),
        Err(error) => {
            tracing::error!("the service cannot go on: {error:#}");
            running.fail();
        }
    }
    // A request that still waits for the disk must not hold up the end.
    runtime.shutdown_background();
    stopped
}

/// Serves until a signal, or until a thread that nothing works without has ended.
async fn until_told(
    server: impl Future<Output = ()>,
    shutdown: &CancellationToken,
    systemd: &Systemd,
    mut ended: Ended,
    again: &Again,
) -> anyhow::Result<End> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::pin!(server);
    let mut end = End::Stop;
    let fallen = tokio::select! {
        () = &mut server => None,
        () = again.asked() => {
            end = End::Again;
            None
        }
        _ = term.recv() => None,
        _ = int.recv() => None,
        thread = ended.next() => Some(thread),
    };
    tracing::info!("stopping");
    systemd.stopping();
    shutdown.cancel();
    server.await;
    match fallen {
        Some(thread) => bail!("the thread {thread} ended by itself"),
        None => Ok(end),
    }
}

/// The web server; an address that is taken is tried again, since polling does not need it.
async fn web(listen: std::net::SocketAddr, app: AppState, shutdown: CancellationToken) {
    let listener = loop {
        match http::bind(listen) {
            Ok(listener) => break listener,
            Err(error) => {
                tracing::error!(address = %listen, %error, "the dashboard's address cannot be used; polling goes on, trying again in 10 s");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(BIND_AGAIN) => {}
            () = shutdown.cancelled() => return,
        }
    };
    tracing::info!(address = %listen, "the dashboard is served");
    http::serve(listener, app, shutdown).await;
}

/// Shared with the parts that ask the time.
type Pace = Arc<solthrive_meter::bus::SystemPace>;

/// Time between two polls of the slowest bus.
fn poll_every(config: &crate::config::AppConfig) -> Duration {
    let every = config.buses.iter().map(|bus| bus.poll_every).max();
    every.unwrap_or(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_thread_that_falls_ends_the_service_with_an_error() {
        let (vital, ended) = vital();
        let mark = vital.mark("core");
        let fallen = thread::spawn(move || {
            let _mark = mark;
            panic!("a bug in the core");
        });
        let systemd = Systemd::from_env();
        let shutdown = CancellationToken::new();
        let server = shutdown.clone().cancelled_owned();
        let told = until_told(server, &shutdown, &systemd, ended, &Again::default()).await;
        let error = told.unwrap_err();
        assert_eq!(error.to_string(), "the thread core ended by itself");
        assert!(fallen.join().is_err());
    }
}

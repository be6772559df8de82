//! The product, running: an appliance with a simulated home behind it, and the cloud with a simulated
//! fleet of others.
//!
//! No root, no fixed paths: configuration, data and the serial link all live in one folder.

mod appliance;
mod cloud;
mod past;
mod people;
mod running;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;

use self::running::{Build, Running, free_address, wait};
use crate::run::{cargo, check, exists, root};
use crate::{setup, test};

/// How to show it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The dashboard's port; the next free one is taken if it is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The cloud's port; the next free one is taken if it is in use.
    #[arg(long, default_value_t = 8443)]
    cloud_port: u16,
    /// Sites of the simulated fleet.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=500))]
    sites: u16,
    /// Days of the past that they have: the last month row by row, quarters of an hour before that.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    days: u16,
    /// Let five of them misbehave: lost answers, repetitions, a clock ahead, silence, reversed clamps.
    #[arg(long)]
    faults: bool,
    /// Where configuration and data of the demo go.
    #[arg(long, default_value = "demo", value_name = "FOLDER")]
    folder: PathBuf,
    /// Start with an empty history.
    #[arg(long)]
    fresh: bool,
    /// How fast the appliance's simulated day passes; the meter is polled in real time.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Only the appliance.
    #[arg(long, conflicts_with = "cloud_only")]
    appliance_only: bool,
    /// Only the cloud and its fleet.
    #[arg(long)]
    cloud_only: bool,
    /// Do not open a browser.
    #[arg(long)]
    no_open: bool,
    /// Stop after this many seconds (for scripts).
    #[arg(long, value_name = "SECONDS")]
    stop_after: Option<u64>,
}

/// Builds, starts, prints the addresses, waits for Ctrl-C, stops.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    build(args)?;
    let folder = root().join(&args.folder);
    if args.fresh && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    // Stopped in this order: who sends before who is sent to.
    let mut programs = Vec::new();
    let mut place = None;
    if !args.appliance_only {
        let address = free_address(args.cloud_port)?;
        let fleet = cloud::Fleet {
            sites: args.sites,
            days: args.days,
            faults: args.faults,
            build: build_of(args),
        };
        let shown = cloud::show(&folder.join("cloud"), address, &fleet, &appliance::zone())?;
        programs.extend(shown.programs);
        place = Some(shown.place);
    }
    if !args.cloud_only {
        let appliance = show_appliance(args, &folder, place.as_ref(), &stop)?;
        programs.splice(0..0, appliance);
    }
    println!(
        "\n  Ctrl-C stops all of it; history stays in {}.",
        folder.display()
    );
    wait(&stop, args.stop_after, programs)
}

fn show_appliance(
    args: &Args,
    folder: &Path,
    cloud: Option<&cloud::Place>,
    stop: &AtomicBool,
) -> Result<[Running; 2]> {
    let config = folder.join("config");
    fs::create_dir_all(&config)?;
    fs::create_dir_all(folder.join("data"))?;
    let (simulator, ready) = appliance::start_simulator(folder, args.speed)?;
    let address = free_address(args.port)?;
    appliance::write_config(&config, &ready, address)?;
    appliance::give_identity(&config, cloud)?;
    let daemon = appliance::start_appliance(folder, address, stop)?;
    if let Some(place) = cloud {
        appliance::register(folder, place)?;
    }
    appliance::greet(folder, &ready, address);
    if !args.no_open {
        open_browser(&format!("http://{address}/dashboard"));
    }
    Ok([daemon, simulator])
}

fn build(args: &Args) -> Result<()> {
    println!("SolThrive demo: building (the first time takes some minutes)");
    if !args.cloud_only {
        setup::web()?;
        println!("  pages …");
        test::web_build()?;
        println!("  programs of the appliance …");
        let words = [
            "build",
            "--locked",
            "--bins",
            "-p",
            "solthrive-sim",
            "-p",
            "solthrive-edge",
        ];
        check(&mut cargo(&words))?;
    }
    if args.appliance_only {
        return Ok(());
    }
    println!("  programs of the cloud …");
    let mut words = vec![
        "build",
        "--locked",
        "--bins",
        "-p",
        "solthrive-sim",
        "-p",
        "solthrive-cloud",
    ];
    words.extend(["--features", "solthrive-sim/fleet"]);
    if build_of(args) == Build::Server {
        words.push("--profile=server");
    }
    check(&mut cargo(&words))
}

/// A past is made by programs that are built to be fast.
const fn build_of(args: &Args) -> Build {
    if args.days > 0 {
        Build::Server
    } else {
        Build::Debug
    }
}

fn open_browser(url: &str) {
    let has_display =
        std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some();
    if has_display && exists("xdg-open") {
        // Nobody waits for a browser, and a browser that does not start is no fault of the demo's.
        let _ = Command::new("xdg-open")
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
    }
}

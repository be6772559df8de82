//! The product, running: a simulated split-phase home on a serial pseudo-terminal and the
//! appliance against it.
//!
//! No root, no fixed paths: configuration, data and the serial link all live in one folder.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::run::{cargo, check, exists, root};
use crate::{setup, test};

/// How to show it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The dashboard's port; the next free one is taken if it is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where configuration and data of the demo go.
    #[arg(long, default_value = "demo", value_name = "FOLDER")]
    folder: PathBuf,
    /// Start with an empty history.
    #[arg(long)]
    fresh: bool,
    /// How fast the simulated day passes; the meter is polled in real time.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Do not open a browser.
    #[arg(long)]
    no_open: bool,
    /// Stop after this many seconds (for scripts).
    #[arg(long, value_name = "SECONDS")]
    stop_after: Option<u64>,
}

/// A program of ours; dropping it asks it to stop and waits.
struct Running(Child, &'static str);

impl Drop for Running {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself: then there is nothing to ask.
            let _ = kill_process(pid, Signal::TERM);
        }
        match self.0.wait() {
            Ok(status) if !status.success() => println!("  {} ended with {status}", self.1),
            _ => println!("  {} stopped", self.1),
        }
    }
}

/// Builds, starts, prints the address, waits for Ctrl-C, stops.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    build()?;
    let folder = root().join(&args.folder);
    if args.fresh && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let config = folder.join("config");
    fs::create_dir_all(&config)?;
    fs::create_dir_all(folder.join("data"))?;

    let (simulator, ready) = start_simulator(&folder, args.speed)?;
    let address = free_address(args.port)?;
    write_config(&config, &ready, address)?;
    let appliance = start_appliance(&folder, address, &stop)?;
    greet(&folder, &ready, address);
    if !args.no_open {
        open_browser(&format!("http://{address}/dashboard"));
    }
    wait(&stop, args.stop_after, [appliance, simulator])
}

fn build() -> Result<()> {
    println!("SolThrive demo: building (the first time takes some minutes)");
    setup::web()?;
    println!("  pages …");
    test::web_build()?;
    println!("  programs …");
    check(&mut cargo(&[
        "build",
        "--locked",
        "-p",
        "solthrive-edge",
        "-p",
        "solthrive-sim",
        "--bins",
    ]))
}

fn program(name: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("debug").join(name)
}

/// The simulator's first line of output: where it listens.
fn start_simulator(folder: &Path, speed: f64) -> Result<(Running, serde_json::Value)> {
    let mut command = Command::new(program("solthrive-sim"));
    command.arg("meter").args([
        "--profile",
        "eastron-sdm630",
        "--control",
        "127.0.0.1:0",
        "--undefined",
        "zeros",
    ]);
    command.arg("--pty").arg(folder.join("meter"));
    command.args(["--speed", &speed.to_string()]);
    // A signal typed at the terminal must not reach it before us: it stops when we say so.
    let mut child = detached(&mut command)
        .stdout(Stdio::piped())
        .spawn()
        .context("the simulator could not be started")?;
    let stdout = child.stdout.take().context("the simulator has no output")?;
    let running = Running(child, "simulator");
    let mut line = String::new();
    let mut reader = BufReader::new(stdout);
    reader.read_line(&mut line)?;
    let ready = serde_json::from_str(&line)
        .with_context(|| format!("the simulator did not say where it listens, but: {line:?}"))?;
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest);
    });
    Ok((running, ready))
}

fn detached(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    command.process_group(0).stdin(Stdio::null())
}

fn free_address(wanted: u16) -> Result<SocketAddr> {
    for port in (wanted..).take(50) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            if port != wanted {
                println!("  port {wanted} is in use; taking {port}");
            }
            return Ok(address);
        }
    }
    bail!(
        "no free port from {wanted} to {}; say --port",
        wanted.saturating_add(49)
    )
}

/// A split-phase home with one three-input meter; the third input sees one leg of the 240 V PV breaker.
const METER: &str = "\
service: split_phase
solar_nameplate_kw: 7.0
buses:
  - name: rs485
    port: PORT
    baud: 9600
    meters:
      - {name: main, unit: 1, profile: eastron-sdm630}
channels:
  - {role: main_l1, meter: main, input: l1, ct_rating_a: 200}
  - {role: main_l2, meter: main, input: l2, ct_rating_a: 200}
  - {role: pv, meter: main, input: l3, volt_ref: l1, multiplier: 2, ct_rating_a: 50}
";

const TARIFF: &str = "\
currency: USD
import_rate: 0.34
export_rate: 0.08
";

fn write_config(folder: &Path, ready: &serde_json::Value, address: SocketAddr) -> Result<()> {
    let port = ready["pty"]
        .as_str()
        .context("the simulator names no pseudo-terminal")?;
    let zone = fs::read_link("/etc/localtime").ok().and_then(|link| {
        link.to_str()
            .and_then(|path| path.split_once("zoneinfo/"))
            .map(|(_, zone)| zone.to_owned())
    });
    let zone = zone.unwrap_or_else(|| "America/Los_Angeles".to_owned());
    let write = |name: &str, text: String| fs::write(folder.join(name), text);
    write(
        "base.yaml",
        format!(
            "site_name: SolThrive demo home\ntimezone: {zone}\ntrust_clock_after_s: 0\ntrust_unsynced_clock_after_s: 0\n"
        ),
    )?;
    write("network.yaml", format!("listen: \"{address}\"\n"))?;
    write("meter.yaml", METER.replace("PORT", port))?;
    let token = folder.join("token");
    write("api.yaml", format!("token_file: {}\n", token.display()))?;
    write("tariff.yaml", TARIFF.to_owned())?;
    Ok(())
}

fn start_appliance(folder: &Path, address: SocketAddr, stop: &AtomicBool) -> Result<Running> {
    let log = fs::File::create(folder.join("solthrived.log"))?;
    let mut command = Command::new(program("solthrived"));
    command.arg("--config-dir").arg(folder.join("config"));
    command.arg("--override").arg(folder.join("override.yaml"));
    command.arg("--data-dir").arg(folder.join("data"));
    let child = detached(&mut command)
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("solthrived could not be started")?;
    let mut running = Running(child, "appliance");
    for _ in 0..100 {
        if answers(address) || stop.load(Ordering::Relaxed) {
            return Ok(running);
        }
        if let Some(status) = running.0.try_wait()? {
            let said = fs::read_to_string(folder.join("solthrived.log")).unwrap_or_default();
            bail!("the appliance ended with {status}:\n{said}");
        }
        sleep(Duration::from_millis(100));
    }
    bail!(
        "the appliance did not answer on {address} within 10 s; see {}",
        folder.join("solthrived.log").display()
    )
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else {
        return false;
    };
    let asked = format!("GET /api/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut said = [0; 12];
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    stream.write_all(asked.as_bytes()).is_ok()
        && stream.read_exact(&mut said).is_ok()
        && &said == b"HTTP/1.1 200"
}

fn greet(folder: &Path, ready: &serde_json::Value, address: SocketAddr) {
    let control = ready["control"].as_str().unwrap_or("?");
    println!("\n  Dashboard   http://{address}/dashboard");
    println!("  API         http://{address}/api/latest   (OpenAPI: /api/openapi.json)");
    println!(
        "  Token       {}   (for history and set-up pages)",
        folder.join("config/token").display()
    );
    println!(
        "  Meter       {} (Modbus RTU, 9600 8N1, unit 1)",
        ready["pty"].as_str().unwrap_or("?")
    );
    println!(
        "  Faults      curl -X POST http://{control}/faults -d '[{{\"kind\":\"no_reply\",\"seconds\":30}}]' -H 'content-type: application/json'"
    );
    println!("  Truth       curl http://{control}/truth");
    println!("  Log         {}", folder.join("solthrived.log").display());
    println!(
        "\n  Ctrl-C stops all of it; history stays in {}.",
        folder.display()
    );
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

/// Until a signal, the time limit, or until one of the programs ends by itself.
fn wait(stop: &AtomicBool, limit: Option<u64>, mut programs: [Running; 2]) -> Result<()> {
    let started = test::now();
    while !stop.load(Ordering::Relaxed)
        && limit.is_none_or(|limit| started.elapsed().as_secs() < limit)
    {
        for Running(child, name) in &mut programs {
            if let Some(status) = child.try_wait()? {
                bail!("the {name} ended by itself with {status}; its log is in the demo's folder");
            }
        }
        sleep(Duration::from_millis(200));
    }
    println!("\nstopping …");
    drop(programs);
    Ok(())
}

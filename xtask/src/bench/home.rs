//! The home that is measured: the release programs in a folder of their own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::run::{quietly, root};

/// A program of ours; dropping it asks it to stop and waits.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // Already gone is as good as stopped.
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

/// A release program.
pub(super) fn program(name: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("release").join(name)
}

/// The paced meter, and where it listens.
pub(super) fn start_simulator(folder: &Path) -> Result<(Process, Value)> {
    let mut command = Command::new(program("solthrive-sim"));
    command.args([
        "meter",
        "--profile",
        "eastron-sdm630",
        "--undefined",
        "zeros",
        "--baud",
        "9600",
        "--control",
        "127.0.0.1:0",
        "--pty",
    ]);
    command
        .arg(folder.join("meter"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut process = Process(
        command
            .spawn()
            .context("the simulator could not be started")?,
    );
    let mut line = String::new();
    let stdout = process.0.stdout.take().context("no output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    Ok((
        process,
        serde_json::from_str(&line).with_context(|| format!("the simulator said {line:?}"))?,
    ))
}

/// 30 quantities: voltages, currents, powers, apparent and reactive powers, power factors, totals, frequency and counters.
const POINTS: &str = "v_l1, v_l2, v_l3, i_l1, i_l2, i_l3, p_l1, p_l2, p_l3, s_l1, s_l2, s_l3, q_l1, q_l2, q_l3, \
     pf_l1, pf_l2, pf_l3, p_total, s_total, q_total, pf_total, phase_angle_total, f, e_imp, e_exp, eq_imp, eq_exp, e_abs, eq_abs";

/// Counters each second too, so that all 30 are read at 1 Hz.
const METER: &str = "\
service: split_phase
buses:
  - name: rs485
    port: PORT
    baud: 9600
    meters:
      - {name: main, unit: 1, profile: eastron-sdm630, slow_every_s: 1, points: [POINTS]}
channels:
  - {role: main_l1, meter: main, input: l1}
  - {role: main_l2, meter: main, input: l2}
  - {role: pv, meter: main, input: l3, volt_ref: l1, multiplier: 2}
";

/// What a home asks of its meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    /// The 30 quantities that the figures are stated for.
    Thirty,
    /// The profile's 42.
    All,
}

/// These points each second at 9600 baud.
pub(super) fn write_config(
    folder: &Path,
    ready: &Value,
    address: SocketAddr,
    points: Points,
) -> Result<()> {
    let port = ready["pty"].as_str().context("no pseudo-terminal")?;
    let config = folder.join("config");
    let network = format!("listen: \"{address}\"\n");
    fs::write(config.join("network.yaml"), network)?;
    let api = format!("token_file: {}\n", config.join("token").display());
    fs::write(config.join("api.yaml"), api)?;
    let meter = match points {
        Points::Thirty => METER.replace("POINTS", POINTS),
        Points::All => METER.replace(", points: [POINTS]", ""),
    };
    let meter = meter.replace("PORT", port);
    fs::write(config.join("meter.yaml"), meter)?;
    Ok(())
}

/// The daemon, with everything on.
pub(super) fn start_appliance(folder: &Path) -> Result<Process> {
    let log = fs::File::create(folder.join("log"))?;
    let mut command = Command::new(program("solthrived"));
    command
        .arg("--config-dir")
        .arg(folder.join("config"))
        .arg("--override")
        .arg(folder.join("none.yaml"));
    command
        .arg("--data-dir")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(Process(
        command.spawn().context("solthrived could not be started")?,
    ))
}

/// Time from `started` until the API has numbers.
pub(super) fn first_snapshot(address: SocketAddr, started: Instant) -> Result<Duration> {
    while started.elapsed() < Duration::from_secs(20) {
        if get(address, "/api/latest")
            .is_ok_and(|latest| latest["solar_kw"].is_number() || latest["grid_kw"].is_number())
        {
            return Ok(started.elapsed());
        }
        sleep(Duration::from_millis(10));
    }
    bail!("no snapshot within 20 s")
}

/// `curl` is everywhere; its few milliseconds are outside what is measured.
pub(super) fn get(address: SocketAddr, path: &str) -> Result<Value> {
    ask(address, path, &[])
}

/// As [`get`], for the holder of the token in `folder`.
pub(super) fn get_as_owner(address: SocketAddr, path: &str, folder: &Path) -> Result<Value> {
    let token = fs::read_to_string(folder.join("config/token"))?;
    let header = format!("Authorization: Bearer {}", token.trim());
    ask(address, path, &["-H", &header])
}

fn ask(address: SocketAddr, path: &str, more: &[&str]) -> Result<Value> {
    let mut curl = Command::new("curl");
    curl.args(["-sf", "--max-time", "5"]).args(more);
    let said = quietly(curl.arg(format!("http://{address}{path}")))?;
    Ok(serde_json::from_str(&said)?)
}

/// Number of the newest snapshot.
pub(super) fn seq(address: SocketAddr) -> Result<u64> {
    let latest = get(address, "/api/latest")?;
    latest["seq"]
        .as_u64()
        .context("a snapshot without a number")
}

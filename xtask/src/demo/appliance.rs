//! The appliance's half: a simulated split-phase home on a serial pseudo-terminal and the daemon
//! against it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::cloud::Place;
use super::running::{Running, detached, program, start};

/// The simulator, and where it listens.
pub(super) fn start_simulator(folder: &Path, speed: f64) -> Result<(Running, serde_json::Value)> {
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
    let (running, line) = start(&mut command, "simulator", &folder.join("simulator.log"))?;
    let ready = serde_json::from_str(&line)
        .with_context(|| format!("the simulator did not say where it listens, but: {line:?}"))?;
    Ok((running, ready))
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

/// This machine's zone, as long as it says one: the demo's home is here.
pub(super) fn zone() -> String {
    let link = fs::read_link("/etc/localtime").ok();
    let zone = link.as_ref().and_then(|link| {
        let (_, zone) = link.to_str()?.split_once("zoneinfo/")?;
        // Some machines say UTC as `Etc/UTC`, and nobody lives there.
        (zone.contains('/') && !zone.starts_with("Etc/")).then(|| zone.to_owned())
    });
    zone.unwrap_or_else(|| "America/Los_Angeles".to_owned())
}

pub(super) fn write_config(
    folder: &Path,
    ready: &serde_json::Value,
    address: SocketAddr,
) -> Result<()> {
    let port = ready["pty"]
        .as_str()
        .context("the simulator names no pseudo-terminal")?;
    let zone = zone();
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

/// Who the appliance is to the cloud, as the factory would write it; without a cloud nothing leaves the home.
pub(super) fn give_identity(folder: &Path, cloud: Option<&Place>) -> Result<()> {
    let write = |name: &str, text: String| fs::write(folder.join(name), text);
    let Some(place) = cloud else {
        write("cloud.yaml", "enabled: false\n".to_owned())?;
        return Ok(());
    };
    write(
        "cloud.yaml",
        format!("url: {}\nca_file: {}\n", place.url, place.ca.display()),
    )?;
    write("device_serial", format!("{}\n", place.home.serial))?;
    // A token may have taken over from the factory's since.
    let id = format!("{}\n", place.home.device);
    if fs::read_to_string(folder.join("device_id")).ok().as_ref() != Some(&id) {
        write("device_token", format!("{}\n", place.home.token))?;
        write("device_id", id)?;
    }
    Ok(())
}

/// Registers the appliance with its installer's code, as its set-up page does.
pub(super) fn register(folder: &Path, place: &Place) -> Result<()> {
    let mut command = Command::new(program("solthrive-cli"));
    command.arg("--config-dir").arg(folder.join("config"));
    command.arg("--override").arg(folder.join("override.yaml"));
    command.arg("--data-dir").arg(folder.join("data"));
    command.args(["cloud", "register", &place.home.code]);
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("the appliance could not be registered: {}", said.trim());
    }
    Ok(())
}

pub(super) fn start_appliance(
    folder: &Path,
    address: SocketAddr,
    stop: &AtomicBool,
) -> Result<Running> {
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
        running.is_alive(&folder.join("solthrived.log"))?;
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

pub(super) fn greet(folder: &Path, ready: &serde_json::Value, address: SocketAddr) {
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
}

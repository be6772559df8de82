//! Programs of ours while they run, and what they need: a file to start, a port.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::run::root;
use crate::test;

/// A program of ours; dropping it asks it to stop and waits.
pub(super) struct Running(pub(super) Child, pub(super) &'static str);

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

impl Running {
    /// Fails when it has ended, with what it wrote into its log.
    pub(super) fn is_alive(&mut self, log: &Path) -> Result<()> {
        if let Some(status) = self.0.try_wait()? {
            let said = fs::read_to_string(log).unwrap_or_default();
            bail!("the {} ended with {status}:\n{said}", self.1);
        }
        Ok(())
    }
}

/// Starts a program whose first line of output says that it is ready, and reads that line.
pub(super) fn start(
    command: &mut Command,
    name: &'static str,
    log: &Path,
) -> Result<(Running, String)> {
    let child = detached(command)
        .stdout(Stdio::piped())
        .stderr(fs::File::options().create(true).append(true).open(log)?)
        .spawn()
        .with_context(|| format!("the {name} could not be started"))?;
    let mut running = Running(child, name);
    let stdout = running.0.stdout.take().context("no output")?;
    let mut line = String::new();
    let mut reader = BufReader::new(stdout);
    reader.read_line(&mut line)?;
    if line.is_empty() {
        sleep(Duration::from_millis(200));
        running.is_alive(log)?;
    }
    // What it says later goes into its log, too.
    let mut rest = fs::File::options().append(true).open(log)?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut reader, &mut rest);
    });
    Ok((running, line))
}

/// A signal typed at the terminal must not reach it before us: it stops when we say so.
pub(super) fn detached(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    command.process_group(0).stdin(Stdio::null())
}

/// How the cloud's half is built: a year of a fleet's past takes an unoptimised program minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    Debug,
    Server,
}

impl Build {
    /// A program of the cloud's half.
    pub(super) fn program(self, name: &str) -> PathBuf {
        let debug = program(name);
        match (self, debug.parent().and_then(Path::parent)) {
            (Self::Server, Some(target)) => target.join("server").join(name),
            _ => debug,
        }
    }
}

pub(super) fn program(name: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("debug").join(name)
}

pub(super) fn free_address(wanted: u16) -> Result<SocketAddr> {
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
        "no free port from {wanted} to {}; choose another with --port or --cloud-port",
        wanted.saturating_add(49)
    )
}

/// Until a signal, the time limit, or until one of the programs ends by itself.
pub(super) fn wait(
    stop: &AtomicBool,
    limit: Option<u64>,
    mut programs: Vec<Running>,
) -> Result<()> {
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

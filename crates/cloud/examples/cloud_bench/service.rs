//! The service in a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// A running service; it is stopped when this is dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) certificate: PathBuf,
}

/// What the kernel says of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_mb: f64,
    pub(crate) peak_mb: f64,
}

impl Service {
    pub(crate) fn start(program: &Path, folder: &Path, store: &str, more: &[&str]) -> Result<Self> {
        let log = fs::File::create(folder.join("log"))?;
        let mut child = Command::new(program)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--store",
                store,
                "--data",
            ])
            .arg(folder)
            .args(["--connections-per-ip", "20000"])
            .args([
                "--device-calls-per-min",
                "60000000",
                "--device-rows-per-s",
                "100000000",
                "--device-backfill-rows-per-s",
                "100000000",
                "--org-rows-per-s",
                "1000000000",
                "--api-calls-per-min",
                "100000000",
            ])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| program.display().to_string())?;
        let mut line = String::new();
        let out = child.stdout.take().context("no output")?;
        BufReader::new(out).read_line(&mut line)?;
        let address = line
            .trim()
            .rsplit("//")
            .next()
            .and_then(|address| address.parse().ok())
            .with_context(|| {
                format!(
                    "it did not start: {}",
                    fs::read_to_string(folder.join("log")).unwrap_or_default()
                )
            })?;
        Ok(Self {
            child,
            address,
            certificate: folder.join("dev-cert.pem"),
        })
    }

    pub(crate) fn usage(&self) -> Usage {
        usage(self.child.id())
    }

    /// Stops it in order.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("no process")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of this process.
pub(crate) fn usage(pid: u32) -> Usage {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything, the 12th and 13th field are user and system time in 10 ms.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kb = |name: &str| {
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or("");
        line.split_whitespace()
            .nth(1)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    Usage {
        cpu: Duration::from_millis((ticks(11) + ticks(12)) * 10),
        resident_mb: kb("VmRSS:") / 1024.0,
        peak_mb: kb("VmHWM:") / 1024.0,
    }
}

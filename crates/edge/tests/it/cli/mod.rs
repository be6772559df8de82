//! `solthrive-cli` as a person or a script runs it: the real program, its output and exit code.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic: that is how a test fails"
)]

mod configuration;
mod daemon;
mod export;
mod logs;
mod meters;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use solthrive_meter::profile::{Catalog, Profile};
use tempfile::TempDir;

/// The folders of an appliance.
struct Site {
    folder: TempDir,
}

/// What a run of the program brought.
struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Site {
    /// An appliance whose configuration gives no reason to warn.
    fn new() -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(site.path("etc")).unwrap();
        site.write(
            "etc/base.yaml",
            "timezone: America/Los_Angeles\ntrust_clock_after_s: 0\ntrust_unsynced_clock_after_s: 0\n",
        );
        site.write("etc/network.yaml", &format!("listen: {}\n", free_address()));
        site
    }

    /// With this bus, in YAML's flow style without its braces.
    fn with_bus(bus: &str) -> Self {
        let site = Self::new();
        site.write("etc/meter.yaml", &format!("buses: [{{{bus}}}]\n"));
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program of ours that works on this appliance.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--config-dir").arg(self.path("etc"));
        command.arg("--override").arg(self.path("boot/config.yaml"));
        command.arg("--data-dir").arg(self.path("var"));
        command.env_remove("COLUMNS").stdin(Stdio::null());
        command
    }

    fn cli(&self, args: &[&str]) -> Done {
        let output = self
            .command(env!("CARGO_BIN_EXE_solthrive-cli"))
            .args(args)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| self.without_folder(&String::from_utf8_lossy(bytes));
        Done {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// The folder's name differs in each run.
    fn without_folder(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "SITE")
    }
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

/// Nobody listens here, most probably still when it is used.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn profile(id: &str) -> Arc<Profile> {
    Catalog::embedded().get(id).unwrap()
}

/// `port: …, meters: [{profile: …}]`.
fn bus(port: &Path, id: &str) -> String {
    format!("port: {}, meters: [{{profile: {id}}}]", port.display())
}

/// The state of one line of `check --json`.
fn state<'a>(checks: &'a Value, name: &str) -> &'a str {
    let all = checks["checks"].as_array().unwrap();
    let found = all.iter().find(|check| check["check"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {checks:#}"))["state"]
        .as_str()
        .unwrap()
}

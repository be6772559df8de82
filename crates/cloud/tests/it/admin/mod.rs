//! The operator's console, as the real program.

mod backups;
mod chunks;
mod devices;
mod erasures;
mod everything;
mod help;
mod history;
mod people;
mod rotation;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::kill::Process;
use crate::service::{Client, Device};

/// A place that is looked after.
struct Desk {
    folder: TempDir,
    store: String,
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// Its standard output, of a command that found nothing wrong.
    #[track_caller]
    fn fine(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// What it complained of, having done nothing.
    #[track_caller]
    fn failed(self) -> String {
        assert_eq!(self.code, 2, "{self:?}");
        self.err
    }
}

impl Desk {
    fn new() -> Self {
        Self::on("sqlite:")
    }

    fn on(store: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            store: store.to_owned(),
        }
    }

    /// A place for files that are not the store's.
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> std::path::PathBuf {
        self.path("data")
    }

    fn run(&self, words: &[&str]) -> Said {
        self.told(words, "")
    }

    /// With something on standard input.
    fn told(&self, words: &[&str], stdin: &str) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_solthrive-cloud"))
            .args(["admin", "--store", &self.store, "--data"])
            .arg(self.data())
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who does not read it has gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let said = self.run(&[words, &["--json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"))
    }

    /// An installer, a household and its home.
    fn furnish(&self) {
        self.run(&["org", "new", "Sunrise", "--kind", "installer"])
            .fine();
        self.run(&["org", "new", "Ana"]).fine();
        let site = [
            "site",
            "new",
            "Home",
            "--owner",
            "Ana",
            "--zone",
            "Europe/Berlin",
        ];
        self.run(&site).fine();
    }

    fn code(&self) -> String {
        let code = self.json(&["code", "new", "--site", "Home", "--installer", "Sunrise"]);
        code["code"].as_str().unwrap().to_owned()
    }

    /// Devices as they leave the factory.
    fn provision(&self, serials: &[&str]) -> Vec<Device> {
        let list = format!("serial\n{}\n", serials.join("\n"));
        let said = self
            .told(&["device", "provision", "-", "--json"], &list)
            .fine();
        let made: Vec<Value> = serde_json::from_str(&said).unwrap();
        made.iter()
            .map(|made| {
                let text = |name: &str| made[name].as_str().unwrap().to_owned();
                Device {
                    id: text("device_id").parse().unwrap(),
                    serial: text("serial"),
                    token: text("token"),
                }
            })
            .collect()
    }

    fn serve(&self) -> Process {
        Process::start(&self.data(), &self.store, &[])
    }

    /// A device that is at the home of a desk that is furnished.
    async fn at_home(&self, client: &Client) -> Device {
        let device = self.provision(&["ST-1"]).remove(0);
        let answer = device.register(client, &self.code()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        device
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

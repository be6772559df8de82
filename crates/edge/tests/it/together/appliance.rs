//! An appliance in a process of its own, with a simulated meter on a serial line.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use solthrive_domain::delivery::Span;
use solthrive_edge::store::Reader;
use solthrive_meter::profile::Catalog;
use solthrive_sim::{SimConfig, Simulation};
use tempfile::TempDir;

use super::cloud::Cloud;

pub(super) struct Appliance {
    folder: TempDir,
    pub(super) meter: Simulation,
    child: Option<Child>,
    port: u16,
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Appliance {
    /// One that is this cloud's by its identity, and not registered yet.
    pub(super) fn start(cloud: &Cloud) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let profile = Catalog::embedded().get("solthrive-v1").unwrap();
        let mut appliance = Self {
            folder: tempfile::tempdir().unwrap(),
            meter: Simulation::start(SimConfig::on_pty(profile)).unwrap(),
            child: None,
            port,
        };
        appliance.configure(cloud);
        appliance.switch_on();
        appliance
    }

    fn configure(&self, cloud: &Cloud) {
        fs::create_dir_all(self.path("etc")).unwrap();
        let write =
            |name: &str, text: String| fs::write(self.path("etc").join(name), text).unwrap();
        write("base.yaml", "timezone: America/Los_Angeles\ntrust_clock_after_s: 0\ntrust_unsynced_clock_after_s: 0\n".to_owned());
        write("network.yaml", format!("listen: 127.0.0.1:{}\n", self.port));
        let port = self.meter.pty();
        write(
            "meter.yaml",
            format!(
                "buses: [{{port: {}, meters: [{{profile: solthrive-v1}}]}}]\n",
                port.display()
            ),
        );
        let ca = cloud.ca();
        write(
            "cloud.yaml",
            format!(
                "url: {}\nca_file: {}\ninterval_s: 5\nreconnect_spread_s: 2\nbackfill_spread_s: 0\n",
                cloud.url(),
                ca.display()
            ),
        );
        write("device_id", format!("{}\n", cloud.home.device));
        write("device_token", format!("{}\n", cloud.home.token));
        write("device_serial", format!("{}\n", cloud.home.serial));
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn switch_on(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_solthrived"));
        self.places(&mut command);
        self.child = Some(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap(),
        );
    }

    fn places(&self, command: &mut Command) {
        command.arg("--config-dir").arg(self.path("etc"));
        command.arg("--override").arg(self.path("override.yaml"));
        command.arg("--data-dir").arg(self.path("var"));
    }

    /// The plug is pulled.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// It is told to stop, and stores what it has.
    pub(super) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
    }

    pub(super) fn cli(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_solthrive-cli"));
        self.places(&mut command);
        let output = command.args(words).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    /// How it stands to the cloud.
    pub(super) fn cloud(&self) -> Value {
        let (_, text) = self.cli(&["cloud", "status", "--json"]);
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(super) fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let cloud = self.cloud();
            if wanted(&cloud) {
                return cloud;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("never {what}: {}", self.cloud());
    }

    pub(super) fn register(&self, cloud: &Cloud) {
        self.until("there", |cloud| cloud["state"] == "not_registered");
        let (code, text) = self.cli(&["cloud", "register", &cloud.home.code]);
        assert_eq!(code, Some(0), "{text}");
    }

    /// Times of the samples that it stored for the cloud, in ms.
    pub(super) fn samples(&self) -> Vec<i64> {
        let reader = Reader::open(&self.path("var")).unwrap();
        let all = reader
            .samples(Span {
                first: 0,
                last: u64::MAX >> 1,
            })
            .unwrap();
        all.iter()
            .map(|sample| sample.told.sample.ts.get())
            .collect()
    }
}

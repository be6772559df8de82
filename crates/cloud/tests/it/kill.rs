//! The real program, killed under load: what was acknowledged is there, and nothing twice.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// The service in a process of its own; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) fn start(folder: &Path, store: &str, more: &[&str]) -> Self {
        Self::start_on(0, folder, store, more)
    }

    /// What it logs goes to `log`.
    pub(crate) fn start_logging(folder: &Path, store: &str, log: File) -> Self {
        Self::spawn(0, folder, store, &[], log.into())
    }

    /// On a port that it had before.
    pub(crate) fn start_on(port: u16, folder: &Path, store: &str, more: &[&str]) -> Self {
        Self::spawn(port, folder, store, more, Stdio::null())
    }

    /// With TLS, by the certificate that it makes in its folder; on the embedded store.
    pub(crate) fn secure(port: u16, folder: &Path, more: &[&str]) -> Self {
        Self::launch(port, folder, "sqlite:", more, Stdio::null())
    }

    fn spawn(port: u16, folder: &Path, store: &str, more: &[&str], log: Stdio) -> Self {
        let plain: Vec<&str> = ["--plain-http"].iter().chain(more).copied().collect();
        Self::launch(port, folder, store, &plain, log)
    }

    fn launch(port: u16, folder: &Path, store: &str, more: &[&str], log: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_solthrive-cloud"))
            .args(["serve", "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .args(["--store", store, "--data"])
            .arg(folder)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit("//").next().unwrap().parse();
        Self {
            address: address.unwrap_or_else(|_| panic!("it did not start: {line}")),
            child,
        }
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pauses between kills, in ms: from the first commits to well into the load.
const LIVES: [u64; 6] = [40, 90, 170, 310, 450, 700];

pub(crate) mod load {
    use std::net::SocketAddr;

    use serde_json::Value;
    use tokio_util::sync::CancellationToken;

    use crate::service::{Client, Device, snapshot_at};

    /// Sends one snapshot after the other until the service is gone; gives back the times that were acknowledged.
    pub(crate) async fn send(
        address: SocketAddr,
        device: Device,
        first: i64,
        stop: CancellationToken,
    ) -> Vec<i64> {
        let client = Client::plain(address);
        let mut acknowledged = Vec::new();
        for n in 0.. {
            let time = first + n * 15_000;
            let body = device.body("backfill", &[snapshot_at(time)]);
            let answered = tokio::select! {
                answered = client.try_post("/v1/ingest/telemetry", &device.token, body) => answered,
                () = stop.cancelled() => break,
            };
            match answered {
                Some(answer) if answer.status == 200 => acknowledged.push(time),
                Some(answer) => panic!("{answer:?}"),
                None => break,
            }
        }
        acknowledged
    }

    /// How many of these times are known already: all that were acknowledged, if nothing was lost.
    pub(crate) async fn known(address: SocketAddr, device: &Device, times: &[i64]) -> [u64; 3] {
        let client = Client::plain(address);
        let mut sums = [0; 3];
        for some in times.chunks(1_000) {
            let snapshots: Vec<Value> = some.iter().map(|time| snapshot_at(*time)).collect();
            let answer = device.deliver(&client, &snapshots).await;
            for (sum, count) in sums.iter_mut().zip(answer.counts()) {
                *sum += count;
            }
        }
        sums
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_and_nothing_is_there_twice() {
    crate::service::run(async {
        let folder = tempfile::tempdir().unwrap();
        let devices = crate::service::devices_on(folder.path(), "sqlite:", 6).await;
        let mut acknowledged = vec![Vec::new(); devices.len()];
        for (life, lasts) in LIVES.into_iter().enumerate() {
            let process = Process::start(folder.path(), "sqlite:", &["--seal-min", "1"]);
            let (address, stop) = (process.address, tokio_util::sync::CancellationToken::new());
            let first = 1_700_000_000_000 + i64::try_from(life).unwrap() * 1_000_000_000;
            let senders: Vec<_> = devices
                .iter()
                .map(|device| {
                    tokio::spawn(load::send(address, device.clone(), first, stop.clone()))
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(lasts)).await;
            process.kill();
            for (all, sender) in acknowledged.iter_mut().zip(senders) {
                all.extend(sender.await.unwrap());
            }
        }
        let process = Process::start(folder.path(), "sqlite:", &[]);
        let mut total = 0;
        for (device, times) in devices.iter().zip(&acknowledged) {
            let [accepted, duplicates, conflicts] =
                load::known(process.address, device, times).await;
            assert_eq!((accepted, conflicts), (0, 0), "lost after a kill");
            assert_eq!(duplicates, times.len() as u64);
            total += times.len();
        }
        assert!(
            total > 100,
            "only {total} snapshots were acknowledged at all"
        );
    });
}

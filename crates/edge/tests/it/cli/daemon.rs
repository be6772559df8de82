//! With a daemon that runs: it holds the port, so it is asked.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use solthrive_sim::{SimConfig, Simulation};

use super::{Site, bus, profile, state};

/// A running daemon; stopped by its own process id.
struct Daemon {
    child: Child,
}

impl Daemon {
    /// Returns when it says that it serves and that its link is open.
    fn start(site: &Site) -> Self {
        Self::start_with(site, &[])
    }

    fn start_with(site: &Site, environment: &[(&str, &OsStr)]) -> Self {
        let mut command = site.command(env!("CARGO_BIN_EXE_solthrived"));
        command.envs(environment.iter().copied());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut missing = vec!["the dashboard is served", "the link is open"];
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !missing.is_empty() {
            let line = lines.next().expect("the daemon goes on").unwrap();
            missing.retain(|wanted| !line.contains(wanted));
        }
        // Its output is read on, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child }
    }
}

impl Daemon {
    /// Asks it to stop, and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_holds_the_port_is_asked_for_what_it_read() {
    let sim = Simulation::start(SimConfig::on_pty(profile("solthrive-v1"))).unwrap();
    let site = Site::with_bus(&bus(&sim.pty(), "solthrive-v1"));
    let daemon = Daemon::start(&site);

    let read = site.cli(&["meter", "read", "--json"]);
    assert_eq!(read.code, Some(0), "{}{}", read.out, read.err);
    let json = read.json();
    assert_eq!(json["read_by"], "solthrived");
    // Fast and slow points both: the counters are waited for.
    let values = &json["meters"][0]["values"];
    assert!(
        values["v_l1"].is_f64() && values["e_imp"].is_f64(),
        "{json:#}"
    );

    let check = site.cli(&["check", "--json"]);
    let json = check.json();
    let states = [
        "configuration",
        "token",
        "daemon",
        "bus main",
        "meter main",
        "history",
        "clock",
    ]
    .map(|name| state(&json, name));
    assert_eq!(states, ["ok"; 7], "{json:#}");

    let scan = site.cli(&["meter", "scan"]);
    assert_eq!(scan.code, Some(2));
    assert!(
        scan.err.contains("systemctl stop solthrived"),
        "{}",
        scan.err
    );

    let version = site.cli(&["version", "--json"]).json();
    assert_eq!(version["daemon"], version["version"]);
    let logs = site.cli(&["logs", "--grep", "LINK IS OPEN"]);
    assert!(
        logs.out.contains("the link is open  bus=main"),
        "{}",
        logs.out
    );

    drop(daemon);
    assert_eq!(
        site.cli(&["meter", "read", "--json"]).json()["read_by"],
        "solthrive-cli"
    );
}

#[test]
fn under_systemd_it_tells_of_its_life_and_version_1s_file_is_there() {
    let sim = Simulation::start(SimConfig::on_pty(profile("solthrive-v1"))).unwrap();
    let site = Site::with_bus(&bus(&sim.pty(), "solthrive-v1"));
    let path = site.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let limit = OsStr::new("2000000");
    let run = site.path("run");
    std::fs::create_dir(&run).unwrap();
    site.write("var/data/history.jsonl", "");
    let environment = [
        ("RUNTIME_DIRECTORY", run.as_os_str()),
        ("NOTIFY_SOCKET", path.as_os_str()),
        ("WATCHDOG_USEC", limit),
    ];
    let daemon = Daemon::start_with(&site, &environment);
    let hear = || {
        let mut bytes = [0; 100];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let mut signs = 0;
    let mut ready = false;
    let latest = site.path("var/data/latest.json");
    while signs < 3 || !ready || (signs < 100 && !latest.exists()) {
        match hear().as_str() {
            "WATCHDOG=1" => signs += 1,
            "READY=1" => ready = true,
            other => panic!("{other}"),
        }
    }
    let text = std::fs::read(&latest).unwrap();
    let latest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert!(latest["voltage_l1"].is_f64(), "{latest:#}");
    assert_eq!(daemon.stop(), Some(0));
    socket.set_nonblocking(true).unwrap();
    let rest: Vec<_> = std::iter::from_fn(|| {
        let mut bytes = [0; 100];
        let length = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    })
    .collect();
    assert!(rest.iter().any(|word| word == "STOPPING=1"), "{rest:?}");
}

#[test]
fn a_stranger_at_the_daemons_address_is_not_taken_for_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::new();
    site.write(
        "etc/network.yaml",
        &format!("listen: {}\n", listener.local_addr().unwrap()),
    );
    let stranger = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap())
            .read_line(&mut line)
            .unwrap();
        std::io::Write::write_all(&mut stream, b"220 mail.example ESMTP\r\n").unwrap();
        line
    });
    let json = site.cli(&["check", "--json"]).json();
    assert_eq!(state(&json, "daemon"), "problem");
    assert_eq!(stranger.join().unwrap(), "GET /api/health HTTP/1.0\r\n");
}

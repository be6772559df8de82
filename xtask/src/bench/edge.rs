//! `cargo xtask bench edge`: the release build of the appliance against a paced simulated meter,
//! 30 quantities a second at 9600 baud, everything on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::load::Load;
use super::procfs::{self, Usage};
use crate::run::{cargo, check, command, quietly, root};
use crate::setup;
use crate::test::{self, now};

/// How long to look.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds of the quiet run (no page open); the target is stated for 600.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Seconds of the run with 64 live streams and 100 requests a second.
    #[arg(long, default_value_t = 120)]
    loaded_seconds: u64,
    /// Seconds to wait first, so that start-up is not counted.
    #[arg(long, default_value_t = 60)]
    warm_up: u64,
    /// Leave out what needs a browser.
    #[arg(long)]
    no_browser: bool,
    /// Use the release programs that are already built.
    #[arg(long)]
    no_build: bool,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // Already gone is as good as stopped.
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

struct Row {
    figure: &'static str,
    target: &'static str,
    measured: String,
}

/// Builds, measures, prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.no_build {
        build()?;
    }
    let folder = std::env::temp_dir().join(format!("solthrive-bench-{}", std::process::id()));
    fs::create_dir_all(folder.join("config"))?;
    let result = measure(args, &folder);
    fs::remove_dir_all(&folder)?;
    print_table(&result?);
    Ok(())
}

fn build() -> Result<()> {
    println!("building the release programs (some minutes) …");
    setup::web()?;
    test::web_build()?;
    check(&mut cargo(&[
        "build",
        "--release",
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
    target.join("release").join(name)
}

fn measure(args: &Args, folder: &Path) -> Result<Vec<Row>> {
    let (_simulator, ready) = start_simulator(folder)?;
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    write_config(folder, &ready, address)?;
    let started = now();
    let appliance = start_appliance(folder)?;
    let first = first_snapshot(address, started)?;
    println!(
        "first snapshot after {:.2} s; warming up for {} s …",
        first.as_secs_f64(),
        args.warm_up
    );
    sleep(Duration::from_secs(args.warm_up));

    let pid = appliance.0.id();
    println!("quiet run, {} s …", args.seconds);
    let polls_before = get(address, "/api/system")?;
    let first_seq = seq(address)?;
    let quiet = watch(pid, args.seconds)?;
    let snapshots = seq(address)?.saturating_sub(first_seq);
    let polls = get(address, "/api/system")?;
    println!(
        "loaded run, {} s, 64 live streams and 100 requests a second …",
        args.loaded_seconds
    );
    let load = Load::start(address, 64, 100)?;
    let loaded = watch(pid, args.loaded_seconds)?;
    let loaded_polls = get(address, "/api/system")?;
    let answered = load.answered.load(std::sync::atomic::Ordering::Relaxed);
    let failed = load.failed.load(std::sync::atomic::Ordering::Relaxed);
    drop(load);

    let mut rows = figures(&quiet, args.seconds, &polls_before, &polls);
    rows.push(Row {
        figure: "poll rate achieved",
        target: "1 a second",
        measured: format!("{snapshots} snapshots in {} s", args.seconds),
    });
    rows.extend(grid(&polls, &loaded_polls));
    rows.push(Row {
        figure: "the same with 64 streams, 100 requests/s",
        target: "polling undisturbed",
        measured: format!(
            "{:.2} % CPU, {:.1} MB resident, {answered} answers, {failed} failed",
            100.0 * loaded.cpu_share,
            mega(loaded.after.resident)
        ),
    });
    rows.push(Row {
        figure: "start to first snapshot",
        target: "<= 1.5 s",
        measured: format!("{:.2} s", first.as_secs_f64()),
    });
    let size = fs::metadata(program("solthrived"))?.len();
    rows.push(Row {
        figure: "binary with pages",
        target: "<= 8 MB",
        measured: format!("{:.2} MB", mega(size)),
    });
    rows.extend(plan(&polls));
    rows.push(Row {
        figure: "dashboard, gzip",
        target: "<= 60 kB",
        measured: dashboard_size()?,
    });
    if !args.no_browser {
        rows.extend(browser(address)?);
    }
    Ok(rows)
}

fn start_simulator(folder: &Path) -> Result<(Process, Value)> {
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

fn write_config(folder: &Path, ready: &Value, address: SocketAddr) -> Result<()> {
    let port = ready["pty"].as_str().context("no pseudo-terminal")?;
    let config = folder.join("config");
    let network = format!("listen: \"{address}\"\n");
    fs::write(config.join("network.yaml"), network)?;
    let api = format!("token_file: {}\n", config.join("token").display());
    fs::write(config.join("api.yaml"), api)?;
    let meter = METER.replace("PORT", port).replace("POINTS", POINTS);
    fs::write(config.join("meter.yaml"), meter)?;
    Ok(())
}

fn start_appliance(folder: &Path) -> Result<Process> {
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

fn first_snapshot(address: SocketAddr, started: std::time::Instant) -> Result<Duration> {
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
fn get(address: SocketAddr, path: &str) -> Result<Value> {
    let said = quietly(Command::new("curl").args([
        "-sf",
        "--max-time",
        "5",
        &format!("http://{address}{path}"),
    ]))?;
    Ok(serde_json::from_str(&said)?)
}

/// Number of the newest snapshot.
fn seq(address: SocketAddr) -> Result<u64> {
    let latest = get(address, "/api/latest")?;
    latest["seq"]
        .as_u64()
        .context("a snapshot without a number")
}

struct Watched {
    before: Usage,
    after: Usage,
    cpu_share: f64,
    noise: Noise,
}

/// How unruly the machine was: a thread that sleeps to a deadline shows by how much it was late.
struct Noise {
    p99: Duration,
    worst: Duration,
}

fn watch(pid: u32, seconds: u64) -> Result<Watched> {
    let before = procfs::usage(pid)?;
    let started = now();
    let mut late = Vec::new();
    while started.elapsed() < Duration::from_secs(seconds) {
        let asked = now();
        sleep(Duration::from_millis(100));
        late.push(asked.elapsed().saturating_sub(Duration::from_millis(100)));
    }
    let after = procfs::usage(pid)?;
    let cpu = after
        .on_cpu
        .saturating_sub(before.on_cpu)
        .max(after.cpu.saturating_sub(before.cpu));
    late.sort_unstable();
    let p99 = late.get(late.len() * 99 / 100).copied().unwrap_or_default();
    let noise = Noise {
        p99,
        worst: late.last().copied().unwrap_or_default(),
    };
    Ok(Watched {
        before,
        after,
        cpu_share: cpu.as_secs_f64() / started.elapsed().as_secs_f64(),
        noise,
    })
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn figures(quiet: &Watched, seconds: u64, before: &Value, after: &Value) -> Vec<Row> {
    let per_second = |count: u64| count as f64 / seconds as f64;
    let wakeups = per_second(quiet.after.wakeups - quiet.before.wakeups);
    let transactions = per_second(requests(after).saturating_sub(requests(before)));
    let daily = mega(quiet.after.written - quiet.before.written) * 86_400.0 / seconds as f64;
    vec![
        Row {
            figure: "resident memory",
            target: "<= 12 MB, stretch 8",
            measured: format!(
                "{:.1} MB (peak {:.1}, {} threads)",
                mega(quiet.after.resident),
                mega(quiet.after.peak),
                quiet.after.threads
            ),
        },
        Row {
            figure: "CPU of one core",
            target: "<= 0.15 %",
            measured: format!("{:.3} %", 100.0 * quiet.cpu_share),
        },
        Row {
            figure: "wake-ups per second",
            target: "<= 2 per transaction + 1",
            measured: format!(
                "{wakeups:.1} at {transactions:.2} transactions/s (allowed {:.1})",
                2.0 * transactions + 1.0
            ),
        },
        Row {
            figure: "written at the block device",
            target: "<= 70 MB a day",
            measured: format!("{daily:.0} MB a day"),
        },
        Row {
            figure: "the machine meanwhile",
            target: "",
            measured: format!(
                "a 100 ms sleep was late by {:.1} ms at p99, {:.1} ms at worst; {:.1} preemptions/s",
                1e3 * quiet.noise.p99.as_secs_f64(),
                1e3 * quiet.noise.worst.as_secs_f64(),
                per_second(quiet.after.preempted - quiet.before.preempted)
            ),
        },
    ]
}

fn requests(system: &Value) -> u64 {
    system["bus"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|bus| bus["requests"].as_u64())
        .sum()
}

fn grid(quiet: &Value, loaded: &Value) -> Vec<Row> {
    let poll = |system: &Value| {
        let poll = &system["poll"];
        format!(
            "p50 {} ms, p99 {} ms, {} missed",
            poll["p50_drift_ms"], poll["p99_drift_ms"], poll["misses"]
        )
    };
    vec![
        Row {
            figure: "deviation from the 1 s grid",
            target: "p99 <= 10 ms, 0 missed",
            measured: poll(quiet),
        },
        Row {
            figure: "… with 64 streams and 100 requests/s",
            target: "p99 <= 10 ms, 0 missed",
            measured: poll(loaded),
        },
    ]
}

/// The plan's cost as the appliance computed it from the measured turnaround.
fn plan(system: &Value) -> Vec<Row> {
    let meter = &system["bus"][0]["meters"][0];
    let said = |name: &str| {
        meter
            .pointer(name)
            .map_or_else(|| "?".to_owned(), ToString::to_string)
    };
    vec![Row {
        figure: "30 quantities, one cycle, with the pauses the profile asks for",
        target: "42 points <= 400 ms (one by one 2310)",
        measured: format!(
            "{} ms in {} blocks; one by one {} ms",
            said("/wire_ms"),
            said("/blocks"),
            said("/one_by_one_ms")
        ),
    }]
}

fn dashboard_size() -> Result<String> {
    let said = quietly(&mut command("npm", "web", ["run", "--silent", "size"]))?;
    Ok(said.lines().last().unwrap_or_default().trim().to_owned())
}

/// First number on screen at 4x throttle and main-thread share at rest, by the end-to-end tests' Chromium.
fn browser(address: SocketAddr) -> Result<Vec<Row>> {
    setup::e2e()?;
    setup::chromium()?;
    let mut node = command(
        "node",
        "e2e",
        [
            "bench/first-number.mjs",
            &format!("http://{address}/dashboard"),
        ],
    );
    if let Some(chromium) = setup::chromium_path() {
        node.env("CHROMIUM", chromium);
    }
    let said: Value = serde_json::from_str(&quietly(&mut node)?)?;
    Ok(vec![
        Row {
            figure: "first number at 4x CPU throttle",
            target: "<= 1.5 s",
            measured: format!("{} ms, median of {}", said["first_number_ms"], said["runs"]),
        },
        Row {
            figure: "main thread at rest",
            target: "<= 2 %",
            measured: format!("{} %", said["main_thread_percent"]),
        },
    ])
}

fn print_table(rows: &[Row]) {
    let width = |pick: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| pick(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (first, second) = (width(|row| row.figure), width(|row| row.target));
    let (load, steal) = procfs::machine();
    println!("\n{:first$}  {:second$}  measured", "figure", "target");
    for Row {
        figure,
        target,
        measured,
    } in rows
    {
        println!("{figure:first$}  {target:second$}  {measured}");
    }
    println!(
        "machine: {} cores, load {load:.1}, {steal:.1} % stolen since boot",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
}

//! `cargo xtask bench edge`: the release build of the appliance against a paced simulated meter,
//! 30 quantities a second at 9600 baud, everything on.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::cycle::{FullCycle, full_profile};
use super::home::{
    Points, first_snapshot, get, program, seq, start_appliance, start_simulator, write_config,
};
use super::load::Load;
use super::procfs::{self, Usage};
use crate::run::{command, quietly};
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

struct Row {
    figure: &'static str,
    target: &'static str,
    measured: String,
}

/// Builds, measures, prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.no_build {
        println!("building the release programs (some minutes) …");
        test::release()?;
    }
    let folder = std::env::temp_dir().join(format!("solthrive-bench-{}", std::process::id()));
    fs::create_dir_all(folder.join("config"))?;
    let result = measure(args, &folder);
    fs::remove_dir_all(&folder)?;
    print_table(&result?);
    Ok(())
}

fn measure(args: &Args, folder: &Path) -> Result<Vec<Row>> {
    let (_simulator, ready) = start_simulator(folder)?;
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    write_config(folder, &ready, address, Points::Thirty)?;
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
    let answered = load.answered.load(Ordering::Relaxed);
    let failed = load.failed.load(Ordering::Relaxed);
    drop(load);
    let mut rows = quiet_rows(&quiet, args.seconds, snapshots, [&polls_before, &polls]);
    rows.extend(loaded_rows(&loaded, &loaded_polls, [answered, failed]));
    rows.extend(fixed_rows(first, &polls)?);
    if !args.no_browser {
        rows.extend(browser(address)?);
    }
    drop(appliance);
    println!("one home more, with all points of the profile …");
    rows.push(full_cycle(&full_profile(folder)?));
    Ok(rows)
}

/// The figures of the run in which nobody watched.
fn quiet_rows(quiet: &Watched, seconds: u64, snapshots: u64, polls: [&Value; 2]) -> Vec<Row> {
    let mut rows = figures(quiet, seconds, polls[0], polls[1]);
    rows.push(Row {
        figure: "poll rate achieved",
        target: "1 a second",
        measured: format!("{snapshots} snapshots in {seconds} s"),
    });
    rows.push(Row {
        figure: "deviation from the 1 s grid",
        target: "p99 <= 10 ms, 0 missed",
        measured: grid(polls[1]),
    });
    rows
}

/// The figures of the run under load; `answers` are good and failed ones.
fn loaded_rows(loaded: &Watched, polls: &Value, answers: [u64; 2]) -> [Row; 2] {
    let [answered, failed] = answers;
    let (cpu, resident) = (100.0 * loaded.cpu_share, mega(loaded.after.resident));
    [
        Row {
            figure: "the same with 64 streams, 100 requests/s",
            target: "p99 <= 10 ms, 0 missed",
            measured: grid(polls),
        },
        Row {
            figure: "… and its cost",
            target: "",
            measured: format!(
                "{cpu:.2} % CPU, {resident:.1} MB resident, {answered} answers, {failed} failed"
            ),
        },
    ]
}

/// What does not depend on a run.
fn fixed_rows(first: Duration, polls: &Value) -> Result<[Row; 4]> {
    let size = fs::metadata(program("solthrived"))?.len();
    Ok([
        Row {
            figure: "start to first snapshot",
            target: "<= 1.5 s",
            measured: format!("{:.2} s", first.as_secs_f64()),
        },
        Row {
            figure: "binary with pages",
            target: "<= 8 MB",
            measured: format!("{:.2} MB", mega(size)),
        },
        plan(polls),
        Row {
            figure: "dashboard, gzip",
            target: "<= 60 kB",
            measured: dashboard_size()?,
        },
    ])
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

fn grid(system: &Value) -> String {
    let poll = &system["poll"];
    format!(
        "p50 {} ms, p99 {} ms, {} missed",
        poll["p50_drift_ms"], poll["p99_drift_ms"], poll["misses"]
    )
}

/// The plan's cost as the appliance computed it from the measured turnaround.
fn plan(system: &Value) -> Row {
    let meter = &system["bus"][0]["meters"][0];
    let said = |name: &str| {
        meter
            .pointer(name)
            .map_or_else(|| "?".to_owned(), ToString::to_string)
    };
    Row {
        figure: "30 quantities, one cycle, with the pauses the profile asks for",
        target: "",
        measured: format!(
            "{} ms in {} blocks; one by one {} ms",
            said("/wire_ms"),
            said("/blocks"),
            said("/one_by_one_ms")
        ),
    }
}

/// The cycle that the target is stated for, without the 100 ms of quiet that the profile asks for
/// between two requests.
fn full_cycle(cycle: &FullCycle) -> Row {
    Row {
        figure: "full SDM630 (42 points), one cycle on the wire",
        target: "<= 400 ms (one by one 2310)",
        measured: format!(
            "{:.0} ms in {} requests; {:.0} ms with the pauses the profile asks for; one by one {:.0} ms",
            cycle.wire_ms, cycle.requests, cycle.whole_ms, cycle.one_by_one_ms
        ),
    }
}

fn dashboard_size() -> Result<String> {
    let said = quietly(&mut command("npm", "web", ["run", "--silent", "size"]))?;
    Ok(said.lines().last().unwrap_or_default().trim().to_owned())
}

/// First number on screen at 4x throttle and main-thread share at rest, by the end-to-end tests' Chromium.
fn browser(address: std::net::SocketAddr) -> Result<Vec<Row>> {
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

//! The measurements, each on a fresh store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use solthrive_cloud::clock::Clock;
use solthrive_cloud::config::{Place, StoreUrl};
use solthrive_domain::access::Operator;

use crate::Args;
use crate::fleet::{self, Device};
use crate::homes::{Metering, reports};
use crate::load::{self, Told};
use crate::queries;
use crate::service::{Service, Usage};
use crate::table::{Table, now, quantile};
use crate::wide;

const DAY_MS: i64 = 86_400_000;
/// Longer than the minute between two seals that the run asks for.
const SEALED: Duration = Duration::from_secs(70);
/// Connections of the throughput runs: enough that commits are shared.
const CONNECTIONS: usize = 128;

/// A fresh place with a fleet in it.
pub(crate) async fn place(args: &Args, name: &str, devices: usize) -> Result<(Place, Vec<Device>)> {
    let folder = args.folder.join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let store = match &args.postgres {
        None => StoreUrl::Sqlite,
        Some(url) => {
            empty(url)?;
            StoreUrl::Postgres(url.clone())
        }
    };
    let place = Place {
        data: folder,
        store,
    };
    let began = now();
    let fleet = fleet::register(&place, devices, Clock::system().now()).await?;
    eprintln!(
        "{name}: {devices} devices registered in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    Ok((place, fleet))
}

/// Throws away what an earlier run left in the database.
fn empty(url: &str) -> Result<()> {
    let done = std::process::Command::new("psql")
        .args([
            url,
            "-q",
            "-c",
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
        ])
        .env("PGOPTIONS", "-c client_min_messages=warning")
        .status()
        .context("psql")?;
    ensure!(done.success(), "the database could not be emptied");
    Ok(())
}

pub(crate) fn start(args: &Args, place: &Place, more: &[&str]) -> Result<Service> {
    let store = args
        .postgres
        .clone()
        .unwrap_or_else(|| "sqlite:".to_owned());
    Service::start(&args.program, &place.data, &store, more)
}

/// A midnight in UTC so many days ago.
pub(crate) fn midnight(days_ago: i64) -> i64 {
    (Clock::system().now().get().div_euclid(DAY_MS) - days_ago) * DAY_MS
}

/// Processor time of PostgreSQL's processes, where that is the engine.
fn postgres_cpu(args: &Args) -> Duration {
    if args.postgres.is_none() {
        return Duration::ZERO;
    }
    let mut cpu = Duration::ZERO;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if let (true, Ok(pid)) = (
            name.trim() == "postgres",
            entry.file_name().to_string_lossy().parse(),
        ) {
            cpu += crate::service::usage(pid).cpu;
        }
    }
    cpu
}

/// As many rows as go through, `per_call` a call.
pub(crate) async fn throughput(args: &Args, per_call: usize, table: &mut Table) -> Result<()> {
    let (place, fleet) = place(args, &format!("throughput-{per_call}"), args.devices).await?;
    let service = Arc::new(start(args, &place, &[])?);
    let rows = load::ring(reports(1, 0, 30, Metering::Consistent), 2_880);
    let begin = midnight(300);
    let (before, postgres_before, began) = (service.usage(), postgres_cpu(args), now());
    let until = began + args.seconds();
    let mut senders = tokio::task::JoinSet::new();
    for devices in fleet.chunks(fleet.len().div_ceil(CONNECTIONS)) {
        let sender = load::as_fast_as_it_goes(
            Arc::clone(&service),
            devices.to_vec(),
            Arc::clone(&rows),
            begin,
            per_call,
            until,
        );
        senders.spawn(sender);
    }
    let mut told = Told::default();
    while let Some(sent) = senders.join_next().await {
        told.add(sent??);
    }
    let wall = began.elapsed().as_secs_f64();
    let after = service.usage();
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let postgres = (postgres_cpu(args).saturating_sub(postgres_before)).as_secs_f64();
    let name = format!("durable ingest over TLS, {per_call} a call");
    let targets = if per_call == 1 {
        ("20,000", "25,000")
    } else {
        ("100,000 (60,000 PostgreSQL)", "300,000")
    };
    table.add(
        &format!("{name}, snapshots/s"),
        format!("{:.0}", told.rows as f64 / wall),
        targets.0,
    );
    table.add(
        &format!("{name}, snapshots per CPU second of the service"),
        format!("{:.0}", told.rows as f64 / cpu),
        targets.1,
    );
    if postgres > 0.0 {
        table.add(
            &format!("{name}, CPU seconds of PostgreSQL"),
            format!("{postgres:.1} beside {cpu:.1} of the service"),
            "-",
        );
    }
    latencies(&name, told, "-", table);
    memory(&name, after, "-", table);
    finish(service).await
}

/// `devices` devices at 15 s, each with a connection of its own.
pub(crate) async fn steady(args: &Args, devices: usize, table: &mut Table) -> Result<()> {
    let (place, fleet) = place(args, &format!("steady-{devices}"), devices).await?;
    let service = Arc::new(start(args, &place, &[])?);
    let rows = load::ring(reports(1, 0, 30, Metering::Consistent), 2_880);
    let begin = midnight(100);
    let every = Duration::from_secs(15);
    // Connections are opened over one interval, as after a restart; then three are measured.
    let until = now() + every + args.seconds().max(every * 2);
    let (before, began) = (service.usage(), now());
    let mut senders = tokio::task::JoinSet::new();
    for (number, device) in fleet.into_iter().enumerate() {
        let offset = every.mul_f64(number as f64 / devices as f64);
        let sender = load::steadily(
            Arc::clone(&service),
            device,
            Arc::clone(&rows),
            begin,
            (offset, every, until),
        );
        senders.spawn(sender);
    }
    let mut told = Told::default();
    while let Some(sent) = senders.join_next().await {
        told.add(sent??);
    }
    let after = service.usage();
    let name = format!("{devices} devices at 15 s");
    let cpu = (after.cpu - before.cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    table.add(
        &format!("{name}, share of a processor, handshakes included"),
        format!("{:.1} %", cpu * 100.0),
        "-",
    );
    latencies(
        &name,
        told,
        if devices == 10_000 {
            "p99 < 100 ms"
        } else {
            "-"
        },
        table,
    );
    let target = match devices {
        1_000 => "200 MB",
        10_000 => "800 MB",
        _ => "-",
    };
    memory(&name, after, target, table);
    finish(service).await
}

fn latencies(name: &str, mut told: Told, target: &str, table: &mut Table) {
    told.latencies.sort_by(f64::total_cmp);
    let of = |share| quantile(&told.latencies, share);
    let figures = format!("{:.1} / {:.1} / {:.1} ms", of(0.5), of(0.99), of(1.0));
    table.add(
        &format!("{name}, acknowledgement p50 / p99 / max"),
        figures,
        target,
    );
}

fn memory(name: &str, usage: Usage, target: &str, table: &mut Table) {
    table.add(
        &format!("{name}, resident (peak)"),
        format!("{:.0} ({:.0}) MB", usage.resident_mb, usage.peak_mb),
        target,
    );
}

pub(crate) async fn finish(service: Arc<Service>) -> Result<()> {
    let service = Arc::into_inner(service).context("somebody still sends")?;
    tokio::task::spawn_blocking(|| service.stop()).await?
}

/// Many devices and a long year, without the service.
pub(crate) async fn wide(args: &Args, table: &mut Table) -> Result<()> {
    let (place, fleet) = place(args, "wide", args.devices).await?;
    let begin = midnight(wide::DAYS + 1);
    wide::fill(&place, &fleet, begin).await?;
    queries::measure_wide(&place, &fleet, begin, table).await
}

/// Three days of real-looking homes: bytes on disk, and the queries over them.
pub(crate) async fn history(args: &Args, table: &mut Table) -> Result<()> {
    let days = 3;
    let (place, fleet) = place(args, "history", args.homes).await?;
    let service = Arc::new(start(args, &place, &["--seal-min", "1"])?);
    let begin = midnight(days + 1);
    let rows_each = usize::try_from(days * 2_880)?;
    let began = now();
    let mut senders = tokio::task::JoinSet::new();
    for (share, devices) in fleet.chunks(fleet.len().div_ceil(2)).enumerate() {
        senders.spawn(fill(
            Arc::clone(&service),
            devices.to_vec(),
            share,
            begin,
            rows_each,
        ));
    }
    let mut rows = 0;
    while let Some(sent) = senders.join_next().await {
        rows += sent??;
    }
    eprintln!(
        "history: {rows} snapshots sent in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let waited = settle(args, &place, &fleet, days).await?;
    table.add(
        "history, from the last acknowledgement to sealed days",
        format!("{waited:.0} s"),
        "-",
    );
    finish(service).await?;
    let bytes = size(args, &place)?;
    let figure = format!("{:.2} of {rows}", bytes as f64 / rows as f64);
    table.add(
        "bytes per snapshot on disk: sealed telemetry, rollups, registry; without the log's empty room",
        figure,
        "5.5 (6 PostgreSQL)",
    );
    if args.wants("queries") {
        queries::measure(&place, &fleet, begin, table).await?;
    }
    Ok(())
}

/// Sends each device's days, 500 rows a call.
async fn fill(
    service: Arc<Service>,
    devices: Vec<Device>,
    share: usize,
    begin: i64,
    rows: usize,
) -> Result<u64> {
    let mut line = load::Line::open(&service, &load::connector(&service.certificate)?).await?;
    let (mut sent, mut bytes) = (0, Vec::new());
    for (number, device) in devices.iter().enumerate() {
        let seed = (share * devices.len() + number) as u64;
        let days: Vec<_> = reports(seed, begin, 30, Metering::Consistent)
            .take(rows)
            .map(|(time, cells)| (time, load::fields(&cells)))
            .collect();
        for some in days.chunks(500) {
            let rows = some.iter().map(|(time, fields)| (*time, fields.as_str()));
            load::request(device, "live", rows, &mut bytes);
            sent += line.call(&bytes).await?;
        }
    }
    Ok(sent)
}

/// Waits until every day of every home is sealed and nothing more comes.
async fn settle(args: &Args, place: &Place, fleet: &[Device], days: i64) -> Result<f64> {
    let began = now();
    let wanted = fleet.len() * usize::try_from(days)?;
    let mut seen = (0, Duration::ZERO);
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let database = Place::database(&place.data);
        let (chunks, days) = chunks(args, &database)?;
        if chunks != seen.0 {
            seen = (chunks, began.elapsed());
        }
        // A day that was sealed in two pieces is merged within a quarter of an hour, and hardly larger until then.
        if days >= wanted && began.elapsed().saturating_sub(seen.1) > SEALED {
            return Ok(seen.1.as_secs_f64());
        }
        ensure!(
            began.elapsed() < Duration::from_secs(1_200),
            "after 20 min {chunks} chunks of {days} days, of {wanted}"
        );
    }
}

/// Chunks, and days of homes that they are of.
fn chunks(args: &Args, database: &Path) -> Result<(usize, usize)> {
    let sql = "SELECT count(*) || '|' || count(DISTINCT device || '/' || day) FROM chunk";
    let postgres = "SELECT count(*) || '|' || count(DISTINCT (device, day)) FROM chunk";
    let output = match &args.postgres {
        Some(url) => std::process::Command::new("psql")
            .args([url, "-qtA", "-c", postgres])
            .output()?,
        None => std::process::Command::new("sqlite3")
            .arg(database)
            .args(["-cmd", ".timeout 5000", sql])
            .output()?,
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let (chunks, days) = said
        .trim()
        .split_once('|')
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((chunks.parse()?, days.parse()?))
}

/// Bytes of the folder, and of the database's where that is the engine.
fn size(args: &Args, place: &Place) -> Result<u64> {
    let of = |folder: &PathBuf| -> Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // The log keeps the room that it needed once; what is sealed is not in it any more.
            if name != "log" && !name.starts_with("hot.db") {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(bytes)
    };
    let Some(url) = &args.postgres else {
        return of(&place.data);
    };
    let sql = "VACUUM ANALYZE";
    std::process::Command::new("psql")
        .args([url, "-q", "-c", sql])
        .status()?;
    eprintln!("{}", largest(url)?);
    // As with the embedded store without the log, whose days are dropped when they are sealed.
    let sql = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm') AND relname NOT LIKE 'hot%'";
    let output = std::process::Command::new("psql")
        .args([url, "-qtA", "-c", sql])
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

/// What takes the room in PostgreSQL: heap, indexes and TOAST of the largest tables, in kB.
fn largest(url: &str) -> Result<String> {
    let sql = "SELECT format('%s rows %s heap %s indexes %s toast %s kB', relname, reltuples,
            pg_relation_size(oid) / 1024, pg_indexes_size(oid) / 1024,
            coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) / 1024)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        ORDER BY pg_total_relation_size(oid) DESC LIMIT 12;
        SELECT format('chunk bytes %s kB, bucket days %s kB',
            (SELECT sum(length(bytes)) / 1024 FROM chunk), (SELECT sum(length(buckets)) / 1024 FROM bucket_day))";
    let output = std::process::Command::new("psql")
        .args([url, "-qtA", "-c", sql])
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whoever measures may see everything.
pub(crate) const fn operator() -> Operator {
    Operator::at_the_console()
}

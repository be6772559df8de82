//! `admin history`.

use std::collections::HashMap;
use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use solthrive_cloud_store::meta::{Asked, DeviceLine, Registry as _, Standing};
use solthrive_domain::DeviceId;
use solthrive_domain::registration::{Claim, Decision};
use solthrive_domain::telemetry::MicroWattHours;
use solthrive_protocol::history::{Header, Reader, Source};

use super::Verdict;
use super::console::{Console, taken};
use super::output::{bytes, instant};
use super::progress::Progress;
use super::screen::Screen;
use crate::app::pepper;
use crate::clock::new_id;
use crate::config::StoreUrl;
use crate::secrets::{InstallerCode, hash_token};
use crate::worker::Stores;
use crate::worker::history::{Brought, Importer, Pace};
use crate::worker::places::InRegistry;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take in what homes measured in the past, such as a simulated year, while the service is stopped
    ///
    /// Rows become sealed days, and all of it buckets, days, months and the fleets' sums, as if it had been delivered. Each
    /// home must have delivered nothing yet. Homes come in some at a time: an import that was stopped is
    /// started again and goes on with those that are missing.
    #[command(after_help = "\
Examples:
  solthrive-cloud admin history import year.sthist
  solthrive-sim fleet history --roster roster.json --out - | solthrive-cloud admin history import - --roster roster.json")]
    Import(Import),
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// What `solthrive-sim fleet history` wrote, or `-` for standard input
    file: PathBuf,
    /// Bind devices of this roster that are at no site yet, with their tokens and installer codes
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
}

/// What a roster says of a device, as far as it is needed to bind it.
#[derive(Deserialize)]
struct Member {
    serial: String,
    device_id: DeviceId,
    token: String,
    installer_code: String,
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    let Command::Import(args) = command;
    // Nobody starts the service on it meanwhile.
    let folder = match console.place.store {
        StoreUrl::Sqlite => Some(taken(&console.place.data)?),
        StoreUrl::Postgres(_) => None,
    };
    let began = console.clock.elapsed();
    let (header, reader) = Reader::begin(open(&args.file)?)?;
    let bound = match &args.roster {
        Some(roster) => bind(roster, &header, console).await?,
        None => 0,
    };
    let sql = Arc::new(console.sql.clone());
    let stores = Stores {
        log: console.log_for_us().await?.into(),
        archive: sql.clone(),
        assignments: Arc::new(InRegistry(sql.clone())),
        purge: sql,
    };
    let clock = console.clock;
    let importer = Importer::new(
        stores,
        Pace::default(),
        Arc::new(move || clock.now()),
        new_id(),
    );
    let (mut progress, of) = (Progress::new(clock), header.homes.len());
    let span = (instant(header.from), instant(header.to));
    let brought = importer
        .import(header, reader, |brought| {
            progress.say(|| format!("{} of {of} homes", brought.homes + brought.already));
        })
        .await?;
    drop(progress);
    drop(folder);
    let seconds = (clock.elapsed() - began).as_secs_f64();
    show(&brought, bound, &span, seconds, screen)?;
    Ok(Verdict::Fine)
}

fn open(file: &Path) -> Result<Box<dyn Read + Send>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(
            1 << 20,
            std::io::stdin(),
        )));
    }
    let opened = fs::File::open(file);
    let opened = opened.with_context(|| format!("{} could not be opened", file.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 20, opened)))
}

/// Binds the history's devices that wait, as their first call would; how many these were.
async fn bind(roster: &Path, header: &Header, console: &Console) -> Result<usize> {
    let name = roster.display();
    let text = fs::read(roster).with_context(|| format!("{name} could not be read"))?;
    let members: Vec<Member> =
        serde_json::from_slice(&text).with_context(|| format!("{name} is no list of devices"))?;
    let devices = console.sql.devices(&console.operator).await?;
    let waits = |device: &&DeviceLine| matches!(device.standing, Standing::Waiting);
    let waiting: HashMap<DeviceId, DeviceLine> = devices
        .into_iter()
        .filter(|device| waits(&device))
        .map(|device| (device.id, device))
        .collect();
    let sources: HashMap<DeviceId, &Source> = header
        .homes
        .iter()
        .map(|source| (source.device_id, source))
        .collect();
    let mut bound = 0;
    for member in &members {
        let source = sources.get(&member.device_id);
        let source = source.filter(|source| waiting.contains_key(&source.device_id));
        if let Some(source) = source {
            bind_one(member, source, console).await?;
            bound += 1;
        }
    }
    Ok(bound)
}

async fn bind_one(member: &Member, source: &Source, console: &Console) -> Result<()> {
    let serial = &member.serial;
    let code = InstallerCode::parse(&member.installer_code)
        .with_context(|| format!("the installer code of {serial}"))?;
    let asked = Asked {
        claim: Claim {
            serial,
            device: member.device_id,
        },
        token: hash_token(&member.token),
        code: code.hash(&pepper(&console.place)?),
        model: "simulated",
        firmware: &source.firmware,
        config: None,
    };
    let ids = [new_id(), new_id()];
    match console
        .sql
        .register(&asked, ids, console.clock.now())
        .await?
    {
        Decision::Bind(_) | Decision::Bound(_) => Ok(()),
        _ => bail!(
            "{serial} could not be bound: its id, token and installer code do not go together, or its site is taken"
        ),
    }
}

fn kwh(energy: Option<MicroWattHours>) -> Option<f64> {
    // To the watt-hour.
    energy.map(|energy| (energy.get() as f64 / 1e6).round() / 1e3)
}

fn show(
    brought: &Brought,
    bound: usize,
    span: &(String, String),
    seconds: f64,
    screen: &mut Screen,
) -> Result<()> {
    let energy = brought.sums.energy;
    let energy = [energy.solar, energy.home, energy.import, energy.export].map(kwh);
    if screen.json() {
        return Ok(screen.value(&json_of(brought, bound, span, energy))?);
    }
    let [solar, home, import, export] = energy.map(|kwh| kwh.unwrap_or(0.0));
    let already = match brought.already {
        0 => String::new(),
        count => format!(" ({count} were there already)"),
    };
    let bound = match bound {
        0 => String::new(),
        count => format!(", {count} of them bound"),
    };
    Ok(screen.line(&format!(
        "{} homes{already}{bound}, {} to {}: {} rows, {} samples before them, {} buckets, {} days, {} of chunks; \
         solar {solar:.0}, home {home:.0}, import {import:.0}, export {export:.0} kWh; {seconds:.1} s",
        brought.homes,
        span.0,
        span.1,
        brought.rows,
        brought.samples,
        brought.buckets,
        brought.days,
        bytes(brought.chunk_bytes),
    ))?)
}

fn json_of(
    brought: &Brought,
    bound: usize,
    (from, to): &(String, String),
    [solar, home, import, export]: [Option<f64>; 4],
) -> Value {
    json!({
        "homes": brought.homes, "already": brought.already, "bound": bound, "from": from, "to": to,
        "rows": brought.rows, "samples": brought.samples, "buckets": brought.buckets, "days": brought.days,
        "chunk_bytes": brought.chunk_bytes, "solar_kwh": solar, "home_kwh": home, "import_kwh": import,
        "export_kwh": export,
    })
}

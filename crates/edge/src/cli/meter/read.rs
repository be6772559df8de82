//! `solthrive-cli meter read`: every value of every meter, through the daemon when it holds the port.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use solthrive_meter::bus::{BusConfig, FaultKind, MeterConfig};
use solthrive_meter::decode::Registers;
use solthrive_meter::profile::Function;

use super::super::Verdict;
use super::super::daemon::{self, Daemon, NoAnswer};
use super::super::port;
use super::super::screen::{Progress, Screen, Tone};
use super::super::site::Site;
use super::ask::{Asked, Polled, ask_all, is_complete};
use super::show;
use crate::config::AppConfig;

/// Between two questions to the daemon: often enough to see each of its polls, which are a second apart.
const ASK_AGAIN: Duration = Duration::from_millis(400);
/// Counters that are read less often than this are not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A poll of the counters may come this much later than they are due.
const SLACK: Duration = Duration::from_secs(2);
/// A meter that the daemon has no reading of is given this many questions.
const PATIENCE: u32 = 5;

/// Read every configured meter once.
///
/// While solthrived runs it holds the port, so it is asked for what it read last; otherwise the
/// meters are polled directly. The answer says which.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Only this meter.
    #[arg(value_name = "METER")]
    meter: Option<String>,
    /// Poll the meters even if solthrived runs. It must not hold the same port.
    #[arg(long)]
    direct: bool,
}

pub(super) fn run(args: &Args, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let mut config = site.config()?;
    if let Some(name) = &args.meter {
        choose(&mut config, name)?;
    }
    let daemon = site.daemon(&config);
    let runs = !args.direct
        && match daemon.health() {
            Ok(_) => true,
            Err(NoAnswer::NotRunning(_) | NoAnswer::Stranger(_)) => false,
            Err(error) => {
                return Err(error)
                    .context("solthrived cannot be asked; --direct polls the meters instead");
            }
        };
    let buses = if runs {
        through(daemon, &config, screen)?
    } else {
        direct(&config.buses, screen)
    };
    if screen.json() {
        screen.value(&as_json(&config.buses, &buses, runs))?;
    } else {
        show_all(screen, &config.buses, &buses, runs.then_some(daemon))?;
    }
    let all = || buses.iter().flatten();
    Ok(Verdict::of(
        all().next().is_some() && all().all(|polled| matches!(polled, Polled::Read(_))),
    ))
}

/// Leaves one meter only.
fn choose(config: &mut AppConfig, name: &str) -> anyhow::Result<()> {
    let names: Vec<String> = config
        .buses
        .iter()
        .flat_map(|bus| &bus.meters)
        .map(|meter| meter.id.to_string())
        .collect();
    for bus in &mut config.buses {
        bus.meters.retain(|meter| meter.id.as_str() == name);
    }
    config.buses.retain(|bus| !bus.meters.is_empty());
    if config.buses.is_empty() {
        bail!("no meter is called `{name}`; there is {}", names.join(", "));
    }
    Ok(())
}

/// For each bus, what came of each of its meters.
type Buses = Vec<Vec<Polled>>;

fn direct(buses: &[BusConfig], screen: &Screen) -> Buses {
    let mut progress = Progress::new(screen);
    progress.say("asking the meters …");
    let asked = ask_all(buses);
    let of = |(bus, asked): (&BusConfig, Asked)| {
        let outcome = |meter: &MeterConfig| {
            asked
                .meters
                .get(&meter.id)
                .cloned()
                .unwrap_or(Polled::Failed(FaultKind::Timeout))
        };
        bus.meters.iter().map(outcome).collect()
    };
    buses.iter().zip(asked).map(of).collect()
}

/// Registers as the daemon read them. Counters come every few seconds, so it is asked until it had them.
fn through(daemon: Daemon, config: &AppConfig, screen: &Screen) -> anyhow::Result<Buses> {
    let file = &config.api.token_file;
    let token = daemon::token(file).map_err(|why| {
        anyhow::anyhow!("solthrived holds the port and gives registers only to who has its token, but {why}. Try again with sudo, or see http://{}/dashboard", daemon.address())
    })?;
    let mut progress = Progress::new(screen);
    let mut known: Buses = config
        .buses
        .iter()
        .map(|bus| {
            bus.meters
                .iter()
                .map(|_| Polled::Failed(FaultKind::Timeout))
                .collect()
        })
        .collect();
    for asked in 0..questions(&config.buses) {
        let debug = daemon
            .get("/api/debug", Some(&token))
            .context("solthrived holds the port and does not tell what it read")?;
        for (bus, known) in config.buses.iter().zip(&mut known) {
            for (meter, known) in bus.meters.iter().zip(known) {
                take(&debug, bus, meter, known);
            }
        }
        let complete = known
            .iter()
            .flatten()
            .zip(config.buses.iter().flat_map(|bus| &bus.meters))
            .all(|(polled, meter)| match polled {
                Polled::Read(registers) => is_complete(meter, registers),
                Polled::Failed(_) => asked >= PATIENCE,
            });
        if complete {
            break;
        }
        progress.say("waiting for the next reading of the counters …");
        std::thread::sleep(ASK_AGAIN);
    }
    Ok(known)
}

/// How often the daemon is asked at most, so that every meter's counters come by once.
fn questions(buses: &[BusConfig]) -> u32 {
    let slowest = buses
        .iter()
        .flat_map(|bus| &bus.meters)
        .map(|meter| meter.slow_every)
        .max();
    let wait = (slowest.unwrap_or_default() + SLACK).min(LONGEST_WAIT);
    u32::try_from(wait.as_millis() / ASK_AGAIN.as_millis()).unwrap_or(1)
}

/// Adds what the daemon's debug page has of one meter.
fn take(debug: &Value, bus: &BusConfig, meter: &MeterConfig, known: &mut Polled) {
    let named = |list: &Value, key: &str, name: &str| {
        list.as_array()
            .and_then(|items| items.iter().find(|item| item[key] == name))
            .cloned()
    };
    let Some(heard) = named(&debug["buses"], "bus", &bus.name)
        .and_then(|bus| named(&bus["meters"], "name", meter.id.as_str()))
    else {
        return;
    };
    if heard["failures"].as_u64().unwrap_or(0) > 0 {
        return;
    }
    let mut registers = Registers::new();
    for block in heard["registers"].as_array().into_iter().flatten() {
        let number = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
        let function = block["function"]
            .as_u64()
            .and_then(|code| u8::try_from(code).ok())
            .and_then(Function::from_code);
        let values: Option<Vec<u16>> = block["values"]
            .as_array()
            .map(|words| words.iter().filter_map(number).collect());
        if let (Some(function), Some(address), Some(values)) =
            (function, number(&block["address"]), values)
        {
            registers.push(function, address, values);
        }
    }
    if let Polled::Read(before) = known {
        before.blocks().for_each(|(function, address, values)| {
            registers.push(function, address, values.to_vec());
        });
    }
    if registers.blocks().next().is_some() {
        *known = Polled::Read(registers);
    }
}

fn show_all(
    screen: &mut Screen,
    configs: &[BusConfig],
    buses: &Buses,
    daemon: Option<Daemon>,
) -> std::io::Result<()> {
    for (bus, polled) in configs.iter().zip(buses) {
        for (meter, polled) in bus.meters.iter().zip(polled) {
            match polled {
                Polled::Read(registers) => show::table(screen, bus, meter, registers)?,
                Polled::Failed(fault) => failed(screen, bus, meter, *fault)?,
            }
            screen.line("")?;
        }
    }
    match daemon {
        Some(daemon) => screen.line(&format!(
            "Read by solthrived, which holds the port; asked at {}.",
            daemon.address()
        )),
        None => screen.line("Read directly from the meters."),
    }
}

fn failed(
    screen: &mut Screen,
    bus: &BusConfig,
    meter: &MeterConfig,
    fault: FaultKind,
) -> std::io::Result<()> {
    show::heading(screen, bus, meter)?;
    let what = screen.paint(Tone::Bad, &format!("  {}", show::words(fault)));
    screen.line(&what)?;
    if fault.is_link()
        && let Err(unusable) = port::try_open(bus)
    {
        screen.paragraph("  ", &format!("{}.", unusable.reason))?;
    }
    screen.paragraph("  ", show::advice(fault))
}

fn as_json(configs: &[BusConfig], buses: &Buses, runs: bool) -> Value {
    let meters = configs.iter().zip(buses).flat_map(|(bus, polled)| {
        bus.meters
            .iter()
            .zip(polled)
            .map(move |(meter, polled)| (bus, meter, polled))
    });
    let meters = meters.map(|(bus, meter, polled)| match polled {
        Polled::Read(registers) => show::as_json(bus, meter, registers),
        Polled::Failed(fault) => json!({
            "name": meter.id.as_str(), "bus": bus.name, "unit": meter.unit, "profile": meter.profile.id, "fault": fault.to_string(),
        }),
    });
    json!({"read_by": if runs { "solthrived" } else { "solthrive-cli" }, "meters": meters.collect::<Vec<_>>()})
}

//! `solthrive-cli meter scan`: finds the meters on a cable, and how they are set.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use solthrive_meter::bus::{BusFault, Link, Pace, SystemPace};
use solthrive_meter::discover::{self, PortSelector, Roots};
use solthrive_meter::scan::{Candidate, ScanOptions, ScanProgress, ScanReport, ScanTarget, scan};

use super::super::screen::{Progress, Screen, Tone};
use super::super::site::Site;
use super::super::table::{Cell, Table};
use super::super::{Verdict, port};
use super::profiles::catalog;

/// From here on a candidate is probably the meter.
const LIKELY: u8 = 60;

/// Find the meters on a cable, and how they are set.
///
/// Tries the settings that known meters leave the factory with, at each unit 1 and theirs; where
/// somebody answers, every profile is tried and its values are judged: is a voltage a mains
/// voltage, does power fit current? Nothing is written to any meter. Ctrl-C ends it early and
/// shows what was found. Exit code 1 when nothing was.
///
/// solthrived must not hold the port: sudo systemctl stop solthrived
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The serial port. Without --port and --tcp: the first bus of the configuration, or else the
    /// only adapter that is plugged in.
    #[arg(long, value_name = "DEVICE", conflicts_with = "tcp")]
    port: Option<PathBuf>,
    /// A meter or gateway on the network; port 502 unless written.
    #[arg(long, value_name = "HOST[:PORT]")]
    tcp: Option<String>,
    /// Units to try, such as 1-10,42.
    #[arg(long, value_name = "LIST", value_parser = units)]
    units: Option<Units>,
    /// Only these profiles.
    #[arg(long = "profile", value_name = "ID")]
    profiles: Vec<String>,
    /// Every baud rate with every parity: takes some minutes with several units.
    #[arg(long)]
    thorough: bool,
    /// Go on after the first settings at which a meter was found.
    #[arg(long)]
    all: bool,
    /// How long to wait for an answer, beyond its time on the wire.
    #[arg(long, value_name = "MS", default_value = "400", value_parser = clap::value_parser!(u64).range(20..=5000))]
    timeout_ms: u64,
}

/// Unit addresses in the order they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Units(Vec<u8>);

/// `1-10,42`.
fn units(text: &str) -> Result<Units, String> {
    let wrong = || format!("`{text}` is no list of units from 1 to 247, such as 1-10,42");
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| {
            text.trim()
                .parse::<u8>()
                .ok()
                .filter(|unit| (1..=247).contains(unit))
                .ok_or_else(wrong)
        };
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(wrong());
        }
        all.extend(
            (first..=last)
                .filter(|unit| !all.contains(unit))
                .collect::<Vec<_>>(),
        );
    }
    Ok(Units(all))
}

pub(super) fn run(args: &Args, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let (catalog, _) = catalog(site);
    for id in &args.profiles {
        if catalog.get(id).is_none() {
            let near = catalog
                .suggest(id)
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            bail!("there is no profile `{id}`{near}");
        }
    }
    let target = target(args, site)?;
    let options = options(args);
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let cancel = Arc::new(AtomicBool::new(false));
    cancel_on_interrupt(&cancel);
    let mut progress = Progress::new(screen);
    if !screen.json() {
        eprintln!("Looking for meters at {} …", named(&target));
    }
    let mut say = |now: &ScanProgress| progress.say(&progress_line(now));
    let scanned = scan(&catalog, &target, &options, &pace, &mut say, &cancel);
    drop(progress);
    let report = scanned.map_err(|fault| unreachable(&fault, &target, site))?;
    if screen.json() {
        screen.value(&as_json(&target, &report))?;
    } else {
        show(screen, &target, &report)?;
    }
    Ok(Verdict::of(
        report
            .candidates
            .iter()
            .any(|candidate| candidate.score >= LIKELY),
    ))
}

fn options(args: &Args) -> ScanOptions {
    let options = ScanOptions {
        units: args
            .units
            .as_ref()
            .map(|units| units.0.clone())
            .unwrap_or_default(),
        profiles: (!args.profiles.is_empty()).then(|| args.profiles.clone()),
        timeout: Duration::from_millis(args.timeout_ms),
        exhaustive: args.all,
        ..ScanOptions::default()
    };
    if args.thorough {
        options.thorough()
    } else {
        options
    }
}

fn target(args: &Args, site: &Site) -> anyhow::Result<ScanTarget> {
    if let Some(tcp) = &args.tcp {
        let (host, port) = match tcp
            .rsplit_once(':')
            .filter(|(host, _)| !host.contains(':') || host.ends_with(']'))
        {
            Some((host, port)) => (
                host,
                port.parse()
                    .map_err(|_| anyhow::anyhow!("--tcp: `{port}` is no port"))?,
            ),
            None => (tcp.as_str(), 502),
        };
        return Ok(ScanTarget::Tcp {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        });
    }
    if let Some(path) = &args.port {
        return Ok(ScanTarget::Serial { path: path.clone() });
    }
    let roots = Roots::default();
    if let Ok(started) = site.start() {
        match started
            .loaded
            .config
            .buses
            .into_iter()
            .next()
            .map(|bus| bus.link)
        {
            Some(Link::Tcp { host, port, .. }) => return Ok(ScanTarget::Tcp { host, port }),
            Some(Link::Serial { port, .. }) => {
                if let Ok(path) = discover::find(&roots, &port, None) {
                    return Ok(ScanTarget::Serial { path });
                }
            }
            None => {}
        }
    }
    let ports = discover::list(&roots);
    match ports.as_slice() {
        [] => bail!(
            "no serial adapter is plugged in; name a port with --port, or a meter on the network with --tcp"
        ),
        [port] => Ok(ScanTarget::Serial {
            path: port.path.clone(),
        }),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|port| port.path.display().to_string())
                .collect();
            bail!(
                "there are several serial ports, name one with --port: {}",
                names.join(", ")
            )
        }
    }
}

fn named(target: &ScanTarget) -> String {
    match target {
        ScanTarget::Serial { path } => path.display().to_string(),
        ScanTarget::Tcp { host, port } => format!("{host}:{port}"),
    }
}

/// What was found so far is worth showing, so Ctrl-C ends the search and not the program.
fn cancel_on_interrupt(cancel: &Arc<AtomicBool>) {
    let cancel = Arc::clone(cancel);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
    else {
        return;
    };
    // Ends with the program.
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            cancel.store(true, Ordering::Release);
        }
    });
}

fn progress_line(now: &ScanProgress) -> String {
    let percent = 100 * now.done / now.total.max(1);
    let left = now
        .left
        .map(|left| format!(", {} s left", left.as_secs()))
        .unwrap_or_default();
    let profile = now
        .profile
        .as_ref()
        .map(|profile| format!(": somebody answers, trying {profile}"))
        .unwrap_or_default();
    format!(
        "{percent:3} %  {}{profile}  ({} found{left})",
        now.place, now.found
    )
}

/// Why the port cannot be used, and by whom it is.
fn unreachable(fault: &BusFault, target: &ScanTarget, site: &Site) -> anyhow::Error {
    let ScanTarget::Serial { path } = target else {
        return anyhow::anyhow!(
            "{} cannot be reached: {fault}. Check its address and port, that it has power, and that no other program holds its connection; many gateways take only one.",
            named(target)
        );
    };
    let busy = matches!(fault, BusFault::PortBusy(_));
    if busy && is_daemon(port::holders(path).as_deref(), path, site) {
        return anyhow::anyhow!(
            "solthrived has {} open, and two masters would spoil each other's answers. Stop it first: sudo systemctl stop solthrived",
            path.display()
        );
    }
    let unusable = port::explain(fault, path);
    anyhow::anyhow!("{}: {}", unusable.reason, unusable.advice)
}

/// By its name where it can be seen, else because it runs and is configured to use that port.
fn is_daemon(holder: Option<&str>, path: &Path, site: &Site) -> bool {
    if let Some(holder) = holder {
        return holder.contains("solthrived");
    }
    let Ok(config) = site.start().map(|started| started.loaded.config) else {
        return false;
    };
    let uses = |link: &Link| match link {
        Link::Serial {
            port: PortSelector::Path(port),
            ..
        } => port.canonicalize().ok() == path.canonicalize().ok(),
        Link::Serial { .. } => true,
        Link::Tcp { .. } => false,
    };
    config.buses.iter().any(|bus| uses(&bus.link)) && site.daemon(&config).health().is_ok()
}

fn show(screen: &mut Screen, target: &ScanTarget, report: &ScanReport) -> std::io::Result<()> {
    if report.cancelled {
        screen.line("Ended early; below is what was found until then.")?;
    }
    if report.candidates.is_empty() {
        screen.line("No meter was found.")?;
        return hints(screen, target, report);
    }
    let mut table = Table::new(&["SCORE", "PROFILE", "SETTINGS", "MODEL", "VALUES"]);
    for candidate in &report.candidates {
        let tone = if candidate.score >= LIKELY {
            Tone::Good
        } else {
            Tone::Doubtful
        };
        table.row([
            Cell::number(candidate.score.to_string()).tone(tone),
            candidate.profile.as_str().into(),
            candidate.place.to_string().into(),
            candidate.model.as_deref().unwrap_or("").into(),
            values(candidate).into(),
        ]);
    }
    screen.table(&table)?;
    screen.line("")?;
    for reason in report
        .candidates
        .first()
        .into_iter()
        .flat_map(|best| &best.reasons)
    {
        screen.paragraph(
            "",
            &format!("{} {}", if reason.good { "+" } else { "-" }, reason.text),
        )?;
    }
    hints(screen, target, report)?;
    if let Some(best) = report
        .candidates
        .first()
        .filter(|best| best.score >= LIKELY)
    {
        screen.line("")?;
        screen.line("For meter.yaml:")?;
        for line in snippet(target, best) {
            screen.line(&format!("  {line}"))?;
        }
    }
    Ok(())
}

fn values(candidate: &Candidate) -> String {
    let shown = candidate.values.iter().take(4).map(|(point, value)| {
        format!("{point} {value:.1} {}", point.quantity.unit())
            .trim_end()
            .to_owned()
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn hints(screen: &mut Screen, target: &ScanTarget, report: &ScanReport) -> std::io::Result<()> {
    for place in &report.strangers {
        screen.paragraph("", &format!("At {place} somebody answers whom no profile fits; docs/meter-profiles.md tells how to write one."))?;
    }
    for settings in &report.garbled {
        screen.paragraph("", &format!("At {settings} damaged answers came: other settings are right, two meters share a unit, or the cable is bad."))?;
    }
    for part in &report.unopened {
        let place = part
            .settings
            .map_or_else(|| named(target), |settings| settings.to_string());
        screen.paragraph(
            "",
            &format!(
                "{} units at {place} were not looked at: {}.",
                part.skipped, part.reason
            ),
        )?;
    }
    if report.candidates.is_empty() && report.strangers.is_empty() && report.garbled.is_empty() {
        let serial = matches!(target, ScanTarget::Serial { .. });
        screen.paragraph("", if serial {
            "Nobody answered at all. Is the meter powered? Swap the A and B wires. If its unit is not 1: --units 1-30. If its settings were changed: --thorough."
        } else {
            "Nobody answered at all. If its unit is not 1: --units 1-30."
        })?;
    }
    Ok(())
}

/// What to write, without what the profile knows.
fn snippet(target: &ScanTarget, best: &Candidate) -> Vec<String> {
    let mut lines = vec!["buses:".to_owned()];
    match target {
        ScanTarget::Serial { path } => lines.push(format!("  - port: {}", path.display())),
        ScanTarget::Tcp { host, port } => lines.push(format!("  - tcp: \"{host}:{port}\"")),
    }
    if let Some(settings) = best.place.settings {
        lines.push(format!("    baud: {}", settings.baud));
        lines.push(format!(
            "    parity: {}",
            json!(settings.parity).as_str().unwrap_or("none")
        ));
        lines.push(format!("    stop_bits: {}", settings.stop_bits));
    }
    lines.push(format!(
        "    meters: [{{profile: {}, unit: {}}}]",
        best.profile, best.place.unit
    ));
    if best.profile != "solthrive-v1" {
        lines.push("channels: # which input measures what, see docs/configuration.md".to_owned());
        lines.push("  - {role: …, input: …}".to_owned());
    }
    lines
}

fn as_json(target: &ScanTarget, report: &ScanReport) -> Value {
    let mut all = json!(report);
    all["target"] = json!(named(target));
    for (part, unopened) in all["unopened"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .zip(&report.unopened)
    {
        part["settings"] = json!(unopened.settings.map(|settings| settings.to_string()));
    }
    all["garbled"] = report.garbled.iter().map(ToString::to_string).collect();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_a_list_of_numbers_and_spans() {
        assert_eq!(units("1-3, 42,2").unwrap(), Units(vec![1, 2, 3, 42]));
        for wrong in ["", "0", "248", "3-1", "a", "1-", "1,,2"] {
            assert!(units(wrong).is_err(), "{wrong}");
        }
    }
}

//! `solthrive-cli meter profiles [show ID | check FILE]`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use solthrive_meter::profile::{
    Catalog, Function, PointDef, Profile, ProfileError, Sign, Speed, TransportKind, Trust, Wiring,
    WordOrder,
};

use super::super::Verdict;
use super::super::screen::{Screen, Tone};
use super::super::site::Site;
use super::super::table::{Cell, Table};

/// Meter profiles: those built in, and those of the configuration's folder.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List them all.
    List,
    /// Everything about one: how it is set ex works, what it measures and where, what to beware of.
    Show {
        /// Such as eastron-sdm630.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Say whether a profile file is right, and if not, on which line and why.
    Check {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(super) fn run(args: &Args, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    match &args.command {
        None | Some(Command::List) => list(site, screen),
        Some(Command::Show { id }) => show(id, site, screen),
        Some(Command::Check { file }) => check(file, screen),
    }
}

/// The profile folder of the configuration; the usual one where the configuration cannot tell.
pub(super) fn catalog(site: &Site) -> (Catalog, Vec<ProfileError>) {
    let folder = site.start().ok().and_then(|started| {
        let dir = started
            .loaded
            .effective
            .iter()
            .find(|value| value.key() == "meter.profile_dir")?;
        dir.value.as_str().map(PathBuf::from)
    });
    Catalog::embedded().with_folder(
        &site
            .places
            .config_dir
            .join(folder.unwrap_or_else(|| "profiles".into())),
    )
}

fn list(site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let (catalog, refused) = catalog(site);
    if screen.json() {
        let profiles: Vec<Value> = catalog.iter().map(|profile| summary(profile)).collect();
        screen.value(&json!({"profiles": profiles, "refused": refused.iter().map(ToString::to_string).collect::<Vec<_>>()}))?;
        return Ok(Verdict::of(refused.is_empty()));
    }
    let mut table = Table::new(&["PROFILE", "LINK", "EX WORKS", "POINTS", "MAP", "MODELS"]);
    for profile in catalog.iter() {
        let tone = if profile.trust == Trust::Conflict {
            Tone::Doubtful
        } else {
            Tone::Plain
        };
        table.row([
            profile.id.as_str().into(),
            links(profile).into(),
            factory(profile).into(),
            Cell::number(profile.points.len().to_string()),
            Cell::new(trust(profile.trust)).tone(tone),
            format!("{} {}", profile.vendor, profile.models.join(", ")).into(),
        ]);
    }
    screen.table(&table)?;
    for error in &refused {
        let error = screen.paint(Tone::Bad, &format!("refused: {error}"));
        screen.line(&error)?;
    }
    Ok(Verdict::of(refused.is_empty()))
}

fn summary(profile: &Profile) -> Value {
    let serial = profile.bus.serial.map(|serial| json!({"baud": serial.settings.baud, "parity": serial.settings.parity, "stop_bits": serial.settings.stop_bits, "unit": serial.unit}));
    let tcp = profile
        .bus
        .tcp
        .map(|tcp| json!({"port": tcp.port, "unit": tcp.unit}));
    json!({
        "id": profile.id, "vendor": profile.vendor, "models": profile.models, "wiring": profile.wiring, "trust": profile.trust,
        "transports": profile.bus.transports, "serial": serial, "tcp": tcp, "points": profile.points.len(),
    })
}

fn links(profile: &Profile) -> String {
    let word = |kind: &TransportKind| match kind {
        TransportKind::Rtu => "RS-485",
        TransportKind::Tcp => "TCP",
    };
    profile
        .bus
        .transports
        .iter()
        .map(word)
        .collect::<Vec<_>>()
        .join(", ")
}

fn factory(profile: &Profile) -> String {
    let serial = profile
        .bus
        .serial
        .map(|serial| format!("{} unit {}", serial.settings, serial.unit));
    let tcp = profile
        .bus
        .tcp
        .map(|tcp| format!("port {} unit {}", tcp.port, tcp.unit));
    serial.or(tcp).unwrap_or_else(|| "not known".to_owned())
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Published => "published",
        Trust::Client => "one source",
        Trust::Conflict => "DISPUTED",
        Trust::Custom => "custom",
    }
}

fn show(id: &str, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let (catalog, refused) = catalog(site);
    let Some(profile) = catalog.get(id) else {
        let mut why = format!("there is no profile `{id}`");
        if let Some(near) = catalog.suggest(id) {
            why.push_str(&format!("; did you mean {near}?"));
        }
        for error in refused {
            why.push_str(&format!("\nrefused: {error}"));
        }
        anyhow::bail!(why);
    };
    if screen.json() {
        let mut all = summary(&profile);
        all["points"] = profile.points.iter().map(point_json).collect();
        all["traps"] = json!(profile.traps);
        all["sources"] = json!(profile.sources);
        screen.value(&all)?;
        return Ok(Verdict::Fine);
    }
    facts(&profile, screen)?;
    screen.line("")?;
    screen.table(&points(&profile))?;
    for (title, lines) in [("Beware", &profile.traps), ("Sources", &profile.sources)] {
        if !lines.is_empty() {
            screen.line("")?;
            screen.line(&format!("{title}:"))?;
            for line in lines {
                screen.paragraph("  ", line)?;
            }
        }
    }
    Ok(Verdict::Fine)
}

fn facts(profile: &Profile, screen: &mut Screen) -> std::io::Result<()> {
    let wiring = profile.wiring.iter().map(|wiring| match wiring {
        Wiring::Single => "single phase",
        Wiring::Split => "split phase",
        Wiring::Three => "three phases",
        Wiring::ThreeDelta => "three phases without neutral",
    });
    let mut table = Table::new(&[]);
    table.row(["profile".into(), profile.id.as_str().into()]);
    table.row([
        "models".into(),
        format!("{} {}", profile.vendor, profile.models.join(", ")).into(),
    ]);
    table.row([
        "wiring".into(),
        wiring.collect::<Vec<_>>().join(", ").into(),
    ]);
    table.row(["link".into(), links(profile).into()]);
    table.row(["ex works".into(), factory(profile).into()]);
    table.row([
        "longest read".into(),
        format!("{} registers", profile.bus.max_registers).into(),
    ]);
    let map = match profile.trust {
        Trust::Published => "the maker's list was read, or two independent programs agree",
        Trust::Client => "known from one program only",
        Trust::Conflict => "DISPUTED: sources disagree, verify on a bench before relying on it",
        Trust::Custom => "written on site",
    };
    table.row(["register map".into(), map.into()]);
    screen.table(&table)
}

fn points(profile: &Profile) -> Table {
    let mut table = Table::new(&[
        "POINT", "UNIT", "REGISTER", "FORMAT", "SCALE", "READ", "REMARKS",
    ]);
    for def in &profile.points {
        let speed = match def.speed {
            Speed::Fast => "each poll",
            Speed::Slow => "slowly",
        };
        table.row([
            def.point.to_string().into(),
            def.point.quantity.unit().into(),
            format!("{} 0x{:04X}", function(def.function), def.address).into(),
            format!(
                "{}{}",
                def.kind.name(),
                if def.words == WordOrder::Lsw {
                    " lsw"
                } else {
                    ""
                }
            )
            .into(),
            Cell::number(format!("{}", def.k)),
            speed.into(),
            remarks(def).into(),
        ]);
    }
    table
}

fn function(function: Function) -> &'static str {
    match function {
        Function::Holding => "holding",
        Function::Input => "input",
    }
}

fn remarks(def: &PointDef) -> String {
    let mut remarks = Vec::new();
    if def.optional {
        remarks.push("optional".to_owned());
    }
    if def.sign == Sign::Inverted {
        remarks.push("sign inverted".to_owned());
    }
    if def.ct_scaled {
        remarks.push("times CT ratio".to_owned());
    }
    if let Some(scale) = def.scale_register {
        remarks.push(format!("power of ten in 0x{:04X}", scale.address));
    }
    if let Some(input) = def.volt_ref {
        remarks.push(format!("against v_{}", input.name()));
    }
    remarks.join(", ")
}

fn point_json(def: &PointDef) -> Value {
    json!({
        "point": def.point.to_string(), "unit": def.point.quantity.unit(), "function": function(def.function), "address": def.address,
        "kind": def.kind, "words": def.words, "k": def.k, "sign": def.sign, "speed": def.speed, "optional": def.optional, "scope": def.scope,
    })
}

fn check(file: &Path, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
    let parsed = Profile::parse(&name, &text);
    if screen.json() {
        let answer = match &parsed {
            Ok(profile) => json!({"ok": true, "profile": summary(profile)}),
            Err(error) => {
                json!({"ok": false, "file": error.file, "line": error.line, "column": error.column, "reason": error.reason})
            }
        };
        screen.value(&answer)?;
        return Ok(Verdict::of(parsed.is_ok()));
    }
    match &parsed {
        Ok(profile) => {
            let fine = screen.paint(
                Tone::Good,
                &format!(
                    "{name} is right: profile {} with {} points",
                    profile.id,
                    profile.points.len()
                ),
            );
            screen.line(&fine)?;
            if Catalog::embedded().get(&profile.id).is_some() {
                screen.line("It has the id of a built-in profile and takes its place when it lies in the profile folder.")?;
            }
        }
        Err(error) => {
            let wrong = screen.paint(Tone::Bad, &error.to_string());
            screen.line(&wrong)?;
        }
    }
    Ok(Verdict::of(parsed.is_ok()))
}

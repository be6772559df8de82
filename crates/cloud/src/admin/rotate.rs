//! `admin token rotate` and `admin token rotations`.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use solthrive_cloud_store::meta::{DeviceLine, Registry as _, RotationLine, Standing};
use solthrive_domain::DeviceId;
use solthrive_domain::rotation::Asking;
use solthrive_domain::telemetry::UnixMillis;

use super::console::Console;
use super::output::{ago, instant, or_dash};
use super::screen::Screen;
use super::{Verdict, find};

const DAY_MS: i64 = 86_400_000;
/// Devices that are asked for in one transaction, so that others can write in between.
const AT_ONCE: usize = 200;

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The device, by id or serial
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    device: Option<String>,
    /// Every device that was not deactivated
    #[arg(long)]
    all: bool,
    /// Only those whose token is older, in days: `90d`
    #[arg(long, value_name = "DAYS", requires = "all", value_parser = days)]
    older_than: Option<u32>,
}

/// `90d`, or `90`.
fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    let days = number
        .parse()
        .ok()
        .filter(|days| (1..=36_500).contains(days));
    days.ok_or_else(|| "write a number of days from 1, such as 90d".to_owned())
}

pub(super) async fn rotate(
    args: &Rotate,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    let devices = meant(args, console).await?;
    let now = console.clock.now();
    let mut told = Vec::with_capacity(devices.len());
    for some in devices.chunks(AT_ONCE) {
        let ids: Vec<DeviceId> = some.iter().map(|device| device.id).collect();
        let registry = &console.sql;
        told.extend(registry.ask_rotation(&console.operator, &ids, now).await?);
    }
    say(&devices, &told, screen)
}

/// The devices that are to change their tokens.
async fn meant(args: &Rotate, console: &Console) -> Result<Vec<DeviceLine>> {
    if let Some(said) = &args.device {
        return Ok(vec![find::device(console, said).await?]);
    }
    let mut all = console.sql.devices(&console.operator).await?;
    all.retain(|device| device.standing != Standing::Deactivated);
    if let Some(days) = args.older_than {
        let due = due(days, console).await?;
        all.retain(|device| due.contains(&device.id));
    }
    Ok(all)
}

/// The devices that have a token of at least this age.
async fn due(days: u32, console: &Console) -> Result<HashSet<DeviceId>> {
    let before = console.clock.now().get() - i64::from(days) * DAY_MS;
    let tokens = console.sql.device_tokens(&console.operator).await?;
    let old = tokens
        .iter()
        .filter(|token| !token.is_next && token.created_at.get() <= before);
    Ok(old.map(|token| token.device).collect())
}

fn say(devices: &[DeviceLine], told: &[Option<Asking>], screen: &mut Screen) -> Result<Verdict> {
    let of = |what: Asking| told.iter().filter(|told| **told == Some(what)).count();
    let (asked, open) = (of(Asking::Begin), of(Asking::Open));
    let left: Vec<(&str, &str)> = devices
        .iter()
        .zip(told)
        .filter_map(|(device, told)| Some((device.serial.as_str(), why_not(*told)?)))
        .collect();
    if screen.json() {
        let left: Vec<_> = left
            .iter()
            .map(|(serial, why)| json!({"serial": serial, "why": why}))
            .collect();
        screen.value(&json!({"asked": asked, "open_before": open, "left": left}))?;
    } else {
        screen.line(&format!(
            "asked: {asked}, asked before: {open}, left as they are: {}",
            left.len()
        ))?;
        for (serial, why) in &left {
            screen.line(&format!("{serial}: {why}"))?;
        }
        if asked > 0 {
            screen.paragraph("\nEach device hears of its next token when it calls, and its old one works until it uses the next. `admin token rotations` lists who has not yet.")?;
        }
    }
    Ok(if left.is_empty() {
        Verdict::Fine
    } else {
        Verdict::Problems
    })
}

/// Why a device keeps its token; `None` when it does not.
const fn why_not(told: Option<Asking>) -> Option<&'static str> {
    match told {
        Some(Asking::Begin | Asking::Open) => None,
        Some(Asking::Deactivated) => Some("it was deactivated"),
        Some(Asking::TwoTokens) => {
            Some("it has two tokens: revoke the one that it does not use (`admin token revoke`)")
        }
        Some(Asking::NoToken) => Some("it has no token: give it one (`admin token new`)"),
        None => Some("it is not there any more"),
    }
}

pub(super) async fn list(console: &Console, screen: &mut Screen) -> Result<()> {
    let lines = console.sql.rotations(&console.operator).await?;
    let devices = console.sql.devices(&console.operator).await?;
    let serials: HashMap<DeviceId, String> = devices
        .into_iter()
        .map(|device| (device.id, device.serial))
        .collect();
    let now = console.clock.now();
    let serial = |line: &RotationLine| or_dash(serials.get(&line.device));
    screen.list(
        &lines,
        "No token is being rotated.",
        ["DEVICE", "ASKED", "STATE"],
        |line| {
            [
                serial(line).into(),
                asked(line, now).into(),
                state(line).into(),
            ]
        },
        |line| {
            json!({
                "device": line.device, "serial": serial(line), "asked_at": instant(line.asked_at),
                "prepared_at": line.prepared_at.map(instant),
            })
        },
    )?;
    Ok(())
}

fn asked(line: &RotationLine, now: UnixMillis) -> String {
    format!("{} ({})", instant(line.asked_at), ago(line.asked_at, now))
}

const fn state(line: &RotationLine) -> &'static str {
    match line.prepared_at {
        None => "has not called since",
        Some(_) => "is offered its next token, and has not used it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_of_days() {
        assert_eq!((days("90d"), days("1")), (Ok(90), Ok(1)));
        for wrong in ["", "d", "0", "-1", "90h", "36501", "9.5d"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}

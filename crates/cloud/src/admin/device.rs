//! `admin device`.

use std::collections::HashMap;

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use solthrive_cloud_store::archive::{Archive as _, DeviceStatus, Views as _};
use solthrive_cloud_store::meta::{DeviceLine, Registry as _, Standing, TokenLine};
use solthrive_domain::{DeviceId, SiteId};

use super::console::Console;
use super::output::{ago, instant, or_dash};
use super::screen::Screen;
use super::token::hash_text;
use super::{Verdict, find, provision};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make devices known that were made, all of a list or none
    Provision(provision::Provision),
    /// All devices, by serial
    List,
    /// Everything about a device: where it is and was, when it was heard of, its tokens
    Show {
        /// The device, by id or serial
        device: String,
    },
    /// End a device's right to send. It is told so and stays a local monitor; its history stays
    Deactivate {
        /// The device, by id or serial
        device: String,
    },
    /// Put a device in the place of another. The history stays with the site
    ///
    /// The old one may be used elsewhere afterwards, and can still deliver what it has. `device
    /// deactivate` shuts it out.
    Replace {
        /// The one that is there, by id or serial
        old: String,
        /// The one that takes its place: known, at no site, and not deactivated
        new: String,
    },
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::Provision(args) => return provision::run(args, console, screen).await,
        Command::List => list(console, screen).await?,
        Command::Show { device } => show(device, console, screen).await?,
        Command::Deactivate { device } => deactivate(device, console, screen).await?,
        Command::Replace { old, new } => replace(old, new, console, screen).await?,
    }
    Ok(Verdict::Fine)
}

/// Where it stands, in a word.
fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting => "waiting",
        Standing::Bound(_) => "bound",
        Standing::Deactivated => "deactivated",
    }
}

fn site_of(standing: Standing) -> Option<SiteId> {
    match standing {
        Standing::Bound(site) => Some(site),
        Standing::Waiting | Standing::Deactivated => None,
    }
}

async fn site_names(console: &Console) -> Result<HashMap<SiteId, String>> {
    let sites = console.sql.sites(&console.operator).await?;
    Ok(sites.into_iter().map(|site| (site.id, site.name)).collect())
}

async fn list(console: &Console, screen: &mut Screen) -> Result<()> {
    let devices = console.sql.devices(&console.operator).await?;
    let sites = site_names(console).await?;
    let statuses = console.sql.statuses(&console.operator).await?;
    let seen: HashMap<DeviceId, _> = statuses
        .iter()
        .map(|status| (status.device, status.last_seen))
        .collect();
    let now = console.clock.now();
    let site = |device: &DeviceLine| site_of(device.standing).and_then(|site| sites.get(&site));
    screen.list(
        &devices,
        "No device is known yet. `admin device provision FILE` makes a list of them known.",
        ["SERIAL", "STATE", "SITE", "LAST SEEN", "FIRMWARE", "ID"],
        |device| {
            let last = seen.get(&device.id);
            [
                device.serial.as_str().into(),
                state(device.standing).into(),
                or_dash(site(device)).into(),
                last.map_or_else(|| "never".to_owned(), |at| ago(*at, now))
                    .into(),
                or_dash(device.firmware.as_ref()).into(),
                device.id.to_string().into(),
            ]
        },
        |device| {
            let mut value = json_of(device);
            value["last_seen"] = json!(seen.get(&device.id).map(|at| instant(*at)));
            value
        },
    )?;
    Ok(())
}

fn json_of(device: &DeviceLine) -> Value {
    json!({
        "id": device.id, "serial": device.serial, "state": state(device.standing),
        "site": site_of(device.standing), "firmware": device.firmware,
    })
}

async fn show(said: &str, console: &Console, screen: &mut Screen) -> Result<()> {
    let device = find::device(console, said).await?;
    let sites = site_names(console).await?;
    let status = console.sql.device_status(device.id).await?;
    let mut facts = vec![
        ("device", device.serial.clone()),
        ("id", device.id.to_string()),
        ("state", state(device.standing).to_owned()),
        ("firmware", or_dash(device.firmware.as_ref())),
    ];
    let mut value = json_of(&device);
    tell_status(status.as_ref(), console, &mut facts, &mut value);
    let all = console.sql.assignments(0).await?;
    let places: Vec<_> = all.iter().filter(|at| at.device == device.id).collect();
    for place in &places {
        let until = place.to_at.map_or_else(|| "now".to_owned(), instant);
        let name = sites
            .get(&place.site)
            .map_or_else(|| place.site.to_string(), Clone::clone);
        facts.push((
            "place",
            format!("{name}, {} to {until}", instant(place.from_at)),
        ));
    }
    value["places"] = places
        .iter()
        .map(|place| {
            json!({
                "site": place.site, "installer": place.installer,
                "from": instant(place.from_at), "to": place.to_at.map(instant),
            })
        })
        .collect();
    let tokens = super::token::of(&device, console).await?;
    tell_tokens(&tokens, &mut facts, &mut value);
    Ok(screen.facts(&facts, &value)?)
}

fn tell_tokens(tokens: &[TokenLine], facts: &mut Vec<(&str, String)>, value: &mut Value) {
    for token in tokens {
        let what = if token.is_next { "next token" } else { "token" };
        let (hash, since) = (hash_text(&token.hash), instant(token.created_at));
        facts.push((what, format!("SHA-256 {hash}, since {since}")));
    }
    let (next, current): (Vec<_>, Vec<_>) = tokens.iter().partition(|token| token.is_next);
    let hashes = |some: Vec<&TokenLine>| -> Vec<String> {
        some.iter().map(|token| hash_text(&token.hash)).collect()
    };
    value["token_hashes"] = json!(hashes(current));
    value["next_token_hash"] = json!(hashes(next).first());
}

fn tell_status(
    status: Option<&DeviceStatus>,
    console: &Console,
    facts: &mut Vec<(&str, String)>,
    value: &mut Value,
) {
    let Some(status) = status else {
        facts.push(("last seen", "never".to_owned()));
        return;
    };
    let now = console.clock.now();
    let newest = status.newest.as_ref().map(|sample| sample.ts);
    facts.push((
        "last seen",
        format!(
            "{} ({})",
            instant(status.last_seen),
            ago(status.last_seen, now)
        ),
    ));
    facts.push(("newest", or_dash(newest.map(instant))));
    facts.push(("snapshots", status.rows.to_string()));
    value["last_seen"] = json!(instant(status.last_seen));
    value["newest_sample"] = json!(newest.map(instant));
    value["snapshots"] = json!(status.rows);
}

async fn deactivate(said: &str, console: &Console, screen: &mut Screen) -> Result<()> {
    let device = find::device(console, said).await?;
    let now = console.clock.now();
    if !console
        .sql
        .deactivate(&console.operator, device.id, now)
        .await?
    {
        bail!("the device is not there any more");
    }
    let facts = [
        ("deactivated", device.serial.clone()),
        ("id", device.id.to_string()),
    ];
    Ok(screen.facts(&facts, &json!({"deactivated": device.id}))?)
}

async fn replace(old: &str, new: &str, console: &Console, screen: &mut Screen) -> Result<()> {
    let (old, new) = (
        find::device(console, old).await?,
        find::device(console, new).await?,
    );
    let now = console.clock.now();
    let moved = console
        .sql
        .replace(&console.operator, old.id, new.id, now)
        .await?;
    let Some(site) = moved else {
        match (site_of(old.standing), new.standing) {
            (None, _) => bail!(
                "{} is at no site, so there is no place to take over",
                old.serial
            ),
            (Some(_), Standing::Bound(_)) => bail!("{} is at a site already", new.serial),
            (Some(_), Standing::Deactivated) => bail!("{} was deactivated", new.serial),
            (Some(_), Standing::Waiting) => bail!("the registry changed meanwhile; try again"),
        }
    };
    let facts = [
        ("replaced", old.serial.clone()),
        ("by", new.serial.clone()),
        ("site", site.to_string()),
    ];
    Ok(screen.facts(&facts, &json!({"old": old.id, "new": new.id, "site": site}))?)
}

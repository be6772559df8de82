//! `admin code`.

use std::collections::HashMap;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use solthrive_cloud_store::meta::{CodeLine, CodeState, NewCode, Registry as _};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::console::Console;
use super::output::{instant, or_dash};
use super::screen::Screen;
use super::table::Cell;
use super::{Verdict, find};
use crate::app::pepper;
use crate::clock::new_id;
use crate::secrets::InstallerCode;

const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a code with which an installer binds devices to a site. It is shown once
    #[command(
        after_help = "Example:\n  solthrive-cloud admin code new --site \"Ana's house\" --installer \"Sunrise Solar\" --hours 24"
    )]
    New(New),
    /// All codes, the newest first. The codes themselves are not kept
    List,
    /// Take a code out of use. Devices that used it stay where they are
    Revoke {
        /// Its id, from `code list`
        id: Uuid,
    },
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The site, by id or name
    #[arg(long)]
    site: String,
    /// Whose installer: an org, by id or name
    #[arg(long, value_name = "ORG")]
    installer: String,
    /// Hours for which it can be used
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(1..=8760))]
    hours: u16,
    /// Devices that may use it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    uses: u32,
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::New(new) => make(new, console, screen).await?,
        Command::List => list(console, screen).await?,
        Command::Revoke { id } => revoke(*id, console, screen).await?,
    }
    Ok(Verdict::Fine)
}

async fn make(new: &New, console: &Console, screen: &mut Screen) -> Result<()> {
    let site = find::site(console, &new.site).await?;
    let installer = find::org(console, &new.installer).await?;
    let pepper = pepper(&console.place)?;
    let (code, now) = (InstallerCode::draw()?, console.clock.now());
    let stored = NewCode {
        id: new_id(),
        hash: code.hash(&pepper),
        site: site.id,
        installer: installer.id,
        expires_at: UnixMillis::try_from(now.get() + i64::from(new.hours) * HOUR_MS)?,
        uses: new.uses,
    };
    if !console
        .sql
        .add_code(&console.operator, &stored, now)
        .await?
    {
        bail!("the site or the installer is not there any more");
    }
    let until = instant(stored.expires_at);
    let facts = [
        ("code", code.to_string()),
        ("id", stored.id.to_string()),
        ("site", site.name.clone()),
        ("installer", installer.name.clone()),
        ("until", until.clone()),
        ("uses", new.uses.to_string()),
    ];
    let value = json!({
        "code": code.to_string(), "id": stored.id, "site": site.id, "installer": installer.id,
        "expires_at": until, "uses": new.uses,
    });
    screen.facts(&facts, &value)?;
    if !screen.json() {
        screen.paragraph("\nThe code is not kept, so this is the only time that it is shown.")?;
    }
    Ok(())
}

/// Whether a code would be taken now, in a word.
fn state(code: &CodeLine, now: UnixMillis) -> &'static str {
    match code.state(now) {
        CodeState::Revoked => "revoked",
        CodeState::UsedUp => "used up",
        CodeState::Expired => "expired",
        CodeState::Good => "good",
    }
}

async fn list(console: &Console, screen: &mut Screen) -> Result<()> {
    let codes = console.sql.codes(&console.operator).await?;
    let (sites, orgs) = (
        console.sql.sites(&console.operator).await?,
        console.sql.orgs(&console.operator).await?,
    );
    let sites: HashMap<_, _> = sites.into_iter().map(|site| (site.id, site.name)).collect();
    let orgs: HashMap<_, _> = orgs.into_iter().map(|org| (org.id, org.name)).collect();
    let now = console.clock.now();
    screen.list(
        &codes,
        "There is no code yet. `admin code new --site SITE --installer ORG` makes one.",
        ["MADE", "STATE", "USES LEFT", "UNTIL", "SITE", "INSTALLER", "ID"],
        |code| {
            [
                instant(code.created_at).into(),
                state(code, now).into(),
                Cell::number(code.uses_left),
                instant(code.expires_at).into(),
                or_dash(sites.get(&code.site)).into(),
                or_dash(orgs.get(&code.installer)).into(),
                code.id.to_string().into(),
            ]
        },
        |code| {
            json!({
                "id": code.id, "state": state(code, now), "site": code.site, "installer": code.installer,
                "created_at": instant(code.created_at), "expires_at": instant(code.expires_at),
                "uses_left": code.uses_left, "revoked_at": code.revoked_at.map(instant),
            })
        },
    )?;
    Ok(())
}

async fn revoke(id: Uuid, console: &Console, screen: &mut Screen) -> Result<()> {
    let now = console.clock.now();
    if !console.sql.revoke_code(&console.operator, id, now).await? {
        bail!("there is no code {id}; `admin code list` shows them all");
    }
    Ok(screen.facts(&[("revoked", id.to_string())], &json!({"revoked": id}))?)
}

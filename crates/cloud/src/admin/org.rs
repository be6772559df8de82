//! `admin org`, `admin notices`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use solthrive_cloud_store::meta::{Org, OrgKind, Registry as _};
use solthrive_domain::OrgId;

use super::console::Console;
use super::output::{instant, or_dash};
use super::screen::Screen;
use super::{Verdict, find};
use crate::clock::new_id;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an org
    New(New),
    /// All orgs, by name
    List,
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// What it is called
    name: String,
    /// What it is: people who live in a home, a company that installs, one whose programs read, or who runs the platform
    #[arg(long, value_enum, default_value_t = Kind::Household)]
    kind: Kind,
    /// How to reach it, such as an e-mail address
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Household,
    Installer,
    Partner,
    Platform,
}

impl From<Kind> for OrgKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Household => Self::Household,
            Kind::Installer => Self::Installer,
            Kind::Partner => Self::Partner,
            Kind::Platform => Self::Platform,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Notices {
    /// The org, by id or name
    org: String,
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::New(new) => add(new, console, screen).await?,
        Command::List => list(console, screen).await?,
    }
    Ok(Verdict::Fine)
}

async fn add(new: &New, console: &Console, screen: &mut Screen) -> Result<()> {
    let org = Org {
        id: OrgId::from_uuid(new_id()),
        kind: new.kind.into(),
        name: named(&new.name)?,
        contact: new.contact.clone(),
    };
    console
        .sql
        .add_org(&console.operator, &org, console.clock.now())
        .await?;
    let facts = [("org", org.name.clone()), ("id", org.id.to_string())];
    Ok(screen.facts(&facts, &json_of(&org))?)
}

/// A name that a person can read and type again.
pub(super) fn named(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        bail!("a name has 1 to 200 letters, without line ends");
    }
    Ok(name.to_owned())
}

fn json_of(org: &Org) -> Value {
    json!({"id": org.id, "kind": org.kind.as_str(), "name": org.name, "contact": org.contact})
}

async fn list(console: &Console, screen: &mut Screen) -> Result<()> {
    let orgs = console.sql.orgs(&console.operator).await?;
    screen.list(
        &orgs,
        "There is no org yet. `admin org new NAME` adds one.",
        ["NAME", "KIND", "ID", "CONTACT"],
        |org| {
            let contact = or_dash(org.contact.as_ref());
            [
                org.name.as_str().into(),
                org.kind.as_str().into(),
                org.id.to_string().into(),
                contact.into(),
            ]
        },
        json_of,
    )?;
    Ok(())
}

pub(super) async fn notices(
    args: &Notices,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    let org = find::org(console, &args.org).await?;
    let notices = console.sql.notices(&console.operator, org.id).await?;
    screen.list(
        &notices,
        "There is nothing to tell.",
        ["WHEN", "WHAT", "DEVICE"],
        |notice| {
            [
                instant(notice.created_at).into(),
                notice.code.as_str().into(),
                notice.device.to_string().into(),
            ]
        },
        |notice| {
            json!({
                "created_at": instant(notice.created_at), "code": notice.code, "device": notice.device,
            })
        },
    )?;
    Ok(Verdict::Fine)
}

//! `admin user`.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use solthrive_cloud_store::people::{Accounts as _, Added, EmailKey, NewUser};
use solthrive_domain::UserId;
use solthrive_domain::access::Role;

use super::console::Console;
use super::org::named;
use super::screen::Screen;
use super::{Verdict, find};
use crate::api::{Cost, Passwords, SHORTEST_PASSWORD};
use crate::clock::new_id;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a person, who can sign in with the password at once
    #[command(after_help = "\
The password comes in on standard input: on the command line everybody on the machine could see it.

Examples:
  solthrive-cloud admin user new ana@example.org --name \"Ana Ruiz\" --org \"Ana Ruiz\" --password-stdin < password.txt
  solthrive-cloud admin user new ops@example.org --name Ops --org Platform --role admin --password-stdin")]
    New(New),
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The address that the person signs in with
    email: String,
    /// What to call the person
    #[arg(long)]
    name: String,
    /// The org to belong to, by id or name: a household, an installer, or who runs the platform
    #[arg(long)]
    org: String,
    /// What the person may there: everything, everything but people, or look
    #[arg(long, value_enum, default_value_t = As::Admin)]
    role: As,
    /// Read the password from standard input
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    Admin,
    Technician,
    Viewer,
}

impl From<As> for Role {
    fn from(role: As) -> Self {
        match role {
            As::Admin => Self::Admin,
            As::Technician => Self::Technician,
            As::Viewer => Self::Viewer,
        }
    }
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    let Command::New(new) = command;
    add(new, console, screen).await?;
    Ok(Verdict::Fine)
}

async fn add(new: &New, console: &Console, screen: &mut Screen) -> Result<()> {
    let email = new.email.trim().to_owned();
    let key = EmailKey::of(&email)?;
    let org = find::org(console, &new.org).await?;
    let mut password = String::new();
    std::io::stdin()
        .read_to_string(&mut password)
        .context("the password cannot be read")?;
    let password = password.trim_end_matches(['\r', '\n']);
    ensure!(
        password.chars().count() >= SHORTEST_PASSWORD,
        "a password has at least {SHORTEST_PASSWORD} letters"
    );
    let hash = Passwords::new(Cost::Usual)?
        .hash(password.to_owned())
        .await?;
    let user = NewUser {
        id: UserId::from_uuid(new_id()),
        email,
        key,
        name: named(&new.name)?,
        locale: "en".to_owned(),
        password: Some(hash),
        proven: true,
        member_of: vec![(org.id, new.role.into())],
    };
    let by = console.operator.by();
    match console.sql.add_user(by, &user, console.clock.now()).await? {
        Added::Done => {}
        Added::Taken => bail!("somebody has the address {} already", user.email),
        Added::NoSuchOrg => bail!("the org is gone"),
    }
    let facts = [
        ("user", user.name.clone()),
        ("id", user.id.to_string()),
        ("address", user.email.clone()),
        ("org", org.name.clone()),
    ];
    let json = json!({"id": user.id, "email": user.email, "name": user.name, "org": org.id});
    Ok(screen.facts(&facts, &json)?)
}

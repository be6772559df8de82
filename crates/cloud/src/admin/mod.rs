//! `solthrive-cloud admin`: everything that an operator does without a browser.
//!
//! A command opens the store beside the service, does one thing through the same ports as the service,
//! and says what it did: tables for people, JSON for programs, a [`Verdict`] for scripts. Whoever can
//! start it can read the store's files anyway, so it asks for no password; what it changes is in the
//! audit log. Secrets are printed once, when they are made, and never logged.

mod afterwards;
mod audit;
mod backup;
mod backups;
mod chunk;
mod code;
mod console;
mod contents;
mod device;
mod erasure;
mod find;
mod findings;
mod folders;
mod history;
mod import;
mod label;
pub mod manifest;
mod org;
mod output;
mod place;
mod postgres;
mod progress;
mod provision;
mod restore;
mod rotate;
mod screen;
pub mod serials;
mod site;
mod site_show;
mod status;
mod table;
mod token;
mod user;
mod verify;

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use self::console::{Console, Missing};
pub(crate) use self::restore::refuse_unfinished;
use self::screen::Screen;
use crate::clock::Clock;
use crate::config::Place;

const EXAMPLES: &str = "\
Examples:
  solthrive-cloud admin org new \"Sunrise Solar\" --kind installer
  solthrive-cloud admin org new \"Ana Ruiz\"
  solthrive-cloud admin site new \"Ana's house\" --owner \"Ana Ruiz\" --zone America/Los_Angeles
  solthrive-cloud admin code new --site \"Ana's house\" --installer \"Sunrise Solar\"
  solthrive-cloud admin device provision serials.csv --out labels.csv
  solthrive-cloud admin status
  solthrive-cloud admin backup /var/backups/solthrive
  solthrive-cloud admin verify /var/backups/solthrive/solthrive-20261126T031500Z

Orgs, sites and devices are named by their id, or by their name or serial where there is only one. \
All of it works while the service runs, but for `restore` and `history import`.

Exit codes: 0 fine; 1 problems were found; 2 the command could not do its work.";

/// Look after the platform: orgs, sites, codes, devices, backups
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, max_term_width = 100)]
pub struct Admin {
    #[command(flatten, next_help_heading = "For all commands")]
    place: Place,
    /// JSON on standard output, for programs
    #[arg(long, global = true, help_heading = "For all commands")]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Households, installers, and who runs the platform
    #[command(subcommand)]
    Org(org::Command),
    /// People who sign in
    #[command(subcommand)]
    User(user::Command),
    /// Homes
    #[command(subcommand)]
    Site(site::Command),
    /// Codes with which installers bind devices to sites
    #[command(subcommand)]
    Code(code::Command),
    /// Appliances
    #[command(subcommand)]
    Device(device::Command),
    /// What devices show to be let in
    #[command(subcommand)]
    Token(token::Command),
    /// What an org is to be told, the newest first
    Notices(org::Notices),
    /// Who did what
    Audit(audit::Audit),
    /// The fleet and the store at one glance
    Status,
    /// Sealed days, as they are stored
    #[command(subcommand)]
    Chunk(chunk::Command),
    /// What homes measured before they came here
    #[command(subcommand)]
    History(history::Command),
    /// Copy everything, while the service goes on
    Backup(backup::Args),
    /// Backups that there are, and how long each is kept
    #[command(subcommand)]
    Backups(backups::Command),
    /// Homes that were erased, and their receipts
    #[command(subcommand)]
    Erasure(erasure::Command),
    /// Put a backup in the place of the store
    Restore(restore::Restore),
    /// Check a store or a backup, down to the last row
    Verify(verify::Verify),
}

impl Command {
    /// The first things that are done may be done before the service has run.
    const fn missing(&self) -> Missing {
        match self {
            Self::Org(org::Command::New(_)) | Self::Device(device::Command::Provision(_)) => {
                Missing::Begin
            }
            _ => Missing::Refuse,
        }
    }
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing is wrong.
    Fine,
    /// Something is, and was said.
    Problems,
}

/// Runs one command.
#[must_use]
pub fn run(admin: Admin) -> ExitCode {
    let mut screen = Screen::new(admin.json);
    let done = work(admin, &mut screen)
        .and_then(|verdict| screen.flush().map(|()| verdict).map_err(Into::into));
    match done {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Problems) => ExitCode::from(1),
        // `… | head` has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&mut screen, &error);
            ExitCode::from(2)
        }
    }
}

fn work(admin: Admin, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let Admin { place, command, .. } = admin;
    runtime.block_on(async {
        let clock = Clock::system();
        match &command {
            // One replaces the store, the other looks at stores that cannot be opened, too.
            Command::Restore(args) => restore::run(args, &place, clock, screen).await,
            Command::Verify(args) => verify::run(args, place, clock, screen).await,
            _ => {
                let console = Console::open(place, command.missing()).await?;
                let done = work_on(&command, &console, screen).await;
                console.close().await;
                done
            }
        }
    })
}

async fn work_on(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> anyhow::Result<Verdict> {
    match command {
        Command::Org(command) => org::run(command, console, screen).await,
        Command::User(command) => user::run(command, console, screen).await,
        Command::Site(command) => site::run(command, console, screen).await,
        Command::Code(command) => code::run(command, console, screen).await,
        Command::Device(command) => device::run(command, console, screen).await,
        Command::Token(command) => token::run(command, console, screen).await,
        Command::Notices(args) => org::notices(args, console, screen).await,
        Command::Audit(args) => audit::run(args, console, screen).await,
        Command::Status => status::run(console, screen).await,
        Command::Chunk(command) => chunk::run(command, console, screen).await,
        Command::History(command) => history::run(command, console, screen).await,
        Command::Backup(args) => backup::run(args, console, screen).await,
        Command::Backups(command) => backups::run(command, console, screen).await,
        Command::Erasure(command) => erasure::run(command, console, screen).await,
        Command::Restore(_) | Command::Verify(_) => Ok(Verdict::Fine),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A program that asked for JSON finds the reason there, too.
fn complain(screen: &mut Screen, error: &anyhow::Error) {
    if screen.json() {
        // The reason for ending is the one that counts, not that it cannot be written.
        let _ = screen
            .value(&json!({"error": format!("{error:#}")}))
            .and_then(|()| screen.flush());
    }
    eprintln!("solthrive-cloud: {error:#}");
}

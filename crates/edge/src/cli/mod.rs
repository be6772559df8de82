//! `solthrive-cli`: looks at an appliance and its meters, whether the daemon runs or not.
//!
//! Each command gathers facts, says what it found through a [`screen::Screen`], and answers with a
//! [`Verdict`]. Commands read; what they change is what their name says (`token rotate`). While
//! `solthrived` holds a port, its HTTP interface is asked instead: two masters on one bus would
//! spoil each other's answers.

mod check;
mod cloud;
mod config;
mod daemon;
mod export;
mod logs;
mod meter;
mod port;
mod screen;
mod site;
mod table;
mod token;
mod version;
mod when;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::config::ConfigErrors;
use crate::config::files::Places;
use screen::Screen;
use site::Site;

const EXAMPLES: &str = "\
Examples:
  solthrive-cli check                             is everything all right?
  solthrive-cli config check                      is what I just edited right?
  solthrive-cli meter scan                        what meter is on the cable, and how is it set?
  solthrive-cli meter read                        every value of every meter, now
  solthrive-cli cloud register ABCDE-12345        bind this appliance to a home in the cloud
  solthrive-cli logs --level warn --since 2h      what went wrong lately?
  solthrive-cli export --from 2026-06-01 -o june.csv

Exit codes: 0 fine; 1 problems were found; 2 the command could not do its work.";

/// Looks at an appliance: configuration, meters, history, logs.
#[derive(Debug, clap::Parser)]
#[command(name = "solthrive-cli", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Args {
    /// Folder with base.yaml, network.yaml, meter.yaml and the others.
    #[arg(
        long,
        global = true,
        help_heading = "For all commands",
        default_value = "/etc/solthrive",
        value_name = "FOLDER"
    )]
    config_dir: PathBuf,
    /// A file whose values win over the folder's; it need not exist.
    #[arg(
        long = "override",
        global = true,
        help_heading = "For all commands",
        default_value = "/boot/solthrive/config.yaml",
        value_name = "FILE"
    )]
    override_file: PathBuf,
    /// Folder of history, totals and logs.
    #[arg(
        long,
        global = true,
        help_heading = "For all commands",
        default_value = "/var/solthrive",
        value_name = "FOLDER"
    )]
    data_dir: PathBuf,
    /// JSON on standard output, for scripts.
    #[arg(long, global = true, help_heading = "For all commands")]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    #[command(subcommand)]
    Cloud(cloud::Command),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Meter(meter::Command),
    Logs(logs::Args),
    Export(export::Args),
    #[command(subcommand)]
    Token(token::Command),
    Version(version::Args),
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing is wrong.
    Fine,
    /// Something is, and was said.
    Problems,
}

impl Verdict {
    fn of(fine: bool) -> Self {
        if fine { Self::Fine } else { Self::Problems }
    }
}

/// Runs one command. Exit codes: 0 fine, 1 problems were found, 2 it could not do its work.
pub fn run(args: Args) -> ExitCode {
    let places = Places {
        config_dir: args.config_dir,
        override_file: args.override_file,
        data_dir: args.data_dir,
    };
    let site = Site::new(places);
    let mut screen = Screen::new(args.json);
    let done = match args.command {
        Command::Check(args) => check::run(&args, &site, &mut screen),
        Command::Cloud(command) => cloud::run(&command, &site, &mut screen),
        Command::Config(command) => config::run(&command, &site, &mut screen),
        Command::Meter(command) => meter::run(&command, &site, &mut screen),
        Command::Logs(args) => logs::run(&args, &site, &mut screen),
        Command::Export(args) => export::run(&args, &site, &mut screen),
        Command::Token(command) => token::run(&command, &site, &mut screen),
        Command::Version(args) => version::run(&args, &site, &mut screen),
    };
    match done.and_then(|verdict| screen.flush().map(|()| verdict).map_err(Into::into)) {
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

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A script that asked for JSON finds the reason there, too.
fn complain(screen: &mut Screen, error: &anyhow::Error) {
    let config = error.downcast_ref::<ConfigErrors>();
    if screen.json() {
        let problems = config.map(|errors| json!(errors.problems));
        let mut body =
            json!({"error": config.map_or_else(|| format!("{error:#}"), ToString::to_string)});
        if let Some(problems) = problems {
            body["problems"] = problems;
        }
        // The reason for ending is the one that counts, not that it cannot be written.
        let _ = screen.value(&body).and_then(|()| screen.flush());
    }
    match config {
        Some(errors) => eprintln!("{errors}"),
        None => eprintln!("solthrive-cli: {error:#}"),
    }
}

//! `solthrive-cli meter …`: meters as they answer, and what is known about them.

mod ask;
mod profiles;
mod read;
mod scan;
pub(super) mod show;

pub(super) use ask::{Asked, Polled, ask};

use super::Verdict;
use super::screen::Screen;
use super::site::Site;

/// Meters: read them, find them, see what profiles there are.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Read(read::Args),
    Scan(scan::Args),
    Profiles(profiles::Args),
}

pub(super) fn run(command: &Command, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    match command {
        Command::Read(args) => read::run(args, site, screen),
        Command::Scan(args) => scan::run(args, site, screen),
        Command::Profiles(args) => profiles::run(args, site, screen),
    }
}

//! Exactly once: simulated homes through a bad network, while the service is killed again and again.

use anyhow::Result;

use crate::run::{cargo, check};

/// How long, and how many.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Homes that deliver.
    #[arg(long, default_value_t = 50)]
    homes: usize,
    /// Minutes during which the service is killed, each five seconds on average.
    #[arg(long, default_value_t = 10)]
    minutes: usize,
}

/// Runs it, and fails when a row is missing or there twice, or a day differs by a watt-hour.
pub(super) fn run(args: &Args) -> Result<()> {
    println!(
        "storm: {} homes, {} min of kills through resets, black holes, corruption and delay",
        args.homes, args.minutes
    );
    let mut command = cargo(&[
        "nextest",
        "run",
        "--locked",
        "-p",
        "solthrive-cloud",
        "--run-ignored",
        "ignored-only",
        "--no-capture",
        "fleet::through_ten_minutes_of_storm",
    ]);
    command.env("STORM_HOMES", args.homes.to_string());
    command.env("STORM_MINUTES", args.minutes.to_string());
    check(&mut command)?;
    println!(
        "storm: every row is stored once, and every full day equals the home's own books to the watt-hour"
    );
    Ok(())
}

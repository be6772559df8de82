//! `solthrive-sim fleet`.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::{Args, Subcommand};
use solthrive_sim::clock::Clock;
use solthrive_sim::fleet::{Cloud, Plan, Shelf, Tally, read_roster, run};
use tokio_util::sync::CancellationToken;

use super::history::HistoryArgs;

/// How a fleet behaves.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct FleetArgs {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    live: Option<LiveArgs>,
}

/// What a fleet can do but live.
#[derive(Debug, Subcommand)]
enum Task {
    /// Write down what the homes did in the past, for `solthrive-cloud admin history import`.
    History(HistoryArgs),
}

#[derive(Debug, Args)]
struct LiveArgs {
    /// Which devices there are, and what they were given: a JSON list, see below
    #[arg(long, value_name = "FILE")]
    roster: PathBuf,
    /// Where the cloud is
    #[arg(long, value_name = "URL", default_value = "https://localhost:8443")]
    cloud: String,
    /// The certificates that the cloud is trusted by
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Only the first so many homes of the roster
    #[arg(long, value_name = "COUNT")]
    homes: Option<usize>,
    /// Seconds between two snapshots of a home
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=900))]
    interval_s: u64,
    /// Hours of the past that each home brings along
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=2000))]
    history_h: u64,
    /// Longest pause of a home after failed calls
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    reconnect_s: u64,
    /// What was kept during an outage begins to go within this time
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(0..=86400))]
    backfill_spread_s: u64,
    /// Same seed, same homes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The second to the sixth home misbehave, each in its own way
    #[arg(long)]
    faults: bool,
    /// Go on from these books, which `fleet history` wrote
    #[arg(long, value_name = "FILE")]
    books: Option<PathBuf>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    stop_after: Option<u64>,
}

impl FleetArgs {
    /// Runs it until somebody says stop.
    pub(crate) async fn run(&self, told: impl Future<Output = ()>) -> Result<()> {
        match (&self.task, &self.live) {
            (Some(Task::History(args)), _) => args.run(Clock::start()),
            (None, Some(live)) => live.run(told).await,
            (None, None) => {
                bail!("--roster FILE names the homes; see `solthrive-sim fleet --help`")
            }
        }
    }
}

impl LiveArgs {
    async fn run(&self, told: impl Future<Output = ()>) -> Result<()> {
        let mut roster = read_roster(&self.roster)?;
        roster.truncate(self.homes.unwrap_or(usize::MAX));
        ensure!(!roster.is_empty(), "--homes 0 leaves nobody to simulate");
        let cloud = Cloud::at(&self.cloud, self.ca.as_deref(), || Clock::start().wall())?;
        let plan = Plan {
            interval: Duration::from_secs(self.interval_s),
            history: Duration::from_secs(self.history_h * 3_600),
            longest_pause: Duration::from_secs(self.reconnect_s),
            patience: Duration::from_secs(40),
            backfill_spread: Duration::from_secs(self.backfill_spread_s),
            seed: self.seed,
            faults: self.faults,
        };
        let shelf = self
            .books
            .as_deref()
            .map(|books| Shelf::read(books, self.seed));
        let shelf = shelf.transpose()?;
        let (tally, stop) = (Arc::new(Tally::default()), CancellationToken::new());
        let fleet = run(
            roster,
            cloud,
            plan,
            shelf.as_ref(),
            Clock::start(),
            Arc::clone(&tally),
            stop.clone(),
        );
        let ended = tokio::select! {
            ended = fleet => ended,
            () = told => Ok(()),
            () = self.time_is_up() => Ok(()),
            () = say(&tally) => Ok(()),
        };
        stop.cancel();
        println!("{}", tally.sums());
        ended
    }

    async fn time_is_up(&self) {
        match self.stop_after {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    }
}

/// One line that changes on a terminal; elsewhere a line a minute.
async fn say(tally: &Tally) {
    let terminal = std::io::stdout().is_terminal();
    let every = Duration::from_secs(if terminal { 1 } else { 60 });
    let mut tick = tokio::time::interval(every);
    loop {
        tick.tick().await;
        let line = tally.sums();
        let mut out = std::io::stdout();
        let written = if terminal {
            write!(out, "\r\x1b[K{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
        if written.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

//! `solthrive-sim fleet history`.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use solthrive_sim::clock::Clock;
use solthrive_sim::fleet::history::{Span, write};
use solthrive_sim::fleet::{Shelf, read_roster};

/// Between two lines of progress where nobody watches.
const PAUSE: Duration = Duration::from_secs(5);

/// Which past.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Which devices there are, as for a live fleet
    #[arg(long, value_name = "FILE")]
    roster: PathBuf,
    /// Only the first so many homes of the roster
    #[arg(long, value_name = "COUNT")]
    homes: Option<usize>,
    /// Days of the past
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// The last so many of them row by row; before them, samples of 15 minutes
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    raw_days: u32,
    /// Seconds between two rows
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    step_s: u64,
    /// Same seed, same homes: that of the live fleet
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the history goes; `-` for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where the homes' books at the end go, for a live fleet that goes on from there
    #[arg(long, value_name = "FILE")]
    books: Option<PathBuf>,
}

impl HistoryArgs {
    /// Writes it down.
    pub(super) fn run(&self, clock: Clock) -> Result<()> {
        let mut roster = read_roster(&self.roster)?;
        roster.truncate(self.homes.unwrap_or(usize::MAX));
        ensure!(!roster.is_empty(), "--homes 0 leaves nobody to simulate");
        let step = Duration::from_secs(self.step_s);
        let span = Span::until(clock.wall(), self.days, self.raw_days, step)?;
        let mut progress = Progress::new(clock, roster.len());
        let mut past = |out: &mut dyn Write| -> Result<Shelf> {
            let out = BufWriter::with_capacity(1 << 20, out);
            write(&roster, self.seed, &span, out, |homes| progress.say(homes))
        };
        let shelf = if self.out == Path::new("-") {
            past(&mut io::stdout().lock())?
        } else {
            let name = self.out.display();
            let mut file =
                File::create(&self.out).with_context(|| format!("{name} cannot be written"))?;
            past(&mut file).with_context(|| format!("{name} is not whole"))?
        };
        if let Some(books) = &self.books {
            shelf.write(books)?;
        }
        progress.end();
        Ok(())
    }
}

/// On standard error: standard output may be the history.
struct Progress {
    clock: Clock,
    homes: usize,
    next: Duration,
    terminal: bool,
}

impl Progress {
    fn new(clock: Clock, homes: usize) -> Self {
        Self {
            clock,
            homes,
            next: PAUSE,
            terminal: io::stderr().is_terminal(),
        }
    }

    fn say(&mut self, done: usize) {
        let now = self.clock.elapsed();
        if self.terminal {
            eprint!("\r{done} of {} homes", self.homes);
        } else if now >= self.next {
            eprintln!("{done} of {} homes", self.homes);
            self.next = now + PAUSE;
        }
    }

    fn end(&self) {
        let (start, homes) = (if self.terminal { "\r" } else { "" }, self.homes);
        let seconds = self.clock.elapsed().as_secs_f64();
        eprintln!("{start}{homes} homes have a past, after {seconds:.1} s");
    }
}

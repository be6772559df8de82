//! How far long work is: a line that is written over itself in a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use crate::clock::Clock;

/// On standard error, so that it does not mix with the answer.
pub(super) struct Progress {
    clock: Clock,
    terminal: bool,
    shown: usize,
    next: Duration,
}

impl Progress {
    pub(super) fn new(clock: Clock) -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            clock,
            terminal,
            shown: 0,
            // What is done soon needs no lines in a log.
            next: clock.elapsed() + pause(terminal),
        }
    }

    /// Says how far it is, if it is time.
    pub(super) fn say(&mut self, text: impl FnOnce() -> String) {
        let now = self.clock.elapsed();
        if now < self.next {
            return;
        }
        self.next = now + pause(self.terminal);
        let text = text();
        if self.terminal {
            let width = text.chars().count();
            eprint!("\r{text}{}", " ".repeat(self.shown.saturating_sub(width)));
            self.shown = width;
        } else {
            eprintln!("{text}");
        }
    }
}

/// Takes the line away.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown > 0 {
            eprint!("\r{}\r", " ".repeat(self.shown));
        }
    }
}

const fn pause(terminal: bool) -> Duration {
    if terminal {
        Duration::from_millis(200)
    } else {
        Duration::from_secs(10)
    }
}

//! Where answers go: text for people, or JSON for scripts. Colour is only ever an addition.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde::Serialize;

use super::table::Table;

/// Assumed where nobody tells: a page of this width is read well.
const WIDTH: usize = 100;

/// How a word is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    /// Headings.
    Quiet,
    Good,
    Doubtful,
    Bad,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Quiet => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Doubtful => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
        }
    }
}

/// Standard output.
pub(super) struct Screen {
    out: BufWriter<Stdout>,
    json: bool,
    colour: bool,
    width: usize,
}

impl Screen {
    /// `json`: for a script, which then gets nothing else.
    pub(super) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        let window = || {
            rustix::termios::tcgetwinsize(io::stdout())
                .ok()
                .map(|size| usize::from(size.ws_col))
        };
        let width = if terminal {
            window().or(columns)
        } else {
            columns
        };
        Self {
            out: BufWriter::new(stdout),
            json,
            colour: terminal && !json && !dumb && !set("NO_COLOR"),
            width: width.filter(|width| *width >= 40).unwrap_or(WIDTH),
        }
    }

    /// Whether a script reads.
    pub(super) const fn json(&self) -> bool {
        self.json
    }

    /// The text in this tone, where colours are shown.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        if self.colour && tone != Tone::Plain {
            format!("{}{text}\x1b[0m", tone.code())
        } else {
            text.to_owned()
        }
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A longer text, broken at words.
    pub(super) fn paragraph(&mut self, indent: &str, text: &str) -> io::Result<()> {
        for line in super::table::wrap(text, self.width.saturating_sub(indent.chars().count())) {
            writeln!(self.out, "{indent}{line}")?;
        }
        Ok(())
    }

    pub(super) fn table(&mut self, table: &Table) -> io::Result<()> {
        for line in table.lines(self.width, |tone, text| self.paint(tone, text)) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// One JSON value, indented.
    pub(super) fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        writeln!(self.out)
    }

    /// Raw bytes, such as an export.
    pub(super) fn out(&mut self) -> &mut impl Write {
        &mut self.out
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A line that is written over itself, for people who wait. Nothing where nobody watches.
pub(super) struct Progress {
    shown: usize,
    watched: bool,
}

impl Progress {
    pub(super) fn new(screen: &Screen) -> Self {
        Self {
            shown: 0,
            watched: !screen.json() && io::stderr().is_terminal(),
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        if self.watched {
            let width = text.chars().count();
            eprint!("\r{text}{}", " ".repeat(self.shown.saturating_sub(width)));
            self.shown = width;
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.shown > 0 {
            eprint!("\r{}\r", " ".repeat(self.shown));
            self.shown = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

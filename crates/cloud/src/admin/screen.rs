//! Where answers go: text for people, or JSON for programs.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use serde::Serialize;
use serde_json::Value;

use super::table::{Cell, Table, wrap};

/// Assumed where nobody tells: a page of this width is read well.
const WIDTH: usize = 100;

/// Standard output.
pub(super) struct Screen {
    out: BufWriter<Stdout>,
    json: bool,
    width: usize,
}

impl Screen {
    /// `json`: for a program, which then gets nothing else.
    pub(super) fn new(json: bool) -> Self {
        let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
        let window = || {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            Some(usize::from(size.ws_col))
        };
        let width = if io::stdout().is_terminal() {
            window().or_else(columns)
        } else {
            // A table in a file or pipe is not broken: lines are what tools cut and grep.
            columns().or(Some(usize::MAX / 2))
        };
        Self {
            out: BufWriter::new(io::stdout()),
            json,
            width: width.filter(|width| *width >= 40).unwrap_or(WIDTH),
        }
    }

    /// Whether a program reads.
    pub(super) const fn json(&self) -> bool {
        self.json
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A longer text, broken at words.
    pub(super) fn paragraph(&mut self, text: &str) -> io::Result<()> {
        for line in wrap(text, self.width.min(WIDTH)) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    pub(super) fn table(&mut self, table: &Table) -> io::Result<()> {
        for line in table.lines(self.width) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// One JSON value, indented.
    pub(super) fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        writeln!(self.out)
    }

    /// A list: a JSON array, or a table; where it is empty, people are told `none`.
    pub(super) fn list<T, const N: usize>(
        &mut self,
        things: &[T],
        none: &str,
        heads: [&str; N],
        row: impl Fn(&T) -> [Cell; N],
        json: impl Fn(&T) -> Value,
    ) -> io::Result<()> {
        if self.json {
            return self.value(&things.iter().map(json).collect::<Vec<_>>());
        }
        if things.is_empty() {
            return self.paragraph(none);
        }
        let mut table = Table::new(&heads);
        things.iter().for_each(|thing| table.row(row(thing)));
        self.table(&table)
    }

    /// Facts about one thing: the JSON object as it is, or a line for each.
    pub(super) fn facts(&mut self, facts: &[(&str, String)], json: &Value) -> io::Result<()> {
        if self.json {
            return self.value(json);
        }
        let mut table = Table::new(&[]);
        for (name, value) in facts {
            table.row([(*name).into(), value.as_str().into()]);
        }
        self.table(&table)
    }

    /// Raw bytes, such as an export.
    pub(super) fn out(&mut self) -> &mut impl Write {
        &mut self.out
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

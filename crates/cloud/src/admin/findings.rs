//! What a check looked at, and what is wrong with it.

use std::collections::BTreeMap;
use std::io;

use serde_json::json;

use super::Verdict;
use super::screen::Screen;
use super::table::{Cell, Table};

/// The most problems that are told one by one.
const MOST: usize = 200;

/// What was looked at and found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    looked_at: BTreeMap<&'static str, u64>,
    problems: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Findings {
    /// So many of these were looked at.
    pub(super) fn saw(&mut self, what: &'static str, count: u64) {
        *self.looked_at.entry(what).or_default() += count;
    }

    pub(super) fn seen(&self, what: &str) -> u64 {
        self.looked_at.get(what).copied().unwrap_or(0)
    }

    pub(super) fn problem(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.problems.push((at.into(), what.into()));
    }

    /// Something that a person should know, and that is not wrong.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Says it all.
    pub(super) fn show(self, screen: &mut Screen) -> io::Result<Verdict> {
        let verdict = if self.problems.is_empty() {
            Verdict::Fine
        } else {
            Verdict::Problems
        };
        if screen.json() {
            let problems: Vec<_> = self
                .problems
                .iter()
                .map(|(at, what)| json!({"where": at, "what": what}))
                .collect();
            screen.value(&json!({
                "sound": problems.is_empty(), "checked": self.looked_at, "problems": problems,
                "notes": self.notes,
            }))?;
            return Ok(verdict);
        }
        let mut looked_at = Table::new(&["CHECKED", "COUNT"]);
        for (what, count) in &self.looked_at {
            looked_at.row([(*what).into(), Cell::number(count)]);
        }
        screen.table(&looked_at)?;
        screen.line("")?;
        for note in &self.notes {
            screen.paragraph(note)?;
        }
        if self.problems.is_empty() {
            screen.line("All of it is sound.")?;
            return Ok(verdict);
        }
        let mut table = Table::new(&["DAMAGED", "HOW"]);
        for (at, what) in self.problems.iter().take(MOST) {
            table.row([at.as_str().into(), what.as_str().into()]);
        }
        screen.table(&table)?;
        if self.problems.len() > MOST {
            screen.line(&format!("and {} more", self.problems.len() - MOST))?;
        }
        Ok(verdict)
    }
}

//! Which commands were begun, and what came of them: a small file, replaced as a whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use solthrive_domain::CommandId;
use solthrive_domain::command::Word;
use solthrive_protocol::Report;

use crate::config::files::write_private;

/// Commands that are remembered. The cloud asks again for a day at most, and nobody asks for so many.
const MOST: usize = 64;
/// A result that is longer is said once, and forgotten with the process.
const LONGEST: usize = 8 << 10;

/// The newest commands.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    id: CommandId,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    /// A long result, in this life.
    #[serde(skip)]
    long: Option<String>,
    /// Its end was noted in a life in which nobody may have been told.
    #[serde(skip)]
    untold: bool,
}

impl Journal {
    /// What the run before left. A file that cannot be read is an empty one: at worst a question is
    /// answered twice, since what changes something leaves its own traces.
    pub(super) fn read(folder: &Path) -> Self {
        let path = folder.join("commands.json");
        let text = std::fs::read(&path).ok();
        let entries = text.and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            path,
            entries: entries.unwrap_or_default(),
        }
    }

    /// Whatever was under way when the process ended is over: a restart is done by that, the command of a
    /// trial goes on, and of the others nobody knows.
    pub(super) fn end_interrupted(&mut self, on_trial: Option<CommandId>) {
        for entry in &mut self.entries {
            let word: Option<Word> = entry.state.parse().ok();
            match word {
                Some(Word::Running) if Some(entry.id) != on_trial => {
                    entry.state = Word::Done.as_str().to_owned();
                    entry.result = Some(json!({"restarted": true}).to_string());
                    entry.untold = true;
                }
                Some(Word::Accepted) => {
                    entry.state = Word::Failed.as_str().to_owned();
                    let why = json!({"code": "interrupted", "detail": "the service ended while it was at it"});
                    entry.result = Some(why.to_string());
                    entry.untold = true;
                }
                _ => {}
            }
        }
        if let Err(error) = self.write() {
            tracing::warn!(%error, "the list of commands cannot be written");
        }
    }

    /// What was last said of a command.
    pub(super) fn known(&self, id: CommandId) -> Option<Report> {
        let entry = self.entries.iter().find(|entry| entry.id == id)?;
        Some(entry.report())
    }

    /// Ends that the cloud may not know of.
    pub(super) fn untold(&mut self) -> Vec<Report> {
        let open = self.entries.iter_mut().filter(|entry| entry.untold);
        open.map(|entry| {
            entry.untold = false;
            entry.report()
        })
        .collect()
    }

    /// Notes what is said of a command; false where that cannot be made durable.
    pub(super) fn note(&mut self, report: &Report) -> bool {
        let short = |text: &String| text.len() <= LONGEST;
        let entry = Entry {
            id: report.id,
            state: report.word.as_str().to_owned(),
            result: report.result.clone().filter(short),
            long: report.result.clone().filter(|text| !short(text)),
            untold: false,
        };
        match self.entries.iter_mut().find(|known| known.id == entry.id) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
        let excess = self.entries.len().saturating_sub(MOST);
        self.entries.drain(..excess);
        match self.write() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the list of commands cannot be written");
                false
            }
        }
    }

    fn write(&self) -> std::io::Result<()> {
        write_private(&self.path, &serde_json::to_vec(&self.entries)?)
    }
}

impl Entry {
    fn report(&self) -> Report {
        let forgotten = || {
            let end = self.state == Word::Done.as_str();
            end.then(|| json!({"code": "result_not_kept", "detail": "it was too long to be kept over a restart"}).to_string())
        };
        Report {
            result: self.long.clone().or(self.result.clone()).or_else(forgotten),
            ..Report::of(self.id, self.state.parse().unwrap_or(Word::Failed))
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> CommandId {
        CommandId::from_uuid(Uuid::from_u128(number))
    }

    fn report(number: u128, word: Word, result: &str) -> Report {
        Report {
            result: Some(result.to_owned()),
            ..Report::of(id(number), word)
        }
    }

    #[test]
    fn what_was_said_is_said_again_in_the_next_life() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::read(folder.path());
        assert!(journal.note(&report(1, Word::Accepted, "null")));
        assert!(journal.note(&report(1, Word::Done, "{\"a\":1}")));
        let long = format!("\"{}\"", "x".repeat(LONGEST));
        assert!(journal.note(&report(2, Word::Done, &long)));
        assert_eq!(journal.known(id(2)).unwrap().result, Some(long));
        let mut next = Journal::read(folder.path());
        next.end_interrupted(None);
        assert_eq!(next.known(id(1)), Some(report(1, Word::Done, "{\"a\":1}")));
        assert!(
            next.known(id(2))
                .unwrap()
                .result
                .unwrap()
                .contains("result_not_kept")
        );
        assert_eq!((next.known(id(3)), next.untold()), (None, Vec::new()));
    }

    #[test]
    fn a_restart_is_done_by_it_and_what_it_interrupted_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::read(folder.path());
        journal.note(&Report::of(id(1), Word::Accepted));
        journal.note(&Report::of(id(2), Word::Running));
        journal.note(&Report::of(id(3), Word::Running));
        let mut next = Journal::read(folder.path());
        next.end_interrupted(Some(id(3)));
        let words: Vec<Word> = [1, 2, 3]
            .map(|number| next.known(id(number)).unwrap().word)
            .into();
        assert_eq!(words, [Word::Failed, Word::Done, Word::Running]);
        assert_eq!(
            (next.untold().len(), next.untold().len()),
            (2, 0),
            "said once"
        );
    }

    #[test]
    fn it_stays_small_and_survives_nonsense() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::read(folder.path());
        for number in 0..100 {
            journal.note(&report(number, Word::Done, "1"));
        }
        assert_eq!(
            (journal.known(id(35)), journal.known(id(99)).is_some()),
            (None, true)
        );
        std::fs::write(folder.path().join("commands.json"), "{]").unwrap();
        assert_eq!(Journal::read(folder.path()).known(id(99)), None);
    }
}

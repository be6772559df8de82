//! Browser sessions: random ids that stand for the token until they end.
//!
//! They outlive a restart of the service in a private file, so that an update does not ask a
//! household for its token again. They end with their time, with the token, or one by one.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::same;
use crate::config::files::write_private;

/// Sessions at once; the oldest makes room.
const MOST: usize = 64;

/// The sessions of one token.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    kept: VecDeque<Session>,
    file: Option<PathBuf>,
    /// Tells the sessions of another token apart. No secret: the file is as private as the token's.
    token: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    id: String,
    until: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    token: u64,
    sessions: VecDeque<Session>,
}

impl Sessions {
    /// None, kept in memory only.
    pub(super) fn new(token: &str) -> Self {
        Self {
            token: fingerprint(token),
            ..Self::default()
        }
    }

    /// Keeps them in this file, with those of the same token that are there.
    pub(super) fn keep_in(&mut self, file: PathBuf) {
        let text = std::fs::read(&file).ok();
        // A file that is missing or damaged costs a sign-in, nothing else.
        let stored = text.and_then(|text| serde_json::from_slice::<Stored>(&text).ok());
        if let Some(stored) = stored.filter(|stored| stored.token == self.token) {
            self.kept = stored.sessions;
        }
        self.file = Some(file);
    }

    pub(super) fn open(&mut self, id: String, until: Timestamp, now: Timestamp) {
        self.kept.retain(|session| session.until > now);
        while self.kept.len() >= MOST {
            self.kept.pop_front();
        }
        self.kept.push_back(Session { id, until });
        self.store();
    }

    pub(super) fn knows(&self, id: &str, now: Timestamp) -> bool {
        self.kept
            .iter()
            .any(|session| session.until > now && same(session.id.as_bytes(), id.as_bytes()))
    }

    pub(super) fn close(&mut self, id: &str) {
        let before = self.kept.len();
        self.kept
            .retain(|session| !same(session.id.as_bytes(), id.as_bytes()));
        if self.kept.len() != before {
            self.store();
        }
    }

    /// Ends all of them: another token counts from now on.
    pub(super) fn restart(&mut self, token: &str) {
        self.kept.clear();
        self.token = fingerprint(token);
        self.store();
    }

    fn store(&self) {
        let Some(file) = &self.file else { return };
        let stored = Stored {
            token: self.token,
            sessions: self.kept.clone(),
        };
        if let Err(error) = write_private(file, &super::state::json(&stored)) {
            tracing::warn!(%error, "browser sessions will not outlive a restart");
        }
    }
}

fn fingerprint(token: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(token.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn sessions_outlive_a_restart_but_not_their_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.json");
        let mut first = Sessions::new("token");
        first.keep_in(file.clone());
        first.open("a".to_owned(), at(100), at(0));
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let again = |token: &str| {
            let mut sessions = Sessions::new(token);
            sessions.keep_in(file.clone());
            sessions
        };
        assert!(again("token").knows("a", at(99)));
        assert!(
            !again("token").knows("a", at(100)),
            "their time still counts"
        );
        assert!(!again("another").knows("a", at(99)));

        std::fs::write(&file, "{").unwrap();
        assert!(
            !again("token").knows("a", at(99)),
            "a damaged file is no sessions"
        );
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut sessions = Sessions::new("token");
        for n in 0..=MOST {
            sessions.open(n.to_string(), at(100), at(0));
        }
        assert!(!sessions.knows("0", at(1)) && sessions.knows("1", at(1)));
    }
}

//! Who may read what is not for everybody: the bearer token, and the cookie that stands for it.
//!
//! A handler that needs the token takes a [`Holder`], and only this file can make one; what it
//! guards asks for a `&Holder`, so a forgotten check does not compile.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use jiff::Timestamp;
use solthrive_domain::Mono;

use super::problem::ApiError;
use super::server::Peer;
use super::sessions::Sessions;
use super::state::AppState;

/// Name of the session cookie.
pub(super) const COOKIE: &str = "solthrive_session";
/// Wrong tokens from one address before it has to wait.
const GUESSES: u32 = 10;
/// How long it has to wait, and after how long without a guess all is forgotten.
const PENALTY: Duration = Duration::from_secs(60);
/// Addresses whose guesses are counted at once.
const GUESSERS: usize = 256;

/// 256 bits nobody can guess.
pub type Secret = [u8; 32];

/// The token, the sessions that stand for it, and who guessed wrong.
pub struct Access {
    random: fn() -> std::io::Result<Secret>,
    session: Duration,
    state: Mutex<State>,
}

struct State {
    token: String,
    sessions: Sessions,
    guesses: HashMap<IpAddr, Guesses>,
}

#[derive(Clone, Copy)]
struct Guesses {
    count: u32,
    last: Mono,
}

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    /// The other end.
    pub(super) from: IpAddr,
    /// For waiting times.
    pub(super) mono: Mono,
    /// For the end of sessions, which outlive a restart.
    pub(super) wall: Timestamp,
}

impl Asker {
    /// The one behind a request.
    pub(super) fn of(extensions: &Extensions, app: &AppState) -> Self {
        Self {
            from: Peer::of(extensions),
            mono: app.clock.mono(),
            wall: app.clock.now(),
        }
    }
}

impl Access {
    /// Access with this token. `random` makes session ids; a session lasts for `session`.
    #[must_use]
    pub fn new(
        token: impl Into<String>,
        session: Duration,
        random: fn() -> std::io::Result<Secret>,
    ) -> Self {
        let token = token.into();
        let sessions = Sessions::new(&token);
        let state = State {
            token,
            sessions,
            guesses: HashMap::new(),
        };
        Self {
            random,
            session,
            state: Mutex::new(state),
        }
    }

    /// Lets sessions outlive a restart, in a private file.
    #[must_use]
    pub fn keeping_sessions_in(self, file: impl Into<PathBuf>) -> Self {
        self.lock().sessions.keep_in(file.into());
        self
    }

    /// Takes another token; what stood for the old one ends.
    pub fn replace_token(&self, token: impl Into<String>) {
        let mut state = self.lock();
        state.token = token.into();
        let State {
            token, sessions, ..
        } = &mut *state;
        sessions.restart(token);
    }

    /// How long a session lasts.
    #[must_use]
    pub fn session_length(&self) -> Duration {
        self.session
    }

    /// Starts a session for somebody who knows the token.
    pub(super) fn open_session(&self, token: &str, asker: Asker) -> Result<String, ApiError> {
        self.check_token(token, asker)?;
        let secret = (self.random)().map_err(|error| ApiError::Internal(error.into()))?;
        let id: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let until = asker.wall.checked_add(self.session).unwrap_or(asker.wall);
        self.lock().sessions.open(id.clone(), until, asker.wall);
        Ok(id)
    }

    /// Ends the session of these headers, if there is one.
    pub(super) fn close_session(&self, headers: &HeaderMap) {
        if let Some(id) = cookie(headers) {
            self.lock().sessions.close(id);
        }
    }

    fn check(&self, headers: &HeaderMap, asker: Asker) -> Result<(), ApiError> {
        if let Some(token) = bearer(headers) {
            return self.check_token(token, asker);
        }
        let known = |id: &str| self.lock().sessions.knows(id, asker.wall);
        if cookie(headers).is_some_and(known) {
            Ok(())
        } else {
            Err(ApiError::Unauthorized)
        }
    }

    fn check_token(&self, token: &str, asker: Asker) -> Result<(), ApiError> {
        let Asker {
            from, mono: now, ..
        } = asker;
        let mut state = self.lock();
        state
            .guesses
            .retain(|_, guesses| now.since(guesses.last) < PENALTY);
        if let Some(guesses) = state
            .guesses
            .get(&from)
            .filter(|guesses| guesses.count >= GUESSES)
        {
            let left = PENALTY.saturating_sub(now.since(guesses.last));
            return Err(ApiError::TooManyGuesses {
                retry_after_s: left.as_secs() + 1,
            });
        }
        if !state.token.is_empty() && same(state.token.as_bytes(), token.as_bytes()) {
            state.guesses.remove(&from);
            return Ok(());
        }
        if state.guesses.len() < GUESSERS || state.guesses.contains_key(&from) {
            let guesses = state.guesses.entry(from).or_insert(Guesses {
                count: 0,
                last: now,
            });
            *guesses = Guesses {
                count: guesses.count + 1,
                last: now,
            };
        }
        Err(ApiError::Unauthorized)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access(***)")
    }
}

/// Compares in a time that depends on the lengths only.
pub(super) fn same(ours: &[u8], theirs: &[u8]) -> bool {
    if ours.len() != theirs.len() {
        return false;
    }
    let differences = ours
        .iter()
        .zip(theirs)
        .fold(0, |all, (a, b)| all | std::hint::black_box(a ^ b));
    differences == 0
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

/// Proof that the request carries the token, or a session that stands for it.
#[derive(Debug)]
pub(super) struct Holder(());

impl FromRequestParts<AppState> for Holder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let asker = Asker::of(&parts.extensions, app);
        app.access.check(&parts.headers, asker)?;
        Ok(Self(()))
    }
}

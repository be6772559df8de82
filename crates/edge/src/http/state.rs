//! What the handlers share: handed in once by `app`, never changed.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use solthrive_domain::DaySummary;
use solthrive_domain::MinuteRow;
use solthrive_domain::{HomeModel, Mono};

use super::access::{Access, Holder};
use super::facts::Facts;
use super::wire::SiteBody;
use crate::config::{ApiConfig, Site, Tariff};
use crate::live::{FlagChange, Live};
use crate::sync::CloudLink;

/// The process's clocks.
pub trait Clock: Send + Sync {
    /// The wall clock, as far as it is to be believed.
    fn now(&self) -> Timestamp;
    /// The monotonic clock that snapshots carry.
    fn mono(&self) -> Mono;
}

/// Why the history could not be read. Logged, not shown.
pub type HistoryError = Box<dyn std::error::Error + Send + Sync>;

/// What is stored. Methods block on a disk: the server calls them on its blocking threads.
pub trait History: Send + Sync {
    /// Minute rows that start in `[from, to)`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The store's own.
    fn minutes(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<MinuteRow>, HistoryError>;

    /// Summaries of the local days in `[from, to)` that have any data, oldest first.
    ///
    /// # Errors
    /// The store's own.
    fn days(&self, from: Date, to: Date) -> Result<Vec<DaySummary>, HistoryError>;

    /// Flags that came and went in `[from, to)`, newest first: `limit` of them, and those of the same
    /// instant as the last.
    ///
    /// # Errors
    /// The store's own.
    fn flags(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<FlagChange>, HistoryError>;
}

/// Bounds on what strangers can make the server do.
#[derive(Debug, Clone)]
pub struct Limits {
    /// HTTP connections at once; one more is told so and closed.
    pub connections: usize,
    /// Live streams at once.
    pub streams: u32,
    /// Largest request body, in bytes.
    pub body: u64,
    /// Time for a request's head to arrive, and for an idle connection to ask again.
    pub head: Duration,
    /// Time for a request's body to arrive and its answer to begin.
    pub request: Duration,
    /// Time in which a client must take at least a byte of what it is sent.
    pub write: Duration,
    /// Time between two heartbeats of a stream.
    pub heartbeat: Duration,
    /// Time without a sign of life (a pong, or anything) after which a stream is closed.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 128,
            streams: 64,
            body: 16 * 1024,
            head: Duration::from_secs(10),
            request: Duration::from_secs(15),
            write: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
            silence: Duration::from_secs(60),
        }
    }
}

impl From<&ApiConfig> for Limits {
    fn from(config: &ApiConfig) -> Self {
        Self {
            connections: usize::try_from(config.max_connections).unwrap_or(usize::MAX),
            streams: config.max_ws_clients,
            body: config.max_body,
            ..Self::default()
        }
    }
}

/// Everything the server needs, filled in by `app`.
pub struct Setup {
    /// The hub.
    pub live: Arc<Live>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// What the rest of the appliance says about itself.
    pub facts: Arc<Facts>,
    /// The store's reading side.
    pub history: Arc<dyn History>,
    /// Token and sessions.
    pub access: Access,
    /// How the appliance stands to its cloud.
    pub cloud: CloudLink,
    /// Name, zone and language.
    pub site: Site,
    /// What energy costs, where it was configured.
    pub tariff: Option<Tariff>,
    /// Names that `Host` may carry beside IP addresses and `localhost`: lower case, no port.
    pub host_names: Vec<String>,
    /// Bounds.
    pub limits: Limits,
    /// The effective configuration with the origin of every value, secrets masked.
    pub config: Value,
}

/// The state of the handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// What [`AppState`] points to.
pub struct Shared {
    /// The hub.
    pub live: Arc<Live>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// What the rest of the appliance says about itself.
    pub facts: Arc<Facts>,
    /// Token and sessions.
    pub access: Access,
    /// How the appliance stands to its cloud.
    pub cloud: CloudLink,
    /// Name, zone and language.
    pub site: Site,
    /// What energy costs.
    pub tariff: Option<Tariff>,
    /// Names that `Host` may carry.
    pub host_names: Vec<String>,
    /// Bounds.
    pub limits: Limits,
    /// The effective configuration, masked.
    pub config: Value,
    site_body: SiteBody,
    site_json: Bytes,
    history: Arc<dyn History>,
    streams: Arc<AtomicU32>,
}

impl AppState {
    /// The state made from what `app` hands in.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let Setup {
            live,
            clock,
            facts,
            history,
            access,
            cloud,
            site,
            tariff,
            host_names,
            limits,
            config,
        } = setup;
        let site_body = SiteBody::new(&site, live.home(), tariff.as_ref());
        let site_json = json(&site_body).into();
        let streams = Arc::default();
        Self(Arc::new(Shared {
            live,
            clock,
            facts,
            access,
            cloud,
            site,
            tariff,
            host_names,
            limits,
            config,
            site_body,
            site_json,
            history,
            streams,
        }))
    }
}

impl Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// The store, for somebody who may read it.
    #[must_use]
    pub(super) fn history(&self, _proof: &Holder) -> Arc<dyn History> {
        Arc::clone(&self.history)
    }

    /// The home that is watched.
    #[must_use]
    pub fn home(&self) -> &HomeModel {
        self.live.home()
    }

    /// The site as clients see it.
    #[must_use]
    pub fn site_body(&self) -> &SiteBody {
        &self.site_body
    }

    /// The same as JSON.
    #[must_use]
    pub fn site_json(&self) -> Bytes {
        self.site_json.clone()
    }

    /// A place for one more live stream, or `None` when all are taken.
    #[must_use]
    pub fn take_stream(&self) -> Option<StreamPlace> {
        let limit = self.limits.streams;
        let more = |taken: u32| (taken < limit).then_some(taken + 1);
        self.streams
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .ok()?;
        Some(StreamPlace(Arc::clone(&self.streams)))
    }

    /// Live streams now.
    #[must_use]
    pub fn streams(&self) -> u32 {
        self.streams.load(Ordering::Acquire)
    }

    /// Seconds since the newest snapshot.
    #[must_use]
    pub fn snapshot_age(&self) -> Option<f64> {
        let frame = self.live.frame()?;
        Some(age(self.clock.mono(), frame.snapshot.at))
    }
}

/// Seconds from `at` to `now`, to a millisecond.
#[must_use]
pub(super) fn age(now: Mono, at: Mono) -> f64 {
    (now.since(at).as_secs_f64() * 1000.0).round() / 1000.0
}

/// A taken place for a live stream; dropping it gives it back.
#[derive(Debug)]
pub struct StreamPlace(Arc<AtomicU32>);

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// JSON of one of our own bodies, which are plain structs of numbers and text.
pub(super) fn json<T: serde::Serialize>(body: &T) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_else(|error| {
        tracing::error!(%error, "a body could not be written as JSON");
        b"null".to_vec()
    })
}

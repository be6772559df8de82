//! What handlers share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use solthrive_cloud_store::meta::{Registry, TokenHash};
use solthrive_domain::DeviceId;
use solthrive_protocol::Lane;

use super::answer::Refusal;
use super::server::household;
use crate::api::Api;
use crate::attempts::Attempts;
use crate::channel::Channels;
use crate::clock::{Clock, new_id};
use crate::config::{Limits, Pace};
use crate::devices::{Caller, Devices, NotLetIn};
use crate::ingest::{Allowance, Budgets, Committer, NotStored, OrgBudget, TokenBucket};
use crate::metrics::Metrics;
use crate::rotation::Rotations;
use crate::secrets::{Pepper, hash_token};

/// Addresses that are remembered for their registrations; beyond, the oldest are forgotten.
const ADDRESSES: usize = 10_000;
/// A burst is this many seconds' worth.
const BURST_S: f64 = 60.0;

/// Shared by all handlers. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// What [`AppState`] leads to.
pub struct Shared {
    /// Who may call.
    pub devices: Arc<Devices>,
    /// Who there is.
    pub registry: Arc<dyn Registry>,
    /// The way to the log; `None` in a process that takes nothing in.
    pub committer: Option<Committer>,
    /// The key of codes' hashes.
    pub pepper: Pepper,
    /// What time it is.
    pub clock: Clock,
    /// Where calls leave word of tokens that change.
    pub rotations: Rotations,
    /// Numbers.
    pub metrics: Arc<Metrics>,
    /// Whether calls can be taken.
    pub readiness: Arc<Readiness>,
    /// What one may do.
    pub bounds: Bounds,
    /// The API for people, where this process has that role.
    pub api: Option<Arc<Api>>,
    /// The lines to devices; `None` in a process that takes nothing in.
    pub channels: Option<Arc<Channels>>,
    /// Behind a proxy on the same host, whose word on the caller's address counts.
    pub behind_proxy: bool,
    /// Wrong registrations by token.
    pub attempts: Attempts,
    /// Of this run of the program, for ids of calls.
    pub run: u32,
    registrations: Mutex<HashMap<IpAddr, TokenBucket>>,
}

/// What one caller may do.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Calls of a device.
    pub calls: Allowance,
    /// Live rows of a device.
    pub live: Allowance,
    /// Backfilled rows of a device.
    pub backfill: Allowance,
    /// Rows of an installer's devices.
    pub org: Allowance,
    /// Registrations from an address.
    pub registrations: Allowance,
    /// Seconds after which a device shall send again.
    pub interval_s: u32,
}

impl Bounds {
    /// As configured.
    #[must_use]
    pub fn new(limits: &Limits, pace: &Pace) -> Self {
        let a_minute_of = |per_s: f64| Allowance {
            per_s,
            burst: per_s * BURST_S,
        };
        let live = f64::from(limits.device_rows_per_s);
        let backfill = f64::from(limits.device_backfill_rows_per_s);
        Self {
            calls: a_minute_of(f64::from(limits.device_calls_per_min) / 60.0),
            live: a_minute_of(live),
            backfill: a_minute_of(backfill),
            org: a_minute_of(f64::from(limits.org_rows_per_s)),
            registrations: a_minute_of(f64::from(limits.registrations_per_ip_per_min) / 60.0),
            interval_s: pace.interval_s,
        }
    }

    /// Backfilled rows a second that a device is told it may send.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made from a u32"
    )]
    pub fn backfill_rows_per_s(&self) -> u32 {
        self.backfill.per_s as u32
    }
}

/// Whether the process can take calls, for `/readyz`.
#[derive(Debug, Default)]
pub struct Readiness {
    stopping: AtomicBool,
}

impl Readiness {
    /// No new calls, please.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the process is about to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// As given, with nothing counted yet.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own")]
    pub fn new(
        devices: Arc<Devices>,
        registry: Arc<dyn Registry>,
        committer: Option<Committer>,
        pepper: Pepper,
        rotations: Rotations,
        clock: Clock,
        metrics: Arc<Metrics>,
        bounds: Bounds,
        behind_proxy: bool,
    ) -> Self {
        Self {
            devices,
            registry,
            committer,
            pepper,
            rotations,
            clock,
            metrics,
            readiness: Arc::default(),
            api: None,
            channels: None,
            bounds,
            behind_proxy,
            attempts: Attempts::default(),
            run: new_id().as_fields().0,
            registrations: Mutex::default(),
        }
    }
}

impl Shared {
    /// With the API for people.
    #[must_use]
    pub fn with_api(self, api: Option<Arc<Api>>) -> Self {
        Self { api, ..self }
    }

    /// With lines to devices.
    #[must_use]
    pub fn with_channels(self, channels: Option<Arc<Channels>>) -> Self {
        Self { channels, ..self }
    }
}

impl From<Shared> for AppState {
    fn from(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl std::ops::Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AppState {
    /// Who calls, from the head alone: nothing of a stranger's body is read. Counts the call.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let token = bearer(headers).ok_or(NotLetIn::Unknown)?;
        let now = self.clock.elapsed();
        let caller = self.devices.caller(token, now)?;
        caller
            .budgets
            .call(self.bounds.calls, now)
            .map_err(Refusal::too_many)?;
        Ok(caller)
    }

    /// Counts what a call brings against the shares of its device and installer: both, or none.
    pub(super) fn pay(&self, caller: &Caller, lane: Lane, rows: usize) -> Result<Paid, Refusal> {
        let now = self.clock.elapsed();
        let share = match lane {
            Lane::Live => self.bounds.live,
            Lane::Backfill => self.bounds.backfill,
        };
        let paid = Paid {
            device: Arc::clone(&caller.budgets),
            org: caller.org.clone(),
            lane,
            rows,
        };
        let mine = paid.device.rows(lane, share, rows, now);
        mine.map_err(Refusal::too_many)?;
        if let Some(org) = &paid.org
            && let Err(wait) = org.rows(self.bounds.org, rows, now)
        {
            paid.device.give_back(lane, rows);
            return Err(Refusal::too_many(wait));
        }
        Ok(paid)
    }

    /// Whether something waits for the device on its channel.
    pub(super) fn has_commands(&self, device: DeviceId) -> bool {
        let channels = self.channels.as_ref();
        channels.is_some_and(|channels| channels.is_waiting(device))
    }

    /// The way to the log.
    pub(super) fn committer(&self) -> Result<&Committer, Refusal> {
        self.committer
            .as_ref()
            .ok_or_else(|| Refusal::unavailable("this node takes nothing in"))
    }

    /// Counts a registration from this address.
    pub(super) fn registration_from(&self, address: IpAddr) -> Result<(), Duration> {
        let (now, address) = (self.clock.elapsed(), household(address));
        let mut seen = self
            .registrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= ADDRESSES && !seen.contains_key(&address) {
            // A flood from many addresses must not fill the memory; who waits longest is forgotten last.
            seen.clear();
        }
        seen.entry(address)
            .or_default()
            .take(self.bounds.registrations, 1.0, now)
    }
}

/// What a call has taken of the shares.
pub(super) struct Paid {
    device: Arc<Budgets>,
    org: Option<Arc<OrgBudget>>,
    lane: Lane,
    rows: usize,
}

impl Paid {
    /// Who was sent away because others had come first, or to come with half, comes again: that must not
    /// cost him twice.
    pub(super) fn give_back(&self, why: &NotStored) {
        if !matches!(why, NotStored::Unacceptable(_)) {
            self.device.give_back(self.lane, self.rows);
            if let Some(org) = &self.org {
                org.give_back(self.rows);
            }
        }
    }
}

/// The hash of the token in `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<TokenHash> {
    bearer_text(headers).map(hash_token)
}

/// The token in `Authorization: Bearer …` itself. Whoever asks for it must neither keep nor log it.
#[must_use]
pub fn bearer_text(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

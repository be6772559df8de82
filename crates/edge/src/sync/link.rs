//! The thread that talks to the cloud.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use solthrive_courier::{self as courier, Cargo, Clock, Courier, Settings, Trust};
use solthrive_domain::delivery::Budget;
use solthrive_domain::{DeviceId, Mono};
use tokio_util::sync::CancellationToken;

use super::identity::{BadIdentity, Identity};
use super::orders::Desk;
use super::reports::FromHistory;
use super::shelf::Samples;
use super::teller::{Describe, Hand};
use crate::app::Again;
use crate::config::CloudConfig;
use crate::config::files::Places;
use crate::http::AppState;
use crate::store::{Opened, Store};
use crate::truth::Rate;

/// The newest samples go live: half an hour of one each fifteen seconds.
const LIVE: u64 = 120;
/// Samples of one call of the other lane: 60 kB on the wire.
const BACKFILL: usize = 1_000;
/// For an answer: the largest call takes 20 s over 32 kbit/s.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at whether the web server is there, which answers for the appliance.
const DESK: Duration = Duration::from_millis(100);
/// After a crash of the thread.
const AGAIN: Duration = Duration::from_secs(10);

/// How the appliance stands to the cloud.
#[derive(Debug, Clone)]
pub enum CloudLink {
    /// It has nothing to do with one, and why.
    Off(Off),
    /// It talks to it.
    On(Arc<Courier>, DeviceId),
}

/// Why there is no cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Off {
    /// The configuration says so.
    Disabled,
    /// The appliance was never given an identity.
    NoIdentity,
    /// Something is wrong, for a person.
    Broken(String),
}

/// What the thread is started with.
pub(crate) struct Parts<'a> {
    pub(crate) config: &'a CloudConfig,
    pub(crate) folder: &'a std::path::Path,
    pub(crate) store: &'a Store,
    pub(crate) opened: &'a Opened,
    pub(crate) zone: jiff::tz::TimeZone,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) wall: fn() -> Timestamp,
    pub(crate) floor: Timestamp,
    pub(crate) seed: u64,
    pub(crate) describe: Describe,
    /// Meters and clamps, in the shape of `/api/site`.
    pub(crate) site: Option<serde_json::Value>,
}

/// What follows from talking to a cloud.
pub(crate) struct Started {
    pub(crate) link: CloudLink,
    /// For the core thread, with the number of the next sample.
    pub(crate) hand: Option<(Hand, u64)>,
    pub(crate) rate: Option<Arc<Rate>>,
    pub(crate) orders: Option<Orders>,
    pub(crate) stop: CancellationToken,
}

impl Started {
    fn off(why: Off) -> Self {
        Self {
            link: CloudLink::Off(why),
            hand: None,
            rate: None,
            orders: None,
            stop: CancellationToken::new(),
        }
    }
}

/// Starts the thread, where there is a cloud to talk to. Nothing that is wrong here stops the appliance.
pub(crate) fn start(parts: Parts<'_>) -> Started {
    if !parts.config.enabled {
        return Started::off(Off::Disabled);
    }
    let identity = match Identity::read(parts.folder) {
        Ok(identity) => identity,
        Err(BadIdentity::None(_)) => return Started::off(Off::NoIdentity),
        Err(error) => {
            tracing::error!(%error, "the cloud is told nothing");
            return Started::off(Off::Broken(error.to_string()));
        }
    };
    if identity.exposed {
        tracing::warn!(
            "every user of this machine can read the device's token; chmod 600 device_token"
        );
    }
    let trust = match Trust::new(&parts.config.roots, parts.wall, parts.floor) {
        Ok(trust) => trust,
        Err(error) => {
            tracing::error!(%error, "the cloud is told nothing");
            return Started::off(Off::Broken(error.to_string()));
        }
    };
    begin(parts, identity, trust)
}

fn begin(parts: Parts<'_>, identity: Identity, trust: Trust) -> Started {
    let (progress, known) = (&parts.opened.progress, parts.opened.samples);
    let samples = Arc::new(Samples::new(parts.store.reader().apart()));
    let reports = FromHistory::new(
        parts.store.reader().apart(),
        parts.zone,
        parts.wall,
        parts.site,
        progress,
    );
    let device = identity.device;
    let courier = Courier::new(
        parts.config.address.clone(),
        trust,
        courier::Device {
            id: device,
            firmware: env!("CARGO_PKG_VERSION").to_owned(),
            tokens: identity.tokens,
            known,
            told: progress.rows.clone(),
        },
        Cargo {
            shelf: Arc::clone(&samples) as _,
            reports: Arc::clone(&reports) as _,
            vault: Arc::new(identity.files),
            clock: parts.clock,
        },
        settings(parts.config, parts.seed),
    );
    let stop = CancellationToken::new();
    let rate = Arc::new(Rate::every(parts.config.interval));
    let orders = Orders {
        courier: Arc::clone(&courier),
        rate: Arc::clone(&rate),
        desk: Arc::default(),
    };
    if let Err(error) = spawn(orders.clone(), stop.clone()) {
        return Started::off(Off::Broken(error.to_string()));
    }
    // After what is stored, and after whatever a history that got lost had told.
    let stored = known.map_or(0, |known| known.last + 1);
    let next = progress
        .rows
        .max()
        .map_or(stored, |told| stored.max(told + 1));
    let hand = Hand {
        courier: Arc::clone(&courier),
        samples,
        reports,
        rate: Arc::clone(&rate),
        interval: parts.config.interval,
        describe: parts.describe,
        described: None,
    };
    Started {
        link: CloudLink::On(courier, device),
        hand: Some((hand, next)),
        rate: Some(rate),
        orders: Some(orders),
        stop,
    }
}

fn settings(config: &CloudConfig, seed: u64) -> Settings {
    Settings {
        budget: Budget {
            live_rows: LIVE,
            live_call: usize::try_from(LIVE).unwrap_or(1),
            backfill_call: BACKFILL,
            spread: config.backfill_spread,
        },
        longest_pause: config.reconnect_spread,
        patience: PATIENCE,
        seed,
    }
}

/// A crash costs ten seconds of news, and never the polling.
fn spawn(orders: Orders, stop: CancellationToken) -> std::io::Result<()> {
    let work = move || {
        while !stop.is_cancelled() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                // One looks up names; it ends when idle.
                .max_blocking_threads(2)
                .thread_keep_alive(Duration::from_secs(5))
                .build();
            let run = || match runtime {
                Ok(runtime) => {
                    runtime.block_on(orders.work(&stop));
                    runtime.shutdown_background();
                }
                Err(error) => tracing::error!(%error, "the thread for the cloud cannot start"),
            };
            let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
            if crashed {
                tracing::error!("the part that talks to the cloud crashed; it starts again");
            }
            if !stop.is_cancelled() {
                orders.courier.came_back();
                thread::sleep(AGAIN);
            }
        }
    };
    thread::Builder::new()
        .name("cloud".to_owned())
        .spawn(work)
        .map(|_| ())
}

/// What the cloud can ask for, once there is somebody to answer.
#[derive(Clone)]
pub(crate) struct Orders {
    courier: Arc<Courier>,
    rate: Arc<Rate>,
    desk: Arc<OnceLock<Desk>>,
}

impl Orders {
    /// From now on the cloud can ask.
    pub(crate) fn begin(&self, app: &AppState, places: &Places, again: &Again) {
        let (courier, rate) = (Arc::clone(&self.courier), Arc::clone(&self.rate));
        let desk = Desk::new(app.clone(), courier, rate, places.clone(), again.clone());
        // Only the first counts, and there is only one.
        let _ = self.desk.set(desk);
    }

    /// Tells, and takes orders, until `stop`.
    async fn work(&self, stop: &CancellationToken) {
        let orders = async {
            let desk = loop {
                match self.desk.get() {
                    Some(desk) => break desk.clone(),
                    None => tokio::time::sleep(DESK).await,
                }
            };
            let channel = self
                .courier
                .keep_channel(Arc::new(desk.clone()), stop.clone());
            tokio::join!(channel, desk.watch_trial());
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = async { tokio::join!(self.courier.run(stop.clone()), orders); } => {}
        }
    }
}

/// The process's clocks, as the courier asks them.
pub(crate) struct Clocks<P> {
    pub(crate) pace: Arc<P>,
    pub(crate) wall: fn() -> Timestamp,
}

impl<P: solthrive_meter::bus::Pace + Send + Sync> Clock for Clocks<P> {
    fn mono(&self) -> Mono {
        self.pace.now()
    }

    fn wall(&self) -> Timestamp {
        (self.wall)()
    }
}

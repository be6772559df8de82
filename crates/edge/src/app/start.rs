//! Puts the parts together.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use solthrive_domain::ids::RunId;
use solthrive_domain::{FlagCode, Mono};
use solthrive_meter::bus::SystemPace;
use tokio_util::sync::CancellationToken;

use super::clocks::{self, WebClock};
use super::latest_file::LatestFile;
use super::outside::Everyone;
use super::systemd::{Systemd, Watchdog};
use super::{Again, Pace, facts, pipeline, poll_every};
use crate::config::files::Places;
use crate::config::last_good::Started;
use crate::config::{AppConfig, token};
use crate::http::{Access, AppState, Facts, Limits, Secret, Setup, describe_site, machine_report};
use crate::live::Live;
use crate::poller::{Heard, Poller};
use crate::store::{self, LedgerSource, Opened, Store};
use crate::sync::{self, CloudLink};
use crate::truth::Assembler;
use crate::truth::core::{Aside, Clocks, Core, SystemClocks, Teller};
use crate::truth::restart::Restart;
use crate::vital::Vital;

/// A bus may use this much of a second before its second goes on without it.
const PATIENCE_PERCENT: u32 = 90;

/// From here to the first poll: what starting the threads takes.
const FIRST_POLL: Duration = Duration::from_millis(100);

/// How long the end of the service waits for a bus that is busy. What was measured is stored by then,
/// and systemd's patience has to last for the web server, the disk and this.
const LAST_EXCHANGE: Duration = Duration::from_secs(5);

/// The threads beside the web server.
pub(super) struct Running {
    poller: Poller,
    core: Option<JoinHandle<()>>,
    heard: Sender<Heard>,
    store: Store,
    cloud: CancellationToken,
    orders: Option<sync::Orders>,
    patience: Duration,
}

impl Running {
    /// From now on the cloud can ask for something.
    pub(super) fn take_orders(&self, app: &AppState, places: &Places, again: &Again) {
        if let Some(orders) = &self.orders {
            orders.begin(app, places, again);
        }
    }

    /// Stops polling, stores the last minute, and marks a proper stop.
    pub(super) fn stop(mut self) {
        self.halt(Ending::Proper);
    }

    /// Stores what can be, and leaves the next start to tell of a crash.
    pub(super) fn fail(mut self) {
        self.halt(Ending::Crash);
    }

    /// What was measured is stored first: a bus may wait for a meter longer than systemd waits for us.
    fn halt(&mut self, ending: Ending) {
        let Some(core) = self.core.take() else { return };
        self.cloud.cancel();
        self.poller.ask_to_stop();
        // The core thread ends after this word, or has ended already.
        let _ = self.heard.send(Heard::Stop);
        let crashed = core.join().is_err();
        match ending {
            Ending::Proper if !crashed => self.store.close(),
            Ending::Proper | Ending::Crash => self.store.close_after_crash(),
        }
        if !self.poller.wait(self.patience) {
            tracing::warn!("a bus still waits for its meter; it ends with the process");
        }
        tracing::info!("stopped");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.halt(Ending::Crash);
    }
}

/// Why the service ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Proper,
    Crash,
}

/// Signs of life for systemd, and the newest values for scripts of version 1.
struct Beside {
    watchdog: Watchdog,
    latest: Option<LatestFile>,
}

impl Beside {
    fn new(watchdog: Watchdog, live: &Arc<Live>, places: &Places) -> Self {
        let folders = std::env::var_os("RUNTIME_DIRECTORY");
        let latest = LatestFile::new(Arc::clone(live), folders.as_deref(), &places.data_dir);
        Self { watchdog, latest }
    }
}

impl Aside for Beside {
    fn heard(&mut self, bus: &str, at: Mono) {
        self.watchdog.heard(bus, at);
    }

    fn turned(&mut self, now: Mono) {
        self.watchdog.turned(now);
        if let Some(latest) = &mut self.latest {
            latest.update();
        }
    }
}

/// Opens the store and starts every thread; the web server's state is the second value.
pub(super) fn everything(
    places: &Places,
    started: &Started,
    systemd: &Systemd,
    vital: &Vital,
) -> anyhow::Result<(Running, Setup)> {
    let config = &started.loaded.config;
    let run = clocks::new_run();
    let (store, opened) = open_store(places, config, run)?;
    // The first poll is due as soon as the threads run, not a whole period after the start.
    let poll = poll_every(config);
    let pace: Pace = Arc::new(SystemPace::reading(poll.saturating_sub(FIRST_POLL)));
    let access = access(config)?.keeping_sessions_in(places.data_dir.join("sessions.json"));
    let system = SystemClocks::new(Arc::clone(&pace) as Arc<_>, clocks::wall, clocks::synced);
    let now = system.now();
    let live = Arc::new(Live::new(config.home.clone()));
    let (heard, hearing) = channel();
    let poller = start_polling(config, &pace, &heard, vital)?;
    let facts = Arc::new(Facts::new(facts::fixed_facts(
        places, config, &opened, run, &poller, now,
    )));
    let watchdog = Watchdog::new(systemd.clone(), buses(config), poll, now.mono);
    let sync::Started {
        link,
        hand,
        rate,
        orders,
        stop,
    } = talk_to_cloud(places, config, (&store, &opened), &pace, &facts);
    let core = Core {
        pipeline: pipeline::pipeline(config, &opened, run, now).telling(rate),
        teller: hand.map(|(hand, next)| (Box::new(hand) as Box<dyn Teller>, next)),
        assembler: Assembler::new(buses(config), poll * PATIENCE_PERCENT / 100),
        heard: hearing,
        live: Arc::clone(&live),
        facts: Arc::clone(&facts),
        store: store.clone(),
        history: Box::new(store.reader().apart()),
        clocks: Box::new(system),
        outside: everyone(&poller, &store, &link, started),
        at_start: at_start(&opened),
        restart: Restart::after(last_stored(&opened)),
        aside: Box::new(Beside::new(watchdog, &live, places)),
    };
    let running = Running {
        core: Some(spawn(core, vital)?),
        poller,
        heard,
        store: store.clone(),
        cloud: stop,
        orders,
        patience: LAST_EXCHANGE,
    };
    let setup = Setup {
        live,
        clock: Arc::new(WebClock(pace)),
        facts,
        history: Arc::new(store.reader()),
        access,
        cloud: link,
        site: config.site.clone(),
        tariff: config.tariff.clone(),
        host_names: facts::host_names(config),
        limits: Limits::from(&config.api),
        config: facts::effective(&started.loaded.effective),
    };
    Ok((running, setup))
}

fn buses(config: &AppConfig) -> impl Iterator<Item = Arc<str>> {
    config.buses.iter().map(|bus| Arc::from(bus.name.as_str()))
}

fn start_polling(
    config: &AppConfig,
    pace: &Pace,
    heard: &Sender<Heard>,
    vital: &Vital,
) -> anyhow::Result<Poller> {
    Poller::start(config.buses.clone(), Arc::clone(pace), heard, vital)
        .context("the polling threads cannot be started")
}

fn everyone(poller: &Poller, store: &Store, link: &CloudLink, started: &Started) -> Box<Everyone> {
    Box::new(Everyone::new(
        &poller.statuses,
        store.clone(),
        link.clone(),
        invalid(started),
    ))
}

/// Starts the thread that talks to the cloud, where there is one.
fn talk_to_cloud(
    places: &Places,
    config: &AppConfig,
    (store, opened): (&Store, &Opened),
    pace: &Pace,
    facts: &Arc<Facts>,
) -> sync::Started {
    let facts = Arc::clone(facts);
    let released = clocks::released();
    sync::start(sync::Parts {
        config: &config.cloud,
        folder: &places.config_dir,
        store,
        opened,
        zone: config.site.tz.clone(),
        clock: Arc::new(sync::Clocks {
            pace: Arc::clone(pace),
            wall: clocks::wall,
        }),
        wall: clocks::wall,
        floor: opened
            .newest
            .map_or(released, |newest| released.max(newest)),
        seed: seed(),
        describe: Box::new(move |now| serde_json::to_value(machine_report(&facts, now, 0)).ok()),
        site: describe_site(&config.site, &config.home, config.tariff.as_ref()),
    })
}

fn spawn(core: Core, vital: &Vital) -> anyhow::Result<JoinHandle<()>> {
    let mark = vital.mark("core");
    let run = move || {
        let _mark = mark;
        core.run();
    };
    let thread = thread::Builder::new().name("core".into());
    thread
        .spawn(run)
        .context("the core thread cannot be started")
}

/// What is wrong with the newest configuration, if the last good one runs.
fn invalid(started: &Started) -> Option<String> {
    let errors = started.errors.as_ref()?;
    let first = errors
        .problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let first = first.lines().next().unwrap_or_default();
    Some(format!(
        "The newest configuration has errors, and the last one that worked is in use ({first}). Run solthrive-cli config check."
    ))
}

fn open_store(places: &Places, config: &AppConfig, run: RunId) -> anyhow::Result<(Store, Opened)> {
    let mut options = store::Options::new(
        &places.data_dir,
        config.site.tz.clone(),
        run,
        clocks::wall(),
    );
    options.minute_days = config.storage.minute_days;
    options.keep_days = config.storage.keep_days;
    options.low_space = config.storage.low_space;
    options.boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .map(|id| id.trim().to_owned());
    Store::open(options).context("the history cannot be opened")
}

fn access(config: &AppConfig) -> anyhow::Result<Access> {
    let file = token::read_or_create(&config.api.token_file)?;
    let path = config.api.token_file.display();
    if file.created {
        tracing::info!(file = %path, "a new API token was made");
    }
    if file.exposed {
        tracing::warn!(file = %path, "every user of this machine can read the API token; chmod 600 it");
    }
    Ok(Access::new(file.token.reveal(), config.api.session, random))
}

/// For what is left to chance between appliances.
fn seed() -> u64 {
    let bytes = token::random().unwrap_or_default();
    bytes
        .iter()
        .take(8)
        .fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

fn random() -> std::io::Result<Secret> {
    token::random()
}

/// The end of what is stored of the run before: the totals' time where it is known, to the second, or
/// the end of the newest minute.
fn last_stored(opened: &Opened) -> Option<Timestamp> {
    let saved = opened.ledger.as_ref();
    saved
        .filter(|saved| saved.source == LedgerSource::History)
        .and_then(|saved| saved.at)
        .or(opened.newest)
}

/// What a start has to tell: a crash before it.
fn at_start(opened: &Opened) -> Vec<(FlagCode, String)> {
    let crash = (opened.clean_stop == Some(false)).then(|| {
        (FlagCode::ServiceCrash, "The service did not end properly before this start: a power cut, or a crash (then the log tells more).".to_owned())
    });
    crash.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, RecvTimeoutError};

    use jiff::tz::TimeZone;

    use super::*;
    use crate::store::{Batch, Event};

    /// Parts that run, with a core thread that hands something over when it is told to stop.
    fn running(folder: &std::path::Path, core_panics: bool) -> Running {
        let options = store::Options::new(
            folder,
            TimeZone::UTC,
            RunId::from_uuid(uuid::Uuid::from_u128(1)),
            Timestamp::UNIX_EPOCH,
        );
        let (store, _) = Store::open(options).unwrap();
        let (heard, hearing): (_, Receiver<Heard>) = channel();
        let end = store.clone();
        let core = thread::spawn(move || {
            assert!(!core_panics, "a bug in the core");
            let stop = hearing.recv();
            assert!(matches!(stop, Ok(Heard::Stop)), "{stop:?}");
            let event = Event::clock(
                Timestamp::UNIX_EPOCH,
                solthrive_domain::clock::ClockEvent::BecamePlausible,
            );
            end.submit(Batch {
                events: vec![event],
                ..Batch::default()
            });
        });
        Running {
            poller: Poller::idle(),
            core: Some(core),
            heard,
            store,
            cloud: CancellationToken::new(),
            orders: None,
            patience: Duration::from_millis(1),
        }
    }

    /// Whether the last stop was a proper one, and how many events it left.
    fn left(folder: &std::path::Path) -> (Option<bool>, usize) {
        let reader = store::Reader::open(folder).unwrap();
        let events = reader.events(Timestamp::MIN, Timestamp::MAX, 100).unwrap();
        let clock = |event: &&Event| matches!(event.what, store::Happening::Clock(_));
        let count = events.iter().filter(clock).count();
        let options = store::Options::new(
            folder,
            TimeZone::UTC,
            RunId::from_uuid(uuid::Uuid::from_u128(2)),
            Timestamp::UNIX_EPOCH,
        );
        let (_, opened) = Store::open(options).unwrap();
        (opened.clean_stop, count)
    }

    /// A bus may wait for its meter for tens of seconds, and systemd does not.
    #[test]
    fn the_last_minute_is_stored_although_a_bus_does_not_stop() {
        let folder = tempfile::tempdir().unwrap();
        let mut running = running(folder.path(), false);
        let (release, stuck) = channel::<()>();
        running.poller.adopt(move || {
            assert_eq!(
                stuck.recv_timeout(Duration::from_mins(10)),
                Err(RecvTimeoutError::Disconnected)
            );
        });
        running.stop();
        assert_eq!(left(folder.path()), (Some(true), 1));
        drop(release);
    }

    #[test]
    fn a_stop_because_a_thread_fell_is_known_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        running(folder.path(), true).fail();
        assert_eq!(left(folder.path()), (Some(false), 0));
        let folder = tempfile::tempdir().unwrap();
        running(folder.path(), false).fail();
        assert_eq!(left(folder.path()), (Some(false), 1));
    }
}

//! Puts the parts together.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use solthrive_domain::FlagCode;
use solthrive_domain::ids::RunId;
use solthrive_meter::bus::SystemPace;

use super::clocks::{self, WebClock};
use super::outside::Everyone;
use super::{Pace, facts, pipeline, poll_every};
use crate::config::files::Places;
use crate::config::last_good::Started;
use crate::config::{AppConfig, token};
use crate::http::{Access, Facts, Limits, Secret, Setup};
use crate::live::Live;
use crate::poller::{Heard, Poller};
use crate::store::{self, Opened, Store};
use crate::truth::Assembler;
use crate::truth::core::{Clocks, Core, SystemClocks};

/// A bus may use this much of a second before its second goes on without it.
const PATIENCE_PERCENT: u32 = 90;

/// From here to the first poll: what starting the threads takes.
const FIRST_POLL: Duration = Duration::from_millis(100);

/// The threads beside the web server.
pub(super) struct Running {
    poller: Poller,
    core: Option<JoinHandle<()>>,
    heard: Sender<Heard>,
    store: Store,
}

impl Running {
    /// Stops polling, stores the last minute, and marks a proper stop.
    pub(super) fn stop(mut self) {
        self.halt();
    }

    pub(super) fn halt(&mut self) {
        let Some(core) = self.core.take() else { return };
        self.poller.stop();
        // The core thread ends after this word, or has ended already.
        let _ = self.heard.send(Heard::Stop);
        if core.join().is_err() {
            tracing::error!("the core thread had panicked");
        }
        self.store.close();
        tracing::info!("stopped");
    }
}

/// Opens the store and starts every thread; the web server's state is the second value.
pub(super) fn everything(places: &Places, started: &Started) -> anyhow::Result<(Running, Setup)> {
    let config = &started.loaded.config;
    let run = clocks::new_run();
    let (store, opened) = open_store(places, config, run)?;
    // The first poll is due as soon as the threads run, not a whole period after the start.
    let pace: Pace = Arc::new(SystemPace::reading(
        poll_every(config).saturating_sub(FIRST_POLL),
    ));
    let access = access(config)?.keeping_sessions_in(places.data_dir.join("sessions.json"));
    let system = SystemClocks::new(Arc::clone(&pace) as Arc<_>, clocks::wall, clocks::synced);
    let now = system.now();
    let history = Arc::new(store.reader());
    let live = Arc::new(Live::new(config.home.clone()));

    let (heard, hearing) = channel();
    let poller = Poller::start(config.buses.clone(), Arc::clone(&pace), &heard)
        .context("the polling threads cannot be started")?;
    let fixed = facts::fixed_facts(places, config, &opened, run, &poller, now);
    let facts = Arc::new(Facts::new(fixed));
    let buses = config.buses.iter().map(|bus| Arc::from(bus.name.as_str()));
    let core = Core {
        pipeline: pipeline::pipeline(config, &opened, run, now),
        assembler: Assembler::new(buses, poll_every(config) * PATIENCE_PERCENT / 100),
        heard: hearing,
        live: Arc::clone(&live),
        facts: Arc::clone(&facts),
        store: store.clone(),
        history: Box::new(store.reader().apart()),
        clocks: Box::new(system),
        outside: Box::new(Everyone::new(
            &poller.statuses,
            store.clone(),
            invalid(started),
        )),
        at_start: at_start(&opened),
    };
    let core = thread::Builder::new()
        .name("core".into())
        .spawn(move || core.run())
        .context("the core thread cannot be started")?;
    let setup = Setup {
        live,
        clock: Arc::new(WebClock(pace)),
        facts,
        history,
        access,
        site: config.site.clone(),
        tariff: config.tariff.clone(),
        host_names: facts::host_names(config),
        limits: Limits::from(&config.api),
        config: facts::effective(&started.loaded.effective),
    };
    let core = Some(core);
    Ok((
        Running {
            poller,
            core,
            heard,
            store,
        },
        setup,
    ))
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

fn random() -> std::io::Result<Secret> {
    token::random()
}

/// What a start has to tell: a crash before it.
fn at_start(opened: &Opened) -> Vec<(FlagCode, String)> {
    let crash = (opened.clean_stop == Some(false)).then(|| {
        (FlagCode::ServiceCrash, "The service did not end properly before this start: a power cut, or a crash (then the log tells more).".to_owned())
    });
    crash.into_iter().collect()
}

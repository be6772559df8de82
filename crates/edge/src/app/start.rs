//! Puts the parts together.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use solthrive_domain::ids::RunId;
use solthrive_domain::ledger::{CounterScope, Ledger, LedgerPlan, OfferedCounter};
use solthrive_domain::units::WattHours;
use solthrive_domain::{FlagCode, MinuteRow, Stat};
use solthrive_meter::bus::{BusConfig, MeterConfig, Pace as _, SystemPace};
use solthrive_meter::decode::Scaling;
use solthrive_meter::profile::PointDef;

use super::Pace;
use super::clocks::{self, WebClock};
use super::outside::Everyone;
use crate::config::files::Places;
use crate::config::last_good::Started;
use crate::config::{AppConfig, Effective, token};
use crate::http::{Access, Facts, FixedFacts, Limits, MeterFacts, Secret, Setup};
use crate::live::{DayPoint, Live};
use crate::poller::{Heard, Poller};
use crate::store::{self, Opened, Store};
use crate::truth::core::{Core, SystemClocks};
use crate::truth::{Assembler, Now, Pipeline, Start};

/// A bus may use this much of a second before its second goes on without it.
const PATIENCE_PERCENT: u32 = 90;

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
pub(super) fn everything(places: &Places, started: Started) -> anyhow::Result<(Running, Setup)> {
    let config = started.loaded.config.clone();
    let pace: Pace = Arc::new(SystemPace::new());
    let run = clocks::new_run();
    let (store, opened) = open_store(places, &config, run)?;
    let access = access(&config)?.keeping_sessions_in(places.data_dir.join("sessions.json"));
    let now = Now {
        mono: pace.now(),
        wall: clocks::wall(),
        synced: clocks::synced(),
    };
    let reader = Arc::new(store.reader());

    let live = Arc::new(Live::new(config.home.clone()));
    let pipeline = pipeline(&config, &opened, run, now, reader.as_ref());
    seed_day(&live, reader.as_ref(), now.wall);

    let (heard, hearing) = channel();
    let poller = Poller::start(config.buses.clone(), Arc::clone(&pace), &heard)
        .context("the polling threads cannot be started")?;
    let facts = Arc::new(Facts::new(fixed_facts(
        places, &config, &opened, run, &poller, now,
    )));
    let invalid = started.errors.as_ref().map(|errors| {
        format!("The newest configuration has errors and the last one that worked is in use: {} Run solthrive-cli config check.", first_line(errors))
    });
    let core = Core {
        pipeline,
        assembler: Assembler::new(
            config.buses.iter().map(|bus| Arc::from(bus.name.as_str())),
            patience(&config),
        ),
        heard: hearing,
        live: Arc::clone(&live),
        facts: Arc::clone(&facts),
        store: store.clone(),
        clocks: Box::new(SystemClocks::new(
            Arc::clone(&pace) as Arc<dyn solthrive_meter::bus::Pace>,
            clocks::wall,
            clocks::synced,
        )),
        outside: Box::new(Everyone::new(&poller.statuses, store.clone(), invalid)),
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
        history: reader,
        access,
        site: config.site.clone(),
        tariff: config.tariff.clone(),
        host_names: host_names(&config),
        limits: Limits::from(&config.api),
        config: effective(&started.loaded.effective),
    };
    Ok((
        Running {
            poller,
            core: Some(core),
            heard,
            store,
        },
        setup,
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

fn pipeline(
    config: &AppConfig,
    opened: &Opened,
    run: RunId,
    now: Now,
    history: &dyn crate::http::History,
) -> Pipeline {
    let plan = LedgerPlan::new(&config.home, &offered_counters(&config.buses));
    let mut ledger = match &opened.ledger {
        Some(saved) => {
            let downtime = saved
                .at
                .and_then(|at| Duration::try_from(now.wall.duration_since(at)).ok());
            Ledger::restore(saved.state.clone(), plan, now.mono, downtime)
        }
        None => Ledger::start(clocks::new_ledger(), plan),
    };
    ledger.polled_every(poll_every(config));
    let day = solthrive_domain::local_day(
        &config.site.tz,
        solthrive_domain::day::local_date(&config.site.tz, now.wall),
    );
    let today = day
        .ok()
        .and_then(|day| history.minutes(day.start, day.end, 2 * 25 * 60).ok())
        .unwrap_or_default();
    Pipeline::new(Start {
        home: config.home.clone(),
        zone: config.site.tz.clone(),
        meters: config
            .buses
            .iter()
            .flat_map(|bus| &bus.meters)
            .map(|meter| (meter.id.clone(), meter.profile.id.clone()))
            .collect(),
        ledger,
        run,
        time_floor: clocks::released().max(opened.newest.unwrap_or(Timestamp::UNIX_EPOCH)),
        trust_clock_after: config.site.trust_clock_after,
        today,
        now,
    })
}

/// Counters of the meters in use, with what their registers can hold.
fn offered_counters(buses: &[BusConfig]) -> Vec<OfferedCounter> {
    let meters = buses.iter().flat_map(|bus| &bus.meters);
    let counters =
        meters.flat_map(|meter| meter.profile.points.iter().map(move |def| (meter, def)));
    counters
        .filter(|(meter, def)| {
            meter
                .points
                .as_ref()
                .is_none_or(|points| points.contains(&def.point))
        })
        .filter_map(|(meter, def)| offered(meter, def))
        .collect()
}

fn offered(meter: &MeterConfig, def: &PointDef) -> Option<OfferedCounter> {
    let scaling = Scaling::ct(meter.ct_ratio);
    let scope = match def.scope? {
        solthrive_meter::profile::CounterScope::MainsNet => CounterScope::MainsNet,
        solthrive_meter::profile::CounterScope::Leg => CounterScope::Leg,
        solthrive_meter::profile::CounterScope::AllInputs => CounterScope::AllInputs,
    };
    Some(OfferedCounter {
        meter: meter.id.clone(),
        point: def.point,
        scope,
        // A float's step grows with its value: what a counter of 10 MWh can tell is assumed.
        resolution: WattHours::from_kwh(def.resolution(10_000.0, scaling)).ok()?,
        wrap: def
            .rollover(scaling)
            .and_then(|kwh| WattHours::from_kwh(kwh).ok()),
    })
}

fn seed_day(live: &Live, history: &dyn crate::http::History, now: Timestamp) {
    let from = now - jiff::SignedDuration::from_hours(24);
    match history.minutes(from, now, 2 * 24 * 60) {
        Ok(rows) => live.seed_day(rows.iter().map(|row| (row.start, day_point(row)))),
        Err(error) => tracing::warn!(%error, "the last day cannot be read; its chart starts empty"),
    }
}

fn day_point(row: &MinuteRow) -> DayPoint {
    let mean = |stat: Option<Stat>| stat.map(|stat| stat.mean);
    DayPoint {
        solar: mean(row.solar),
        home: mean(row.home),
        grid: mean(row.grid),
        battery: mean(row.battery),
    }
}

/// For the debug page: each key with its value and where that comes from.
fn effective(values: &[Effective]) -> serde_json::Value {
    let shown = |value: &Effective| {
        (
            value.key(),
            serde_json::json!({"value": value.value, "origin": value.origin.to_string()}),
        )
    };
    serde_json::Value::Object(values.iter().map(shown).collect())
}

fn fixed_facts(
    places: &Places,
    config: &AppConfig,
    opened: &Opened,
    run: RunId,
    poller: &Poller,
    now: Now,
) -> FixedFacts {
    let text = |path: &str| {
        fs::read_to_string(path)
            .ok()
            .map(|text| text.trim_matches(['\0', '\n', ' ']).to_owned())
    };
    let meters = config
        .buses
        .iter()
        .flat_map(|bus| bus.meters.iter().map(move |meter| (bus, meter)));
    FixedFacts {
        version: env!("CARGO_PKG_VERSION"),
        run,
        started: now.mono,
        serial: text("/proc/device-tree/serial-number"),
        device: text(&places.config_dir.join("device_id").to_string_lossy())
            .and_then(|id| id.parse().ok()),
        model: text("/proc/device-tree/model"),
        boot_count: Some(opened.boot_count),
        service_restarts: Some(opened.starts_since_boot.saturating_sub(1)),
        data_dir: places.data_dir.clone(),
        database: places.data_dir.join(store::FILE),
        poll_every: poll_every(config),
        meters: meters
            .map(|(bus, meter)| {
                MeterFacts::new(
                    meter.id.clone(),
                    bus.name.clone(),
                    meter.unit,
                    meter.profile.id.clone(),
                )
            })
            .collect(),
        buses: poller.statuses.clone(),
    }
}

/// The configured names, and the machine's own, alone and as mDNS announces it.
fn host_names(config: &AppConfig) -> Vec<String> {
    let own = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_lowercase();
    let mut names = config.network.host_names.clone();
    names.extend([format!("{own}.local"), own]);
    names
}

/// What a start has to tell: a crash before it.
fn at_start(opened: &Opened) -> Vec<(FlagCode, String)> {
    let crash = (opened.clean_stop == Some(false)).then(|| {
        (FlagCode::ServiceCrash, "The service did not end properly before this start: a power cut, or a crash (then the log tells more).".to_owned())
    });
    crash.into_iter().collect()
}

fn poll_every(config: &AppConfig) -> Duration {
    config
        .buses
        .iter()
        .map(|bus| bus.poll_every)
        .max()
        .unwrap_or(Duration::from_secs(1))
}

fn patience(config: &AppConfig) -> Duration {
    poll_every(config) * PATIENCE_PERCENT / 100
}

fn first_line(errors: &crate::config::ConfigErrors) -> String {
    errors
        .problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

//! Days and events for the cloud, from the history, in its order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use solthrive_courier::{Report, Reports};
use solthrive_domain::day::DaySummary;
use solthrive_domain::flagboard::FlagChange;
use solthrive_domain::{Flag, Severity};
use solthrive_protocol::{DayBody, HealthEventBody, State};

use crate::store::{Event, Happening, Progress, Reader};

/// Events of one call; a small one, since the newest of them are news.
const EVENTS: usize = 200;
/// Days of one call.
const DAYS: i64 = 60;
/// The newest told days are looked at again: a row of one can come late.
const LOOKED_AT: usize = 7;
/// Days back that a device without any told ones tells.
const FIRST: i64 = 365;

/// What there is to report.
pub(super) struct FromHistory {
    history: Reader,
    zone: TimeZone,
    wall: fn() -> Timestamp,
    /// Meters and clamps as they are in this run, and a checksum of what is said of them.
    config: Option<(u32, serde_json::Value)>,
    state: Mutex<Tellings>,
}

#[derive(Debug, Default)]
struct Tellings {
    events: i64,
    days: Vec<(i64, u32)>,
    config: Option<u32>,
    /// Number of the newest report, and what it settles.
    number: u64,
    under_way: Option<Settles>,
}

#[derive(Debug, Clone)]
enum Settles {
    Events(i64),
    Days(Vec<(i64, u32)>),
    Config(u32),
}

impl FromHistory {
    pub(super) fn new(
        history: Reader,
        zone: TimeZone,
        wall: fn() -> Timestamp,
        config: Option<serde_json::Value>,
        progress: &Progress,
    ) -> Arc<Self> {
        Arc::new(Self {
            history,
            zone,
            wall,
            config: config.map(|config| (print(&config), config)),
            state: Mutex::new(Tellings {
                events: progress.events,
                days: progress.days.clone(),
                config: progress.config,
                ..Tellings::default()
            }),
        })
    }

    /// How far the cloud was told, to be stored.
    pub(super) fn progress(&self) -> (i64, Vec<(i64, u32)>, Option<u32>) {
        let state = self.lock();
        (state.events, state.days.clone(), state.config)
    }

    /// The oldest events that were not told. Those that are nothing to the cloud are passed over.
    fn events(&self, after: i64) -> Option<(Settles, Report)> {
        let found = self.history.events_after(after, EVENTS);
        let found = found
            .inspect_err(|error| tracing::warn!(%error, "events for the cloud cannot be read"))
            .ok()?;
        let last = found.last()?.0;
        let bodies: Vec<HealthEventBody> =
            found.iter().flat_map(|(_, event)| told(event)).collect();
        let system = found.iter().rev().find_map(|(_, event)| match &event.what {
            Happening::System { state } => Some(state.clone()),
            _ => None,
        });
        if bodies.is_empty() && system.is_none() {
            self.lock().events = last;
            return None;
        }
        Some((Settles::Events(last), Report::Health(bodies, system)))
    }

    /// What is installed, if it is not what was told last.
    fn config(&self, told: Option<u32>) -> Option<(Settles, Report)> {
        let (print, config) = self.config.as_ref()?;
        (told != Some(*print)).then(|| (Settles::Config(*print), Report::Config(config.clone())))
    }

    /// Days that are over and were not told, or not as they are now.
    fn days(&self, told: &[(i64, u32)]) -> Option<(Settles, Report)> {
        let today = (self.wall)().to_zoned(self.zone.clone()).date();
        let first = told.first().and_then(|(key, _)| date(*key));
        let first = first.unwrap_or_else(|| today.saturating_sub(FIRST.days()));
        let found = self.history.days(first, today);
        let found = found
            .inspect_err(|error| tracing::warn!(%error, "days for the cloud cannot be read"))
            .ok()?;
        let open = found.iter().map(|day| (key(day.date), day_body(day)));
        let open = open.map(|(key, body)| (key, print(&body), body));
        let open = open.filter(|(key, print, _)| !told.contains(&(*key, *print)));
        let open: Vec<_> = open.take(usize::try_from(DAYS).unwrap_or(1)).collect();
        if open.is_empty() {
            return None;
        }
        let settles = open.iter().map(|(key, print, _)| (*key, *print)).collect();
        let bodies = open.into_iter().map(|(_, _, body)| body).collect();
        Some((Settles::Days(settles), Report::Days(bodies)))
    }

    fn lock(&self) -> MutexGuard<'_, Tellings> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reports for FromHistory {
    fn next(&self) -> Option<(u64, Report)> {
        let (events, days, config) = self.progress();
        let found = self.events(events).or_else(|| self.config(config));
        let (settles, report) = found.or_else(|| self.days(&days))?;
        let mut state = self.lock();
        state.number += 1;
        state.under_way = Some(settles);
        Some((state.number, report))
    }

    fn told(&self, number: u64) {
        let mut state = self.lock();
        if number != state.number {
            return;
        }
        match state.under_way.take() {
            Some(Settles::Events(last)) => state.events = state.events.max(last),
            Some(Settles::Days(days)) => {
                for (key, print) in days {
                    state.days.retain(|(other, _)| *other != key);
                    state.days.push((key, print));
                }
                state.days.sort_unstable();
                let excess = state.days.len().saturating_sub(LOOKED_AT);
                state.days.drain(..excess);
            }
            Some(Settles::Config(print)) => state.config = Some(print),
            None => {}
        }
    }
}

/// An event as the cloud is told it. Clock steps and ledger entries have flags of their own.
fn told(event: &Event) -> Vec<HealthEventBody> {
    match &event.what {
        Happening::Flag(FlagChange::Raised(flag) | FlagChange::Changed(flag)) => {
            vec![flag_body(event.at, flag, State::Raised)]
        }
        Happening::Flag(FlagChange::Cleared(flag)) => {
            vec![flag_body(event.at, flag, State::Cleared)]
        }
        Happening::Started {
            version,
            after_clean_stop,
            ..
        } => {
            let proper = after_clean_stop.unwrap_or(true);
            let message = format!("The service started, version {version}.");
            [State::Raised, State::Cleared]
                .map(|state| HealthEventBody {
                    ts: event.at,
                    code: "service_restart".to_owned(),
                    subject: String::new(),
                    state,
                    severity: if proper { Severity::Info } else { Severity::Warning },
                    message: message.clone(),
                    details: Some(serde_json::json!({"version": version, "after_clean_stop": after_clean_stop})),
                })
                .into()
        }
        Happening::Clock(_)
        | Happening::Ledger(_)
        | Happening::Stopped { .. }
        | Happening::SetAside { .. }
        | Happening::RowsLost { .. }
        | Happening::System { .. } => Vec::new(),
    }
}

fn flag_body(at: Timestamp, flag: &Flag, state: State) -> HealthEventBody {
    HealthEventBody {
        ts: at,
        code: flag.code.to_string(),
        subject: flag.subject.clone(),
        state,
        severity: flag.severity,
        message: flag.message.clone(),
        details: Some(serde_json::json!({"since": flag.since})),
    }
}

fn day_body(day: &DaySummary) -> DayBody {
    let summary = &day.summary;
    let kwh = |energy: Option<solthrive_domain::units::WattHours>| {
        energy.map(|energy| energy.get() / 1000.0)
    };
    let energies = &summary.energy;
    let ratios = summary.ratios();
    DayBody {
        date: day.date,
        solar_kwh: kwh(energies.solar),
        home_kwh: kwh(energies.home),
        import_kwh: kwh(energies.import),
        export_kwh: kwh(energies.export),
        self_consumption: ratios.self_consumption,
        solar_offset: ratios.solar_offset,
        peak_demand_kw: summary.peak_demand.map(|watts| watts.get() / 1000.0),
        coverage: summary.coverage(),
    }
}

fn key(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

fn date(key: i64) -> Option<Date> {
    let year = i16::try_from(key / 10_000).ok()?;
    Date::new(
        year,
        i8::try_from(key / 100 % 100).ok()?,
        i8::try_from(key % 100).ok()?,
    )
    .ok()
}

/// FNV-1a of what is said of a day or of the configuration: it stays what it is from one version to the next.
fn print(body: &impl serde::Serialize) -> u32 {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    bytes.iter().fold(0x811c_9dc5, |print, byte| {
        (print ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests;

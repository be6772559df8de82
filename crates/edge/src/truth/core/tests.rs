//! Promises of the core thread about time: what a wrong clock does to the day, the chart, the flags
//! and what is stored.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use solthrive_domain::ids::RunId;
use uuid::Uuid;

use super::*;
use crate::http::FixedFacts;
use crate::live::DayPoint;
use crate::store::{Happening, Options};
use crate::truth::tests::{home, six_hundred_watts, start};

const NOON: &str = "2026-06-21T19:00:00Z";
const LONG_AGO: &str = "1970-01-01T00:00:00Z";
const PATIENCE: Duration = Duration::from_secs(30);

fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A core thread that is moved by hand, and the clocks it asks.
struct Desk {
    core: Core,
    turn: Turn,
    clock: Arc<Mutex<Now>>,
    wall_at_origin: Timestamp,
}

struct HandClock(Arc<Mutex<Now>>);

impl Clocks for HandClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }
}

struct Nobody;

impl Outside for Nobody {
    fn observations(&mut self) -> Vec<Observation> {
        Vec::new()
    }
}

impl Aside for Nobody {
    fn heard(&mut self, _: &str, _: Mono) {}

    fn turned(&mut self, _: Mono) {}
}

impl Desk {
    /// A start of the daemon whose clock shows `wall`.
    fn new(folder: &std::path::Path, run: u128, wall: &str, synced: bool) -> Self {
        let run = RunId::from_uuid(Uuid::from_u128(run));
        let now = Now {
            mono: Mono::ZERO,
            wall: ts(wall),
            synced: Some(synced),
        };
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let (store, opened) = Store::open(Options::new(folder, zone, run, now.wall)).unwrap();
        let clock = Arc::new(Mutex::new(now));
        let pipeline = Pipeline::new(crate::truth::Start {
            newest_row: opened.newest,
            ..start(run, now)
        });
        let mut core = Core {
            pipeline,
            assembler: Assembler::new([Arc::from("bus")], Duration::from_millis(900)),
            heard: channel().1,
            live: Arc::new(Live::new(home())),
            facts: Arc::new(Facts::new(facts(run))),
            history: Box::new(store.reader()),
            store,
            clocks: Box::new(HandClock(Arc::clone(&clock))),
            outside: Box::new(Nobody),
            at_start: Vec::new(),
            restart: Restart::default(),
            teller: None,
            aside: Box::new(Nobody),
        };
        let turn = core.begin();
        Self {
            core,
            turn,
            clock,
            wall_at_origin: now.wall,
        }
    }

    /// The clock jumps to where `wall` is the time of the process's origin.
    fn set(&mut self, wall: Timestamp, synced: bool) {
        self.wall_at_origin = wall;
        self.clock.lock().unwrap().synced = Some(synced);
    }

    /// Seconds in which 600 W are drawn.
    fn draw(&mut self, seconds: std::ops::RangeInclusive<u64>) {
        for second in seconds {
            let since = Duration::from_secs(second);
            {
                let mut now = self.clock.lock().unwrap();
                now.mono = Mono::from_origin(since);
                now.wall = self.wall_at_origin + since;
            }
            self.core
                .steps(vec![six_hundred_watts(second)], &mut self.turn);
        }
    }

    /// Import of the local day so far, Wh.
    fn imported(&self) -> f64 {
        let frame = self.core.live.frame().unwrap();
        frame.today.summary.energy.import.map_or(0.0, f64::from)
    }

    /// Intervals of the chart in which anything is known.
    fn charted(&self) -> usize {
        let frame = self.core.live.frame().unwrap();
        let points = self.core.live.day(frame.snapshot.ts).points;
        points
            .iter()
            .filter(|point| **point != DayPoint::default())
            .count()
    }

    /// A proper stop.
    fn stop(self) -> crate::store::Reader {
        let store = self.core.store.clone();
        self.core.end(self.turn);
        assert!(store.flush(PATIENCE));
        store.close();
        store.reader()
    }
}

fn facts(run: RunId) -> FixedFacts {
    FixedFacts {
        version: "test",
        run,
        started: Mono::ZERO,
        serial: None,
        device: None,
        model: None,
        boot_count: None,
        service_restarts: None,
        data_dir: std::env::temp_dir(),
        database: "/nowhere".into(),
        poll_every: Duration::from_secs(1),
        meters: Vec::new(),
        buses: Vec::new(),
    }
}

#[test]
fn the_day_goes_on_over_a_restart_even_when_the_clock_starts_on_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Desk::new(folder.path(), 1, NOON, true);
    first.draw(1..=361);
    assert!((first.imported() - 60.0).abs() < 1e-6);
    drop(first.stop());

    let yesterday = ts(NOON) - SignedDuration::from_hours(24);
    let mut second = Desk::new(folder.path(), 2, &yesterday.to_string(), false);
    second.draw(1..=10);
    assert!(second.imported() < 2.0);
    second.set(ts(NOON) + SignedDuration::from_mins(20), true);
    second.draw(11..=11);
    assert!(second.imported() > 60.0, "{}", second.imported());
    // What the store says of the day once it has everything.
    second.draw(12..=361);
    let shown = second.imported();
    let days = second
        .stop()
        .days("2026-06-01".parse().unwrap(), "2026-07-01".parse().unwrap());
    let stored = days.unwrap().remove(0).summary.energy.import.unwrap();
    assert!(
        (shown - f64::from(stored)).abs() < 1e-3,
        "{shown} {stored:?}"
    );
}

#[test]
fn one_sample_stamped_a_day_ahead_does_not_empty_the_chart() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), 1, NOON, true);
    desk.draw(1..=900);
    assert!(desk.core.store.flush(PATIENCE));
    desk.set(ts(NOON) + SignedDuration::from_hours(48), true);
    desk.draw(901..=901);
    assert_eq!(desk.charted(), 1);
    desk.set(ts(NOON), true);
    desk.draw(902..=902);
    assert_eq!(
        desk.charted(),
        4,
        "three intervals and the beginning of a fourth"
    );
}

#[test]
fn a_flag_whose_time_is_set_right_has_neither_come_nor_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), 1, LONG_AGO, false);
    desk.core.bus_crashed("rs485", &mut desk.turn);
    desk.draw(1..=20);
    desk.set(ts(NOON), false);
    desk.draw(21..=22);
    let told: Vec<_> = desk
        .core
        .live
        .changes()
        .into_iter()
        .map(|change| (change.flag.code, change.raised, change.at.to_string()))
        .collect();
    let expected = [
        (FlagCode::ServiceCrash, "2026-06-21T19:00:00Z"),
        (FlagCode::ClockUnsynced, "2026-06-21T19:00:11Z"),
        (FlagCode::ClockStepped, "2026-06-21T19:00:21Z"),
    ];
    assert_eq!(told, expected.map(|(code, at)| (code, true, at.to_owned())));
    let flags = desk.core.live.flags();
    let crash = flags
        .iter()
        .find(|flag| flag.code == FlagCode::ServiceCrash);
    assert_eq!(crash.unwrap().since, ts(NOON));
}

/// Everything that is stored, as a person would list it.
fn told(reader: &crate::store::Reader) -> Vec<(Timestamp, String)> {
    let events = reader.events(Timestamp::MIN, Timestamp::MAX, 1000).unwrap();
    let name = |what: Happening| match what {
        Happening::Flag(FlagChange::Raised(flag)) => format!("{} since {}", flag.code, flag.since),
        Happening::Flag(_) => "other flag".to_owned(),
        Happening::Clock(_) => "clock".to_owned(),
        Happening::Ledger(_) => "ledger".to_owned(),
        Happening::Started { .. } => "started".to_owned(),
        Happening::Stopped { .. } => "stopped".to_owned(),
        Happening::SetAside { .. } => "set aside".to_owned(),
        Happening::System { .. } => "system".to_owned(),
        Happening::RowsLost { rows } => format!("{rows} rows lost"),
    };
    events
        .into_iter()
        .map(|event| (event.at, name(event.what)))
        .collect()
}

#[test]
fn what_happened_before_the_time_was_known_is_stored_with_the_time_it_happened() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path(), 1, LONG_AGO, false);
    desk.core.bus_crashed("rs485", &mut desk.turn);
    desk.draw(1..=130);
    assert!(desk.core.store.flush(PATIENCE));
    let reader = desk.core.store.reader();
    assert_eq!(told(&reader).len(), 1, "only the start");
    assert!(reader.ledger().unwrap().is_some(), "the totals do not wait");
    desk.set(ts(NOON), true);
    desk.draw(131..=131);
    let told = told(&desk.stop());
    for (after, what) in [
        (0, "started"),
        (0, "service_crash since 2026-06-21T19:00:00Z"),
        (1, "ledger"),
        (11, "clock_unsynced since 2026-06-21T19:00:01Z"),
    ] {
        let at = ts(NOON) + SignedDuration::from_secs(after);
        assert!(told.contains(&(at, what.to_owned())), "{what}: {told:?}");
    }
    assert!(told.iter().all(|(at, _)| *at >= ts(NOON)), "{told:?}");
}

#[test]
fn a_stop_before_the_time_is_known_says_how_many_minutes_are_lost_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Desk::new(folder.path(), 1, NOON, true);
    first.draw(1..=130);
    let newest = first.stop().newest().unwrap().unwrap();
    let mut second = Desk::new(folder.path(), 2, LONG_AGO, false);
    second.draw(1..=200);
    let told = told(&second.stop());
    for what in ["started", "4 rows lost", "stopped"] {
        assert!(
            told.contains(&(newest, what.to_owned())),
            "{what}: {told:?}"
        );
    }
    assert!(told.iter().all(|(at, _)| *at >= ts(NOON)), "{told:?}");
}

//! The history: what it promises about power cuts, full disks, damaged files, days and old rows.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic: that is how a test fails"
)]

mod bytes;
mod child;
mod crash;
mod damage;
mod days;
mod delivery;
mod flags;
mod full;
mod retention;
mod starts;
mod survival;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use solthrive_domain::ids::{LedgerId, RunId};
use solthrive_domain::ledger::{Installed, Ledger, LedgerPlan, LedgerState};
use solthrive_domain::minute::{MinuteRow, Stat};
use solthrive_domain::units::WattHours;
use solthrive_domain::{Energies, FlagCode, Input};
use solthrive_edge::store::{Batch, Opened, Options, Reader, Store, StoreError};
use uuid::Uuid;

/// Patience with a slow disk; nothing waits this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn run(number: u128) -> RunId {
    RunId::from_uuid(Uuid::from_u128(number))
}

fn utc(folder: &Path, number: u128) -> Options {
    let now = ts("2026-06-21T12:00:00Z");
    Options::new(folder, TimeZone::get("UTC").unwrap(), run(number), now)
}

/// Opens the store that a test closed before. Another test may be starting a program at that very moment: until
/// it runs, it has a copy of every open file, and with it of the folder's lock.
fn open(options: Options) -> (Store, Opened) {
    for _ in 0..100 {
        match Store::open(options.clone()) {
            Err(StoreError::InUse { .. }) => std::thread::sleep(PATIENCE / 1_000),
            opened => return opened.unwrap(),
        }
    }
    Store::open(options).unwrap()
}

/// A minute in which the home drew `import` mWh from the grid, of a site like most.
fn row(number: u128, start: Timestamp, part: u16, import: u32) -> MinuteRow {
    let wh = |value: f64| WattHours::try_from(value).ok();
    let import = f64::from(import) / 1000.0;
    let energy = Energies {
        solar: wh(20.0),
        import: wh(import),
        export: wh(0.5),
        home: wh(19.5 + import),
        ..Energies::default()
    };
    // Numbers that thousandths can say.
    let stat = |mean: f64| Some(exact(mean, mean - 40.0, mean + 55.5));
    let volts = |mean: f64| exact(mean, mean - 0.4, mean + 0.3);
    let named = |pairs: [(&str, f64); 3]| {
        pairs
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    };
    MinuteRow {
        start,
        run: run(number),
        part,
        samples: 60,
        covered: Duration::from_secs(60),
        energy,
        bridged: Energies::default(),
        totals: Energies {
            solar: wh(1_234_567.25),
            import: wh(2_345_678.5),
            export: wh(456_789.0),
            home: wh(3_123_456.75),
            ..Energies::default()
        },
        solar: stat(1200.0),
        home: stat(1170.0 + import * 60.0),
        grid: stat(import * 60.0 - 30.0),
        battery: None,
        ev: None,
        voltages: BTreeMap::from([(Input::L1, volts(120.1)), (Input::L2, volts(119.7))]),
        currents: named([("main_l1", 3.204), ("main_l2", 2.871), ("pv", 5.01)]),
        powers: named([("main_l1", 384.5), ("main_l2", 343.25), ("pv", 1201.5)]),
        pf: Some(0.9512),
        frequency: Some(59.982),
        quality: vec![FlagCode::ClockUnsynced],
    }
}

fn exact(mean: f64, min: f64, max: f64) -> Stat {
    let exact = |value: f64| (value * 1000.0).round() / 1000.0;
    Stat {
        mean: exact(mean),
        min: exact(min),
        max: exact(max),
    }
}

fn a_batch(rows: Vec<MinuteRow>) -> Batch {
    let at = rows.last().map(|row| row.start + minutes(1));
    Batch {
        at,
        minutes: rows,
        ledger: Some(a_ledger()),
        ..Batch::default()
    }
}

/// Totals of a home with PV and a grid connection.
fn a_ledger() -> LedgerState {
    let installed = Installed {
        solar: true,
        grid: true,
        battery: false,
        ev: false,
    };
    let plan = LedgerPlan {
        installed,
        counters: Vec::new(),
    };
    Ledger::start(LedgerId::from_uuid(Uuid::from_u128(77)), plan)
        .state()
        .clone()
}

/// Submits and waits until it is on the disk.
fn store(store: &Store, batch: Batch) {
    store.submit(batch);
    assert!(store.flush(PATIENCE), "{:?}", store.health());
}

fn all(reader: &Reader) -> Vec<MinuteRow> {
    reader
        .minutes(Timestamp::MIN, Timestamp::MAX, usize::MAX)
        .unwrap()
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

//! Simulated homes that deliver to the real program while it is killed: every snapshot is there once,
//! and the days that the cloud makes of them are those of the homes' own books.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use solthrive_cloud::app::Stores;
use solthrive_cloud::config::{Place, StoreUrl};
use solthrive_cloud_store::archive::Archive as _;
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::access::Machinery;
use solthrive_domain::rollup::DayRollup;
use solthrive_protocol::DayBody;
use solthrive_sim::clock::Clock;
use solthrive_sim::fleet::{Cloud, Device, Entry, Habit, House, Plan, Sums, Tally};
use solthrive_sim::proxy::{self, Direction, Fault, Plan as Weather};
use solthrive_sim::rng::Rng;
use tokio_util::sync::CancellationToken;

use crate::kill::Process;
use crate::service::{devices_with_codes, run};

const STEP: Duration = Duration::from_secs(30);
/// More than a whole local day, wherever it begins.
const HISTORY_S: i64 = 52 * 3_600;

/// A device, and the code for its home.
type Made = (crate::service::Device, String);

fn entry((device, code): &Made) -> Entry {
    Entry {
        serial: device.serial.clone(),
        device_id: device.id,
        token: device.token.clone(),
        installer_code: code.clone(),
        time_zone: "Europe/Berlin".to_owned(),
        latitude: 48.1,
        longitude: 11.6,
        size_kw: 6.0,
    }
}

fn now() -> Timestamp {
    Clock::start().wall()
}

fn begin() -> Timestamp {
    let now = Clock::start().wall().as_second();
    Timestamp::from_second(now - now.rem_euclid(30) - HISTORY_S).unwrap()
}

/// The days that a home's own books have in full, and how many snapshots it made of them.
fn books(entry: &Entry, seed: u64, begin: Timestamp, moments: u64) -> Vec<DayBody> {
    let mut house = House::new(entry, seed, begin, STEP).unwrap();
    (0..moments).filter_map(|_| house.go_on().1).collect()
}

const GENEROUS: [&str; 6] = [
    "--checkpoint-s",
    "1",
    "--device-backfill-rows-per-s",
    "2000",
    "--device-calls-per-min",
    "6000",
];

/// Homes that deliver to this port: sound ones, some that lose their power, some that repeat themselves.
fn switch_on(
    folder: &Path,
    devices: &[Made],
    port: u16,
    from: Timestamp,
    stop: &CancellationToken,
) -> Arc<Tally> {
    let url = format!("https://localhost:{port}");
    let cloud = Cloud::at(&url, Some(&folder.join("dev-cert.pem")), now).unwrap();
    let (cloud, tally) = (Arc::new(cloud), Arc::new(Tally::default()));
    let plan = Plan {
        interval: STEP,
        history: Duration::ZERO,
        longest_pause: Duration::from_secs(2),
        patience: Duration::from_secs(4),
        backfill_spread: Duration::ZERO,
        seed: 0,
        faults: false,
    };
    let habits = [Habit::Sound, Habit::LosesPower, Habit::Repeats];
    for (seed, (device, habit)) in (5..).zip(devices.iter().zip(habits.into_iter().cycle())) {
        let entry = entry(device);
        let house = House::new(&entry, seed, from, STEP).unwrap();
        let (cloud, tally) = (Arc::clone(&cloud), Arc::clone(&tally));
        let home = Device::new(entry, house, habit, cloud, Clock::start(), tally);
        tokio::spawn(home.run(plan, stop.clone()));
    }
    tally
}

/// Waits until the worker has counted so many rows: the lease of one that was killed has to end first.
async fn until_counted(folder: &Path, devices: &[Made], rows: u64) {
    let store = SqlStore::sqlite_beside(&folder.join("solthrive.db")).await;
    let store = store.unwrap();
    let mut waits = 0;
    while counted(&store, devices).await < rows {
        assert!(waits < 600, "the rows are not counted after a minute");
        waits += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.close().await;
}

#[test]
fn what_a_fleet_delivers_while_the_service_is_killed_is_there_once_and_adds_up() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let devices = devices_with_codes(folder.path(), 3).await;
        let mut process = Process::secure(0, folder.path(), &GENEROUS);
        let port = process.address.port();
        let (stop, from) = (CancellationToken::new(), begin());
        let tally = switch_on(folder.path(), &devices, port, from, &stop);
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            process.kill();
            process = Process::secure(port, folder.path(), &GENEROUS);
        }
        // Until everything is there, and one that forgot what it told has told it again.
        let goes_on = |sums: Sums| sums.open > 0 || sums.homes < 3 || sums.duplicates == 0;
        while goes_on(tally.sums()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
        let sums = tally.sums();
        let lost = (sums.gave_up, sums.conflicts, sums.rejected);
        assert_eq!(lost, (0, 0, 0), "{sums}");
        until_counted(folder.path(), &devices, sums.made).await;
        process.terminate();
        let stored = compare(folder.path(), &devices, from).await;
        assert_eq!(stored, sums.made);
    });
}

/// What the network between homes and cloud does: each connection something else, most of them nothing good.
fn bad_weather(seed: u64) -> Weather {
    let (up, down) = (Direction::Up, Direction::Down);
    let reset = |direction, after| Fault::Reset { direction, after };
    let ms = Duration::from_millis;
    Weather::seeded(seed)
        .with(Fault::Refuse.with_probability(0.1))
        .with(Fault::BlackHole.with_probability(0.03))
        .with(reset(up, 3_000).with_probability(0.15))
        .with(reset(down, 4_500).with_probability(0.15))
        .with(
            Fault::Drop {
                direction: down,
                after: 6_000,
            }
            .with_probability(0.1),
        )
        .with(
            Fault::HalfOpen {
                direction: down,
                after: 5_000,
            }
            .with_probability(0.05),
        )
        .with(
            Fault::Corrupt {
                direction: up,
                every: 20_000,
            }
            .with_probability(0.1),
        )
        .with(
            Fault::Duplicate {
                direction: down,
                every: 20_000,
            }
            .with_probability(0.05),
        )
        .with(
            Fault::Reorder {
                direction: up,
                every: 20_000,
            }
            .with_probability(0.05),
        )
        .with(
            Fault::Latency {
                direction: down,
                delay: ms(30),
                jitter: ms(40),
            }
            .with_probability(0.3),
        )
        .with(
            Fault::RateLimit {
                direction: up,
                bytes_per_second: 40_000,
            }
            .with_probability(0.1),
        )
}

/// So many homes through bad weather, while the service is killed so often; then everything is there once.
async fn storm(homes: usize, kills: usize, between: Range<u64>) -> Sums {
    let folder = tempfile::tempdir().unwrap();
    let devices = devices_with_codes(folder.path(), homes).await;
    let mut process = Process::secure(0, folder.path(), &GENEROUS);
    let port = process.address.port();
    let network = proxy::start(
        "127.0.0.1:0".parse().unwrap(),
        format!("127.0.0.1:{port}"),
        bad_weather(1),
    );
    let network = network.await.unwrap();
    let (stop, from) = (CancellationToken::new(), begin());
    let tally = switch_on(
        folder.path(),
        &devices,
        network.address().port(),
        from,
        &stop,
    );
    let mut chance = Rng::new(9);
    for kill in 0..kills {
        let life = chance.between(between.start as f64, between.end as f64);
        tokio::time::sleep(Duration::from_secs_f64(life / 1_000.0)).await;
        process.kill();
        network.set(bad_weather(kill as u64));
        process = Process::secure(port, folder.path(), &GENEROUS);
    }
    network.set(Weather::default());
    network.cut_all();
    let mut sums = tally.sums();
    while sums.open > 0 || sums.homes < homes as u64 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sums = tally.sums();
    }
    stop.cancel();
    println!("{sums}; {}", network.stop().await);
    assert_eq!(
        (sums.gave_up, sums.conflicts, sums.rejected),
        (0, 0, 0),
        "{sums}"
    );
    assert!(
        sums.duplicates > 0 && sums.failed > 0,
        "the weather was too good: {sums}"
    );
    until_counted(folder.path(), &devices, sums.made).await;
    process.terminate();
    assert_eq!(compare(folder.path(), &devices, from).await, sums.made);
    sums
}

#[test]
fn through_a_bad_network_and_a_service_that_is_killed_every_row_gets_there_once() {
    run(async {
        storm(8, 4, 500..2_500).await;
    });
}

/// The same for minutes: `cargo xtask bench storm`.
#[test]
#[ignore = "takes as long as it is told to"]
fn through_ten_minutes_of_storm() {
    let number = |name: &str, usual: usize| {
        let told = std::env::var(name).ok().and_then(|text| text.parse().ok());
        told.unwrap_or(usual)
    };
    let (homes, minutes) = (number("STORM_HOMES", 50), number("STORM_MINUTES", 10));
    // A kill each five seconds on average.
    run(async move {
        storm(homes, minutes * 12, 1_000..9_000).await;
    });
}

/// Compares each home's full days with the cloud's; how many rows the cloud has.
async fn compare(folder: &Path, devices: &[Made], from: Timestamp) -> u64 {
    let place = Place {
        data: folder.to_owned(),
        store: StoreUrl::Sqlite,
    };
    let stores = Stores::open(&place).await.unwrap();
    let mut stored = 0;
    for (seed, device) in (5..).zip(devices) {
        let status = stores.archive.device_status(device.0.id).await.unwrap();
        let status = status.unwrap();
        stored += status.rows;
        let site = Machinery::of_the_service().may_read(status.site.unwrap());
        let own = books(&entry(device), seed, from, status.rows);
        let (first, last) = (own.first().unwrap().date, own.last().unwrap().date);
        let dates = first..last.tomorrow().unwrap();
        let days = stores.views.days(site, dates).await.unwrap();
        assert_eq!(days.len(), own.len());
        for (cloud, own) in days.iter().zip(&own) {
            the_same(cloud, own);
        }
    }
    stores.sql.close().await;
    stored
}

/// Rows that the worker has counted.
async fn counted(store: &SqlStore, devices: &[Made]) -> u64 {
    let mut rows = 0;
    for (device, _) in devices {
        let status = store.device_status(device.id).await.unwrap();
        rows += status.map_or(0, |status| status.rows);
    }
    rows
}

/// To the watt-hours in which totals are told.
fn the_same(cloud: &DayRollup, own: &DayBody) {
    assert_eq!(cloud.date, own.date);
    let energy = &cloud.rollup.sums.energy;
    let pairs = [
        ("solar", energy.solar, own.solar_kwh),
        ("import", energy.import, own.import_kwh),
        ("export", energy.export, own.export_kwh),
    ];
    for (what, cloud, own) in pairs {
        let cloud = cloud.unwrap().get() as f64 / 1e9;
        let own = own.unwrap();
        assert!((cloud - own).abs() < 0.0016, "{what}: {cloud} and {own}");
    }
}

//! A split-phase home with solar, as the tests know it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use solthrive_domain::units::{Amps, Hertz, PowerFactor, Volts, WattHours, Watts};
use solthrive_domain::{
    Channel, ChannelValues, DaySummary, Energies, Flag, FlagCode, HomeModel, Input, MeterId,
    MinuteRow, Mono, PowerFlow, Quality, Role, RunId, Service, Severity, Snapshot, Stat, Summary,
};
use solthrive_edge::config::{Site, Tariff};
use solthrive_edge::http::{FixedFacts, MeterFacts};
use solthrive_meter::bus::{Budget, BusStatus, Drift, ErrorCounts, MeterStatus};

/// Noon in California, on the longest day.
pub(crate) const NOW: &str = "2026-06-21T19:00:00Z";
/// When the newest snapshot was taken.
pub(crate) const TAKEN: &str = "2026-06-21T18:59:58.25Z";

pub(crate) fn mono(seconds: u64) -> Mono {
    Mono::from_origin(Duration::from_secs(seconds))
}

pub(crate) fn watts(value: f64) -> Option<Watts> {
    Some(Watts::try_from(value).unwrap())
}

pub(crate) fn kwh(value: f64) -> Option<WattHours> {
    Some(WattHours::from_kwh(value).unwrap())
}

pub(crate) fn split_phase() -> HomeModel {
    let channel = |role, name: &str, input| Channel {
        role,
        name: name.to_owned(),
        meter: MeterId::new("main"),
        input,
        volt_ref: if input == Input::Pv { Input::L1 } else { input },
        multiplier: if input == Input::Pv { 2.0 } else { 1.0 },
        scale: 1.0,
        invert: false,
        ct_rating: Some(Amps::try_from(200.0).unwrap()),
    };
    HomeModel {
        service: Service::SplitPhase,
        channels: vec![
            channel(Role::MainL1, "main_l1", Input::L1),
            channel(Role::MainL2, "main_l2", Input::L2),
            channel(Role::Pv, "pv", Input::Pv),
        ],
        reference_meter: MeterId::new("main"),
        solar_nameplate: watts(6_200.0),
    }
}

/// The example of the first version's documents: 3.52 kW of sun, 1.44 kW used, 2.08 kW sold.
pub(crate) fn snapshot(seq: u64) -> Snapshot {
    let channel = |power: f64, current: f64| ChannelValues {
        power: watts(power),
        current: Some(Amps::try_from(current).unwrap()),
        pf: Some(PowerFactor::try_from(0.98).unwrap()),
    };
    let volts = |volts: f64| Volts::try_from(volts).unwrap();
    Snapshot {
        seq,
        ts: TAKEN.parse().unwrap(),
        at: mono(998),
        flow: PowerFlow {
            solar: watts(3520.0),
            home: watts(1440.0),
            grid: watts(-2080.0),
            battery: None,
            ev: None,
        },
        voltages: BTreeMap::from([(Input::L1, volts(121.4)), (Input::L2, volts(120.9))]),
        channels: BTreeMap::from([
            ("main_l1".to_owned(), channel(-1000.0, 8.41)),
            ("main_l2".to_owned(), channel(-1080.0, 9.12)),
            ("pv".to_owned(), channel(3520.0, 14.5)),
        ]),
        frequency: Some(Hertz::try_from(59.98).unwrap()),
        pf: Some(PowerFactor::try_from(-0.97).unwrap()),
        totals: Energies {
            solar: kwh(10_432.1),
            import: kwh(852.1),
            export: kwh(445.8),
            ..Energies::default()
        },
        quality: Quality::default(),
    }
}

/// The `n`th second after the newest snapshot.
pub(crate) fn later(n: u64) -> Snapshot {
    let mut snapshot = snapshot(7 + n);
    snapshot.ts += Duration::from_secs(n);
    snapshot.at = snapshot.at + Duration::from_secs(n);
    snapshot
}

pub(crate) fn today() -> DaySummary {
    day("2026-06-21", 24.0)
}

/// A day on which `solar` kWh were made, and in proportion used and sold.
pub(crate) fn day(date: &str, solar: f64) -> DaySummary {
    let energy = Energies {
        solar: kwh(solar),
        home: kwh(solar * 0.6),
        import: kwh(solar * 0.1),
        export: kwh(solar * 0.5),
        ..Energies::default()
    };
    let summary = Summary {
        energy,
        peak_demand: watts(2_345.6),
        covered: Duration::from_hours(11),
        elapsed: Duration::from_hours(12),
    };
    DaySummary {
        date: date.parse().unwrap(),
        summary,
    }
}

pub(crate) fn minute(start: Timestamp, solar: f64) -> MinuteRow {
    let stat = |mean: f64| {
        Some(Stat {
            mean,
            min: mean - 10.0,
            max: mean + 10.0,
        })
    };
    let per_minute =
        |power: f64| Some(Watts::try_from(power).unwrap().over(Duration::from_mins(1)));
    MinuteRow {
        start,
        run: RunId::from_uuid(uuid::Uuid::nil()),
        part: 0,
        samples: 60,
        covered: Duration::from_mins(1),
        energy: Energies {
            solar: per_minute(solar),
            home: per_minute(600.0),
            ..Energies::default()
        },
        bridged: Energies::default(),
        totals: Energies {
            import: kwh(852.1),
            export: kwh(445.8),
            ..Energies::default()
        },
        solar: stat(solar),
        home: stat(600.0),
        grid: stat(600.0 - solar),
        battery: None,
        ev: None,
        voltages: BTreeMap::from([(
            Input::L1,
            Stat {
                mean: 121.0,
                min: 120.0,
                max: 122.0,
            },
        )]),
        currents: BTreeMap::from([("main_l1".to_owned(), 5.0), ("pv".to_owned(), 8.0)]),
        powers: BTreeMap::new(),
        pf: Some(0.97),
        frequency: Some(60.01),
        quality: Vec::new(),
    }
}

pub(crate) fn flag(code: FlagCode, subject: &str) -> Flag {
    Flag {
        code,
        subject: subject.to_owned(),
        severity: Severity::High,
        since: "2026-06-21T18:00:00Z".parse().unwrap(),
        message: "no answer for 12 s; check A and B".to_owned(),
    }
}

pub(crate) fn site() -> Site {
    Site {
        name: "Oak Street 5".to_owned(),
        tz: TimeZone::get("America/Los_Angeles").unwrap(),
        tz_name: "America/Los_Angeles".to_owned(),
        language: "en".to_owned(),
        main_rating_kw: Some(24.0),
        trust_clock_after: Duration::from_secs(120),
        trust_unsynced_clock_after: Duration::from_secs(900),
    }
}

pub(crate) fn tariff() -> Tariff {
    Tariff {
        currency: "USD".to_owned(),
        import_rate: 0.3,
        export_rate: 0.08,
        fixed_per_day: 0.5,
    }
}

pub(crate) fn facts() -> FixedFacts {
    FixedFacts {
        version: "2.0.0-test",
        run: RunId::from_uuid(uuid::Uuid::nil()),
        started: mono(100),
        serial: Some("10000000abcdef01".to_owned()),
        device: None,
        model: Some("Raspberry Pi 4 Model B Rev 1.4".to_owned()),
        boot_count: Some(3),
        service_restarts: Some(0),
        data_dir: std::env::temp_dir(),
        database: "/nowhere/solthrive.db".into(),
        poll_every: Duration::from_secs(1),
        meters: vec![MeterFacts::new(
            MeterId::new("main"),
            "rs485",
            1,
            "solthrive-v1",
        )],
        buses: vec![Arc::new(Mutex::new(bus()))],
    }
}

/// Not random at all: tests name the session they expect.
pub(crate) fn random() -> std::io::Result<[u8; 32]> {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    Ok([NEXT.fetch_add(1, Ordering::Relaxed); 32])
}

/// A poll in which the only meter answered, or failed for the so manyth time.
pub(crate) fn cycle(outcome: Result<(), u32>) -> solthrive_meter::bus::BusCycle {
    use solthrive_domain::Reading;
    use solthrive_meter::bus::{BusCycle, FaultKind, MeterCycle, MeterOutcome};
    let meter = MeterId::new("main");
    let outcome = match outcome {
        Ok(()) => MeterOutcome::Read(Reading {
            meter: meter.clone(),
            at: mono(999),
            values: BTreeMap::new(),
        }),
        Err(failures) => MeterOutcome::Failed {
            fault: FaultKind::Timeout,
            failures,
            retry_at: mono(1_010),
        },
    };
    BusCycle {
        bus: "rs485".into(),
        tick: 999,
        at: mono(999),
        deviation: Duration::ZERO,
        meters: vec![MeterCycle::new(meter, outcome)],
    }
}

/// A bus that has seen three damaged frames.
fn bus() -> BusStatus {
    let mut drift = Drift::default();
    drift.note(Duration::from_micros(250), 0);
    drift.note(Duration::from_micros(750), 2);
    let meter = MeterStatus {
        name: "main".to_owned(),
        unit: 1,
        profile: "solthrive-v1".to_owned(),
        turnaround_ms: Some(12.5),
        ..MeterStatus::default()
    };
    BusStatus {
        bus: "rs485".into(),
        link: "/dev/ttyUSB0".to_owned(),
        open: true,
        requests: 100,
        replies: 97,
        errors: ErrorCounts {
            crc: 3,
            ..ErrorCounts::default()
        },
        reopened: 1,
        late_replies: 0,
        discarded_bytes: 7,
        meters: vec![meter],
        budget: Budget {
            needed_ms: 250.0,
            period_ms: 1000.0,
            every: 1,
        },
        drift,
        trace: VecDeque::new(),
    }
}

//! Homes, readings and snapshots to test with.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use solthrive_domain::units::{Amps, Volts, WattHours, Watts};
use solthrive_domain::{
    Channel, Energies, HomeModel, Input, LedgerId, MeterId, Mono, Point, PowerFlow, Quality,
    Reading, Readings, Role, RunId, Service, Snapshot,
};

pub(crate) fn w(watts: f64) -> Watts {
    Watts::try_from(watts).unwrap()
}

pub(crate) fn wh(energy: f64) -> WattHours {
    WattHours::try_from(energy).unwrap()
}

pub(crate) fn volts(value: f64) -> Volts {
    Volts::try_from(value).unwrap()
}

pub(crate) fn amps(value: f64) -> Amps {
    Amps::try_from(value).unwrap()
}

pub(crate) fn secs(seconds: u64) -> Mono {
    Mono::from_origin(Duration::from_secs(seconds))
}

pub(crate) fn millis(millis: u64) -> Mono {
    Mono::from_origin(Duration::from_millis(millis))
}

pub(crate) fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn main_meter() -> MeterId {
    MeterId::new("main")
}

pub(crate) fn ledger_id() -> LedgerId {
    "0190a5a0-0000-4000-8000-000000000001".parse().unwrap()
}

pub(crate) fn run_id() -> RunId {
    "0190a5a0-0000-4000-8000-000000000002".parse().unwrap()
}

pub(crate) fn channel(role: Role, name: &str, input: Input) -> Channel {
    Channel {
        role,
        name: name.to_owned(),
        meter: main_meter(),
        input,
        volt_ref: if matches!(input, Input::L2) {
            Input::L2
        } else {
            Input::L1
        },
        multiplier: 1.0,
        scale: 1.0,
        invert: false,
        ct_rating: None,
    }
}

/// V1's wiring: mains on two inputs, PV on a third.
pub(crate) fn v1_home() -> HomeModel {
    home(vec![
        Channel {
            ct_rating: Some(amps(200.0)),
            ..channel(Role::MainL1, "main_l1", Input::L1)
        },
        Channel {
            ct_rating: Some(amps(200.0)),
            ..channel(Role::MainL2, "main_l2", Input::L2)
        },
        Channel {
            ct_rating: Some(amps(50.0)),
            multiplier: 2.0,
            ..channel(Role::Pv, "pv", Input::L3)
        },
    ])
}

pub(crate) fn home(channels: Vec<Channel>) -> HomeModel {
    HomeModel {
        service: Service::SplitPhase,
        channels,
        reference_meter: main_meter(),
        solar_nameplate: None,
    }
}

/// A reading of the meter `main`, point names and values.
pub(crate) fn reading(at: Mono, values: &[(&str, f64)]) -> Reading {
    let values = values
        .iter()
        .map(|(name, value)| (name.parse::<Point>().unwrap(), *value))
        .collect();
    Reading {
        meter: main_meter(),
        at,
        values,
    }
}

pub(crate) fn seen(reading: &Reading) -> Readings<'_> {
    BTreeMap::from([(reading.meter.clone(), reading)])
}

pub(crate) fn flow(solar: Option<f64>, grid: Option<f64>) -> PowerFlow {
    let home = solar.zip(grid).map(|(solar, grid)| w(solar + grid));
    PowerFlow {
        solar: solar.map(w),
        grid: grid.map(w),
        home,
        ..PowerFlow::default()
    }
}

pub(crate) fn snapshot(at: Mono, ts: Timestamp, flow: PowerFlow) -> Snapshot {
    Snapshot {
        seq: 0,
        ts,
        at,
        flow,
        voltages: BTreeMap::new(),
        channels: BTreeMap::new(),
        frequency: None,
        pf: None,
        totals: Energies::default(),
        quality: Quality::default(),
    }
}

/// Numbers that differ by rounding only.
#[track_caller]
pub(crate) fn assert_near(found: f64, expected: f64, within: f64) {
    assert!(
        (found - expected).abs() <= within,
        "{found} is not {expected} +- {within}"
    );
}

/// The measured year of `tests/data`: naive local stamps and mean W of solar, export, import, home.
pub(crate) fn measured_year() -> Vec<(DateTime, [f64; 4])> {
    let packed = include_bytes!("../data/aew_prosumer_a_15min_2019.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    let row = |line: &str| {
        let fields: Vec<_> = line.split(',').collect();
        let watts = |field: usize| fields[field].parse::<f64>().unwrap() * 1000.0;
        (
            fields[0].parse().unwrap(),
            [watts(1), watts(2), watts(3), watts(4)],
        )
    };
    text.lines().skip(1).map(row).collect()
}

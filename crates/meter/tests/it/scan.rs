//! A scan finds meters nobody has configured, and says why it believes so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use solthrive_domain::{Point, Quantity};
use solthrive_meter::bus::{FaultKind, Master, Pace, SystemPace};
use solthrive_meter::decode::Scaling;
use solthrive_meter::frame::ReadRequest;
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::profile::{Catalog, Profile, TransportKind, WordOrder};
use solthrive_meter::rtu::{RtuMaster, RtuOptions};
use solthrive_meter::scan::{
    Candidate, Place, ScanOptions, ScanProgress, ScanReport, ScanTarget, scan, scan_on,
};

use crate::independent::{IndependentMeter, served};
use crate::rtu_faults::ms;
use crate::rtu_line::ScriptedMeter;
use crate::rtu_script::{Answers, Script};
use crate::rtu_virtual::{Machine, Virtual};

const ODD: SerialSettings = SerialSettings {
    baud: 19_200,
    parity: Parity::None,
    stop_bits: 1,
};

/// What a home's meter says, by quantity; 120 V, some load.
fn home(point: Point) -> f64 {
    match point.quantity {
        Quantity::Voltage => 121.5,
        Quantity::Current => 6.0,
        Quantity::ActivePower => 700.0,
        Quantity::ApparentPower => 729.0,
        Quantity::PowerFactor => 0.96,
        Quantity::Frequency => 60.0,
        _ => 1234.0,
    }
}

/// A meter of this profile at this unit; what lies between its points it does not have.
fn answers(profile: &Profile, unit: u8) -> Box<Answers> {
    let mut words = std::collections::BTreeMap::new();
    for def in &profile.points {
        let scaling = Scaling::default();
        let value = home(def.point);
        for (offset, word) in (0..).zip(def.encode(value, scaling)) {
            words.insert((def.function, def.address + offset), word);
        }
        if let Some(scale) = def.scale_register {
            words.insert((scale.function, scale.address), 0);
        }
    }
    if let Some(probe) = &profile.probe {
        let value = probe.values.first().map_or(1, |(value, _)| *value);
        let mut parts: Vec<u64> = (0..probe.kind.width())
            .map(|at| value >> (16 * at) & 0xFFFF)
            .collect();
        if probe.words == WordOrder::Msw {
            parts.reverse();
        }
        for (offset, part) in (0..).zip(parts) {
            words.insert(
                (probe.function, probe.address + offset),
                u16::try_from(part).unwrap(),
            );
        }
    }
    Box::new(move |request: ReadRequest, _| {
        if request.unit != unit {
            return Err(None);
        }
        let registers = request.address..request.address + request.count;
        let asked = registers.map(|address| words.get(&(request.function, address)).copied());
        asked.collect::<Option<Vec<u16>>>().ok_or(Some(2))
    })
}

/// A scan of a line whose meter is set like this, on a clock that only exists here.
fn scanned(
    answers: Box<Answers>,
    truly: SerialSettings,
    options: &ScanOptions,
    on_progress: &mut dyn FnMut(&ScanProgress),
    cancel: &AtomicBool,
) -> ScanReport {
    let now = Arc::new(Mutex::new(truly));
    let mut script = Script::new(truly, 1);
    script.answers = {
        let (now, mut answers) = (Arc::clone(&now), answers);
        Box::new(move |request, nth| {
            if *now.lock().unwrap() == truly {
                answers(request, nth)
            } else {
                Err(None)
            }
        })
    };
    let line = Virtual::new(script, Machine::Quiet);
    let mut open = |settings: Option<SerialSettings>| {
        *now.lock().unwrap() = settings.unwrap();
        let pace: Arc<dyn Pace> = Arc::new(line.clone());
        let master = RtuMaster::on(line.clone(), settings.unwrap(), pace, RtuOptions::default());
        Ok(Box::new(master) as Box<dyn Master>)
    };
    let catalog = Catalog::embedded();
    scan_on(
        &catalog,
        true,
        options,
        &line,
        &mut open,
        on_progress,
        cancel,
    )
    .unwrap()
}

fn found(answers: Box<Answers>, truly: SerialSettings, options: &ScanOptions) -> Vec<Candidate> {
    scanned(
        answers,
        truly,
        options,
        &mut |_| {},
        &AtomicBool::new(false),
    )
    .candidates
}

#[test]
fn every_meter_with_factory_settings_is_found_as_what_it_is() {
    let catalog = Catalog::embedded();
    let rtu = |profile: &&Arc<Profile>| profile.bus.transports.contains(&TransportKind::Rtu);
    for profile in catalog.iter().filter(rtu) {
        let serial = profile.bus.serial;
        let settings = serial.map_or(SerialSettings::default(), |serial| serial.settings);
        let unit = serial.map_or(1, |serial| serial.unit);
        let candidates = found(answers(profile, unit), settings, &ScanOptions::default());
        let scores: Vec<_> = candidates
            .iter()
            .map(|one| (one.profile.as_str(), one.score))
            .collect();
        println!("{}: {scores:?}", profile.id);
        let own = candidates.iter().find(|one| one.profile == profile.id);
        let own = own.unwrap_or_else(|| panic!("{} is not among {scores:?}", profile.id));
        assert_eq!(own.score, candidates[0].score, "{}: {scores:?}", profile.id);
        assert!(own.score >= 70, "{own:?}");
        assert_eq!(
            own.place,
            Place {
                settings: Some(settings),
                unit
            }
        );
        assert!(own.refused.is_empty(), "{own:?}");
    }
}

#[test]
fn a_meter_with_unusual_settings_is_found_by_a_thorough_scan() {
    let em340 = Catalog::embedded().get("gavazzi-em340").unwrap();
    let truly = SerialSettings {
        baud: 38_400,
        parity: Parity::Odd,
        stop_bits: 1,
    };
    let usual = ScanOptions {
        units: vec![1, 2, 3],
        ..ScanOptions::default()
    };
    assert!(found(answers(&em340, 3), truly, &usual).is_empty());
    let candidates = found(answers(&em340, 3), truly, &usual.thorough());
    assert_eq!(
        candidates[0].place,
        Place {
            settings: Some(truly),
            unit: 3
        }
    );
    assert!(
        candidates.iter().any(|one| one.profile == em340.id),
        "{candidates:?}"
    );
}

#[test]
fn a_line_with_nobody_on_it_is_looked_over_to_its_end_with_the_time_left_told() {
    let options = ScanOptions {
        units: (1..=10).collect(),
        ..ScanOptions::default()
    };
    let mut progress = Vec::new();
    let report = scanned(
        Box::new(|_, _| Err(None)),
        ODD,
        &options,
        &mut |now| progress.push(now.clone()),
        &AtomicBool::new(false),
    );
    assert_eq!(report, ScanReport::default());
    let total = progress[0].total;
    assert_eq!(progress.len(), total);
    assert!(progress.iter().enumerate().all(|(at, now)| now.done == at));
    assert_eq!(progress[0].left, None, "nothing is known yet");
    let left: Vec<Duration> = progress.iter().filter_map(|now| now.left).collect();
    assert!(
        left.windows(2).all(|pair| pair[1] <= pair[0] + ms(50)),
        "{left:?}"
    );
    println!("{total} places, {:?} at first", left[0]);
}

#[test]
fn a_cancelled_scan_ends_after_the_request_under_way() {
    let cancel = AtomicBool::new(false);
    let options = ScanOptions {
        units: (1..=200).collect(),
        ..ScanOptions::default()
    };
    let mut told = 0;
    let report = scanned(
        Box::new(|_, _| Err(None)),
        ODD,
        &options,
        &mut |_| {
            told += 1;
            cancel.store(told == 5, Ordering::Release);
        },
        &cancel,
    );
    assert!(report.cancelled);
    assert_eq!(told, 5);
}

#[test]
fn somebody_whom_no_profile_fits_is_a_stranger_and_no_meter() {
    let zeros: Box<Answers> = Box::new(|request, _| Ok(vec![0; usize::from(request.count)]));
    let truly = SerialSettings::default();
    let report = scanned(
        zeros,
        truly,
        &ScanOptions::default(),
        &mut |_| {},
        &AtomicBool::new(false),
    );
    assert!(report.candidates.is_empty(), "{report:?}");
    assert_eq!(
        report.strangers,
        [Place {
            settings: Some(truly),
            unit: 1
        }]
    );
}

/// A scan over links of which these attempts are refused, with a meter at 9600 8N1 and unit 1.
fn scanned_with_refusals(
    refused: impl Fn(SerialSettings) -> bool,
    closes: bool,
    options: &ScanOptions,
) -> Result<ScanReport, solthrive_meter::bus::BusFault> {
    let sdm = Catalog::embedded().get("eastron-sdm120").unwrap();
    let truly = SerialSettings {
        baud: 9600,
        ..sdm.bus.serial.unwrap().settings
    };
    let mut script = Script::new(truly, 1);
    let now = Arc::new(Mutex::new(truly));
    script.answers = {
        let (now, mut answers) = (Arc::clone(&now), answers(&sdm, 1));
        Box::new(move |request, nth| {
            if *now.lock().unwrap() == truly {
                answers(request, nth)
            } else {
                Err(None)
            }
        })
    };
    let line = Virtual::new(script, Machine::Quiet);
    let mut open = |settings: Option<SerialSettings>| {
        let settings = settings.unwrap();
        if refused(settings) {
            let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            return Err(solthrive_meter::bus::BusFault::PortGone(refused));
        }
        *now.lock().unwrap() = settings;
        let pace: Arc<dyn Pace> = Arc::new(line.clone());
        let master = RtuMaster::on(line.clone(), settings, pace, RtuOptions::default());
        Ok(Box::new(Closing {
            master,
            closes,
            open: true,
        }) as Box<dyn Master>)
    };
    scan_on(
        &Catalog::embedded(),
        true,
        options,
        &line,
        &mut open,
        &mut |_| {},
        &AtomicBool::new(false),
    )
}

/// As over TCP: a silent unit costs the connection.
struct Closing {
    master: RtuMaster<Virtual>,
    closes: bool,
    open: bool,
}

impl Master for Closing {
    fn read(
        &mut self,
        request: ReadRequest,
        timeout: Duration,
    ) -> Result<Vec<u16>, solthrive_meter::bus::BusFault> {
        let answer = self.master.read(request, timeout);
        self.open = !self.closes || answer.is_ok();
        answer
    }
    fn ready_at(&self, request: &ReadRequest) -> solthrive_domain::Mono {
        self.master.ready_at(request)
    }
    fn line(&self) -> solthrive_meter::bus::LineCost {
        self.master.line()
    }
    fn turnaround(&self, unit: u8) -> Option<Duration> {
        self.master.turnaround(unit)
    }
    fn is_open(&self) -> bool {
        self.open
    }
    fn last(&self) -> &solthrive_meter::bus::Exchange {
        self.master.last()
    }
}

fn sdm120_only() -> ScanOptions {
    ScanOptions {
        units: vec![1, 2, 3],
        bauds: vec![9600, 115_200],
        parities: vec![Parity::None],
        profiles: Some(vec!["eastron-sdm120".to_owned()]),
        exhaustive: true,
        ..ScanOptions::default()
    }
}

#[test]
fn a_speed_that_the_adapter_cannot_have_is_noted_and_the_meter_is_found_all_the_same() {
    for unsupported in [2400, 115_200] {
        let report =
            scanned_with_refusals(|it| it.baud == unsupported, false, &sdm120_only()).unwrap();
        assert!(!report.candidates.is_empty(), "{report:?}");
        let noted = &report.unopened[0];
        assert_eq!(noted.settings.unwrap().baud, unsupported, "{report:?}");
        assert_eq!(noted.skipped, 3);
    }
}

/// Refuses to open the same settings again, this many times.
fn refusing_again(times: usize) -> impl Fn(SerialSettings) -> bool {
    let opened = Mutex::new(std::collections::BTreeMap::new());
    move |settings| {
        let mut opened = opened.lock().unwrap();
        let nth = opened.entry(settings).or_insert(0);
        *nth += 1;
        (2..2 + times).contains(nth)
    }
}

#[test]
fn a_connection_that_is_refused_once_is_tried_again_and_nothing_is_left_out() {
    let options = ScanOptions {
        units: vec![2, 3, 1],
        ..sdm120_only()
    };
    let report = scanned_with_refusals(refusing_again(1), true, &options).unwrap();
    assert_eq!(report.candidates[0].place.unit, 1, "{report:?}");
    assert!(report.unopened.is_empty(), "{report:?}");
}

#[test]
fn a_link_that_is_lost_for_good_leaves_what_was_found() {
    let report = scanned_with_refusals(refusing_again(99), true, &sdm120_only()).unwrap();
    assert_eq!(report.candidates[0].place.unit, 1, "{report:?}");
    let lost = |it: &&solthrive_meter::scan::Unopened| it.settings.unwrap().baud == 9600;
    let noted = report.unopened.iter().find(lost).unwrap();
    assert_eq!(noted.skipped, 1, "{report:?}");
    assert!(noted.reason.contains("refused"), "{report:?}");
}

#[test]
fn a_link_that_cannot_be_opened_at_all_is_an_error() {
    let fault = scanned_with_refusals(|_| true, false, &sdm120_only()).unwrap_err();
    assert_eq!(fault.kind(), FaultKind::PortGone);
}

#[test]
fn a_real_serial_line_is_found_by_its_speed() {
    let sdm = Catalog::embedded().get("eastron-sdm120").unwrap();
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let mut script = Script::new(ODD, 1);
    script.strict_speed = true;
    script.answers = answers(&sdm, 2);
    let line = ScriptedMeter::start(script, Arc::clone(&pace));
    let target = ScanTarget::Serial {
        path: line.path.clone(),
    };
    let options = ScanOptions {
        units: vec![2],
        bauds: vec![19_200],
        timeout: ms(150),
        profiles: Some(vec![sdm.id.clone()]),
        ..ScanOptions::default()
    };
    let report = scan(
        &Catalog::embedded(),
        &target,
        &options,
        &pace,
        &mut |_| {},
        &AtomicBool::new(false),
    )
    .unwrap();
    assert_eq!(
        report.candidates[0].place,
        Place {
            settings: Some(ODD),
            unit: 2
        }
    );
    assert_eq!(report.candidates[0].profile, sdm.id);

    let taken = RtuMaster::open(&line.path, ODD, Arc::clone(&pace), RtuOptions::default()).unwrap();
    let busy = scan(
        &Catalog::embedded(),
        &target,
        &options,
        &pace,
        &mut |_| {},
        &AtomicBool::new(false),
    )
    .unwrap_err();
    assert_eq!(busy.kind(), FaultKind::PortBusy);
    drop(taken);
}

#[test]
fn an_independent_meter_on_the_network_is_found() {
    let em24 = Catalog::embedded().get("gavazzi-em24-ethernet").unwrap();
    let mut config = served(&em24, "tcp", "zero");
    let values = config["values"].as_array_mut().unwrap();
    values.retain(|value| value["address"] != 11);
    values.push(serde_json::json!({"address": 11, "type": "UINT16", "lsw": false, "value": 1651}));
    let server = IndependentMeter::start(&config);
    let target = ScanTarget::Tcp {
        host: "127.0.0.1".into(),
        port: server.place.parse().unwrap(),
    };
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let options = ScanOptions {
        timeout: ms(1000),
        ..ScanOptions::default()
    };
    let report = scan(
        &Catalog::embedded(),
        &target,
        &options,
        &pace,
        &mut |_| {},
        &AtomicBool::new(false),
    )
    .unwrap();
    let best = &report.candidates[0];
    assert_eq!(
        (best.profile.as_str(), best.model.as_deref()),
        ("gavazzi-em24-ethernet", Some("EM24DINAV53XE1X"))
    );
    assert!(
        best.reasons
            .iter()
            .any(|reason| reason.good && reason.text.contains("EM24DINAV53XE1X"))
    );
    println!("{:#?}", best.reasons);
}

//! The product's own master against the simulated bus.

use std::sync::Arc;
use std::time::Duration;

use solthrive_meter::bus::{Master, SystemPace};
use solthrive_meter::rtu::{RtuMaster, RtuOptions};
use solthrive_sim::{Pins, Simulation};

use crate::client::{fast, input};

#[test]
fn the_products_master_keeps_every_silence() {
    let config = fast();
    let settings = config.line.settings;
    let sim = Simulation::start(config).unwrap();
    let pace = Arc::new(SystemPace::new());
    let mut master = RtuMaster::open(&sim.pty(), settings, pace, RtuOptions::default()).unwrap();
    for count in [2, 18, 36, 6, 24].repeat(10) {
        let words = master
            .read(input(1, 0, count), Duration::from_secs(2))
            .unwrap();
        assert_eq!(words.len(), usize::from(count));
    }
    let stats = sim.stats();
    assert_eq!(
        (
            stats.requests,
            stats.replies,
            stats.gap_violations,
            stats.collisions
        ),
        (50, 50, 0, 0),
        "{stats:?}"
    );
}

#[test]
fn under_a_mix_of_faults_it_hands_out_nothing_but_the_truth() {
    let config = fast();
    let settings = config.line.settings;
    let sim = Simulation::start(config).unwrap();
    sim.pin(Pins {
        solar_kw: Some(2.0),
        home_l1_kw: Some(1.0),
        home_l2_kw: Some(0.3),
        voltage_l1: Some(121.0),
        voltage_l2: Some(118.0),
        ..Pins::default()
    });
    // Two blocks of one length and different content: the case in which a stray reply can pass.
    let blocks = [input(1, 0, 6), input(1, 6, 6)];
    // Nothing comes late here, so that the line need not rest for long after a failure.
    let options = RtuOptions {
        quarantine: Duration::from_millis(50),
    };
    let pace = Arc::new(SystemPace::new());
    let mut master = RtuMaster::open(&sim.pty(), settings, pace, options).unwrap();
    let timeout = Duration::from_millis(200);
    let truth = blocks.map(|block| master.read(block, Duration::from_secs(2)).unwrap());
    for kind in [
        "crc",
        "truncated",
        "garbage",
        "echo",
        "wrong_unit",
        "wrong_length",
        "no_reply",
    ] {
        let json = format!(r#"{{"kind":"{kind}","probability":0.06}}"#);
        sim.begin_fault(serde_json::from_str(&json).unwrap())
            .unwrap();
    }
    let (mut right, mut refused) = (0, 0);
    for turn in 0..24 {
        match master.read(blocks[turn % 2], timeout) {
            Ok(words) => {
                assert_eq!(words, truth[turn % 2], "turn {turn}");
                right += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(right > 5 && refused > 0, "{right} right, {refused} refused");
    assert_eq!(sim.stats().gap_violations, 0, "{:?}", sim.stats());
}

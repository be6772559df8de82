//! The product's own master against the simulated bus.

use std::sync::Arc;
use std::time::Duration;

use solthrive_meter::bus::{Master, SystemPace};
use solthrive_meter::rtu::{RtuMaster, RtuOptions};
use solthrive_sim::Simulation;

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

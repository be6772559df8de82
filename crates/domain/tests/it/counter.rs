//! Every way in which counters are known to lie, as they were reported from the field.

use std::time::Duration;

use solthrive_domain::counter::{Counter, CounterEvent, CounterRules, Mark, Observed};

use crate::support::{assert_near, w, wh};

const TEN_SECONDS: Option<Duration> = Some(Duration::from_secs(10));

/// A counter of kWh values, read every ten seconds.
struct Bench {
    counter: Counter,
    rules: CounterRules,
    events: Vec<CounterEvent>,
}

impl Bench {
    fn new(resolution_kwh: f64, max_power: f64) -> Self {
        let rules = CounterRules {
            resolution: wh(resolution_kwh * 1000.0),
            wrap: None,
            max_power: w(max_power),
            confirm: CounterRules::DEFAULT_CONFIRM,
        };
        Self {
            counter: Counter::default(),
            rules,
            events: Vec::new(),
        }
    }

    fn read_after(&mut self, kwh: f64, elapsed: Option<Duration>) -> Observed {
        let mark = Mark {
            total: 0.0,
            stretch: 0,
        };
        let observed = self
            .counter
            .observe(&self.rules, wh(kwh * 1000.0), elapsed, mark);
        self.events.extend(observed.event);
        observed
    }

    fn read(&mut self, times: usize, kwh: f64) -> &mut Self {
        for _ in 0..times {
            self.read_after(kwh, TEN_SECONDS);
        }
        self
    }

    /// The events after the first, which says that the counter is followed.
    fn news(&self) -> &[CounterEvent] {
        assert!(
            matches!(self.events.first(), Some(CounterEvent::Started { .. })),
            "{:?}",
            self.events
        );
        &self.events[1..]
    }
}

#[test]
fn growth_counts_once_the_confirmation_is_through() {
    let mut bench = Bench::new(0.01, 24_000.0);
    bench.read(5, 100.0).read(4, 100.05);
    assert_near(bench.counter.total(), 0.0, 0.0);
    bench.read(1, 100.05);
    assert_near(bench.counter.total(), 50.0, 1e-6);
    assert_eq!(bench.news(), []);
}

#[test]
fn a_drop_to_zero_and_back_twice_adds_nothing() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench
        .read(6, 35.6)
        .read(1, 0.0)
        .read(6, 35.6)
        .read(3, 0.0)
        .read(10, 35.6);
    assert_near(bench.counter.total(), 0.0, 0.0);
    let glitch = |readings| CounterEvent::Glitch {
        expected: wh(35_600.0),
        read: wh(0.0),
        readings,
    };
    assert_eq!(bench.news(), [glitch(1), glitch(3)]);
}

#[test]
fn a_solar_meter_that_sleeps_at_zero_all_night_adds_nothing_when_it_wakes() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench.read(6, 35.6);
    for _ in 0..2 {
        bench.read(3000, 0.0).read(10, 35.6);
    }
    assert_near(bench.counter.total(), 0.0, 1e-6);
    assert!(
        matches!(
            bench.news(),
            [CounterEvent::Reset { .. }, CounterEvent::Glitch { .. }, ..]
        ),
        "{:?}",
        bench.news()
    );
}

#[test]
fn a_small_dip_is_no_reset_and_adds_nothing() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench
        .read(6, 215.7)
        .read(4, 215.6)
        .read(10, 215.7)
        .read(10, 215.8);
    assert_near(bench.counter.total(), 100.0, 1e-6);
    assert!(
        matches!(bench.news(), [CounterEvent::Glitch { readings: 4, .. }]),
        "{:?}",
        bench.news()
    );
}

#[test]
fn a_small_dip_of_two_minutes_is_still_no_new_beginning() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench.read(6, 215.7).read(12, 215.6).read(10, 215.7);
    assert_near(bench.counter.total(), 0.0, 0.0);
    assert!(
        matches!(bench.news(), [CounterEvent::Glitch { readings: 12, .. }]),
        "{:?}",
        bench.news()
    );
}

#[test]
fn a_dip_that_stays_moves_the_base_without_energy() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench.read(6, 215.7).read(60, 215.6).read(10, 215.7);
    assert_near(bench.counter.total(), 100.0, 1e-6);
    assert!(
        matches!(bench.news(), [CounterEvent::Swap { .. }]),
        "{:?}",
        bench.news()
    );
}

#[test]
fn another_meter_at_a_lower_value_is_a_swap_and_the_total_goes_on() {
    // The step of -438,816 Wh that a meter's replacement left in somebody's statistics.
    let mut bench = Bench::new(0.001, 24_000.0);
    bench.read(6, 640.000).read(5, 201.184).read(5, 201.200);
    assert_near(bench.counter.total(), 16.0, 1e-6);
    assert_eq!(
        bench.news(),
        [CounterEvent::Swap {
            from: wh(640_000.0),
            to: wh(201_184.0)
        }]
    );
}

#[test]
fn another_meter_at_a_higher_value_is_a_swap_and_adds_nothing() {
    let mut bench = Bench::new(0.001, 24_000.0);
    bench.read(6, 12.0).read(5, 8000.0).read(5, 8000.02);
    assert_near(bench.counter.total(), 20.0, 1e-6);
    assert_eq!(
        bench.news(),
        [CounterEvent::Swap {
            from: wh(12_000.0),
            to: wh(8_000_000.0)
        }]
    );
}

#[test]
fn a_counter_that_starts_again_is_a_reset_after_the_confirmation() {
    let mut bench = Bench::new(0.01, 24_000.0);
    bench.read(6, 640.0).read(4, 0.0);
    assert_eq!(bench.news(), []);
    bench.read(1, 0.0).read(5, 0.02);
    assert_near(bench.counter.total(), 20.0, 1e-6);
    assert_eq!(
        bench.news(),
        [CounterEvent::Reset {
            from: wh(640_000.0),
            to: wh(0.0)
        }]
    );
}

#[test]
fn a_word_swapped_spike_of_a_five_kilowatt_system_adds_nothing() {
    // 13,423.7 kWh four times in a quarter of an hour became 53.7 MWh elsewhere.
    let mut bench = Bench::new(0.1, 5_000.0);
    bench.read(6, 13_423.7);
    for _ in 0..4 {
        bench.read(1, 0.0).read(6, 13_423.7);
    }
    for _ in 0..4 {
        bench.read(1, 26_847.4).read(6, 13_423.7);
    }
    assert_near(bench.counter.total(), 0.0, 0.0);
    assert_eq!(bench.news().len(), 8);
}

#[test]
fn nightly_spikes_of_a_hundred_gigawatts_add_nothing() {
    let mut bench = Bench::new(0.01, 24_000.0);
    let mut kwh = 1000.0;
    bench.read(6, kwh);
    for _night in 0..30 {
        bench.read(2, kwh + 1e8 / 360.0);
        kwh += 0.05;
        bench.read(10, kwh);
    }
    assert_near(bench.counter.total(), 30.0 * 50.0, 1e-6);
    assert!(
        bench
            .news()
            .iter()
            .all(|event| matches!(event, CounterEvent::Glitch { .. }))
    );
}

#[test]
fn a_sentinel_that_stays_is_never_believed() {
    let mut bench = Bench::new(0.01, 24_000.0);
    let all_ones = f64::from(u32::MAX) * 0.01;
    bench.read(6, 500.0).read(1000, all_ones).read(10, 500.04);
    assert_near(bench.counter.total(), 40.0, 1e-6);
    assert!(
        matches!(bench.news(), [CounterEvent::Glitch { readings: 1000, .. }]),
        "{:?}",
        bench.news()
    );
}

#[test]
fn a_negative_value_is_never_believed() {
    let mut bench = Bench::new(0.01, 24_000.0);
    bench.read(6, 5.0).read(100, -1.0).read(5, 5.0);
    assert_near(bench.counter.total(), 0.0, 0.0);
}

#[test]
fn a_counter_that_passes_its_last_digit_goes_on_without_a_loss() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench.rules.wrap = Some(wh(100_000_000.0));
    bench.read(6, 99_999.9).read(10, 0.1);
    assert_near(bench.counter.total(), 200.0, 1e-3);
    assert!(
        matches!(bench.news(), [CounterEvent::Rollover { .. }]),
        "{:?}",
        bench.news()
    );
}

#[test]
fn a_fall_to_zero_far_from_the_last_digit_is_no_rollover() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench.rules.wrap = Some(wh(100_000_000.0));
    bench.read(6, 60_000.0).read(10, 0.1);
    assert_near(bench.counter.total(), 0.0, 0.0);
    assert!(
        matches!(bench.news(), [CounterEvent::Reset { .. }]),
        "{:?}",
        bench.news()
    );
}

#[test]
fn growth_over_a_restart_counts_when_the_time_makes_it_possible() {
    let mut bench = Bench::new(0.01, 24_000.0);
    bench
        .read(6, 100.0)
        .read_after(112.0, Some(Duration::from_hours(12)));
    bench.read(6, 112.0);
    assert_near(bench.counter.total(), 12_000.0, 1e-6);
}

#[test]
fn growth_over_a_restart_counts_when_nobody_knows_the_time() {
    let mut bench = Bench::new(0.01, 24_000.0);
    bench.read(6, 100.0).read_after(112.0, None);
    bench.read(6, 112.0);
    assert_near(bench.counter.total(), 12_000.0, 1e-6);
}

#[test]
fn more_growth_than_the_time_makes_possible_is_another_meter() {
    let mut bench = Bench::new(0.01, 24_000.0);
    bench
        .read(6, 100.0)
        .read_after(5_000.0, Some(Duration::from_hours(12)));
    bench.read(6, 5_000.0);
    assert_near(bench.counter.total(), 0.0, 0.0);
    assert!(
        matches!(bench.news(), [CounterEvent::Swap { .. }]),
        "{:?}",
        bench.news()
    );
}

#[test]
fn a_glitch_in_the_first_reading_is_no_beginning() {
    for first in [0.0, 71.2, 1e6] {
        let mut bench = Bench::new(0.1, 24_000.0);
        bench.read(1, first).read(10, 35.6);
        assert_near(bench.counter.total(), 0.0, 0.0);
        assert_eq!(bench.events, [CounterEvent::Started { at: wh(35_600.0) }]);
    }
}

#[test]
fn a_counter_goes_on_from_its_state_in_json() {
    let mut bench = Bench::new(0.1, 24_000.0);
    bench.read(8, 35.6).read(2, 0.0);
    let json = serde_json::to_string(&bench.counter).unwrap();
    bench.counter = serde_json::from_str(&json).unwrap();
    bench.read(2, 0.0).read(10, 35.7);
    assert_near(bench.counter.total(), 100.0, 1e-6);
}

//! Minute rows: what is in them, where they begin and end.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use solthrive_domain::{
    Energies, FlagCode, Ledger, LedgerPlan, LedgerStep, MinuteAggregator, MinuteRow, Quality, Stat,
};

use crate::support::{
    assert_near, flow, ledger_id, reading, run_id, secs, seen, snapshot, ts, v1_home, wh,
};

/// Runs a ledger and an aggregator over one sample a second from this wall time on.
fn minutes(begin: &str, seconds: u64, watts: impl Fn(u64) -> f64) -> (Vec<MinuteRow>, Energies) {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    let mut minutes = MinuteAggregator::new(run_id());
    let mut rows = Vec::new();
    for second in 0..seconds {
        let (at, flow) = (secs(second), flow(Some(0.0), Some(watts(second))));
        let step = ledger.step(at, &flow, &seen(&reading(at, &[])));
        let wall = ts(begin) + SignedDuration::from_secs(i64::try_from(second).unwrap());
        let mut snapshot = snapshot(at, wall, flow);
        snapshot.totals = ledger.totals();
        rows.extend(minutes.push(&snapshot, &step));
    }
    rows.extend(minutes.finish());
    (rows, ledger.totals())
}

#[test]
fn a_row_holds_mean_extremes_energy_and_the_time_it_covers() {
    let (rows, _) = minutes("2026-06-01T10:00:00Z", 121, |second| {
        if second < 60 { 600.0 } else { 1200.0 }
    });
    assert_eq!(rows.len(), 3);
    let (first, second) = (&rows[0], &rows[1]);
    assert_eq!(first.start, ts("2026-06-01T10:00:00Z"));
    assert_eq!(
        (first.samples, first.covered),
        (60, Duration::from_secs(59))
    );
    assert_eq!(
        (second.samples, second.covered),
        (60, Duration::from_secs(60))
    );
    assert_eq!(
        second.grid,
        Some(Stat {
            mean: 1200.0,
            min: 1200.0,
            max: 1200.0
        })
    );
    assert_near(second.energy.import.unwrap().get(), 20.0, 0.1);
    assert_eq!((first.run, first.part), (run_id(), 0));
}

#[test]
fn rows_begin_at_wall_minutes_whatever_second_the_run_began_at() {
    let (rows, _) = minutes("2026-06-01T10:00:42.3Z", 60, |_| 1.0);
    let starts: Vec<_> = rows.iter().map(|row| row.start).collect();
    assert_eq!(
        starts,
        [ts("2026-06-01T10:00:00Z"), ts("2026-06-01T10:01:00Z")]
    );
    assert_eq!((rows[0].samples, rows[1].samples), (18, 42));
}

#[test]
fn before_1970_minutes_begin_at_minutes_too() {
    let (rows, _) = minutes("1969-12-31T23:59:30Z", 31, |_| 1.0);
    assert_eq!(rows[0].start, ts("1969-12-31T23:59:00Z"));
    assert_eq!(rows[1].start, ts("1970-01-01T00:00:00Z"));
}

#[test]
fn a_minute_without_a_known_flow_covers_nothing_and_invents_no_energy() {
    let mut minutes = MinuteAggregator::new(run_id());
    let mut blind = snapshot(secs(0), ts("2026-06-01T10:00:00Z"), flow(None, None));
    blind.quality = Quality::new(vec![FlagCode::MeterNotResponding]);
    minutes.push(&blind, &LedgerStep::default());
    let row = minutes.finish().unwrap();
    assert_eq!(
        (row.covered, row.energy, row.grid, row.pf),
        (Duration::ZERO, Energies::default(), None, None)
    );
    assert_eq!(
        (row.samples, row.quality),
        (1, vec![FlagCode::MeterNotResponding])
    );
}

#[test]
fn a_clock_step_ends_the_row_and_numbers_the_parts_of_a_repeated_minute() {
    let mut minutes = MinuteAggregator::new(run_id());
    let at = |second, wall| snapshot(secs(second), ts(wall), flow(Some(0.0), Some(1.0)));
    minutes.push(&at(0, "2026-06-01T10:00:30Z"), &LedgerStep::default());
    let before = minutes.clock_stepped().unwrap();
    assert_eq!(
        minutes.push(&at(1, "2026-06-01T10:00:10Z"), &LedgerStep::default()),
        None
    );
    let after = minutes.finish().unwrap();
    assert_eq!((before.start, before.part), (ts("2026-06-01T10:00:00Z"), 0));
    assert_eq!((after.start, after.part), (ts("2026-06-01T10:00:00Z"), 1));
    assert_eq!(minutes.finish(), None);
}

#[test]
fn a_row_of_a_wrong_clock_moves_by_whole_minutes() {
    let (rows, _) = minutes("1970-01-01T00:03:00Z", 1, |_| 1.0);
    let error = ts("2026-06-01T10:00:29Z").duration_since(ts("1970-01-01T00:03:00Z"));
    assert_eq!(
        rows[0].clone().moved(error).start,
        ts("2026-06-01T10:00:00Z")
    );
    assert_eq!(
        rows[0].clone().moved(SignedDuration::MAX).start,
        ts("1970-01-01T00:03:00Z")
    );
}

#[test]
fn the_row_so_far_can_be_looked_at() {
    let mut minutes = MinuteAggregator::new(run_id());
    assert_eq!(minutes.peek(), None);
    let step = LedgerStep {
        covered: Duration::from_secs(1),
        ..LedgerStep::default()
    };
    minutes.push(
        &snapshot(
            secs(0),
            ts("2026-06-01T10:00:30Z"),
            flow(Some(0.0), Some(5.0)),
        ),
        &step,
    );
    assert_eq!(minutes.peek(), minutes.finish());
}

#[test]
fn bridged_energy_is_told_apart() {
    let mut minutes = MinuteAggregator::new(run_id());
    let known = |import: f64| Energies {
        import: Some(wh(import)),
        ..Energies::default()
    };
    let step = LedgerStep {
        increments: known(5.0),
        bridged: known(4.0),
        ..LedgerStep::default()
    };
    minutes.push(
        &snapshot(secs(0), ts("2026-06-01T10:00:30Z"), flow(None, None)),
        &step,
    );
    let row = minutes.finish().unwrap();
    assert_eq!((row.energy, row.bridged), (known(5.0), known(4.0)));
}

#[test]
fn a_row_reads_back_from_json_as_it_was() {
    let (rows, _) = minutes("2026-06-01T10:00:00Z", 3, |_| 5.0);
    let json = serde_json::to_string(&rows[0]).unwrap();
    assert_eq!(serde_json::from_str::<MinuteRow>(&json).unwrap(), rows[0]);
    assert!(json.contains("\"covered\":2000"), "{json}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn the_rows_add_up_to_what_the_ledger_grew_by(powers in prop::collection::vec(-9000.0..9000.0, 1..400)) {
        let count = u64::try_from(powers.len()).unwrap();
        let (rows, totals) = minutes("2026-06-01T10:00:17.9Z", count, |second| powers[usize::try_from(second).unwrap()]);
        let sum = rows.iter().fold(Energies::default(), |sum, row| sum.plus(row.energy));
        for (rows, total) in [(sum.import, totals.import), (sum.export, totals.export), (sum.home, totals.home)] {
            let (rows, total) = (rows.map_or(0.0, solthrive_domain::units::WattHours::get), total.map_or(0.0, solthrive_domain::units::WattHours::get));
            prop_assert!((rows - total).abs() < 1e-6, "{rows} is not {total}");
        }
        let covered: Duration = rows.iter().map(|row| row.covered).sum();
        prop_assert_eq!(covered, Duration::from_secs(count - 1));
        prop_assert_eq!(rows.iter().map(|row| u64::from(row.samples)).sum::<u64>(), count);
    }
}

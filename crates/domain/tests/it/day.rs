//! Local days and months, ratios, demand and savings.

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use solthrive_domain::day::local_date;
use solthrive_domain::{
    Energies, FlatTariff, MinuteAggregator, MinuteRow, Ratios, Savings, Summariser, Summary,
    local_day, local_month, summarise,
};

use crate::support::{assert_near, flow, measured_year, run_id, secs, snapshot, ts, wh};

#[rstest]
#[case::plain("America/New_York", date(2026, 6, 1), 24.0)]
#[case::spring_forward("America/New_York", date(2026, 3, 8), 23.0)]
#[case::fall_back("America/New_York", date(2026, 11, 1), 25.0)]
#[case::half_an_hour_forward("Australia/Lord_Howe", date(2026, 10, 4), 23.5)]
#[case::half_an_hour_back("Australia/Lord_Howe", date(2026, 4, 5), 24.5)]
#[case::skipped_altogether("Pacific/Apia", date(2011, 12, 30), 0.0)]
#[case::before_the_skipped_one("Pacific/Apia", date(2011, 12, 29), 24.0)]
#[case::without_midnight("America/Sao_Paulo", date(2018, 11, 4), 23.0)]
#[case::midnight_twice("America/Havana", date(2026, 11, 1), 25.0)]
#[case::begins_at_half_past_midnight("America/Toronto", date(1919, 3, 31), 23.5)]
fn a_day_is_as_long_as_its_zone_makes_it(
    #[case] zone: &str,
    #[case] day: Date,
    #[case] hours: f64,
) {
    let zone = TimeZone::get(zone).unwrap();
    let span = local_day(&zone, day).unwrap();
    assert_near(
        span.end.duration_since(span.start).as_secs_f64() / 3600.0,
        hours,
        0.0,
    );
}

#[test]
fn days_follow_each_other_without_a_gap_and_contain_their_own_instants() {
    for name in [
        "Europe/Zurich",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
    ] {
        let zone = TimeZone::get(name).unwrap();
        let mut day = date(2011, 1, 1);
        let mut end = local_day(&zone, day).unwrap().start;
        while day < date(2020, 1, 1) {
            let span = local_day(&zone, day).unwrap();
            assert_eq!(span.start, end, "{name} {day}");
            assert_eq!(span.start.as_second() % 900, 0, "{name} {day}");
            if !span.is_empty() {
                assert_eq!(local_date(&zone, span.start), day, "{name}");
                assert_eq!(
                    local_date(&zone, span.end - SignedDuration::from_secs(1)),
                    day,
                    "{name}"
                );
            }
            (day, end) = (day.tomorrow().unwrap(), span.end);
        }
    }
}

#[test]
fn a_month_is_all_of_its_days() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let month = local_month(&zone, date(2026, 11, 15)).unwrap();
    assert_eq!(
        month,
        ts("2026-11-01T04:00:00Z")..ts("2026-12-01T05:00:00Z")
    );
}

#[test]
fn the_last_day_that_can_be_represented_is_an_error_and_no_panic() {
    assert!(local_day(&TimeZone::UTC, Date::MAX).is_err());
    assert!(local_month(&TimeZone::UTC, Date::MAX).is_err());
}

#[test]
fn ratios_with_a_divisor_of_zero_are_unknown() {
    let night = Energies {
        solar: Some(wh(0.0)),
        export: Some(wh(0.0)),
        import: Some(wh(3.0)),
        home: Some(wh(3.0)),
        ..Energies::default()
    };
    let ratios = Ratios::of(&night);
    assert_eq!(
        (
            ratios.self_consumption,
            ratios.solar_offset,
            ratios.self_sufficiency
        ),
        (None, Some(0.0), Some(0.0))
    );
    assert_eq!(Ratios::of(&Energies::default()), Ratios::default());
    let idle = Energies {
        home: Some(wh(0.0)),
        ..night
    };
    assert_eq!(Ratios::of(&idle), Ratios::default());
}

#[test]
fn with_a_battery_sufficiency_and_offset_differ() {
    let day = Energies {
        solar: Some(wh(10.0)),
        export: Some(wh(2.0)),
        import: Some(wh(1.0)),
        home: Some(wh(8.0)),
        battery_charge: Some(wh(4.0)),
        battery_discharge: Some(wh(3.0)),
        ev: None,
    };
    let ratios = Ratios::of(&day);
    assert_near(ratios.self_consumption.unwrap(), 0.8, 1e-12);
    assert_near(ratios.solar_offset.unwrap(), 1.0, 1e-12);
    assert_near(ratios.self_sufficiency.unwrap(), 0.875, 1e-12);
}

mod year {
    //! A measured year: the published results come out, on days of 23 and 25 hours too.

    use super::*;

    const QUARTER: SignedDuration = SignedDuration::from_secs(900);

    /// One row per quarter of an hour, checked against the local stamps of the file.
    fn rows(zone: &TimeZone) -> Vec<MinuteRow> {
        let template = empty_row(Timestamp::UNIX_EPOCH);
        let mut start = local_day(zone, date(2019, 1, 1)).unwrap().start;
        let mut rows = Vec::new();
        for (stamped, means) in measured_year() {
            // The stamps are naive and were made by adding a quarter to the local time before.
            let stamp = zone.to_datetime(start - QUARTER) + QUARTER;
            assert_eq!(stamp, stamped);
            let [solar, export, import, home] = means.map(|watts| Some(wh(watts / 4.0)));
            let energy = Energies {
                solar,
                export,
                import,
                home,
                ..Energies::default()
            };
            rows.push(MinuteRow {
                start,
                energy,
                covered: Duration::from_secs(900),
                ..template.clone()
            });
            start += QUARTER;
        }
        rows
    }

    #[test]
    fn the_ratios_are_those_of_the_measured_year() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let rows = rows(&zone);
        assert_eq!(rows.len(), 35_040);
        let span = rows[0].start..rows[rows.len() - 1].start + QUARTER;
        let summary = summarise(span.clone(), span.end, &rows);
        let ratios = summary.ratios();
        let percent = |ratio: Option<f64>| format!("{:.1} %", ratio.unwrap() * 100.0);
        assert_eq!(percent(ratios.self_consumption), "23.8 %");
        assert_eq!(percent(ratios.solar_offset), "42.0 %");
        assert_near(
            ratios.self_sufficiency.unwrap(),
            ratios.solar_offset.unwrap(),
            1e-9,
        );
        assert_near(summary.energy.solar.unwrap().kwh(), 62_438.0, 0.5);
        assert_near(summary.energy.home.unwrap().kwh(), 35_377.0, 0.5);
        assert_near(summary.coverage(), 1.0, 0.0);
        assert_near(
            summary.peak_demand.unwrap().kw(),
            rows.iter()
                .map(|row| row.energy.import.unwrap().kwh() * 4.0)
                .fold(0.0, f64::max),
            1e-9,
        );
    }

    #[test]
    fn days_and_months_add_up_to_the_year_over_both_clock_changes() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let rows = rows(&zone);
        let sum_of = |span: std::ops::Range<Timestamp>| summarise(span.clone(), span.end, &rows);
        let whole = sum_of(rows[0].start..rows[rows.len() - 1].start + QUARTER);
        let months: Summary = (1..=12)
            .map(|month| sum_of(local_month(&zone, date(2019, month, 1)).unwrap()))
            .fold(Summary::default(), |sum, month| sum.merged(&month));
        assert_near(
            months.energy.solar.unwrap().get(),
            whole.energy.solar.unwrap().get(),
            1e-3,
        );
        assert_eq!(
            (months.peak_demand, months.covered),
            (whole.peak_demand, whole.covered)
        );
        for (day, hours) in [
            (date(2019, 3, 31), 23),
            (date(2019, 10, 27), 25),
            (date(2019, 6, 1), 24),
        ] {
            let summary = sum_of(local_day(&zone, day).unwrap());
            assert_eq!(
                (summary.covered, summary.elapsed),
                (Duration::from_hours(hours), Duration::from_hours(hours))
            );
        }
    }
}

fn empty_row(start: Timestamp) -> MinuteRow {
    let mut minutes = MinuteAggregator::new(run_id());
    minutes.push(
        &snapshot(secs(0), start, flow(None, None)),
        &solthrive_domain::LedgerStep::default(),
    );
    minutes.finish().unwrap()
}

fn minute(start: &str, import: f64) -> MinuteRow {
    let energy = Energies {
        import: Some(wh(import)),
        ..Energies::default()
    };
    MinuteRow {
        energy,
        covered: Duration::from_secs(60),
        ..empty_row(ts(start))
    }
}

fn quarter(start: &str, import: f64) -> impl Iterator<Item = MinuteRow> {
    let start = ts(start);
    (0..15).map(move |m| {
        let at = start + SignedDuration::from_mins(m);
        MinuteRow {
            start: at,
            ..minute("2026-06-01T00:00:00Z", import / 15.0)
        }
    })
}

#[test]
fn demand_is_the_highest_mean_over_a_quarter_of_an_hour_and_not_over_a_minute() {
    let rows: Vec<_> = quarter("2026-06-01T10:00:00Z", 250.0)
        .chain([minute("2026-06-01T11:00:00Z", 200.0)])
        .collect();
    let span = ts("2026-06-01T00:00:00Z")..ts("2026-06-02T00:00:00Z");
    let summary = summarise(span.clone(), span.end, &rows);
    assert_near(summary.peak_demand.unwrap().get(), 1000.0, 1e-9);
}

#[test]
fn energy_of_an_earlier_gap_is_no_demand() {
    let mut rows: Vec<_> = quarter("2026-06-01T10:00:00Z", 250.0).collect();
    let bridged = Energies {
        import: Some(wh(9000.0)),
        ..Energies::default()
    };
    rows[3].energy = rows[3].energy.plus(bridged);
    rows[3].bridged = bridged;
    let span = ts("2026-06-01T00:00:00Z")..ts("2026-06-02T00:00:00Z");
    let summary = summarise(span.clone(), span.end, &rows);
    assert_near(summary.peak_demand.unwrap().get(), 1000.0, 1e-9);
    assert_near(summary.energy.import.unwrap().get(), 9250.0, 1e-9);
}

#[test]
fn coverage_is_of_the_time_that_has_passed() {
    let rows: Vec<_> = quarter("2026-06-01T00:00:00Z", 1.0).collect();
    let mut day = Summariser::new(ts("2026-06-01T00:00:00Z")..ts("2026-06-02T00:00:00Z"));
    rows.iter().for_each(|row| day.add(row));
    let at = |now| day.summary(ts(now), None).coverage();
    assert_near(at("2026-06-01T00:30:00Z"), 0.5, 1e-12);
    assert_near(at("2026-06-01T00:10:00Z"), 1.0, 0.0);
    assert_near(at("2026-06-01T00:00:00Z"), 0.0, 0.0);
    assert_near(at("2026-05-31T00:00:00Z"), 0.0, 0.0);
    assert_near(at("2026-07-01T00:00:00Z"), 0.25 / 24.0, 1e-12);
}

#[test]
fn the_row_that_is_still_open_counts_as_if_it_were_closed() {
    let rows: Vec<_> = quarter("2026-06-01T10:00:00Z", 250.0).collect();
    let span = ts("2026-06-01T00:00:00Z")..ts("2026-06-02T00:00:00Z");
    let mut open = Summariser::new(span.clone());
    rows[..14].iter().for_each(|row| open.add(row));
    let now = ts("2026-06-01T10:15:00Z");
    assert_eq!(
        open.summary(now, Some(&rows[14])),
        summarise(span, now, &rows)
    );
}

#[test]
fn rows_of_other_days_are_left_out() {
    let span = ts("2026-06-01T00:00:00Z")..ts("2026-06-02T00:00:00Z");
    let rows = [
        minute("2026-05-31T23:59:00Z", 1.0),
        minute("2026-06-01T00:00:00Z", 2.0),
        minute("2026-06-02T00:00:00Z", 4.0),
    ];
    assert_eq!(
        summarise(span.clone(), span.end, &rows).energy.import,
        Some(wh(2.0))
    );
}

#[test]
fn savings_are_what_the_home_would_have_paid_less_what_it_pays() {
    let tariff = FlatTariff {
        import_rate: 0.30,
        export_rate: 0.08,
        fixed_per_day: 0.50,
    };
    let energy = Energies {
        home: Some(wh(20_000.0)),
        import: Some(wh(8_000.0)),
        export: Some(wh(10_000.0)),
        ..Energies::default()
    };
    let savings = Savings::of(&energy, tariff, 1).unwrap();
    assert_near(savings.without_solar, 6.50, 1e-9);
    assert_near(savings.paid, 2.10, 1e-9);
    assert_near(savings.amount, 4.40, 1e-9);
    assert_eq!(
        Savings::of(
            &Energies {
                home: None,
                ..energy
            },
            tariff,
            1
        ),
        None
    );
}

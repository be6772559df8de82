//! Quarters of an hour, gathered into points of a site's local time.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use solthrive_domain::bucket::{Bucket, Quarter};
use solthrive_domain::rollup::{day_of, quarters_of_day, quarters_of_month};

use super::resolution::Resolution;

/// The quarters of one point.
pub(super) type Stretch = Range<Quarter>;

/// The points that begin within `[from, to)`, in order, each whole. Points of hours begin with the local day; one
/// in which the clocks are changed is longer or shorter. Dates beyond what a calendar knows have none.
pub(super) fn points(
    zone: &TimeZone,
    resolution: Resolution,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Stretch> {
    let (from, to) = (Quarter::not_before(from), Quarter::not_before(to));
    if from >= to {
        return Vec::new();
    }
    let mut points = match resolution {
        Resolution::Raw | Resolution::Minutes(_) | Resolution::Quarters(1) => {
            Quarter::each(from..to)
                .map(|quarter| quarter..quarter.next())
                .collect()
        }
        Resolution::Quarters(quarters) => days(zone, from, to)
            .flat_map(|(date, day)| within(zone, date, day, quarters))
            .collect(),
        Resolution::Day => days(zone, from, to).map(|(_, day)| day).collect(),
        Resolution::Month => months(zone, from, to),
    };
    points.retain(|point: &Stretch| point.start >= from && point.start < to);
    points
}

/// The local days that touch a stretch.
fn days(zone: &TimeZone, from: Quarter, to: Quarter) -> impl Iterator<Item = (Date, Stretch)> {
    let mut date = Some(day_of(zone, from));
    std::iter::from_fn(move || {
        let now = date?;
        let day = quarters_of_day(zone, now).ok()?;
        date = (day.end < to).then(|| now.tomorrow().ok()).flatten();
        Some((now, day))
    })
    // A day that the zone skipped.
    .filter(|(_, day)| !day.is_empty())
}

fn months(zone: &TimeZone, from: Quarter, to: Quarter) -> Vec<Stretch> {
    let mut first = day_of(zone, from).first_of_month();
    let mut all = Vec::new();
    while let Ok(month) = quarters_of_month(zone, first) {
        let goes_on = month.end < to;
        all.push(month);
        match first.checked_add(1.month()) {
            Ok(next) if goes_on => first = next,
            _ => break,
        }
    }
    all
}

/// A local day in stretches of so many quarters.
fn within(zone: &TimeZone, date: Date, day: Stretch, quarters: u32) -> Vec<Stretch> {
    let step = i64::from(quarters);
    if day.end.index() - day.start.index() == Quarter::PER_DAY {
        let begins = (0..Quarter::PER_DAY / step).map(|n| at(day.start.index() + n * step));
        return begins
            .map(|begin| begin..at(begin.index() + step))
            .collect();
    }
    // Clocks change: what the clock on the wall says decides, an hour that comes twice is told twice.
    let key = |quarter: Quarter| {
        let instant = Timestamp::from(quarter.start());
        let offset = zone.to_offset(instant);
        let wall = offset.to_datetime(instant);
        let quarter_of_day = i64::from(wall.hour()) * 4 + i64::from(wall.minute()) / 15;
        let twice = if step <= 4 { offset.seconds() } else { 0 };
        (wall.date() == date, quarter_of_day / step, twice)
    };
    let all: Vec<Quarter> = Quarter::each(day).collect();
    let groups = all.chunk_by(|one, next| key(*one) == key(*next));
    groups
        .filter_map(|group| Some(*group.first()?..group.last()?.next()))
        .collect()
}

fn at(index: i64) -> Quarter {
    Quarter::not_before(Timestamp::from_second(index * 900).unwrap_or_default())
}

/// The buckets of each point, for points and buckets in order.
pub(super) fn gathered<'a>(points: &[Stretch], buckets: &'a [Bucket]) -> Vec<&'a [Bucket]> {
    let mut rest = buckets;
    let mut all = Vec::with_capacity(points.len());
    for point in points {
        let skipped = rest.partition_point(|bucket| bucket.quarter < point.start);
        rest = &rest[skipped..];
        let taken = rest.partition_point(|bucket| bucket.quarter < point.end);
        let (mine, others) = rest.split_at(taken);
        all.push(mine);
        rest = others;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(zone: &str, resolution: Resolution, from: &str, to: &str) -> Vec<(String, i64)> {
        let zone = TimeZone::get(zone).unwrap();
        let points = points(
            &zone,
            resolution,
            from.parse().unwrap(),
            to.parse().unwrap(),
        );
        let told = |point: &Stretch| {
            let begin = Timestamp::from(point.start.start()).to_zoned(zone.clone());
            let begin = begin.strftime("%d %H:%M%:z").to_string();
            (begin, point.end.index() - point.start.index())
        };
        points.iter().map(told).collect()
    }

    fn owned(all: &[(&str, i64)]) -> Vec<(String, i64)> {
        all.iter().map(|(at, n)| ((*at).to_owned(), *n)).collect()
    }

    #[test]
    fn hours_begin_with_the_local_day() {
        let six = Resolution::Quarters(24);
        let day = told(
            "Asia/Kathmandu",
            six,
            "2026-06-20T18:15:00Z",
            "2026-06-21T18:15:00Z",
        );
        let hours = [
            "21 00:00+05:45",
            "21 06:00+05:45",
            "21 12:00+05:45",
            "21 18:00+05:45",
        ];
        assert_eq!(day, owned(&hours.map(|at| (at, 24))));
    }

    #[test]
    fn an_hour_that_comes_twice_is_told_twice_and_one_that_never_comes_is_not_told() {
        let hour = Resolution::Quarters(4);
        let autumn = told(
            "Europe/Berlin",
            hour,
            "2026-10-25T00:00:00Z",
            "2026-10-25T03:00:00Z",
        );
        let twice = [
            ("25 02:00+02:00", 4),
            ("25 02:00+01:00", 4),
            ("25 03:00+01:00", 4),
        ];
        assert_eq!(autumn, owned(&twice));
        let spring = told(
            "Europe/Berlin",
            hour,
            "2026-03-29T00:00:00Z",
            "2026-03-29T02:00:00Z",
        );
        let gone = [("29 01:00+01:00", 4), ("29 03:00+02:00", 4)];
        assert_eq!(spring, owned(&gone));
    }

    #[test]
    fn a_stretch_in_which_clocks_change_is_longer_or_shorter() {
        let six = Resolution::Quarters(24);
        let autumn = told(
            "Europe/Berlin",
            six,
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
        );
        let first: Vec<_> = autumn.iter().map(|(_, quarters)| *quarters).collect();
        assert_eq!(first, [28, 24, 24, 24]);
        let day = told(
            "Europe/Berlin",
            Resolution::Day,
            "2026-03-27T23:00:00Z",
            "2026-03-30T00:00:00Z",
        );
        let lengths: Vec<_> = day.iter().map(|(_, quarters)| *quarters).collect();
        assert_eq!(lengths, [96, 92, 96]);
    }

    #[test]
    fn only_points_that_begin_in_the_stretch_are_told_and_those_whole() {
        let day = told(
            "Europe/Berlin",
            Resolution::Day,
            "2026-06-20T23:00:00Z",
            "2026-06-22T12:00:00Z",
        );
        assert_eq!(day, owned(&[("22 00:00+02:00", 96)]));
        let month = told(
            "Europe/Berlin",
            Resolution::Month,
            "2026-01-31T23:00:00Z",
            "2026-03-15T00:00:00Z",
        );
        assert_eq!(
            month,
            owned(&[("01 00:00+01:00", 28 * 96), ("01 00:00+01:00", 31 * 96 - 4)])
        );
        assert_eq!(
            told(
                "UTC",
                Resolution::Day,
                "2026-06-20T00:00:01Z",
                "2026-06-20T00:00:02Z"
            ),
            []
        );
    }

    #[test]
    fn every_quarter_of_two_years_lies_in_one_point_of_each_kind() {
        for zone in [
            "Europe/Berlin",
            "Australia/Lord_Howe",
            "America/St_Johns",
            "Pacific/Apia",
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let from: Timestamp = "2010-12-31T12:00:00Z".parse().unwrap();
            let to: Timestamp = "2012-12-31T12:00:00Z".parse().unwrap();
            for quarters in [2, 4, 8, 12, 24, 48] {
                let points = points(&zone, Resolution::Quarters(quarters), from, to);
                assert!(points.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }
    }
}

//! Late samples lead to where sorted ones do.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use solthrive_domain::bucket::{Buckets, Rebuild, RebuildError, Restated, Rows, append};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{EnergySums, Fold, RollupRules, Sample};

use super::world::{Wildness, history};
use super::{at, fold, quarter, said, sample};

/// A store with everything a site has sent, and what was made of it.
#[derive(Default)]
pub(super) struct Store {
    rows: Vec<Sample>,
    pub(super) buckets: Buckets,
    fold: Option<Fold>,
    zone: Option<TimeZone>,
}

impl Store {
    /// Takes a batch as a worker would: what is newer is appended, what is late is rebuilt.
    pub(super) fn take(&mut self, samples: &[Sample]) -> Option<Restated> {
        let mut state = self.fold.unwrap_or(Fold::new(RollupRules::default()));
        let appended = append(&mut state, &mut self.buckets, samples);
        self.fold = Some(state);
        let mut late = appended.late;
        late.retain(|sample| self.rows.iter().all(|row| row.ts != sample.ts));
        self.rows
            .extend(samples.iter().filter(|sample| !late.contains(sample)));
        self.rows.sort_by_key(|row| row.ts);
        self.rows.dedup_by_key(|row| row.ts);
        if late.is_empty() {
            return None;
        }
        self.rows.extend(&late);
        self.rows.sort_by_key(|row| row.ts);
        Some(self.restate(&late.iter().map(|sample| sample.ts).collect::<Vec<_>>()))
    }

    fn restate(&mut self, late: &[UnixMillis]) -> Restated {
        let (first, last) = (
            late.iter().min().unwrap().get(),
            late.iter().max().unwrap().get(),
        );
        let (mut back, mut on) = (3_600_000, 3_600_000);
        let rebuild = loop {
            // One row beyond each end of the span.
            let from = self
                .rows
                .partition_point(|row| row.ts.get() < first - back)
                .saturating_sub(1);
            let to = (self.rows.partition_point(|row| row.ts.get() <= last + on) + 1)
                .min(self.rows.len());
            let rows = Rows {
                samples: &self.rows[from..to],
                from_first: from == 0,
                to_last: to == self.rows.len(),
            };
            match Rebuild::of(RollupRules::default(), rows, late) {
                Ok(rebuild) => break rebuild,
                Err(RebuildError::NeedsEarlier) => back *= 2,
                Err(RebuildError::NeedsLater) => on *= 2,
                Err(other) => panic!("{other}"),
            }
        };
        let restated = rebuild.against(&self.buckets, self.zone.as_ref().unwrap_or(&TimeZone::UTC));
        self.buckets.extend(
            restated
                .buckets
                .iter()
                .map(|bucket| (bucket.quarter, *bucket)),
        );
        self.fold = restated.tail.or(self.fold);
        restated
    }
}

/// Which samples are late, over and over: some of many, or a few close together.
fn lateness() -> impl Strategy<Value = Vec<bool>> {
    let many = prop::collection::vec(prop::bool::weighted(0.2), 150);
    let few = (0usize..400, 1usize..4)
        .prop_map(|(from, late)| (0..400).map(|n| (from..from + late).contains(&n)).collect());
    prop_oneof![many, few]
}

/// What the buckets say, without those of which nothing is known any more.
fn known(buckets: &Buckets) -> Buckets {
    let mut said = said(buckets);
    said.retain(|quarter, bucket| *bucket != solthrive_domain::Bucket::empty(*quarter));
    said
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn late_samples_end_up_as_sorted_ones(samples in history(Wildness::ALL, 60), late in lateness()) {
        let (mut store, sorted) = (Store::default(), fold(&samples).0);
        let (mut on_time, mut too_late) = (Vec::new(), Vec::new());
        for (sample, late) in samples.iter().zip(late.iter().cycle()) {
            if *late { too_late.push(*sample) } else { on_time.push(*sample) }
        }
        store.take(&on_time);
        store.take(&too_late);
        prop_assert_eq!(known(&store.buckets), known(&sorted));
        // It goes on as if nothing had been late.
        let rest = later(&samples);
        store.take(&rest);
        let all: Vec<_> = samples.iter().chain(&rest).copied().collect();
        prop_assert_eq!(known(&store.buckets), known(&fold(&all).0));
    }

    #[test]
    fn any_order_leads_to_the_same_buckets(samples in history(Wildness::ALL, 12).prop_shuffle(), size in 1usize..20) {
        let mut store = Store::default();
        for batch in samples.chunks(size) {
            store.take(batch);
        }
        let mut sorted = samples.clone();
        sorted.sort_by_key(|sample| sample.ts);
        prop_assert_eq!(known(&store.buckets), known(&fold(&sorted).0));
    }

    #[test]
    fn what_did_not_change_keeps_its_revision(samples in history(Wildness::ALL, 50), late in any::<prop::sample::Index>()) {
        let late = late.index(samples.len());
        let mut on_time = samples.clone();
        let sample = on_time.remove(late);
        let mut store = Store::default();
        store.take(&on_time);
        let before = store.buckets.clone();
        let restated = store.take(&[sample]).unwrap_or_default();
        for (quarter, bucket) in &store.buckets {
            let was = before.get(quarter);
            let is_told = restated.buckets.contains(bucket);
            let is_same = was.is_some_and(|was| was.says_the_same(bucket));
            if is_same {
                prop_assert_eq!(Some(bucket), was);
            } else if late + 1 < samples.len() {
                prop_assert!(is_told);
            }
        }
        // A sample that was stored already changes nothing at all.
        let now = store.buckets.clone();
        prop_assert_eq!(store.take(&[sample]), None);
        prop_assert_eq!(store.buckets, now);
    }
}

/// A steady home, a sample a minute between two times of ten o'clock's hours.
fn steady(from_s: i32, to_s: i32) -> Vec<Sample> {
    let minutes = (from_s..to_s).step_by(60).map(f64::from);
    minutes
        .map(|now| sample(now, 0, 1200, [0.0, 100_000.0 + now / 3.0, 0.0]))
        .collect()
}

fn around(rows: &[Sample]) -> Rows<'_> {
    Rows {
        samples: rows,
        from_first: false,
        to_last: false,
    }
}

#[test]
fn in_a_quiet_run_an_hour_and_a_half_of_rows_is_enough() {
    let late = [at(60.0)];
    let rules = RollupRules::default();
    let rows = steady(-5400, 960);
    let rebuild = Rebuild::of(rules, around(&rows), &late).unwrap();
    assert_eq!(rebuild.quarters, quarter("10:00")..quarter("10:15"));
    assert_eq!(rebuild.tail, None);
    let whole = fold(&steady(-36_000, 36_000)).0;
    for bucket in rebuild.buckets() {
        assert_eq!(Some(bucket), whole.get(&bucket.quarter));
    }

    let too_few = Rebuild::of(rules, around(&rows[60..]), &late);
    assert_eq!(too_few, Err(RebuildError::NeedsEarlier));
    let too_few = Rebuild::of(rules, around(&rows[..100]), &late);
    assert_eq!(too_few, Err(RebuildError::NeedsLater));
    let none = Rebuild::of(rules, around(&rows), &[at(61.0)]);
    assert_eq!(none, Err(RebuildError::NothingLate));
}

#[test]
fn a_backfilled_outage_restates_its_days_and_months_and_no_kilowatt_hour() {
    // Ten o'clock in UTC is midnight at UTC+14.
    let zone = TimeZone::get("Pacific/Kiritimati").unwrap();
    let june = Date::constant(2026, 6, 2);
    let all: Vec<_> = steady(-36_000, 36_000);
    let is_outage = |sample: &Sample| (at(-3540.0)..at(3600.0)).contains(&sample.ts);
    let mut store = Store {
        zone: Some(zone),
        ..Store::default()
    };
    store.take(
        &all.iter()
            .filter(|sample| !is_outage(sample))
            .copied()
            .collect::<Vec<_>>(),
    );
    let energy = |store: &Store| {
        store
            .buckets
            .values()
            .fold(EnergySums::default(), |sum, bucket| sum.plus(bucket.energy))
    };
    let before = energy(&store);
    let outage: Vec<_> = all
        .iter()
        .filter(|sample| is_outage(sample))
        .copied()
        .collect();
    let restated = store.take(&outage).unwrap();
    assert_eq!(energy(&store), before);
    assert_eq!(restated.days, [june.yesterday().unwrap(), june].into());
    assert_eq!(restated.months, [june.first_of_month()].into());
    assert!(
        restated
            .buckets
            .iter()
            .all(|bucket| bucket.covered_ms == 900_000 && bucket.revision == 1)
    );
    assert_eq!(restated.buckets.len(), 8);
    assert_eq!(said(&store.buckets), fold(&all).0);
}

#[test]
fn the_bucket_that_is_not_over_keeps_its_revision() {
    let mut all = steady(-7200, 600);
    let late = all.remove(all.len() - 5);
    let mut store = Store::default();
    store.take(&all);
    let restated = store.take(&[late]).unwrap();
    let revisions: Vec<_> = restated
        .buckets
        .iter()
        .map(|bucket| (bucket.quarter, bucket.revision))
        .collect();
    assert_eq!(revisions, [(quarter("10:00"), 0)]);
}

#[test]
fn a_bucket_in_the_past_that_nobody_knew_of_is_a_restatement() {
    let mut store = Store::default();
    store.take(&steady(3600, 7200));
    let restated = store.take(&steady(0, 60)).unwrap();
    assert!(restated.buckets.iter().all(|bucket| bucket.revision == 1));
    assert_eq!(
        restated.buckets.first().map(|bucket| bucket.quarter),
        Some(quarter("10:00"))
    );
}

#[test]
fn a_total_that_was_low_before_the_first_row_is_not_found_to_have_fallen() {
    let low = |now: f64, import: f64| sample(now, 0, 7, [0.0, import, 0.0]);
    let mut all = vec![
        low(0.0, 100.0),
        low(15.0, 100.0),
        low(45.0, 99.99),
        low(60.0, 99.99),
    ];
    // After 43 minutes it is still low, which is too long: from here on it counts anew.
    all.extend((0..63).map(|n| low(2640.0 + f64::from(n) * 60.0, 99.98)));
    let late = [all[37].ts];
    let whole = fold(&all).0;
    for first in 0..30 {
        let rows = Rows {
            samples: &all[first..],
            from_first: first == 0,
            to_last: true,
        };
        match Rebuild::of(RollupRules::default(), rows, &late) {
            Ok(rebuild) => assert!(
                rebuild
                    .buckets()
                    .all(|made| whole.get(&made.quarter) == Some(made))
            ),
            Err(why) => assert_eq!(why, RebuildError::NeedsEarlier),
        }
    }
}

/// A quiet quarter of an hour after the last sample.
fn later(samples: &[Sample]) -> Vec<Sample> {
    let last = samples[samples.len() - 1];
    (1..60)
        .map(|n| Sample {
            ts: UnixMillis::try_from(last.ts.get() + n * 15_000).unwrap(),
            ..last
        })
        .collect()
}

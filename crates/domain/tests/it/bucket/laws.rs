//! What holds for every history.

use proptest::prelude::*;
use solthrive_domain::bucket::{Bucket, BucketRow, Buckets, append};
use solthrive_domain::telemetry::MicroWattHours;
use solthrive_domain::{Fold, RollupRules, Sample};

use super::world::{Wildness, history};
use super::{fold, said};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn batches_may_be_cut_anywhere(samples in history(Wildness::ALL, 60), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let (whole, told) = fold(&samples);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(samples.len() + 1)).collect();
        cuts.extend([0, samples.len()]);
        cuts.sort_unstable();
        let (mut state, mut buckets) = (Fold::new(RollupRules::default()), Buckets::new());
        let (mut changed, mut restated, mut breaks) = (Vec::new(), Vec::new(), Vec::new());
        for cut in cuts.windows(2) {
            // The fold is stored between batches.
            state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
            let part = append(&mut state, &mut buckets, &samples[cut[0]..cut[1]]);
            changed.extend(part.changed);
            restated.extend(part.restated);
            breaks.extend(part.breaks);
        }
        prop_assert_eq!(&buckets, &whole);
        prop_assert_eq!(changed.into_iter().collect::<std::collections::BTreeSet<_>>(), told.changed);
        prop_assert_eq!(restated.into_iter().collect::<std::collections::BTreeSet<_>>(), told.restated);
        prop_assert_eq!(breaks, told.breaks);
    }

    #[test]
    fn twice_is_once(samples in history(Wildness::ALL, 60)) {
        let (once, _) = fold(&samples);
        let (mut state, mut buckets) = (Fold::new(RollupRules::default()), Buckets::new());
        append(&mut state, &mut buckets, &samples);
        let again = append(&mut state, &mut buckets, &samples);
        prop_assert_eq!(again.late.len(), samples.len());
        prop_assert!(again.changed.is_empty());
        prop_assert_eq!(buckets, once);
    }

    #[test]
    fn no_bucket_holds_what_cannot_be(samples in history(Wildness::ALL, 60)) {
        for bucket in fold(&samples).0.values() {
            prop_assert!(bucket.covered_ms <= 900_000);
            prop_assert!(bucket.bridged_import <= bucket.energy.import.unwrap_or_default());
            let row = BucketRow::from(bucket);
            for (place, energy) in row.energy.iter().enumerate() {
                prop_assert!(place == 3 || energy.is_none_or(|energy| energy >= 0), "{row:?}");
            }
            for swing in row.swings.iter().flatten() {
                prop_assert!(swing.weight_ms <= 900_000 && swing.weight_ms > 0 || bucket.samples > 0);
                let mean = swing.stat(1.0).mean;
                prop_assert!(mean >= f64::from(swing.min) - 1.0 && mean <= f64::from(swing.max) + 1.0);
            }
            prop_assert_eq!(Bucket::try_from(&row), Ok(*bucket));
        }
    }

    #[test]
    fn every_microwatthour_of_an_honest_total_is_in_one_bucket(samples in history(Wildness::HONEST, 60)) {
        let (buckets, told) = fold(&samples);
        prop_assert_eq!(&told.breaks, &vec![]);
        let energy = buckets.values().fold(Default::default(), |sum: solthrive_domain::EnergySums, b| sum.plus(b.energy));
        let (first, last) = (first(&samples).totals, samples[samples.len() - 1].totals);
        let grown = |first: Option<MicroWattHours>, last: Option<MicroWattHours>| {
            (samples.len() > 1).then(|| MicroWattHours::new(last.unwrap().get() - first.unwrap().get()))
        };
        prop_assert_eq!(energy.import, grown(first.import, last.import));
        prop_assert_eq!(energy.export, grown(first.export, last.export));
        prop_assert_eq!(energy.solar, grown(first.solar, last.solar));
    }

    #[test]
    fn the_balance_of_a_counted_home_holds_in_every_bucket(samples in history(Wildness::HONEST, 50)) {
        // Where nothing was ever blind, the home follows from the totals throughout.
        let samples: Vec<Sample> = samples.into_iter().filter(|sample| sample.power.home.is_some()).collect();
        let (buckets, told) = fold(&samples);
        prop_assume!(told.breaks.is_empty());
        for bucket in buckets.values() {
            let [solar, import, export, home, ..] = bucket.energy.array().map(|energy| energy.map_or(0, MicroWattHours::get));
            prop_assert_eq!(home, solar + import - export);
        }
    }

    #[test]
    fn the_fold_alone_makes_the_same_buckets(samples in history(Wildness::ALL, 60)) {
        let (mut state, mut buckets) = (Fold::new(RollupRules::default()), Buckets::new());
        for sample in &samples {
            state.push(sample, &mut buckets).unwrap();
        }
        prop_assert_eq!(buckets, said(&fold(&samples).0));
    }
}

fn first(samples: &[Sample]) -> &Sample {
    &samples[0]
}

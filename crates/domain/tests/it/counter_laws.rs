//! What holds for counters whatever they say.

use std::time::Duration;

use proptest::prelude::*;
use solthrive_domain::counter::{Counter, CounterRules, Mark};

use crate::support::{w, wh};

const RULES: CounterRules = CounterRules {
    resolution: solthrive_domain::units::WattHours::ZERO,
    wrap: None,
    max_power: solthrive_domain::units::Watts::ZERO,
    confirm: CounterRules::DEFAULT_CONFIRM,
};
const MARK: Mark = Mark {
    total: 0.0,
    stretch: 0,
};
const MAX_POWER: f64 = 24_000.0;
const CONFIRM: usize = CounterRules::DEFAULT_CONFIRM as usize;

fn rules(resolution: f64) -> CounterRules {
    CounterRules {
        resolution: wh(resolution),
        max_power: w(MAX_POWER),
        ..RULES
    }
}

fn feed(counter: &mut Counter, rules: &CounterRules, value: f64) {
    counter.observe(rules, wh(value), Some(Duration::from_secs(10)), MARK);
}

/// Anything a bus or a meter may come up with instead of the truth.
fn lie() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        -1e6..1e6,
        0.0..1e3,
        1e6..1e12,
        Just(f64::from(u32::MAX)),
        9_900.0..10_400.0
    ]
}

/// Stretches of truthful readings, each of any power, with lies between them that never last as
/// long as the confirmation.
fn lives() -> impl Strategy<Value = Vec<(Vec<f64>, f64)>> {
    prop::collection::vec(
        (prop::collection::vec(lie(), 0..CONFIRM), 0.0..MAX_POWER),
        1..40,
    )
}

proptest! {
    #[test]
    fn the_total_never_falls_and_is_always_a_number(values in prop::collection::vec(lie(), 1..200)) {
        let (mut counter, rules, mut last) = (Counter::default(), rules(10.0), 0.0);
        for value in values {
            feed(&mut counter, &rules, value);
            prop_assert!(counter.total() >= last && counter.total().is_finite());
            last = counter.total();
        }
    }

    #[test]
    fn lies_shorter_than_the_confirmation_change_nothing(lives in lives(), resolution in prop_oneof![Just(1.0), Just(10.0), Just(1000.0)]) {
        let rules = rules(resolution);
        let (mut lied_to, mut spared) = (Counter::default(), Counter::default());
        // A lie within half a step of the truth cannot be told from it.
        let rounding = resolution / 2.0 + 0.01;
        let mut truth = 10_000.0;
        let show = |truth: f64| (truth / resolution).floor() * resolution;
        for _ in 0..CONFIRM {
            feed(&mut lied_to, &rules, show(truth));
            feed(&mut spared, &rules, show(truth));
        }
        let began = show(truth);
        for (lies, power) in lives {
            for lie in lies {
                feed(&mut lied_to, &rules, lie);
                feed(&mut spared, &rules, show(truth));
                prop_assert!(lied_to.total() <= truth - began + rounding, "{} > {}", lied_to.total(), truth - began);
            }
            for _ in 0..CONFIRM {
                truth += power / 360.0;
                feed(&mut lied_to, &rules, show(truth));
                feed(&mut spared, &rules, show(truth));
                prop_assert!(lied_to.total() <= truth - began + rounding, "{} > {}", lied_to.total(), truth - began);
            }
            prop_assert!((lied_to.total() - spared.total()).abs() <= rounding, "{} is not {}", lied_to.total(), spared.total());
        }
    }

    #[test]
    fn a_total_never_exceeds_what_the_counter_truly_grew_by_over_resets_and_swaps(
        starts in Just((0..6).map(|n| f64::from(n) * 300_000.0).collect::<Vec<_>>()).prop_shuffle(),
        lives in prop::collection::vec(prop::collection::vec(0.0..MAX_POWER, 0..60), 1..6),
    ) {
        let (mut counter, rules) = (Counter::default(), rules(1.0));
        let mut grown = 0.0;
        for (start, powers) in starts.into_iter().zip(lives) {
            let mut value: f64 = start;
            for power in powers {
                feed(&mut counter, &rules, value.floor());
                let step = power / 360.0;
                value += step;
                grown += step;
            }
            prop_assert!(counter.total() <= grown + 1.0, "{} > {grown}", counter.total());
        }
    }
}

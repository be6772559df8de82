//! Flags of things that happened once, such as a counter's reset: they stay up for a while, so that
//! somebody can see them, and go by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use solthrive_domain::flagboard::Observation;
use solthrive_domain::{FlagCode, Mono};

/// How long such a flag stays up. The event itself is stored.
const STAYS: Duration = Duration::from_hours(1);

/// What happened lately.
#[derive(Debug, Default)]
pub(super) struct Moments(BTreeMap<(FlagCode, String), (Mono, String)>);

impl Moments {
    /// It happened now.
    pub(super) fn note(&mut self, code: FlagCode, subject: &str, message: String, at: Mono) {
        self.0.insert((code, subject.to_owned()), (at, message));
    }

    /// What is long enough ago, each told once.
    pub(super) fn over(&mut self, now: Mono) -> Vec<Observation> {
        self.0
            .extract_if(.., |_, (at, _)| now.since(*at) >= STAYS)
            .map(|((code, subject), _)| Observation::gone(code, subject))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_over_after_an_hour_and_only_once() {
        let mut moments = Moments::default();
        moments.note(FlagCode::CounterReset, "main", String::new(), Mono::ZERO);
        assert!(
            moments
                .over(Mono::from_origin(STAYS - Duration::from_secs(1)))
                .is_empty()
        );
        assert_eq!(moments.over(Mono::from_origin(STAYS)).len(), 1);
        assert!(moments.over(Mono::from_origin(STAYS)).is_empty());
    }
}

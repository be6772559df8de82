//! How long a meter that failed is left alone.

use std::time::Duration;

use super::FaultKind;

/// Added for each failure in a row.
const STEP: Duration = Duration::from_secs(2);
/// The most, where other meters share the bus: a dead one must not cost them anything.
const LONGEST: Duration = Duration::from_mins(5);
/// The most for a meter that has the bus to itself: its return should be seen soon, and nobody waits.
const LONGEST_ALONE: Duration = Duration::from_secs(15);

/// Time until the next attempt after `failures` failed polls in a row, the last for this reason.
///
/// A damaged answer comes from a meter that is there: it is asked again at the next poll, and so is
/// one that stayed silent once. A link that is gone is looked for each second; that costs no time
/// on any bus.
#[must_use]
pub(super) fn pause(fault: FaultKind, failures: u32, alone: bool) -> Duration {
    let refuses_all = matches!(fault, FaultKind::Exception(_));
    if !fault.is_silence() && !refuses_all && fault != FaultKind::NeverSilent {
        return Duration::ZERO;
    }
    let most = if alone { LONGEST_ALONE } else { LONGEST };
    (STEP * failures.saturating_sub(1)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_meter_is_asked_ever_more_rarely_within_a_bound() {
        let seconds = |failures| pause(FaultKind::Timeout, failures, false).as_secs();
        assert_eq!([1, 2, 3, 151, 1000].map(seconds), [0, 2, 4, 300, 300]);
    }

    #[test]
    fn a_meter_that_has_the_bus_to_itself_is_seen_soon_after_its_return() {
        assert_eq!(pause(FaultKind::Timeout, 1000, true), LONGEST_ALONE);
    }

    #[test]
    fn a_damaged_answer_and_a_missing_port_cost_no_pause() {
        for fault in [
            FaultKind::Crc,
            FaultKind::ShortFrame,
            FaultKind::WrongReply,
            FaultKind::PortGone,
        ] {
            assert_eq!(pause(fault, 9, false), Duration::ZERO);
        }
    }
}

//! When a request may follow one that was not answered.
//!
//! A reply does not say which registers it holds, only how many. If a meter answers after its
//! timeout, that answer can be taken for the answer to the next request of the same shape, and
//! every value of it would be wrong without any checksum noticing. So after a request that was not
//! surely answered (a *ghost*: its answer may still come) nothing is asked that the ghost's answer
//! could pass for, until the line has been silent for longer than any late answer takes:
//!
//! - the same unit is left alone altogether;
//! - another unit is left alone if the request has the ghost's function and length, since a damaged
//!   unit address is all that would tell the two apart; but not for the sake of a unit that was
//!   altogether silent twice in a row, which is a dead one and costs its neighbours no time;
//! - everything else may go on: a dead meter must not stop its neighbours, and what the ghost might
//!   still send is refused there by its unit or its length.
//!
//! "Longer than any late answer" starts at [`DEFAULT_QUARANTINE`] after the timeout, grows when a
//! later answer is seen, and shrinks again when none was for a while: a meter that once restarted
//! must not be treated as slow for ever. Bytes heard meanwhile restart the silence, within a bound: noise must
//! not keep a bus shut for ever, and a late answer is bounded by time whatever else is heard.

use std::collections::BTreeSet;
use std::time::Duration;

use solthrive_domain::Mono;

use crate::frame::{ReadRequest, find_reply};

/// How long a unit that left a request unanswered is left alone, unless configured.
pub const DEFAULT_QUARANTINE: Duration = Duration::from_millis(500);
/// The longest that seeing late answers can raise it to.
pub const LONGEST_QUARANTINE: Duration = Duration::from_secs(5);
/// How often the silence may be started anew, in quarantines.
const RESTARTS: u32 = 3;
/// How long a ghost is remembered, so that an answer later than expected is still recognised.
const MEMORY: Duration = Duration::from_secs(30);
/// How long after the last late answer the quarantine stays as wide as that one made it.
const STAYS_WIDE: Duration = Duration::from_mins(10);
/// Ghosts remembered.
const GHOSTS: usize = 32;

#[derive(Debug, Clone, Copy)]
struct Ghost {
    request: ReadRequest,
    sent_at: Mono,
    /// Nothing that its answer could pass for goes out before.
    until: Mono,
    /// Noise does not move `until` beyond this.
    at_most: Mono,
    /// Its answer has come.
    seen: bool,
    /// Its unit shows no sign of life.
    dead: bool,
}

impl Ghost {
    /// What an answer shows of the request it answers.
    fn looks_like(&self, request: &ReadRequest) -> bool {
        let shape = |it: &ReadRequest| (it.unit, it.function, it.count);
        shape(&self.request) == shape(request)
    }

    fn could_pass_for(&self, request: &ReadRequest) -> bool {
        self.request.unit == request.unit
            || !self.dead
                && (self.request.function, self.request.count) == (request.function, request.count)
    }
}

/// The requests whose answers may still come.
#[derive(Debug, Clone)]
pub struct Quarantine {
    /// As told.
    usual: Duration,
    /// As wide as late answers have made it.
    quiet: Duration,
    /// When one last did.
    widened_at: Mono,
    ghosts: Vec<Ghost>,
    /// Units that were not heard of after their last request.
    silent: BTreeSet<u8>,
}

impl Quarantine {
    /// None yet; `quiet` is how long after its timeout an answer may still come.
    #[must_use]
    pub fn new(quiet: Duration) -> Self {
        Self {
            usual: quiet,
            quiet,
            widened_at: Mono::ZERO,
            ghosts: Vec::with_capacity(GHOSTS),
            silent: BTreeSet::new(),
        }
    }

    /// The same as it was told, whatever was seen since.
    #[must_use]
    pub const fn usual(&self) -> Duration {
        self.usual
    }

    /// How long after its timeout an answer is expected at the latest.
    #[must_use]
    pub const fn quiet(&self) -> Duration {
        self.quiet
    }

    /// The earliest instant at which `request` may go out.
    #[must_use]
    pub fn ready_at(&self, request: &ReadRequest) -> Mono {
        let held = self
            .ghosts
            .iter()
            .filter(|ghost| ghost.could_pass_for(request));
        held.map(|ghost| ghost.until).max().unwrap_or_default()
    }

    /// `request` goes out at `now`. From here on an answer that looks like its own is its own, not a
    /// ghost's: taking every copy for an answer to a request of long ago would widen the quarantine
    /// for nothing.
    pub fn sent(&mut self, request: &ReadRequest, now: Mono) {
        self.ghosts.retain(|ghost| !ghost.looks_like(request));
        if now.since(self.widened_at) >= STAYS_WIDE {
            self.quiet = self.usual;
        }
    }

    /// `unit` answered in time.
    pub fn answered(&mut self, unit: u8) {
        self.silent.remove(&unit);
    }

    /// A request sent at `sent_at` was given up on at `now` without a sure answer. Its answer was due
    /// by `due`: later than `now` where noise ended the waiting and the answer may still be to come.
    /// `silent` if no byte was heard.
    pub fn unanswered(
        &mut self,
        request: ReadRequest,
        sent_at: Mono,
        due: Mono,
        now: Mono,
        silent: bool,
    ) {
        let dead = if silent {
            !self.silent.insert(request.unit)
        } else {
            self.silent.remove(&request.unit);
            false
        };
        self.ghosts.retain(|ghost| {
            ghost.request != request && now.since(ghost.sent_at) < MEMORY.max(self.quiet)
        });
        if self.ghosts.len() == GHOSTS {
            self.ghosts.remove(0);
        }
        let ghost = Ghost {
            request,
            sent_at,
            until: now.max(due) + self.quiet,
            at_most: now.max(due) + self.quiet * RESTARTS,
            seen: false,
            dead,
        };
        self.ghosts.push(ghost);
    }

    /// Bytes that answer no request in flight were heard at `now`: the silence starts again.
    pub fn heard(&mut self, now: Mono) {
        for ghost in self.ghosts.iter_mut().filter(|ghost| ghost.until > now) {
            ghost.until = (now + self.quiet).min(ghost.at_most).max(ghost.until);
        }
    }

    /// Looks for late answers among `bytes`, the last of which came in at `now`; returns how many
    /// are new. With `live`, they were heard as they came: each then widens what is expected, up to
    /// [`LONGEST_QUARANTINE`]. Otherwise they came at some time before and say nothing about it.
    pub fn recognise(&mut self, bytes: &[u8], now: Mono, live: bool) -> u32 {
        let mut late = 0;
        for ghost in self.ghosts.iter_mut().filter(|ghost| !ghost.seen) {
            if find_reply(ghost.request, bytes).is_some() {
                ghost.seen = true;
                self.silent.remove(&ghost.request.unit);
                late += 1;
                // Half as long again, because the latest one seen is not the latest one possible.
                if live {
                    let widened = now.since(ghost.sent_at) * 3 / 2;
                    self.quiet = self.quiet.max(widened.min(LONGEST_QUARANTINE));
                    self.widened_at = now;
                }
            }
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Function, encode_reply};

    const Q: Duration = DEFAULT_QUARANTINE;

    const fn at(ms: u64) -> Mono {
        Mono::from_origin(Duration::from_millis(ms))
    }
    const fn request(unit: u8, count: u16) -> ReadRequest {
        ReadRequest {
            unit,
            function: Function::Input,
            address: 0,
            count,
        }
    }

    #[test]
    fn a_silent_unit_is_left_alone_and_its_neighbours_are_not() {
        let mut quarantine = Quarantine::new(Q);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        assert_eq!(quarantine.ready_at(&request(1, 20)), at(1100));
        assert_eq!(quarantine.ready_at(&request(1, 8)), at(1100));
        assert_eq!(quarantine.ready_at(&request(2, 8)), Mono::ZERO);
    }

    #[test]
    fn a_neighbour_asked_for_the_same_length_waits_too() {
        let mut quarantine = Quarantine::new(Q);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        assert_eq!(quarantine.ready_at(&request(2, 20)), at(1100));
        assert_eq!(
            quarantine.ready_at(&ReadRequest {
                function: Function::Holding,
                ..request(2, 20)
            }),
            Mono::ZERO
        );
    }

    #[test]
    fn a_unit_silent_twice_in_a_row_holds_no_neighbour_until_it_is_heard_of() {
        let mut quarantine = Quarantine::new(Q);
        quarantine.unanswered(request(1, 20), at(0), at(500), at(500), true);
        quarantine.unanswered(request(1, 20), at(2000), at(2500), at(2500), true);
        assert_eq!(quarantine.ready_at(&request(1, 20)), at(3000));
        assert_eq!(quarantine.ready_at(&request(2, 20)), Mono::ZERO);

        let late = encode_reply(1, Function::Input, &[7; 20]);
        quarantine.recognise(&late, at(2900), true);
        quarantine.unanswered(request(1, 20), at(4000), at(4500), at(4500), true);
        assert!(quarantine.ready_at(&request(2, 20)) > at(4500));

        quarantine.unanswered(request(3, 8), at(5000), at(5500), at(5500), true);
        quarantine.answered(3);
        quarantine.unanswered(request(3, 8), at(7000), at(7500), at(7500), true);
        assert!(quarantine.ready_at(&request(2, 8)) > at(7500));
    }

    #[test]
    fn noise_that_ends_the_waiting_does_not_end_the_quarantine_sooner() {
        let mut quarantine = Quarantine::new(Q);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(70), false);
        assert_eq!(quarantine.ready_at(&request(1, 20)), at(1100));
    }

    #[test]
    fn bytes_restart_the_silence_but_noise_does_not_last_for_ever() {
        let mut quarantine = Quarantine::new(Q);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        quarantine.heard(at(800));
        assert_eq!(quarantine.ready_at(&request(1, 20)), at(1300));
        for ms in (800..5000).step_by(100) {
            quarantine.heard(at(ms));
        }
        assert_eq!(quarantine.ready_at(&request(1, 20)), at(600 + 3 * 500));
    }

    #[test]
    fn an_answer_seen_later_widens_what_is_expected_within_a_bound() {
        let mut quarantine = Quarantine::new(Q);
        let answer = encode_reply(1, Function::Input, &[7; 20]);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        assert_eq!(quarantine.recognise(&answer, at(1200), true), 1);
        assert_eq!(quarantine.quiet(), Duration::from_millis(1800));
        assert_eq!(
            quarantine.recognise(&answer, at(1210), true),
            0,
            "it was counted already"
        );

        quarantine.unanswered(request(1, 20), at(2000), at(2600), at(2600), true);
        assert_eq!(quarantine.recognise(&answer, at(20_000), true), 1);
        assert_eq!(quarantine.quiet(), LONGEST_QUARANTINE);
    }

    #[test]
    fn an_answer_to_the_request_asked_again_is_not_taken_for_a_late_one() {
        let mut quarantine = Quarantine::new(Q);
        let answer = encode_reply(1, Function::Input, &[7; 20]);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        let again = ReadRequest {
            address: 100,
            ..request(1, 20)
        };
        quarantine.sent(&again, at(9000));
        assert_eq!(quarantine.recognise(&answer, at(9100), true), 0);
        assert_eq!(quarantine.quiet(), Q);
    }

    #[test]
    fn a_request_of_another_shape_forgets_nobody() {
        let mut quarantine = Quarantine::new(Q);
        let answer = encode_reply(1, Function::Input, &[7; 20]);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        quarantine.sent(&request(1, 8), at(700));
        quarantine.sent(&request(2, 20), at(700));
        assert_eq!(quarantine.recognise(&answer, at(900), true), 1);
    }

    #[test]
    fn a_meter_that_was_late_once_is_not_taken_for_slow_for_ever() {
        let mut quarantine = Quarantine::new(Q);
        let answer = encode_reply(1, Function::Input, &[7; 20]);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        quarantine.recognise(&answer, at(2000), true);
        quarantine.sent(&request(1, 20), at(60_000));
        assert_eq!(quarantine.quiet(), Duration::from_secs(3));
        quarantine.sent(&request(1, 20), at(602_000));
        assert_eq!(quarantine.quiet(), Q);
    }

    #[test]
    fn an_answer_found_lying_there_widens_nothing() {
        let mut quarantine = Quarantine::new(Q);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        assert_eq!(
            quarantine.recognise(&encode_reply(1, Function::Input, &[7; 20]), at(9000), false),
            1
        );
        assert_eq!(quarantine.quiet(), Q);
    }

    #[test]
    fn noise_is_no_late_answer() {
        let mut quarantine = Quarantine::new(Q);
        quarantine.unanswered(request(1, 20), at(0), at(600), at(600), true);
        assert_eq!(quarantine.recognise(&[1, 4, 40, 0, 0, 0], at(700), true), 0);
        assert_eq!(
            quarantine.recognise(&encode_reply(1, Function::Input, &[7; 19]), at(700), true),
            0
        );
        assert_eq!(quarantine.quiet(), Q);
    }

    #[test]
    fn many_unanswered_requests_are_remembered_within_a_bound() {
        let mut quarantine = Quarantine::new(Q);
        for unit in 1..=200 {
            quarantine.unanswered(request(unit, 20), at(0), at(600), at(600), true);
        }
        assert_eq!(quarantine.ghosts.len(), GHOSTS);
    }
}

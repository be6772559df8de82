//! What a meter's cumulative counter really says: growth, glitch, rollover, reset or another meter.
//!
//! Counters fall to zero and come back, dip a little, leap by a swapped word, start again after a
//! power cut, or belong to a new meter. Each looks like energy to whoever subtracts two readings.
//! Here nothing counts before as many readings in a row as [`CounterRules::confirm`] agree with it,
//! each growing from the one before by no more than is possible. So a fault of any shape that is
//! shorter than the confirmation is never counted, not even one that would be plausible.

mod event;
mod rules;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::event::CounterEvent;
use self::rules::Age;
pub use self::rules::CounterRules;
use crate::units::WattHours;

/// A fall within this share of the value is more often a meter's quirk than a new beginning.
const SMALL_DIP: f64 = 0.1;
/// How many times longer such a dip must last before it counts as a new beginning.
const DIP_PATIENCE: u16 = 10;
/// How long a counter that fell may come back as if nothing had been: a solar meter sleeps at night.
const MAY_RETURN: Duration = Duration::from_hours(7 * 24);

/// What the caller's own total was when a reading arrived, and in which gap-free stretch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The caller's total in Wh.
    pub total: f64,
    /// Number of the caller's gap-free stretch.
    pub stretch: u32,
}

/// What a reading brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// A reading was believed: usually an earlier one, since believing takes time.
    pub believed: Option<Believed>,
    /// Something to tell.
    pub event: Option<CounterEvent>,
}

/// A reading that is believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Believed {
    /// Growth since the reading that was believed before it, never negative.
    pub gained: f64,
    /// The caller's mark of the reading.
    pub mark: Mark,
}

/// One counter's memory. Survives restarts as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    believed: Option<Seen>,
    /// Believable readings since, oldest first, at most one confirmation long.
    window: Vec<Seen>,
    /// Readings that contradict `believed` but agree with each other.
    odd: Option<Run>,
    ignored: u32,
    worst: f64,
    fallen_from: Option<Fallen>,
    total: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    value: f64,
    age: Age,
    mark: Mark,
}

impl Seen {
    /// Time from this reading to a later one.
    fn between(&self, later: &Self) -> Age {
        Age(self
            .age
            .0
            .zip(later.age.0)
            .map(|(older, newer)| older - newer))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Run {
    first: Seen,
    last: f64,
    last_age: Age,
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Fallen {
    value: f64,
    age: Age,
    /// Growth believed since the fall.
    since: f64,
}

impl Counter {
    /// Growth believed so far in Wh: never falls, knows no resets.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Whether any value has been believed yet.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.believed.is_some()
    }

    /// Takes one reading. `elapsed` is the time since the reading before it, `None` when unknown.
    pub fn observe(
        &mut self,
        rules: &CounterRules,
        read: WattHours,
        elapsed: Option<Duration>,
        mark: Mark,
    ) -> Observed {
        self.grow_older(elapsed);
        let seen = Seen {
            value: read.get(),
            age: Age::NEW,
            mark,
        };
        match self.believed {
            _ if seen.value < -rules.tolerance() || seen.value > rules.ceiling() => {
                self.odd = None;
                self.ignore(seen.value);
                Observed {
                    believed: None,
                    event: None,
                }
            }
            Some(last) if rules.may_follow(last.value, seen.value, last.age) => {
                self.go_on(rules, last, seen)
            }
            _ => self.doubt(rules, seen),
        }
    }

    /// The caller's total turned out to be larger by `more` throughout this stretch.
    pub fn shift_marks(&mut self, stretch: u32, more: f64) {
        let odd = self.odd.iter_mut().map(|run| &mut run.first);
        for seen in self.window.iter_mut().chain(odd).chain(&mut self.believed) {
            if seen.mark.stretch == stretch {
                seen.mark.total += more;
            }
        }
    }

    fn grow_older(&mut self, elapsed: Option<Duration>) {
        let runs = self
            .odd
            .iter_mut()
            .flat_map(|run| [&mut run.first.age, &mut run.last_age]);
        let seen = self
            .window
            .iter_mut()
            .chain(&mut self.believed)
            .map(|seen| &mut seen.age);
        let fallen = self.fallen_from.iter_mut().map(|fallen| &mut fallen.age);
        runs.chain(seen)
            .chain(fallen)
            .for_each(|age| age.grow(elapsed));
        self.fallen_from = self
            .fallen_from
            .filter(|f| f.age.0.is_none_or(|age| age <= MAY_RETURN.as_secs_f64()));
    }

    /// A reading that fits: the oldest of the last ones is believed when all that came after agree.
    fn go_on(&mut self, rules: &CounterRules, last: Seen, seen: Seen) -> Observed {
        self.odd = None;
        let event = self.end_of_glitch(last.value);
        self.window.push(seen);
        let excess = self.window.len().saturating_sub(rules.window());
        self.window.drain(..excess);
        let agree = self.window.len() == rules.window()
            && self.window.windows(2).all(|pair| {
                rules.may_follow(pair[0].value, pair[1].value, pair[0].between(&pair[1]))
            });
        let believed = self
            .window
            .first()
            .copied()
            .filter(|_| agree)
            .map(|oldest| {
                // Within the tolerance it may lie below the last one, which then stays.
                let value = oldest.value.max(last.value);
                self.believe(Seen { value, ..oldest }, value - last.value)
            });
        Observed { believed, event }
    }

    /// A reading that does not fit: believed once enough of its kind agree with each other.
    fn doubt(&mut self, rules: &CounterRules, seen: Seen) -> Observed {
        self.ignore(seen.value);
        let joined = self
            .odd
            .filter(|run| rules.may_follow(run.last, seen.value, run.last_age));
        let run = match joined {
            Some(run) => Run {
                last: seen.value,
                last_age: Age::NEW,
                count: run.count.saturating_add(1),
                ..run
            },
            None => Run {
                first: seen,
                last: seen.value,
                last_age: Age::NEW,
                count: 1,
            },
        };
        if run.count < self.patience(rules, seen.value) {
            self.odd = Some(run);
            return Observed {
                believed: None,
                event: None,
            };
        }
        self.begin_again(rules, run.first, seen)
    }

    fn patience(&self, rules: &CounterRules, value: f64) -> u32 {
        let small_dip = self
            .believed
            .is_some_and(|last| value <= last.value && value >= last.value * (1.0 - SMALL_DIP));
        u32::from(rules.confirm.max(2))
            * if small_dip {
                u32::from(DIP_PATIENCE)
            } else {
                1
            }
    }

    /// A contradiction has lasted: find out what it is and go on from it.
    ///
    /// Where growth is carried over, from the run's first and lowest value; where a new beginning
    /// carries none, from its last and highest: neither can count what was not there.
    fn begin_again(&mut self, rules: &CounterRules, first: Seen, newest: Seen) -> Observed {
        let readings = std::mem::take(&mut self.ignored);
        let (base, gained, event) = match self.believed {
            None => (
                newest,
                0.0,
                CounterEvent::Started {
                    at: wh(newest.value),
                },
            ),
            Some(last) if first.value < last.value => self.fell(rules, last, first, newest),
            Some(last) => self.leapt(rules, last, first, newest, readings),
        };
        self.odd = None;
        self.window.clear();
        Observed {
            believed: Some(self.believe(base, gained)),
            event: Some(event),
        }
    }

    fn fell(
        &mut self,
        rules: &CounterRules,
        last: Seen,
        first: Seen,
        newest: Seen,
    ) -> (Seen, f64, CounterEvent) {
        let (from, to) = (wh(last.value), wh(first.value));
        let over = rules.wrap.map(|wrap| wrap.get() - last.value + first.value);
        if let Some(gained) = over.filter(|gained| (0.0..=rules.bound(last.age)).contains(gained)) {
            return (first, gained, CounterEvent::Rollover { from, to });
        }
        self.fallen_from = Some(Fallen {
            value: last.value,
            age: last.age,
            since: 0.0,
        });
        let from_zero = first.value <= rules.bound(last.age).min(last.value * SMALL_DIP);
        let event = if from_zero {
            CounterEvent::Reset { from, to }
        } else {
            CounterEvent::Swap { from, to }
        };
        (newest, 0.0, event)
    }

    fn leapt(
        &mut self,
        rules: &CounterRules,
        last: Seen,
        first: Seen,
        newest: Seen,
        readings: u32,
    ) -> (Seen, f64, CounterEvent) {
        let back = self
            .fallen_from
            .take()
            .filter(|fallen| rules.may_follow(fallen.value, first.value, fallen.age));
        let (from, to) = (wh(last.value), wh(first.value));
        let Some(fallen) = back else {
            return (newest, 0.0, CounterEvent::Swap { from, to });
        };
        let event = CounterEvent::Glitch {
            expected: wh(fallen.value),
            read: from,
            readings,
        };
        (first, first.value - fallen.value - fallen.since, event)
    }

    fn believe(&mut self, seen: Seen, gained: f64) -> Believed {
        let gained = gained.max(0.0);
        self.believed = Some(seen);
        self.total += gained;
        if let Some(fallen) = &mut self.fallen_from {
            fallen.since += gained;
        }
        Believed {
            gained,
            mark: seen.mark,
        }
    }

    fn ignore(&mut self, value: f64) {
        let expected = self.believed.map_or(0.0, |last| last.value);
        if self.ignored == 0 || (value - expected).abs() > (self.worst - expected).abs() {
            self.worst = value;
        }
        self.ignored = self.ignored.saturating_add(1);
    }

    fn end_of_glitch(&mut self, expected: f64) -> Option<CounterEvent> {
        let readings = std::mem::take(&mut self.ignored);
        (readings > 0).then(|| CounterEvent::Glitch {
            expected: wh(expected),
            read: wh(self.worst),
            readings,
        })
    }
}

/// Counter values came from [`WattHours`], so they are in its range.
fn wh(value: f64) -> WattHours {
    WattHours::try_from(value).unwrap_or_default()
}

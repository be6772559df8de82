//! Which way each main CT looks, from how it answers to the sun.
//!
//! When production rises by some hundred watts, the grid's power falls by as much, shared by the
//! legs that the inverter feeds. A leg that rises instead is measured the wrong way round. Loads
//! switch too, so the steps vote: in two months of measured data five votes ahead never erred.

use std::collections::VecDeque;
use std::time::Duration;

use crate::flagboard::{Observation, Timing};
use crate::flow::mains;
use crate::units::Watts;
use crate::{Cadence, FlagCode, HomeModel, Mono, Role, Snapshot};

/// Power is averaged over this time, so that a step is seen by all meters, ...
const WINDOW: Duration = Duration::from_secs(30);
/// ... or over this many samples, where they come slowly.
const WINDOW_SAMPLES: u32 = 6;
/// A window needs this many samples of everything.
const LEAST_SAMPLES: u32 = 5;
/// Smallest step of production that asks the legs, W.
const LEAST_STEP: f64 = 200.0;
/// A leg that moves less than this share of the step does not vote.
const LEAST_ANSWER: f64 = 0.25;
/// More than this share is another load that switched.
const MOST_ANSWER: f64 = 1.5;
/// Votes ahead that decide.
const DECIDED: i32 = 5;
/// Steps over which the slope must agree with the votes.
const STEPS: usize = 10;
/// A turned leg follows production with at least this slope.
const TURNED_SLOPE: f64 = 0.2;

/// Watches every main while PV and no battery is there.
#[derive(Debug, Clone)]
pub(super) struct Orientation {
    legs: Vec<Leg>,
    word: &'static str,
    /// Length of a window.
    span: Duration,
    window: Window,
    before: Option<Window>,
}

#[derive(Debug, Clone)]
struct Leg {
    name: String,
    votes: i32,
    steps: VecDeque<(f64, f64)>,
}

#[derive(Debug, Clone, Default)]
struct Window {
    from: Mono,
    samples: u32,
    solar: f64,
    legs: Vec<f64>,
}

impl Orientation {
    pub(super) fn new(home: &HomeModel) -> Self {
        let watched = home.has(Role::Pv) && !home.has(Role::Battery);
        let leg = |channel: &crate::Channel| Leg {
            name: channel.name.clone(),
            votes: 0,
            steps: VecDeque::new(),
        };
        let legs = mains(home).filter(|_| watched).map(leg).collect();
        Self {
            legs,
            word: super::reversed(home),
            span: WINDOW,
            window: Window::default(),
            before: None,
        }
    }

    pub(super) fn sampled_every(&mut self, cadence: Cadence) {
        self.span = WINDOW.max(cadence.interval() * WINDOW_SAMPLES);
    }

    pub(super) fn observe(&mut self, at: Mono, snapshot: &Snapshot) -> Vec<Observation> {
        if let Some((solar, legs)) = self.sample(snapshot) {
            if super::passed(at, self.window.from, self.span) {
                self.close_window(at);
            }
            self.window.take(solar, &legs);
        }
        self.legs.iter().map(|leg| leg.verdict(self.word)).collect()
    }

    fn sample(&self, snapshot: &Snapshot) -> Option<(f64, Vec<f64>)> {
        if self.legs.is_empty() {
            return None;
        }
        let power = |leg: &Leg| snapshot.channels.get(&leg.name)?.power.map(Watts::get);
        Some((
            snapshot.flow.solar?.get(),
            self.legs.iter().map(power).collect::<Option<_>>()?,
        ))
    }

    /// Compares the window with the one before it; windows apart tell nothing.
    fn close_window(&mut self, at: Mono) {
        let done = std::mem::replace(
            &mut self.window,
            Window {
                from: at,
                ..Window::default()
            },
        );
        let apart = 2 * self.span;
        let next_to = |before: &Window| done.from.since(before.from) < apart;
        if let Some(before) = self
            .before
            .take()
            .filter(|before| next_to(before) && before.is_full() && done.is_full())
        {
            let step = done.solar() - before.solar();
            if step.abs() >= LEAST_STEP {
                for (index, leg) in self.legs.iter_mut().enumerate() {
                    leg.answer(step, done.leg(index) - before.leg(index));
                }
            }
        }
        self.before = Some(done);
    }
}

impl Leg {
    fn answer(&mut self, step: f64, moved: f64) {
        let share = moved / step;
        if !(LEAST_ANSWER..=MOST_ANSWER).contains(&share.abs()) {
            return;
        }
        self.votes = (self.votes + if share > 0.0 { 1 } else { -1 }).clamp(-DECIDED, DECIDED);
        self.steps.push_back((step, moved));
        if self.steps.len() > STEPS {
            self.steps.pop_front();
        }
    }

    fn slope(&self) -> f64 {
        let (cross, square) = self.steps.iter().fold((0.0, 0.0), |(c, s), (step, moved)| {
            (c + step * moved, s + step * step)
        });
        if square > 0.0 { cross / square } else { 0.0 }
    }

    fn verdict(&self, word: &str) -> Observation {
        let (code, subject) = (FlagCode::CtReversed, self.name.as_str());
        let slope = self.slope();
        let seen = match self.votes {
            DECIDED if slope >= TURNED_SLOPE => {
                let message = format!(
                    "When production rises by 1000 W, {subject} rises by {:.0} W; it should fall. Its CT is {word}. \
                     Installer: turn the CT around, or set `invert` for this channel.",
                    slope * 1000.0
                );
                Observation::holds(code, subject, message)
            }
            votes if votes == -DECIDED => Observation::gone(code, subject),
            _ => Observation::unknown(code, subject),
        };
        seen.with(Timing::AT_ONCE)
    }
}

impl Window {
    fn take(&mut self, solar: f64, legs: &[f64]) {
        self.samples = self.samples.saturating_add(1);
        self.solar += solar;
        self.legs.resize(legs.len(), 0.0);
        self.legs
            .iter_mut()
            .zip(legs)
            .for_each(|(sum, power)| *sum += power);
    }

    fn is_full(&self) -> bool {
        self.samples >= LEAST_SAMPLES
    }

    fn solar(&self) -> f64 {
        self.solar / f64::from(self.samples.max(1))
    }

    fn leg(&self, index: usize) -> f64 {
        self.legs.get(index).copied().unwrap_or(0.0) / f64::from(self.samples.max(1))
    }
}

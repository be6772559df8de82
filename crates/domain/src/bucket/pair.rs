//! Two samples, one after the other, and the time between them.

use super::rules::ms;
use super::slices::{Ramp, Span};
use super::{BucketSink, RollupRules, Swing};
use crate::ledger::Line;
use crate::telemetry::{MilliVolts, MilliWatts, Sample};

/// The home's place among the quantities of [`measured`].
const HOME: usize = 1;

/// What a bucket keeps the swing of, in its order.
pub(super) fn measured(sample: &Sample) -> [Option<i32>; 6] {
    let power = &sample.power;
    let [solar, home, grid, battery] =
        [power.solar, power.home, power.grid, power.battery].map(|p| p.map(MilliWatts::get));
    let [l1, l2] = [sample.voltage_l1, sample.voltage_l2].map(|v| v.map(MilliVolts::get));
    [solar, home, grid, battery, l1, l2]
}

/// Two samples of a site with none between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) from: &'a Sample,
    pub(super) to: &'a Sample,
    pub(super) span: Span,
    /// They follow each other so closely that the powers between them are known.
    pub(super) close: bool,
}

impl<'a> Pair<'a> {
    pub(super) fn new(rules: &RollupRules, from: &'a Sample, to: &'a Sample) -> Self {
        let span = Span {
            from: from.ts.get(),
            to: to.ts.get(),
        };
        Self {
            from,
            to,
            span,
            close: span.len() <= ms(rules.longest_step),
        }
    }

    /// Adds the means and the coverage of the time between the samples.
    pub(super) fn measure(&self, sink: &mut impl BucketSink) {
        if !self.close {
            return;
        }
        let (from, to) = (measured(self.from), measured(self.to));
        for (quarter, part) in self.span.quarters() {
            let bucket = sink.bucket(quarter);
            let (t0, t1) = (part.from - self.span.from, part.to - self.span.from);
            // At most a quarter of an hour.
            let span_ms = u32::try_from(part.len()).unwrap_or(0);
            for ((swing, a), b) in bucket.swings().into_iter().zip(from).zip(to) {
                let Some((a, b)) = a.zip(b) else { continue };
                let ramp = self.ramp(a, b);
                let before = if t0 == 0 { 0 } else { ramp.area(t0) };
                let ends = (ramp.at(t0), ramp.at(t1));
                Swing::hold(swing, ends, ramp.area(t1) - before, span_ms);
            }
            if from[HOME].is_some() && to[HOME].is_some() {
                bucket.covered_ms += span_ms;
            }
        }
    }

    /// How the power of a line went, positive in its direction, where that is known.
    pub(super) fn flow(&self, line: Line) -> Option<Ramp> {
        if !self.close {
            return None;
        }
        let power = |sample: &Sample| match line {
            Line::Solar => sample.power.solar,
            Line::Import | Line::Export => sample.power.grid,
            Line::BatteryCharge | Line::BatteryDischarge => sample.power.battery,
            Line::Ev => None,
        };
        let (a, b) = power(self.from).zip(power(self.to))?;
        let ramp = self.ramp(a.get(), b.get());
        match line {
            Line::Export | Line::BatteryCharge => Some(ramp.flipped()),
            _ => Some(ramp),
        }
    }

    /// How the home's power went, where that is known.
    pub(super) fn home(&self) -> Option<Ramp> {
        let (a, b) = self.from.power.home.zip(self.to.power.home)?;
        self.close.then(|| self.ramp(a.get(), b.get()))
    }

    fn ramp(&self, a: i32, b: i32) -> Ramp {
        Ramp {
            a,
            b,
            len: self.span.len(),
        }
    }
}

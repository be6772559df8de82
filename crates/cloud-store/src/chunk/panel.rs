//! What the next value of a column will be: a few simple experts, and whoever was right lately is asked.
//!
//! Encoder and decoder run the same panel over the same past, so nothing about the choice is stored.
//! Everything is integers with wrapping arithmetic: all machines agree, and no input can make it fail.
//! Levels are kept in 256ths of a step.

/// Fraction bits of levels and guides.
pub(super) const FRACTION: u32 = 8;
/// How fast an expert's errors fade.
const FADE: u32 = 3;
/// An error this many times the usual one is a step of the signal, not noise.
const JUMP: i64 = 4;
/// Memory of the gain between a column and its guide.
const GAIN_FADE: u32 = 4;

/// A smoothed level: follows by a fraction of each error, or at once when the signal steps.
#[derive(Debug, Clone, Copy)]
struct Level {
    at: i64,
    usual: i64,
    shift: u32,
}

impl Level {
    fn new(shift: u32) -> Self {
        Self {
            at: 0,
            usual: 0,
            shift,
        }
    }

    fn learn(&mut self, value: i64) {
        let error = value.wrapping_sub(self.at);
        let size = error.wrapping_abs();
        let is_step = size > self.usual.wrapping_mul(JUMP).wrapping_add(1 << FRACTION);
        self.at = if is_step {
            value
        } else {
            self.at.wrapping_add(error >> self.shift)
        };
        self.usual = self
            .usual
            .wrapping_add(size.min(1 << 40).wrapping_sub(self.usual) >> 3);
    }
}

/// The experts for one column, with or without a guide: what other columns suggest for each row.
pub(super) struct Panel<'g> {
    guide: Option<&'g [i64]>,
    last: i64,
    levels: [Level; 3],
    drifts: [Level; 3],
    carry: i64,
    gain: (i64, i64),
    guesses: [i64; MOST],
    errors: [i64; MOST],
}

/// Experts without a guide, and with one.
const ALONE: usize = 4;
const MOST: usize = 9;

impl<'g> Panel<'g> {
    pub(super) fn new(guide: Option<&'g [i64]>) -> Self {
        let levels = [Level::new(1), Level::new(2), Level::new(3)];
        Self {
            guide,
            last: 0,
            levels,
            drifts: [Level::new(0), Level::new(2), Level::new(4)],
            carry: 0,
            gain: (0, 0),
            guesses: [0; MOST],
            errors: [0; MOST],
        }
    }

    /// The value expected in `row`.
    pub(super) fn expect(&mut self, row: usize) -> i64 {
        let seated = self.guess(row);
        let mut best = 0;
        for expert in 1..seated {
            if self.errors[expert] < self.errors[best] {
                best = expert;
            }
        }
        self.guesses[best]
    }

    /// Learns the value of `row`, after [`Self::expect`] of it.
    pub(super) fn learn(&mut self, row: usize, value: i64) {
        for (error, guess) in self.errors.iter_mut().zip(self.guesses) {
            let size = value.wrapping_sub(guess).wrapping_abs().clamp(0, 1 << 40) << FRACTION;
            *error += (size - *error) >> FADE;
        }
        self.last = value;
        let fixed = value.wrapping_shl(FRACTION);
        for level in &mut self.levels {
            level.learn(fixed);
        }
        if let Some(guide) = self.guide.map(|guide| guide[row]) {
            for drift in &mut self.drifts {
                drift.learn(fixed.wrapping_sub(guide));
            }
            // What a counter has gathered but not yet counted is below one step.
            let most = fixed.wrapping_add((1 << FRACTION) - 1);
            self.carry = self
                .carry
                .wrapping_add(guide)
                .clamp(fixed.min(most), most)
                .wrapping_sub(guide);
            let fade = |sum: i64, new: i64| sum.wrapping_sub(sum >> GAIN_FADE).wrapping_add(new);
            self.gain = (fade(self.gain.0, fixed), fade(self.gain.1, guide));
        }
    }

    fn guess(&mut self, row: usize) -> usize {
        self.guesses[0] = self.last;
        for (guess, level) in self.guesses[1..ALONE].iter_mut().zip(&self.levels) {
            *guess = rounded(level.at);
        }
        let Some(guide) = self.guide.map(|guide| guide[row]) else {
            return ALONE;
        };
        for (guess, drift) in self.guesses[ALONE..].iter_mut().zip(&self.drifts) {
            *guess = rounded(guide.wrapping_add(drift.at));
        }
        self.guesses[ALONE + 3] = self.carry.wrapping_add(guide) >> FRACTION;
        let (own, guides) = self.gain;
        let scaled = if guides == 0 {
            guide
        } else {
            guide
                .saturating_mul(own >> 4)
                .wrapping_div((guides >> 4).max(1))
        };
        self.guesses[ALONE + 4] = rounded(scaled);
        MOST
    }
}

fn rounded(level: i64) -> i64 {
    level.wrapping_add(1 << (FRACTION - 1)) >> FRACTION
}

//! Alternating voltages and currents as complex numbers.
//!
//! With phasors a current clamp on the wrong leg, or turned around, reads wrong by itself: the
//! simulator needs no table of what each wiring mistake looks like.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// An effective (RMS) value with its angle, or a complex power `P + jQ`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Phasor {
    /// In phase: W for a power.
    pub re: f64,
    /// A quarter turn ahead: var for a power, positive when inductive.
    pub im: f64,
}

impl Phasor {
    /// Nothing.
    pub const ZERO: Self = Self { re: 0.0, im: 0.0 };

    /// From its parts.
    #[must_use]
    pub const fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }

    /// From magnitude and angle in degrees.
    #[must_use]
    pub fn polar(magnitude: f64, degrees: f64) -> Self {
        let angle = degrees.to_radians();
        Self::new(magnitude * angle.cos(), magnitude * angle.sin())
    }

    /// Its size.
    #[must_use]
    pub fn magnitude(self) -> f64 {
        self.re.hypot(self.im)
    }

    /// Mirrored at the real axis.
    #[must_use]
    pub const fn conj(self) -> Self {
        Self::new(self.re, -self.im)
    }

    /// The power this voltage carries with that current.
    #[must_use]
    pub fn power(self, current: Self) -> Self {
        self.times(current.conj())
    }

    /// The current that carries `power` at this voltage; none where there is no voltage.
    #[must_use]
    pub fn current_for(self, power: Self) -> Self {
        let square = self.re * self.re + self.im * self.im;
        if square < 1.0 {
            return Self::ZERO;
        }
        // I = conj(S / V)
        power.conj().times(self) * (1.0 / square)
    }

    fn times(self, other: Self) -> Self {
        Self::new(
            self.re * other.re - self.im * other.im,
            self.re * other.im + self.im * other.re,
        )
    }
}

impl Add for Phasor {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.im + other.im)
    }
}
impl AddAssign for Phasor {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Phasor {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.re - other.re, self.im - other.im)
    }
}
impl Neg for Phasor {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.re, -self.im)
    }
}
impl Mul<f64> for Phasor {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.re * factor, self.im * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_current_carries_the_power_it_was_made_for() {
        let volts = Phasor::polar(120.0, 180.0);
        let power = Phasor::new(900.0, 300.0);
        let back = volts.power(volts.current_for(power));
        assert!((back - power).magnitude() < 1e-9, "{back:?}");
    }

    #[test]
    fn the_other_leg_of_a_split_phase_reads_the_opposite_sign() {
        let (l1, l2) = (Phasor::polar(120.0, 0.0), Phasor::polar(120.0, 180.0));
        let current = l1.current_for(Phasor::new(600.0, 0.0));
        assert!((l2.power(current).re + 600.0).abs() < 1e-9);
    }
}

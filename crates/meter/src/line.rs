//! The serial line's arithmetic: how long a character, a frame and a silence take.
//!
//! Everything else computes with these: the planner's cost, the master's sleeps, the timeouts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Parity of a character on the line.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// No parity bit.
    #[default]
    None,
    /// One parity bit, even.
    Even,
    /// One parity bit, odd.
    Odd,
}

impl Parity {
    /// The letter in `8N1`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::None => 'N',
            Self::Even => 'E',
            Self::Odd => 'O',
        }
    }
}

/// How a serial port is set. Characters always have eight data bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SerialSettings {
    /// Bits a second.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop_bits: u8,
}

impl Default for SerialSettings {
    fn default() -> Self {
        Self {
            baud: 9600,
            parity: Parity::None,
            stop_bits: 1,
        }
    }
}

/// Prints as `9600 8N1`.
impl fmt::Display for SerialSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} 8{}{}",
            self.baud,
            self.parity.letter(),
            self.stop_bits
        )
    }
}

impl SerialSettings {
    /// Bits of one character: start, eight data, parity, stop.
    #[must_use]
    pub const fn bits_per_char(self) -> u32 {
        let parity = match self.parity {
            Parity::None => 0,
            Parity::Even | Parity::Odd => 1,
        };
        let stop = if self.stop_bits > 1 { 2 } else { 1 };
        1 + 8 + parity + stop
    }

    /// Time of one character on the line.
    #[must_use]
    pub fn char_time(self) -> Duration {
        let baud = u64::from(self.baud.max(1));
        Duration::from_nanos((u64::from(self.bits_per_char()) * 1_000_000_000).div_ceil(baud))
    }

    /// The silence that separates two frames: 3.5 characters, and 1.75 ms above 19200 baud
    /// (Modbus over serial line 1.02, section 2.5.1.1).
    #[must_use]
    pub fn t3_5(self) -> Duration {
        if self.baud > 19_200 {
            Duration::from_micros(1750)
        } else {
            self.char_time() * 7 / 2
        }
    }

    /// Time that `bytes` characters take when they follow each other at once.
    #[must_use]
    pub fn wire_time(self, bytes: usize) -> Duration {
        self.char_time()
            .saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(baud: u32, parity: Parity, stop_bits: u8) -> SerialSettings {
        SerialSettings {
            baud,
            parity,
            stop_bits,
        }
    }

    #[test]
    fn parity_and_a_second_stop_bit_lengthen_the_character() {
        assert_eq!(settings(9600, Parity::None, 1).bits_per_char(), 10);
        assert_eq!(settings(9600, Parity::Even, 1).bits_per_char(), 11);
        assert_eq!(settings(9600, Parity::None, 2).bits_per_char(), 11);
        assert_eq!(settings(9600, Parity::Odd, 2).bits_per_char(), 12);
    }

    #[test]
    fn the_silence_is_three_and_a_half_characters_up_to_19200_and_fixed_above() {
        let ms = |s: SerialSettings| s.t3_5().as_secs_f64() * 1000.0;
        assert!((ms(settings(9600, Parity::None, 1)) - 3.646).abs() < 0.001);
        assert!((ms(settings(19_200, Parity::None, 1)) - 1.823).abs() < 0.001);
        assert_eq!(
            settings(38_400, Parity::None, 1).t3_5(),
            Duration::from_micros(1750)
        );
        assert_eq!(
            settings(115_200, Parity::Even, 1).t3_5(),
            Duration::from_micros(1750)
        );
    }

    #[test]
    fn sixty_registers_at_9600_baud_take_139_ms_without_silences() {
        let line = SerialSettings::default();
        let ms = line.wire_time(8 + 5 + 2 * 60).as_secs_f64() * 1000.0;
        assert!((ms - 138.5).abs() < 0.1, "{ms}");
    }

    #[test]
    fn a_baud_of_zero_is_slow_but_no_panic() {
        assert!(settings(0, Parity::None, 1).wire_time(usize::MAX) > Duration::ZERO);
    }

    #[test]
    fn settings_read_like_a_nameplate() {
        assert_eq!(settings(19_200, Parity::Even, 1).to_string(), "19200 8E1");
    }
}

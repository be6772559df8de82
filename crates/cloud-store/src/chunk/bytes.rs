//! Small integers as bytes: LEB128 varints, zigzag for signs.

/// Small magnitudes of either sign become small: 0, -1, 1, -2 give 0, 1, 2, 3.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Seven bits a byte, the lowest first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// A length or a count.
pub(crate) fn put_size(out: &mut Vec<u8>, size: usize) {
    put_varint(out, size as u64);
}

/// A signed integer.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

/// A signed integer of up to 128 bits: its high half, then its low.
pub(crate) fn put_wide(out: &mut Vec<u8>, value: i128) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves of the integer"
    )]
    let (high, low) = ((value >> 64) as i64, value as i64);
    let extends = low >> 63 == high;
    out.push(u8::from(!extends));
    put_signed(out, low);
    if !extends {
        put_signed(out, high);
    }
}

/// Whether `parts`, one after the other, have this CRC-32C. A fuzzer is let through, to reach what lies behind.
pub(super) fn are_sound(parts: &[&[u8]], checksum: u32) -> bool {
    let sum = parts
        .iter()
        .fold(0, |sum, part| crc32c::crc32c_append(sum, part));
    cfg!(fuzzing) || sum == checksum
}

/// Reads from the front of untrusted bytes. Every method gives `None` when they are not what was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Four bytes, little endian.
    pub(crate) fn word(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// Eight bytes, little endian.
    pub(crate) fn double(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A length or a count up to `most`.
    pub(crate) fn size(&mut self, most: usize) -> Option<usize> {
        self.varint()
            .and_then(|value| usize::try_from(value).ok())
            .filter(|value| *value <= most)
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        self.varint().map(unzigzag)
    }

    pub(crate) fn wide(&mut self) -> Option<i128> {
        match self.byte()? {
            0 => self.signed().map(i128::from),
            1 => {
                let low = i128::from(self.signed()?.cast_unsigned());
                Some(i128::from(self.signed()?) << 64 | low)
            }
            _ => None,
        }
    }
}

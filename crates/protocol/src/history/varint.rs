//! Integers in as many bytes as they need.

/// Appends an integer; small ones of either sign are short.
pub(super) fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

/// Takes an integer from the front; `None` where there is none.
pub(super) fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
        }
    }
    None
}

/// Takes a count that is at most so large.
pub(super) fn take_size(bytes: &mut &[u8], most: usize) -> Option<usize> {
    let size = usize::try_from(take(bytes)?).ok()?;
    (size <= most).then_some(size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_come_back(values in prop::collection::vec(any::<i64>(), 0..50)) {
            let mut out = Vec::new();
            values.iter().for_each(|value| put(&mut out, *value));
            let mut bytes = out.as_slice();
            for value in values {
                prop_assert_eq!(take(&mut bytes), Some(value));
            }
            prop_assert_eq!(take(&mut bytes), None);
        }
    }
}

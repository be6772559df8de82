//! A fingerprint that stays what it is from one version to the next.

/// FNV-1a, 64 bits. It tells texts apart that nobody made alike on purpose.
pub(crate) fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |print: u64, byte: u8| (print ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

//! A version in front and a checksum behind.

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBytes {
    /// Some bit is not as it was written, or bytes are missing.
    #[error("the checksum does not hold")]
    Checksum,
    /// A newer program wrote them.
    #[error("version {0} is not known here")]
    Version(u8),
    /// The content makes no sense: the part that does not.
    #[error("the content makes no sense: {0}")]
    Content(&'static str),
}

/// `content` with its version and a CRC-32C of both.
pub(super) fn seal(version: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 5);
    bytes.push(version);
    bytes.extend_from_slice(content);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The content of what [`seal`] made. A fuzzer is let through, to reach what lies behind.
pub(super) fn open(known: u8, bytes: &[u8]) -> Result<&[u8], BadBytes> {
    let (sealed, checksum) = bytes.split_last_chunk::<4>().ok_or(BadBytes::Checksum)?;
    if !cfg!(fuzzing) && crc32c::crc32c(sealed) != u32::from_le_bytes(*checksum) {
        return Err(BadBytes::Checksum);
    }
    match sealed.split_first() {
        Some((version, content)) if *version == known => Ok(content),
        Some((version, _)) => Err(BadBytes::Version(*version)),
        None => Err(BadBytes::Checksum),
    }
}

//! Bits in bytes, the most significant first.

/// The most bits that one call writes or reads.
pub(super) const MOST: u32 = 32;

/// Appends bits.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    used: u32,
}

impl BitWriter {
    /// The low `count` bits of `value`, which has no others; `count` up to [`MOST`].
    #[inline]
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        debug_assert!(
            count <= MOST && (value >> count) == 0,
            "{value} in {count} bits"
        );
        // Fewer than 32 bits are pending between calls, so 32 more fit.
        self.pending = (self.pending << count) | value;
        self.used += count;
        if self.used >= 32 {
            self.used -= 32;
            let word = (self.pending >> self.used) & 0xffff_ffff;
            self.bytes.extend_from_slice(&word.to_be_bytes()[4..]);
        }
    }

    /// The bytes, the last one filled up with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let left = self.used.div_ceil(8);
        let word = self.pending << (32 - self.used) & 0xffff_ffff;
        self.bytes
            .extend_from_slice(&word.to_be_bytes()[4..4 + left as usize]);
        self.bytes
    }
}

/// Reads bits. Behind the end there are zeros without end; [`BitReader::is_spent`] tells whether that happened.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next 57 bits or more, at the top of the word.
    #[inline]
    pub(super) fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let word = match self
            .bytes
            .get(byte..byte + 8)
            .and_then(|bytes| bytes.try_into().ok())
        {
            Some(bytes) => u64::from_be_bytes(bytes),
            None => self.tail(byte),
        };
        word << (self.at % 8)
    }

    #[inline]
    pub(crate) fn skip(&mut self, count: u32) {
        self.at += count as usize;
    }

    /// The next `count` bits, up to [`MOST`].
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        let bits = (self.peek() >> 1) >> (63 - count);
        self.skip(count);
        bits
    }

    /// Whether exactly these bytes were read: nothing is left but zeros in the last one, and nothing was missing.
    pub(crate) fn is_spent(&self) -> bool {
        self.at.div_ceil(8) == self.bytes.len() && self.peek() == 0
    }

    #[cold]
    fn tail(&self, byte: usize) -> u64 {
        let mut word = [0; 8];
        let rest = self.bytes.get(byte..).unwrap_or_default();
        word[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(word)
    }
}

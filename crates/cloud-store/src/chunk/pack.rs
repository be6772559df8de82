//! Residuals into bytes: the smallest of a few packings, by trying them.

use std::fmt;

use zstd::bulk::{Compressor, Decompressor};

use super::ChunkError;
use super::bytes::{Reader, put_signed, put_size, unzigzag};
use super::rice;

/// Every zstd frame begins with these bytes, so a chunk does not repeat them.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Higher levels were measured: no smaller here, and slower.
const LEVEL: i32 = 1;
/// The longest varint.
const LONGEST: usize = 10;

/// How residuals became bytes. The number is part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// All are zero; no bytes.
    Zeros = 0,
    /// Adaptive Rice codes, see [`rice`].
    Rice = 1,
    /// Zigzag varints, compressed: their length, then a zstd frame without its magic.
    Zstd = 2,
}

/// For people.
impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zeros => "zeros",
            Self::Rice => "rice",
            Self::Zstd => "zstd",
        })
    }
}

impl Packing {
    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Self::Zeros, Self::Rice, Self::Zstd]
            .into_iter()
            .find(|packing| *packing as u8 == code)
    }
}

/// Packed residuals.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) packing: Packing,
    pub(super) bytes: Vec<u8>,
}

/// Packs and unpacks, keeping the compressor's memory.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    decompressor: Decompressor<'static>,
    frame: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Result<Self, ChunkError> {
        Ok(Self {
            compressor: Compressor::new(LEVEL).map_err(zstd_failed)?,
            decompressor: Decompressor::new().map_err(zstd_failed)?,
            frame: Vec::new(),
        })
    }

    /// The smallest packing of `residuals`.
    pub(super) fn pack(&mut self, residuals: &[i64]) -> Result<Packed, ChunkError> {
        if residuals.iter().all(|residual| *residual == 0) {
            return Ok(Packed {
                packing: Packing::Zeros,
                bytes: Vec::new(),
            });
        }
        let rice = rice::encode(residuals);
        let zstd = self.compress(residuals)?;
        Ok(if zstd.len() < rice.len() {
            Packed {
                packing: Packing::Zstd,
                bytes: zstd,
            }
        } else {
            Packed {
                packing: Packing::Rice,
                bytes: rice,
            }
        })
    }

    /// `count` residuals from bytes that [`Self::pack`] gave; `None` when they are not such.
    pub(super) fn unpack(
        &mut self,
        packing: Packing,
        bytes: &[u8],
        count: usize,
    ) -> Option<Vec<i64>> {
        match packing {
            Packing::Zeros => bytes.is_empty().then(|| vec![0; count]),
            Packing::Rice => rice::decode(bytes, count),
            Packing::Zstd => self.decompress(bytes, count),
        }
    }

    /// A list with its length and packing in front, for what is rare.
    pub(super) fn pack_list(&mut self, out: &mut Vec<u8>, list: &[i64]) -> Result<(), ChunkError> {
        let packed = self.pack(list)?;
        put_size(out, list.len());
        out.push(packed.packing as u8);
        put_size(out, packed.bytes.len());
        out.extend_from_slice(&packed.bytes);
        Ok(())
    }

    /// What [`Self::pack_list`] wrote, at most `most` numbers.
    pub(super) fn unpack_list(&mut self, from: &mut Reader<'_>, most: usize) -> Option<Vec<i64>> {
        let count = from.size(most)?;
        let packing = Packing::from_code(from.byte()?)?;
        let length = from.size(usize::MAX)?;
        let bytes = from.take(length)?;
        self.unpack(packing, bytes, count)
    }

    fn compress(&mut self, residuals: &[i64]) -> Result<Vec<u8>, ChunkError> {
        let mut varints = Vec::with_capacity(residuals.len() * 2);
        for residual in residuals {
            put_signed(&mut varints, *residual);
        }
        let frame = self.compressor.compress(&varints).map_err(zstd_failed)?;
        let mut bytes = Vec::with_capacity(frame.len());
        put_size(&mut bytes, varints.len());
        bytes.extend_from_slice(frame.strip_prefix(&ZSTD_MAGIC).unwrap_or(&frame));
        Ok(bytes)
    }

    fn decompress(&mut self, bytes: &[u8], count: usize) -> Option<Vec<i64>> {
        let mut frame = Reader(bytes);
        // The length is checked before it is believed.
        let length = frame.size(count * LONGEST)?;
        self.frame.clear();
        self.frame.extend_from_slice(&ZSTD_MAGIC);
        self.frame.extend_from_slice(frame.0);
        let varints = self.decompressor.decompress(&self.frame, length).ok()?;
        if varints.len() != length {
            return None;
        }
        let mut varints = Reader(&varints);
        let mut residuals = Vec::with_capacity(count);
        for _ in 0..count {
            residuals.push(unzigzag(varints.varint()?));
        }
        varints.is_at_end().then_some(residuals)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "so that it fits `map_err`")]
fn zstd_failed(error: std::io::Error) -> ChunkError {
    ChunkError::Compressor(error.to_string())
}

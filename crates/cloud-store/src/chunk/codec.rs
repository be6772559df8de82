//! The way in and out of chunks.

use super::pack::Packer;
use super::{ChunkError, ColumnId, Table, decode, encode};

/// Turns tables into chunks and back. It keeps the compressor's memory (about 1 MB), so each worker has one.
pub struct Codec {
    packer: Packer,
}

/// Which columns to decode.
#[derive(Debug, Clone, Copy)]
pub enum Pick<'a> {
    /// Every one.
    All,
    /// These, as far as the chunk has them; the times come in any case.
    Only(&'a [ColumnId]),
}

impl Pick<'_> {
    pub(super) fn wants(&self, id: &ColumnId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(id),
        }
    }
}

impl Codec {
    /// A codec.
    ///
    /// # Errors
    /// [`ChunkError::Compressor`] when there is no memory for it.
    pub fn new() -> Result<Self, ChunkError> {
        Ok(Self {
            packer: Packer::new()?,
        })
    }

    /// The chunk of `table`. The same rows give the same bytes, however they came into the table,
    /// as long as the same zstd is linked; any version reads the chunks of any other.
    ///
    /// # Errors
    /// [`ChunkError::Empty`] for a table without rows.
    pub fn encode(&mut self, table: &Table) -> Result<Vec<u8>, ChunkError> {
        encode::encode(&mut self.packer, table)
    }

    /// The rows of `chunk`, with the columns that `pick` names.
    ///
    /// # Errors
    /// What is damaged. Columns that were not asked for are not looked at, unless one leans on them.
    pub fn decode(&mut self, chunk: &[u8], pick: Pick<'_>) -> Result<Table, ChunkError> {
        decode::decode(&mut self.packer, chunk, pick)
    }
}

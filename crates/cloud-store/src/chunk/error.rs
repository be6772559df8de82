//! What can be wrong with a row and with a chunk.

use super::ColumnId;

/// Why a row or a table was not taken. What was there before is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The time is too far from the Unix epoch to be a measurement's.
    #[error("{0} ms is not a time of this era")]
    TimeOutOfRange(i64),
    /// One more row would exceed [`super::MAX_ROWS`] or [`super::MAX_CELLS`].
    #[error("the table is full")]
    Full,
    /// One more column would exceed [`super::MAX_COLUMNS`].
    #[error("the table has too many columns for {0}")]
    TooManyColumns(ColumnId),
    /// A number came for a column of integers, or the other way round.
    #[error("{0} holds the other kind of value")]
    WrongKind(ColumnId),
    /// The same column twice in one row.
    #[error("{0} occurs twice in the row")]
    Twice(ColumnId),
}

/// Why bytes are not a chunk that can be read, or a table cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A table without rows has no first and last time.
    #[error("a chunk needs at least one row")]
    Empty,
    /// Fewer bytes than the chunk says it has.
    #[error("the chunk is cut: {have} bytes of {need}")]
    Truncated {
        /// Bytes given.
        have: usize,
        /// Bytes needed, as far as known.
        need: usize,
    },
    /// More bytes than the chunk says it has.
    #[error("{have} bytes where the chunk has {need}")]
    TooLong {
        /// Bytes given.
        have: usize,
        /// Bytes the chunk has.
        need: usize,
    },
    /// These bytes never were a chunk.
    #[error("not a telemetry chunk")]
    NotAChunk,
    /// A chunk of a later time than this program.
    #[error("chunk version {0} is not known here")]
    UnknownVersion(u8),
    /// The header is damaged: nothing in it can be trusted.
    #[error("the chunk's header is damaged")]
    HeaderDamaged,
    /// The header's checksum holds, but what it says cannot be.
    #[error("the chunk's header is wrong: {0}")]
    HeaderWrong(&'static str),
    /// The times are damaged: no row can be placed.
    #[error("the chunk's times are damaged: {0}")]
    TimesDamaged(&'static str),
    /// One column is damaged; others may be sound.
    #[error("column {column} is damaged: {what}")]
    ColumnDamaged {
        /// Which one.
        column: ColumnId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The compressor failed, which only a lack of memory can explain.
    #[error("zstd failed: {0}")]
    Compressor(String),
}

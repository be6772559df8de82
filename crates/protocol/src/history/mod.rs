//! The past of a fleet as a file: what appliances measured over months, for a cloud that was not there.
//!
//! Nobody sends this over a network. A simulator, or a tool that reads another system's records, writes it; the
//! operator's console takes it in. It is a stream, so that neither side holds more than a few homes at once:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `SThist`, version (little-endian, as all numbers) |
//! | 4 + 4 + n | a frame: n, CRC-32C of the n bytes, the bytes |
//! | | further frames |
//!
//! A frame's first byte is its kind: 1 the header, 2 and 3 a block, 4 the end. The header's and the end's rest is JSON
//! ([`Header`], [`End`]). A block's is the number of its home in the header, and zstd of the block ([`Block`]). The
//! blocks of a home lie together, by time, those of kind 2 (samples that only buckets are made of) before those of
//! kind 3 (rows that are kept). A file without its end is damaged.

mod block;
mod stream;
mod varint;

use serde::{Deserialize, Serialize};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, LedgerId};

pub use self::block::{Block, Column};
pub use self::stream::{Next, Packed, Reader, Writer};

/// The most rows of a block.
pub const MAX_ROWS: usize = 100_000;
/// The most columns of a block.
const MAX_COLUMNS: usize = 64;
/// The largest frame, in bytes.
const MAX_FRAME: usize = 64 << 20;

/// What the stream is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The program that wrote it.
    pub made_by: String,
    /// Time of each home's first sample.
    pub from: UnixMillis,
    /// From here on there are rows, before it samples for buckets. Begin of a quarter of an hour; each home has a sample at
    /// this very instant in both parts, where it has both.
    pub rows_from: UnixMillis,
    /// Time of each home's last row.
    pub to: UnixMillis,
    /// Seconds between two samples before `rows_from`.
    pub coarse_s: u32,
    /// Seconds between two rows after it.
    pub step_s: u32,
    /// The homes, in their order.
    pub homes: Vec<Source>,
}

/// Who measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The device.
    pub device_id: DeviceId,
    /// Its serial, for a person.
    pub serial: String,
    /// The ledger of its totals.
    pub ledger_id: LedgerId,
    /// Version of its software.
    pub firmware: String,
}

/// How many blocks there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Of all homes.
    pub blocks: u64,
}

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Samples that only buckets are made of.
    Coarse,
    /// Rows that are kept.
    Rows,
}

/// Why a stream cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The system's reason.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("this is no history of a fleet")]
    Stranger,
    /// A newer program wrote it.
    #[error("the history is of version {0}, which this program does not know")]
    Version(u16),
    /// It ends before its end.
    #[error("the history ends in the middle: {0} blocks were whole")]
    Torn(u64),
    /// Some bit is not as it was written, or it was written by a program that errs.
    #[error("the history is damaged after block {after}: {what}")]
    Damaged {
        /// So many blocks were sound.
        after: u64,
        /// What is wrong.
        what: String,
    },
}

//! One device's day of telemetry, as a table in memory and as a chunk of bytes.
//!
//! A [`Table`] holds rows by their time and columns by their [`ColumnId`]; it grows row by row and
//! stays small while it waits. [`Codec::encode`] freezes it into a chunk, [`Codec::decode`] brings
//! back all or some of its columns, and [`Header::read`] answers from the chunk's first few hundred
//! bytes what each column begins, ends and sums up to.
//!
//! Promises, each held by a test:
//! * Lossless: every `f64` comes back with the bits it went in with, `-0.0` included; absent is not zero.
//! * Canonical: the same rows give the same bytes, in whatever order and pieces they arrived.
//! * Damage is noticed: any flipped bit and any cut is a [`ChunkError`] that names the part.
//! * Foreign bytes cost at most what [`MAX_ROWS`], [`MAX_COLUMNS`] and [`MAX_CELLS`] allow, and never a panic.
//!
//! Whose day it is stands outside, in the key of whoever stores the chunk. Layout and measured
//! reasons: `docs/decisions/0005-telemetry-chunks.md`.

pub(crate) mod bits;
pub(crate) mod bytes;
mod choose;
mod codec;
mod column;
mod decimals;
mod decode;
mod draft;
mod dump;
mod encode;
mod entries;
mod error;
mod facts;
mod forecast;
mod guide;
mod header;
mod id;
mod integers;
mod ints;
mod lanes;
mod mask;
mod merge;
mod model;
pub(crate) mod number;
mod pack;
pub(crate) mod rice;
mod settled;
mod stats;
mod table;

pub use codec::{Codec, Pick};
pub use column::Column;
pub use dump::{Rows, dump};
pub use error::{ChunkError, TableError};
pub use header::{ColumnHeader, Header};
pub use id::{BadName, ColumnId, Kind, Known, Name};
pub use merge::{Overlap, merge};
pub use number::{Finite, NotFinite, Value};
pub use stats::{Sample, Statistics, Stats};
pub use table::{Inserted, Table, check_row};

/// The most rows of a chunk: a day at one second, and half as much again for clocks that were set back.
pub const MAX_ROWS: usize = 1 << 17;
/// The most columns of a chunk, beside the time.
pub const MAX_COLUMNS: usize = 256;
/// The most rows times columns of a chunk: 97 columns of a day at one second.
pub const MAX_CELLS: usize = 1 << 23;

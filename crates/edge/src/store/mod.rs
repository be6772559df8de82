//! The history: minutes, days, months, events and the totals, in one SQLite file.
//!
//! One thread owns the only write connection and stores a batch a minute in one transaction;
//! whoever submits never waits for the disk. Rows that cannot be stored wait in memory. See
//! `docs/operations/storage.md` for what an installer should know, and decision 0003 for why.

mod batch;
mod calendar;
mod columns;
mod delivery;
mod detail;
mod error;
mod handle;
mod health;
mod meta;
mod names;
mod open;
mod options;
mod packed;
mod place;
mod query;
mod queue;
mod reader;
mod retain;
mod rollup;
mod salvage;
mod saved;
mod scale;
mod schema;
mod session;
mod tally;
mod writer;

pub use batch::{Batch, Event, Happening, MOST_EVENTS, MOST_ROWS};
pub use delivery::{Numbered, Progress};
pub use error::StoreError;
pub use handle::Store;
pub use health::Health;
pub use options::{FreeSpace, LedgerSource, Opened, Options, SavedLedger};
pub use place::DATABASE as FILE;
pub use reader::{MonthSummary, Reader};
pub use schema::VERSION as SCHEMA;

//! The promises of the cloud's store, in one test binary.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly, as tests do"
)]

mod audit;
mod bucket_days;
mod damage;
mod dumps;
mod engines;
mod format;
#[path = "../../examples/chunk_bench/homes.rs"]
mod homes;
mod hot_blob;
mod hot_index;
mod hot_oracle;
mod laws;
mod merging;
mod postgres_log;
mod second_wall;
mod snapshots;
mod statistics;
mod support;

//! What the cloud can do: `cargo xtask bench cloud` runs it on both engines and prints one table.
//!
//! The service under test is the real program in a process of its own, with TLS; the load comes from
//! here, over the loopback, and shares the machine's processors with it.

mod answers;
mod fleet;
#[path = "../../../cloud-store/examples/chunk_bench/homes.rs"]
mod homes;
mod load;
mod measures;
mod people;
mod queries;
mod service;
mod table;
mod wide;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;

use self::table::Table;

/// Measures the cloud.
#[derive(Debug, Parser)]
struct Args {
    /// The program to measure
    #[arg(long)]
    program: PathBuf,
    /// Keep everything in a PostgreSQL server, which is started for this, instead of the embedded store
    #[arg(long = "postgres")]
    on_postgres: bool,
    /// Where that server's database is
    #[arg(skip)]
    postgres: Option<String>,
    /// Where to put the data; on the disk that is to be measured
    #[arg(long, default_value = "target/bench-cloud")]
    folder: PathBuf,
    /// Seconds of each load
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Devices of the throughput runs and the wide store
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// Only these parts: single, batch, steady, size, queries, wide, answers
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Devices of the size and query runs, with three days each
    #[arg(long, default_value_t = 200)]
    homes: usize,
    /// Numbers of devices whose steady load is measured
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    growth: Vec<usize>,
}

impl Args {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    fn seconds(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let server = args
        .on_postgres
        .then(solthrive_testkit::Server::durable)
        .transpose()?;
    if let Some(server) = &server {
        args.postgres = Some(server.database("bench")?);
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let _ = provider.install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut table = Table::new(if args.postgres.is_some() {
        "PostgreSQL"
    } else {
        "embedded"
    });
    runtime.block_on(async {
        if args.wants("single") {
            measures::throughput(&args, 1, &mut table)
                .await
                .context("one snapshot a call")?;
        }
        if args.wants("batch") {
            measures::throughput(&args, 500, &mut table)
                .await
                .context("500 snapshots a call")?;
        }
        if args.wants("steady") {
            for devices in &args.growth {
                measures::steady(&args, *devices, &mut table)
                    .await
                    .context("steady load")?;
            }
        }
        if args.wants("size") || args.wants("queries") {
            measures::history(&args, &mut table)
                .await
                .context("history")?;
        }
        if args.wants("wide") {
            measures::wide(&args, &mut table).await.context("wide")?;
        }
        if args.wants("answers") {
            answers::measure(&args, &mut table)
                .await
                .context("answers")?;
        }
        anyhow::Ok(())
    })?;
    table.print();
    Ok(())
}

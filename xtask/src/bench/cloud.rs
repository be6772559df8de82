//! `cargo xtask bench cloud`: the cloud's program, built for servers, under load on both engines.
//!
//! The load is `crates/cloud/examples/cloud_bench`; its `--help` says what it measures.

use anyhow::Result;

use crate::run::{cargo, check, command, quietly, root};
use crate::setup;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds of each load.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Only these parts: single, batch, steady, size, queries, wide, answers.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Homes of the size and query runs, with three days each; the targets are stated for 1,000.
    #[arg(long, default_value_t = 1_000)]
    homes: usize,
    /// Only this engine: embedded or postgres.
    #[arg(long)]
    engine: Option<String>,
    /// Use the programs that are already built.
    #[arg(long)]
    no_build: bool,
}

/// Builds, measures both engines, prints a table for each.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::postgres()?;
    if !args.no_build {
        println!("building the programs (some minutes) …");
        quietly(&mut cargo(&[
            "build",
            "--profile=server",
            "--locked",
            "--package=solthrive-cloud",
            "--bin=solthrive-cloud",
            "--example=cloud_bench",
        ]))?;
    }
    let built = root().join("target/server");
    let bench = built.join("examples/cloud_bench");
    for engine in ["embedded", "postgres"] {
        if args.engine.as_ref().is_some_and(|only| only != engine) {
            continue;
        }
        println!("\n{engine}: measuring (some minutes) …");
        let mut measure = command(&bench.to_string_lossy(), "", [] as [&str; 0]);
        measure
            .arg("--program")
            .arg(built.join("solthrive-cloud"))
            .args(["--seconds", &args.seconds.to_string()])
            .args(["--homes", &args.homes.to_string()]);
        if !args.only.is_empty() {
            measure.args(["--only", &args.only.join(",")]);
        }
        if engine == "postgres" {
            measure.arg("--postgres");
        }
        check(&mut measure)?;
    }
    Ok(())
}

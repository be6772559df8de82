//! How old a sample is when a person sees it: meter, appliance, TLS, log, worker, API.

use anyhow::Result;

use crate::run::{cargo, check};

/// Runs the real programs and prints percentiles.
pub(super) fn run() -> Result<()> {
    check(&mut cargo(&[
        "build",
        "--locked",
        "--bin",
        "solthrive-cloud",
    ]))?;
    let test = "together::watched::how_long_a_sample_takes_from_the_meter_to_the_reader";
    check(&mut cargo(&[
        "nextest",
        "run",
        "--locked",
        "-p",
        "solthrive-edge",
        "--run-ignored",
        "ignored-only",
        "--no-capture",
        test,
    ]))
}

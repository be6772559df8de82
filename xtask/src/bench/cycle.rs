//! What one full cycle of a meter takes on the wire, as it was heard there.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::home::{
    Points, first_snapshot, get, get_as_owner, start_appliance, start_simulator, write_config,
};
use crate::test::now;

/// Long enough for the turnaround to be known and the plan to stand.
const SETTLE: Duration = Duration::from_secs(40);

/// One full cycle: the median of the last ones.
pub(super) struct FullCycle {
    /// Requests.
    pub(super) requests: usize,
    /// From each request to the end of its answer, added up.
    pub(super) wire_ms: f64,
    /// From the first request to the end of the last answer, with the pauses that the profile asks for.
    pub(super) whole_ms: f64,
    /// The same points one by one, computed with the measured turnaround.
    pub(super) one_by_one_ms: f64,
}

/// Polls all 42 points of an SDM630 at 9600 baud for a while, in a home of its own.
pub(super) fn full_profile(folder: &Path) -> Result<FullCycle> {
    let folder = folder.join("full");
    fs::create_dir_all(folder.join("config"))?;
    let (_simulator, ready) = start_simulator(&folder)?;
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    write_config(&folder, &ready, address, Points::All)?;
    let started = now();
    let _appliance = start_appliance(&folder)?;
    first_snapshot(address, started)?;
    sleep(SETTLE);
    let debug = get_as_owner(address, "/api/debug", &folder)?;
    let system = get(address, "/api/system")?;
    measured(&debug["buses"][0], &system["bus"][0]["meters"][0])
        .context("the trace holds no full cycle")
}

fn measured(bus: &Value, meter: &Value) -> Option<FullCycle> {
    let trace = bus["trace"].as_array()?;
    let requests = usize::try_from(meter["blocks"].as_u64()?).ok()?;
    let exchange = |it: &Value| Some((it["at_s"].as_f64()? * 1e3, it["took_ms"].as_f64()?));
    let all: Vec<(f64, f64)> = trace.iter().filter_map(exchange).collect();
    // A poll is what begins in the same second: the grid is whole seconds.
    let same = |a: &(f64, f64), b: &(f64, f64)| (a.0 / 1e3).floor() == (b.0 / 1e3).floor();
    let whole = all.chunk_by(same).filter(|poll| poll.len() == requests);
    let sums = whole.filter_map(|poll| {
        let ((first, _), (last, took)) = (poll.first()?, poll.last()?);
        Some((
            poll.iter().map(|(_, took)| took).sum::<f64>(),
            last + took - first,
        ))
    });
    let (mut wire, mut span): (Vec<f64>, Vec<f64>) = sums.unzip();
    Some(FullCycle {
        requests,
        wire_ms: median(&mut wire)?,
        whole_ms: median(&mut span)?,
        one_by_one_ms: meter["one_by_one_ms"].as_f64()?,
    })
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

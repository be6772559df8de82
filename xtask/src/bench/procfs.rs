//! What the kernel knows of a process, read from outside it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Clock ticks a second in `/proc/<pid>/stat`; Linux fixes it for user space.
const TICKS_PER_SECOND: u64 = 100;

/// Totals since the process started, and its memory now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// User and system time of all threads, to 10 ms.
    pub(crate) cpu: Duration,
    /// Nanoseconds on a processor, of all threads that still live; finer than `cpu`.
    pub(crate) on_cpu: Duration,
    /// Voluntary context switches of all threads: each is one wake-up.
    pub(crate) wakeups: u64,
    /// Involuntary ones: somebody else's load.
    pub(crate) preempted: u64,
    /// Bytes that reached the block layer.
    pub(crate) written: u64,
    /// Resident memory in bytes.
    pub(crate) resident: u64,
    /// Highest resident memory so far.
    pub(crate) peak: u64,
    /// Threads.
    pub(crate) threads: usize,
}

/// Reads all of it.
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    let mut usage = Usage {
        cpu: cpu(pid)?,
        written: field(
            &fs::read_to_string(format!("/proc/{pid}/io"))?,
            "write_bytes:",
        ),
        resident: field(&status, "VmRSS:") * 1024,
        peak: field(&status, "VmHWM:") * 1024,
        ..Usage::default()
    };
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        // A thread may end between the listing and the reading.
        let Ok(status) = fs::read_to_string(task.join("status")) else {
            continue;
        };
        usage.threads += 1;
        usage.wakeups += field(&status, "voluntary_ctxt_switches:");
        usage.preempted += field(&status, "nonvoluntary_ctxt_switches:");
        let schedstat = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        let nanos = schedstat
            .split_whitespace()
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0);
        usage.on_cpu += Duration::from_nanos(nanos);
    }
    Ok(usage)
}

fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; what follows does not.
    let after = stat.rsplit_once(')').context("unexpected /proc stat")?.1;
    let mut fields = after
        .split_whitespace()
        .skip(11)
        .filter_map(|number| number.parse::<u64>().ok());
    let ticks = fields.next().unwrap_or(0) + fields.next().unwrap_or(0);
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// One-minute load average and the share of stolen time since boot.
pub(crate) fn machine() -> (f64, f64) {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(f64::NAN);
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|number| number.parse().ok())
        .collect();
    let total: f64 = ticks.iter().sum();
    (
        load,
        100.0 * ticks.get(7).copied().unwrap_or(0.0) / total.max(1.0),
    )
}

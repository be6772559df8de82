//! What a day costs the card.

use std::fs;

use super::*;

/// Commits that are measured: at least one cycle of the log being copied back.
const COMMITS: u64 = 240;

#[test]
#[ignore = "the other half of the test below, run as a child of its own: the kernel counts by process"]
fn child_counts_its_bytes() {
    let Some((folder, commits)) = child::task() else {
        return;
    };
    let (store, _) = open(utc(&folder, 1));
    let start = ts("2026-06-20T00:00:00Z");
    // A history as it is after some days, so that pages are as full as they get.
    for chunk in 0..12 {
        let rows = (0..240).map(|minute| row(1, start + minutes(chunk * 240 + minute), 0, 1000));
        super::store(&store, a_batch(rows.collect()));
    }
    let before = written();
    for minute in 0..i64::try_from(commits).unwrap() {
        super::store(
            &store,
            a_batch(vec![row(1, start + minutes(2880 + minute), 0, 1000)]),
        );
    }
    println!("wrote {} rss {}", written() - before, resident());
}

/// What this process caused to be written to a block device.
fn written() -> u64 {
    number("/proc/self/io", "write_bytes:")
}

/// Resident memory, kB.
fn resident() -> u64 {
    number("/proc/self/status", "VmRSS:")
}

fn number(file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_day_of_commits_writes_less_than_seventy_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let commits = std::env::var("SOLTHRIVE_COMMITS").map_or(COMMITS, |text| text.parse().unwrap());
    let mut child = child::spawn(
        "store::bytes::child_counts_its_bytes",
        folder.path(),
        commits,
    );
    let said: Vec<_> = child::lines(&mut child, "wrote ").collect();
    child.wait().unwrap();
    let (bytes, rss) = said[0].split_once(" rss ").unwrap();
    let bytes: u64 = bytes.parse().unwrap();
    let day = bytes * 1440 / commits;
    println!(
        "{commits} commits wrote {bytes} bytes: {:.1} MB a day; resident {rss} kB",
        day as f64 / 1e6
    );
    // A folder in memory counts nothing.
    assert!(day < 70_000_000, "{day} bytes a day");
}

//! Disk and clock of the machine.

use std::path::Path;

use jiff::SignedDuration;

use super::super::site::Site;
use super::Finding;
use crate::app::clocks;
use crate::config::AppConfig;

const MEGABYTE: u64 = 1024 * 1024;

/// Space where the history lies, or will.
pub(super) fn disk(site: &Site, config: &AppConfig) -> Finding {
    let folder = &site.places.data_dir;
    let there = folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"));
    let Ok(stats) = rustix::fs::statvfs(there) else {
        return Finding::note("disk", format!("{} cannot be looked at", folder.display()));
    };
    let of = |blocks: u64| blocks.saturating_mul(stats.f_frsize);
    let (free, total) = (of(stats.f_bavail), of(stats.f_blocks));
    let detail = format!(
        "{} of {} free at {}",
        bytes(free),
        bytes(total),
        there.display()
    );
    if free < config.storage.low_space {
        let advice = format!(
            "below {} (`low_space_mb` in storage.yaml) the oldest minutes go first: remove other files, or use a larger card",
            bytes(config.storage.low_space)
        );
        return Finding::problem("disk", detail).advice(advice);
    }
    Finding::ok("disk", detail)
}

/// Whether the clock can be right, and whether the network has confirmed it.
pub(super) fn clock(site: &Site) -> Finding {
    let now = site.now();
    let shown = now.strftime("%Y-%m-%d %H:%M:%SZ");
    if now < clocks::released() {
        return Finding::problem(
            "clock",
            format!("it shows {shown}, which is before this version was made"),
        )
        .advice(
            "connect the appliance to the network, or set the clock: sudo timedatectl set-time …",
        );
    }
    match clocks::synced() {
        Some(true) => Finding::ok("clock", format!("{shown}, confirmed by the network")),
        Some(false) => Finding::note(
            "clock",
            format!("{shown}, not confirmed by the network yet"),
        )
        .advice("timedatectl timesync-status"),
        None => Finding::ok(
            "clock",
            format!("{shown}, plausible; no systemd-timesyncd here to confirm it"),
        ),
    }
}

/// `12.3 GB`.
#[expect(clippy::cast_precision_loss, reason = "for people, one decimal")]
pub(super) fn bytes(count: u64) -> String {
    let megabytes = count as f64 / MEGABYTE as f64;
    match megabytes {
        0.0..1.0 => format!("{:.0} kB", megabytes * 1024.0),
        1.0..1024.0 => format!("{megabytes:.1} MB"),
        _ => format!("{:.1} GB", megabytes / 1024.0),
    }
}

/// `40 s`, `12 min`, `3 h`, `5 days`.
pub(super) fn span(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

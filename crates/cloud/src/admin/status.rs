//! `admin status`: the fleet and the store at one glance.

use anyhow::Result;
use serde_json::{Value, json};
use solthrive_cloud_store::archive::{Archive as _, Cursors, DeviceStatus, Views as _};
use solthrive_cloud_store::hot::{HotLog, Seq};
use solthrive_cloud_store::meta::{DeviceLine, Registry as _, Standing};
use solthrive_domain::telemetry::UnixMillis;

use super::Verdict;
use super::console::Console;
use super::output::{ago, instant, or_dash};
use super::screen::Screen;

const MINUTE_MS: i64 = 60_000;

pub(super) async fn run(console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let now = console.clock.now();
    let devices = console.sql.devices(&console.operator).await?;
    let statuses = console.sql.statuses(&console.operator).await?;
    let sites = console.sql.sites(&console.operator).await?.len();
    let (count, seen) = (Standings::of(&devices), Seen::of(&statuses, now));
    // Followers first: the log is never behind them.
    let cursors = console.sql.cursors().await?;
    let lag = match console.log().await? {
        Some(log) => Lag::of(log.as_ref(), cursors).await?,
        None => Lag::default(),
    };
    let found = Found {
        sites,
        devices: devices.len(),
        count,
        seen,
        cursors,
        lag,
    };
    screen.facts(&found.facts(now), &found.json())?;
    Ok(Verdict::Fine)
}

struct Found {
    sites: usize,
    devices: usize,
    count: Standings,
    seen: Seen,
    cursors: Cursors,
    lag: Lag,
}

impl Found {
    fn facts(&self, now: UnixMillis) -> [(&'static str, String); 8] {
        let Self {
            sites,
            devices,
            count,
            seen,
            cursors,
            lag,
        } = self;
        let when = |at: Option<UnixMillis>| {
            or_dash(at.map(|at| format!("{} ({})", instant(at), ago(at, now))))
        };
        let behind = |follower: Seq, since: Option<UnixMillis>| match since {
            Some(since) => {
                let entries = lag.newest.get() - follower.get();
                format!("{entries} entries, the oldest from {}", ago(since, now))
            }
            None => "nothing".to_owned(),
        };
        let devices = format!(
            "{devices}: {} bound, {} waiting, {} deactivated",
            count.bound, count.waiting, count.deactivated
        );
        let heard_of = format!(
            "{} within 5 min, {} within an hour, {} within a day, {} ever",
            seen.minutes, seen.hour, seen.day, seen.ever
        );
        [
            ("sites", sites.to_string()),
            ("devices", devices),
            ("heard of", heard_of),
            ("last call", when(seen.last)),
            ("newest sample", when(seen.newest)),
            ("log", format!("{} entries ever", lag.newest.get())),
            ("to be folded", behind(cursors.folded, lag.folded)),
            ("to be sealed", behind(cursors.sealed, lag.sealed)),
        ]
    }

    fn json(&self) -> Value {
        let Self {
            sites,
            devices,
            count,
            seen,
            cursors,
            lag,
        } = self;
        json!({
            "sites": sites,
            "devices": {
                "all": devices, "bound": count.bound, "waiting": count.waiting,
                "deactivated": count.deactivated,
            },
            "heard_of": {
                "within_5_min": seen.minutes, "within_1_h": seen.hour, "within_1_d": seen.day,
                "ever": seen.ever,
            },
            "last_call": seen.last.map(instant),
            "newest_sample": seen.newest.map(instant),
            "log": {
                "newest": lag.newest.get(), "folded": cursors.folded.get(),
                "sealed": cursors.sealed.get(), "oldest_not_folded": lag.folded.map(instant),
                "oldest_not_sealed": lag.sealed.map(instant),
            },
        })
    }
}

#[derive(Default)]
struct Standings {
    waiting: usize,
    bound: usize,
    deactivated: usize,
}

impl Standings {
    fn of(devices: &[DeviceLine]) -> Self {
        devices.iter().fold(Self::default(), |mut count, device| {
            match device.standing {
                Standing::Waiting => count.waiting += 1,
                Standing::Bound(_) => count.bound += 1,
                Standing::Deactivated => count.deactivated += 1,
            }
            count
        })
    }
}

struct Seen {
    minutes: usize,
    hour: usize,
    day: usize,
    ever: usize,
    last: Option<UnixMillis>,
    newest: Option<UnixMillis>,
}

impl Seen {
    fn of(statuses: &[DeviceStatus], now: UnixMillis) -> Self {
        let within = |minutes: i64| {
            let since = now.get() - minutes * MINUTE_MS;
            statuses
                .iter()
                .filter(|status| status.last_seen.get() >= since)
                .count()
        };
        let samples = statuses.iter().filter_map(|status| status.newest.as_ref());
        Self {
            minutes: within(5),
            hour: within(60),
            day: within(24 * 60),
            ever: statuses.len(),
            last: statuses.iter().map(|status| status.last_seen).max(),
            newest: samples.map(|sample| sample.ts).max(),
        }
    }
}

/// How far the followers are behind the log.
#[derive(Default)]
struct Lag {
    newest: Seq,
    /// When the oldest entry was taken in that is not folded, and not sealed.
    folded: Option<UnixMillis>,
    sealed: Option<UnixMillis>,
}

impl Lag {
    async fn of(log: &dyn HotLog, cursors: Cursors) -> Result<Self> {
        let first = async |after: Seq| {
            let entries = log.after(after, 1).await?;
            anyhow::Ok(entries.first().map(|entry| entry.received_at))
        };
        Ok(Self {
            newest: log.newest().await?,
            folded: first(cursors.folded).await?,
            sealed: first(cursors.sealed).await?,
        })
    }
}

//! A device whose rows, reports and tokens are in memory.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use solthrive_courier::{
    Cargo, Clock, CloudAddress, Courier, Report, Reports, Roots, Row, Settings, Shelf, ShelfError,
    Status, Trust, Vault,
};
use solthrive_domain::delivery::{Budget, Numbers, Span, Tokens};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, LedgerId, Mono, Sample};
use solthrive_protocol::SnapshotBody;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cloud::{Call, TestCloud};

/// The rows are their numbers; those from `second_ledger` on are another ledger's.
pub(crate) struct World {
    pub(crate) second_ledger: u64,
    pub(crate) unreadable: AtomicBool,
    pub(crate) reports: Mutex<Vec<(u64, Report)>>,
    pub(crate) kept: Mutex<Vec<Tokens>>,
    pub(crate) full: AtomicBool,
    origin: Instant,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_ledgers(u64::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "the test's own clock")]
    pub(crate) fn with_ledgers(second_ledger: u64) -> Arc<Self> {
        Arc::new(Self {
            second_ledger,
            unreadable: AtomicBool::new(false),
            reports: Mutex::default(),
            kept: Mutex::default(),
            full: AtomicBool::new(false),
            origin: Instant::now(),
        })
    }
}

impl Shelf for World {
    fn rows(&self, span: Span) -> Result<Vec<(u64, Row)>, ShelfError> {
        if self.unreadable.load(Ordering::Relaxed) {
            return Err(ShelfError("the card is gone".to_owned()));
        }
        let row = |number: u64| {
            let at = UnixMillis::try_from(i64::try_from(number).unwrap() * 15_000).unwrap();
            let ledger =
                LedgerId::from_uuid(Uuid::from_u128(u128::from(number >= self.second_ledger)));
            let body = SnapshotBody::of(
                &Sample::empty(at, ledger),
                std::collections::BTreeMap::default(),
            );
            (number, Row { ledger, body })
        };
        Ok((span.first..=span.last).map(row).collect())
    }
}

impl Reports for World {
    fn next(&self) -> Option<(u64, Report)> {
        self.reports.lock().unwrap().first().cloned()
    }

    fn told(&self, number: u64) {
        self.reports
            .lock()
            .unwrap()
            .retain(|(other, _)| *other != number);
    }
}

impl Vault for World {
    fn keep(&self, tokens: &Tokens) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.kept.lock().unwrap().push(tokens.clone());
        Ok(())
    }
}

impl Clock for World {
    fn mono(&self) -> Mono {
        Mono::from_origin(self.origin.elapsed() + Duration::from_hours(1))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

pub(crate) const TOKEN: &str = "std_first";

/// A device at work; it stops when dropped.
pub(crate) struct Device {
    pub(crate) courier: Arc<Courier>,
    stop: CancellationToken,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn wall() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn device(cloud: &TestCloud, world: &Arc<World>, rows: u64) -> Device {
    device_at(&cloud.url(), cloud, world, rows, None)
}

pub(crate) fn device_at(
    url: &str,
    cloud: &TestCloud,
    world: &Arc<World>,
    rows: u64,
    other: Option<&str>,
) -> Device {
    let address: CloudAddress = url.parse().unwrap();
    let roots = Roots::File(cloud.authority.path().to_owned());
    let trust = Trust::new(&roots, wall, Timestamp::UNIX_EPOCH).unwrap();
    let settings = Settings {
        budget: Budget {
            live_rows: 10,
            live_call: 10,
            backfill_call: 40,
            spread: Duration::ZERO,
        },
        longest_pause: Duration::from_millis(20),
        patience: Duration::from_millis(1500),
        seed: 1,
    };
    let tokens = Tokens::new(TOKEN.to_owned(), other.map(str::to_owned));
    let known = rows.checked_sub(1).map(|last| Span { first: 0, last });
    let this = solthrive_courier::Device {
        id: DeviceId::from_uuid(Uuid::from_u128(7)),
        firmware: "9".to_owned(),
        tokens,
        known,
        told: Numbers::default(),
    };
    let cargo = Cargo {
        shelf: Arc::clone(world) as _,
        reports: Arc::clone(world) as _,
        vault: Arc::clone(world) as _,
        clock: Arc::clone(world) as _,
    };
    let courier = Courier::new(address, trust, this, cargo, settings);
    let stop = CancellationToken::new();
    let (working, until) = (Arc::clone(&courier), stop.clone());
    tokio::spawn(async move { working.run(until).await });
    Device { courier, stop }
}

impl Device {
    /// Waits until it stands as wanted, for as long as a busy machine may take.
    pub(crate) async fn until(&self, wanted: impl Fn(&Status) -> bool) -> Status {
        for _ in 0..1_000 {
            let status = self.courier.status();
            if wanted(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never stands so: {:?}", self.courier.status());
    }

    pub(crate) async fn until_told(&self) -> Status {
        self.until(|status| status.waiting_rows == 0).await
    }
}

/// Numbers of the rows of a call, in the order in which they were said.
pub(crate) fn rows(call: &Call) -> Vec<u64> {
    let snapshots = call.body["snapshots"].as_array().into_iter().flatten();
    let number = |ts: &str| {
        u64::try_from(ts.parse::<Timestamp>().unwrap().as_millisecond() / 15_000).unwrap()
    };
    snapshots
        .map(|snapshot| number(snapshot["ts"].as_str().unwrap()))
        .collect()
}

//! An archive that fails now and then, before it has done something or after.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::civil::Date;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{
    Archive, BucketDay, Checkpoint, Cursors, DeviceStatus, FlagPast, Fleet, FleetQuarters, Lease,
    OpenDay, Past, Period, Piece, SiteDay, SiteMonth, SiteState, Stored, ToldDay, UtcDay, Wrote,
};
use solthrive_cloud_store::hot::Seq;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, FleetSums, SiteId};
use uuid::Uuid;

use super::rng::Rng;

/// When what fails, and how.
pub(crate) enum Fault {
    /// One call in so many, before or after it took effect.
    Now(u64, Mutex<Rng>),
    /// The state of this site is damaged.
    State(SiteId),
    /// The stored buckets of this site are damaged.
    Buckets(SiteId),
    /// None of its own; it can be told to answer nobody any more.
    Silence(Arc<Silence>),
}

#[derive(Default)]
pub(crate) struct Silence {
    pub(crate) begun: AtomicBool,
    /// Questions so far.
    pub(crate) asked: AtomicUsize,
}

pub(crate) struct Faulty {
    pub(crate) inner: Arc<dyn Archive>,
    pub(crate) fault: Fault,
}

impl Faulty {
    async fn silence(&self) {
        if let Fault::Silence(silence) = &self.fault {
            silence.asked.fetch_add(1, Ordering::Relaxed);
            if silence.begun.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        }
    }

    fn now_and_then(&self, call: &str) -> Result<(), StoreError> {
        match &self.fault {
            Fault::Now(times, rng) if rng.lock().unwrap().once_in(*times) => {
                Err(StoreError::Unavailable(call.to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn read(&self, call: &str, site: SiteId) -> Result<(), StoreError> {
        match &self.fault {
            Fault::State(damaged) if call == "site_state" && *damaged == site => {
                Err(StoreError::Damaged(call.to_owned()))
            }
            Fault::Buckets(damaged) if call == "bucket_days" && *damaged == site => {
                Err(StoreError::Damaged(call.to_owned()))
            }
            _ => Ok(()),
        }
    }
}

macro_rules! passed_on {
    ({$($call:ident($($name:ident: $kind:ty),*) -> $answer:ty;)*} of a site {$($of_site:ident($site:ident $(, $more:ident: $more_kind:ty)*) -> $read:ty;)*}) => {
        #[async_trait]
        impl Archive for Faulty {
            $(async fn $call(&self, $($name: $kind),*) -> Result<$answer, StoreError> {
                self.silence().await;
                self.now_and_then(stringify!($call))?;
                let done = self.inner.$call($($name),*).await;
                self.now_and_then(stringify!($call))?;
                done
            })*
            $(async fn $of_site(&self, $site: SiteId $(, $more: $more_kind)*) -> Result<$read, StoreError> {
                self.now_and_then(stringify!($of_site))?;
                self.read(stringify!($of_site), $site)?;
                self.inner.$of_site($site $(, $more)*).await
            })*
        }
    };
}

passed_on! {
    {
    cursors() -> Cursors;
    checkpoint(checkpoint: &Checkpoint) -> Wrote;
    bring(past: &Past) -> Wrote;
    seal(from: Seq, to: Seq, pieces: &[Piece]) -> Wrote;
    sealed_to() -> Vec<(DeviceId, i64)>;
    parts(day: OpenDay) -> Vec<Stored>;
    parts_of_days(device: DeviceId, days: Range<UtcDay>) -> Vec<Stored>;
    days_with_pieces(before: UtcDay, most: u32) -> Vec<OpenDay>;
    merge(day: OpenDay, parts: &BTreeSet<i64>, chunk: &Piece) -> Wrote;
    set_aside(part: &Stored, why: &str, now: UnixMillis) -> ();
    scan(after: Option<(OpenDay, i64)>, most: u32) -> Vec<Stored>;
    expire(today: UtcDay, default_days: u32, most: u32) -> u64;
    device_status(device: DeviceId) -> Option<DeviceStatus>;
    days_not_final(before: Date, most: u32) -> Vec<(SiteId, Date)>;
    total(fleet: Fleet, period: Period) -> Option<FleetSums>;
    quarters(fleet: Fleet, day: UtcDay) -> Option<FleetQuarters>;
    flags(site: SiteId, device: DeviceId, from: UnixMillis) -> FlagPast;
    open_flags() -> Vec<(SiteId, DeviceId, UnixMillis)>;
    lease(job: &str, holder: Uuid, now: UnixMillis, until: UnixMillis) -> Option<Lease>;
    release(job: &str, holder: Uuid, done_at: Option<UnixMillis>) -> ();
    } of a site {
    site_state(site) -> Option<SiteState>;
    bucket_days(site, days: Range<UtcDay>) -> Vec<BucketDay>;
    site_days(site, dates: Range<Date>) -> Vec<SiteDay>;
    site_month(site, month: Date) -> Option<SiteMonth>;
    told(site, dates: Range<Date>) -> Vec<ToldDay>;
    }
}

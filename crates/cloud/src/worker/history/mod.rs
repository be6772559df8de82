//! A past that no log brought comes into the archive.
//!
//! What is stored is what this worker would have made of it, by the same functions; it holds the right to follow the log
//! meanwhile, so nobody else writes. Some homes at a time take effect together, with the fleets' sums: an import that was
//! killed is started again and goes on with the homes that are missing.

mod crew;
mod home;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Past, Wrote};
use solthrive_cloud_store::hot::{BadBlob, Delivery, decode};
use solthrive_domain::DeviceId;
use solthrive_domain::rollup::Sums;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::MAX_AHEAD_MS;
use solthrive_protocol::history::{Header, HistoryError, Reader, Source};
use tokio::time;
use uuid::Uuid;

use self::crew::{Job, Made};
use self::home::Lived;
use super::fleets::Exchange;
use super::lease::Right;
use super::{Now, Settings, Stores, Trouble, Worker};

/// For how long the right is taken; an import that was killed leaves it to nobody for so long.
const LEASE: Duration = Duration::from_secs(15);
/// Between two questions whether it is free.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a past does not come in. What took effect before stays.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A service works on this store.
    #[error("a worker follows the log of this store: stop the service first, then try again")]
    Held,
    /// Its right was taken, or somebody else wrote.
    #[error("another process worked on the store meanwhile; start the import again to go on")]
    Overtaken,
    /// Homes that it cannot come in for; nothing was changed.
    #[error("nothing was imported: {0}")]
    Homes(String),
    /// What is said of one home makes no sense.
    #[error("the history of {serial} makes no sense: {why}")]
    Bad {
        /// Whose.
        serial: String,
        /// What is wrong.
        why: String,
    },
    /// It names homes of which it says nothing; all others came in.
    #[error("the history says nothing of {lacking} homes that it names")]
    Lacking {
        /// How many.
        lacking: usize,
    },
    /// The stream's.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The log's.
    #[error("the log cannot be read: {0}")]
    Log(#[from] BadBlob),
    /// The worker's.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

/// What an import did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Brought {
    /// Homes whose past came in.
    pub homes: usize,
    /// Homes whose past was there already, by an earlier run.
    pub already: usize,
    /// Rows that are kept.
    pub rows: u64,
    /// Samples before them.
    pub samples: u64,
    /// Buckets.
    pub buckets: u64,
    /// Local days.
    pub days: u64,
    /// Bytes of chunks.
    pub chunk_bytes: u64,
    /// What all of it comes to.
    pub sums: Sums,
}

/// How an import goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Homes that take effect together, each with a megabyte or two. The sums of fleets are read and written each time.
    pub homes_at_once: usize,
    /// For how long it waits for the right: as long as an import that was killed may hold it still.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            homes_at_once: 20,
            patience: LEASE + PAUSE,
        }
    }
}

/// Homes that take effect together.
#[derive(Default)]
struct Batch {
    homes: Vec<Lived>,
    /// Of all of them: a year of quarters of one home takes 10 MB.
    exchange: Exchange,
}

impl Batch {
    fn take(&mut self, mut lived: Lived) {
        self.exchange.absorb(std::mem::take(&mut lived.exchange));
        self.homes.push(lived);
    }
}

/// Brings a past into an archive.
pub struct Importer {
    worker: Worker,
    pace: Pace,
}

impl Importer {
    /// One that works with these stores. `holder` is an id that the process made when it started.
    #[must_use]
    pub fn new(stores: Stores, pace: Pace, now: Now, holder: Uuid) -> Self {
        Self {
            worker: Worker::new(stores, Settings::default(), now, holder),
            pace,
        }
    }

    /// Imports a stream, and tells how far it is after each step.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn import<R: Read + Send + 'static>(
        mut self,
        header: Header,
        reader: Reader<R>,
        mut tell: impl FnMut(&Brought),
    ) -> Result<Brought, Refused> {
        let right = Right {
            archive: Arc::clone(&self.worker.stores.archive),
            job: "worker",
            holder: self.worker.holder,
            length: LEASE,
            now: Arc::clone(&self.worker.now),
        };
        until_free(&right, self.pace.patience).await?;
        let done = tokio::select! {
            () = right.keep() => Err(Refused::Overtaken),
            done = self.work(header, reader, &mut tell) => done,
        };
        right.give_back(None).await;
        done
    }

    async fn work<R: Read + Send + 'static>(
        &mut self,
        header: Header,
        reader: Reader<R>,
        tell: &mut impl FnMut(&Brought),
    ) -> Result<Brought, Refused> {
        self.worker.refresh_places().await?;
        let now = (self.worker.now)();
        let wanted = self.wanted(&header, now).await?;
        let header = Arc::new(header);
        let mut brought = Brought {
            already: wanted.iter().filter(|wanted| !**wanted).count(),
            ..Brought::default()
        };
        let missing = wanted.len() - brought.already;
        let job = Job {
            header: Arc::clone(&header),
            places: Arc::new(std::mem::take(&mut self.worker.places)),
            now,
            wanted,
        };
        let mut made = crew::start(reader, job);
        let (mut batch, mut trouble) = (Batch::default(), None);
        while let Some(next) = made.recv().await {
            match next {
                Made::Past(lived) => batch.take(*lived),
                // The homes that are whole come in all the same.
                Made::Bad(number, why) => trouble = trouble.or(Some(bad(&header, number, why))),
                Made::Broken(error) => trouble = Some(error.into()),
            }
            if batch.homes.len() >= self.pace.homes_at_once {
                self.store(std::mem::take(&mut batch), &mut brought).await?;
                tell(&brought);
            }
        }
        self.store(batch, &mut brought).await?;
        match trouble {
            Some(trouble) => Err(trouble),
            None if brought.homes < missing => Err(Refused::Lacking {
                lacking: missing - brought.homes,
            }),
            None => Ok(brought),
        }
    }

    /// Which homes are to come in. None of them may have anything of its own.
    async fn wanted(&self, header: &Header, now: UnixMillis) -> Result<Vec<bool>, Refused> {
        if header.to.get() > now.get().saturating_add(MAX_AHEAD_MS) {
            return Err(Refused::Homes("the history ends in the future".to_owned()));
        }
        let waiting = self.in_the_log().await?;
        let sealed = self.worker.stores.archive.sealed_to().await?;
        let mut wanted = Vec::with_capacity(header.homes.len());
        for source in &header.homes {
            let device = source.device_id;
            let refuse = |why: &str| Refused::Homes(format!("{} {why}", source.serial));
            let Some(site) = self.worker.places.site_now(device) else {
                return Err(refuse(
                    "is at no site; --roster FILE binds it with its code",
                ));
            };
            let has_rows =
                waiting.contains(&device) || sealed.iter().any(|(had, _)| *had == device);
            let state = self.worker.stores.archive.site_state(site).await?;
            let is_new = state.is_none() && !has_rows;
            if !is_new && !self.is_there(source, header.to).await? {
                return Err(refuse(
                    "has delivered already, or its site has: a past comes in before the first row",
                ));
            }
            wanted.push(is_new);
        }
        Ok(wanted)
    }

    /// Whether this very past came in before, and nothing after it.
    async fn is_there(&self, source: &Source, to: UnixMillis) -> Result<bool, Refused> {
        let status = self.worker.stores.archive.device_status(source.device_id);
        let status = status.await?;
        Ok(status.is_some_and(|status| home::is_of(&status, source, to)))
    }

    /// Devices with rows that are in the log and in no chunk.
    async fn in_the_log(&self) -> Result<BTreeSet<DeviceId>, Refused> {
        let stores = &self.worker.stores;
        let mut at = stores.archive.cursors().await?.sealed;
        let mut devices = BTreeSet::new();
        loop {
            let bytes = self.worker.settings.batch_bytes;
            let entries = stores.log.after(at, bytes).await?;
            let Some(last) = entries.last() else {
                return Ok(devices);
            };
            at = last.seq;
            for entry in &entries {
                let rows = decode(&entry.blob)?
                    .into_iter()
                    .filter_map(|delivery| match delivery {
                        Delivery::Rows(rows) => Some(rows.device),
                        Delivery::Note(_) => None,
                    });
                devices.extend(rows);
            }
        }
    }

    /// Stores some homes, with what they add to the fleets.
    async fn store(&self, batch: Batch, brought: &mut Brought) -> Result<(), Refused> {
        if batch.homes.is_empty() {
            return Ok(());
        }
        let folded = self.worker.stores.archive.cursors().await?.folded;
        let mut past = Past::default();
        let checkpoint = &mut past.checkpoint;
        (checkpoint.from, checkpoint.folded) = (folded, folded);
        for lived in batch.homes {
            brought.count(&lived);
            checkpoint.statuses.push(lived.status);
            checkpoint.sites.push((lived.site, lived.outcome.state));
            checkpoint.days.extend(lived.outcome.days);
            checkpoint.months.extend(lived.outcome.months);
            checkpoint.events.extend(lived.events);
            past.buckets.extend(lived.buckets);
            past.days.extend(lived.days);
        }
        self.worker.add_fleets(batch.exchange, checkpoint).await?;
        match self.worker.stores.archive.bring(&past).await? {
            Wrote::Done => Ok(()),
            Wrote::Overtaken => Err(Refused::Overtaken),
        }
    }
}

impl Brought {
    fn count(&mut self, lived: &Lived) {
        let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let (buckets, sums) = lived.sums;
        self.homes += 1;
        self.rows += lived.status.rows;
        self.samples += size(lived.samples);
        self.buckets += size(buckets);
        self.days += size(lived.outcome.days.len());
        self.chunk_bytes += lived
            .days
            .iter()
            .map(|day| size(day.bytes.len()))
            .sum::<u64>();
        self.sums = self.sums.plus(sums);
    }
}

/// Takes the right, if it is or becomes free: who was killed holds it until it ends by itself.
async fn until_free(right: &Right, patience: Duration) -> Result<(), Refused> {
    let mut waited = Duration::ZERO;
    while right.take().await?.is_none() {
        if waited >= patience {
            return Err(Refused::Held);
        }
        time::sleep(PAUSE).await;
        waited += PAUSE;
    }
    Ok(())
}

fn bad(header: &Header, number: usize, why: String) -> Refused {
    let source = header.homes.get(number);
    Refused::Bad {
        serial: source.map_or_else(|| format!("home {number}"), |source| source.serial.clone()),
        why,
    }
}

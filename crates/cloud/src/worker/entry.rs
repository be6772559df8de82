//! What one entry of the log does to the memory. Pure.
//!
//! An entry is what a batch of samples is counted by: how many entries are read at once, and where a
//! restart cuts them, makes no difference.

use std::collections::{BTreeMap, BTreeSet};

use solthrive_cloud_store::archive::{ToldConfig, ToldDay};
use solthrive_cloud_store::chunk::Inserted;
use solthrive_cloud_store::hot::{Delivery, Entry, Note, Row, Seq, decode};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Sample, SiteId};

use super::events::{self, Told};
use super::memory::{Late, Memory};
use super::places::Places;
use super::progress::Progress;
use super::{Trouble, status, told};
use crate::notes::{Content, DailyNote, HealthNote};
use crate::rows::sample_of;

/// An entry, decoded.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) seq: Seq,
    pub(super) received_at: UnixMillis,
    pub(super) deliveries: Vec<Delivery>,
}

impl Decoded {
    /// A damaged entry has no deliveries: the others must not wait for it.
    ///
    /// # Errors
    /// An entry that only a newer program can read, which this one must not pass over.
    pub(super) fn of(entry: &Entry, progress: &Progress) -> Result<Self, Trouble> {
        let deliveries = match decode(&entry.blob) {
            Ok(deliveries) => deliveries,
            Err(why) if why.is_newer() => return Err(Trouble::Newer(entry.seq.get(), why)),
            Err(why) => {
                tracing::error!(entry = entry.seq.get(), error = %why, "an entry of the log is damaged, its rows are lost");
                progress.found_damage();
                Vec::new()
            }
        };
        Ok(Self {
            seq: entry.seq,
            received_at: entry.received_at,
            deliveries,
        })
    }

    /// Who delivered something.
    pub(super) fn devices(&self) -> BTreeSet<DeviceId> {
        self.deliveries.iter().map(device_of).collect()
    }

    /// The sites that its rows belong to.
    pub(super) fn sites(&self, places: &Places) -> BTreeSet<SiteId> {
        let of = |delivery: &Delivery| match delivery {
            Delivery::Rows(rows) => {
                let site =
                    |row: &Row| places.site_at(rows.device, UnixMillis::try_from(row.time).ok()?);
                rows.rows.iter().filter_map(site).collect::<BTreeSet<_>>()
            }
            Delivery::Note(_) => BTreeSet::new(),
        };
        self.deliveries.iter().flat_map(of).collect()
    }
}

const fn device_of(delivery: &Delivery) -> DeviceId {
    match delivery {
        Delivery::Rows(rows) => rows.device,
        Delivery::Note(note) => note.device,
    }
}

/// A site's samples of one entry, with the devices they are of.
type Batches = BTreeMap<SiteId, Vec<(Sample, DeviceId)>>;

/// Takes entries into the memory.
pub(super) struct Taking<'a> {
    pub(super) memory: &'a mut Memory,
    pub(super) places: &'a Places,
    pub(super) progress: &'a Progress,
}

impl Taking<'_> {
    /// Rows of an entry that is folded already: they are in no chunk yet.
    pub(super) fn remember(&mut self, entry: Decoded) {
        for delivery in entry.deliveries {
            if let Delivery::Rows(rows) = delivery {
                for row in &rows.rows {
                    if !self.places.is_erased_at(rows.device, row.time) {
                        self.keep(rows.device, row);
                    }
                }
            }
        }
    }

    /// An entry that is not folded yet. Sites and statuses that it concerns are in the memory.
    pub(super) fn take(&mut self, entry: Decoded) {
        debug_assert!(
            self.memory.late.is_empty(),
            "an entry is dealt with before the next"
        );
        let received_at = entry.received_at;
        let mut batches = Batches::new();
        let rows_before = self.memory.rows;
        for delivery in entry.deliveries {
            let device = device_of(&delivery);
            self.see(device, received_at);
            match delivery {
                Delivery::Rows(rows) => self.take_rows(device, &rows.rows, &mut batches),
                Delivery::Note(note) => self.take_note(&note, received_at),
            }
        }
        for (site, batch) in batches {
            self.fold(site, batch, received_at);
        }
        self.memory.read = entry.seq;
        let rows = self.memory.rows - rows_before;
        self.progress.took(
            entry.seq,
            received_at,
            u64::try_from(rows).unwrap_or(u64::MAX),
        );
    }

    fn see(&mut self, device: DeviceId, at: UnixMillis) {
        let status = self.memory.statuses.entry(device);
        let status = status.or_insert_with(|| status::unheard(device, at));
        status::seen(status, at);
        status.site = self.places.site_now(device);
        self.memory.changed.insert(device);
    }

    fn take_rows(&mut self, device: DeviceId, rows: &[Row], batches: &mut Batches) {
        for row in rows {
            // Of a home that is erased, and late: it is in no chunk, and counted nowhere.
            if self.places.is_erased_at(device, row.time) || !self.keep(device, row) {
                continue;
            }
            self.memory.rows += 1;
            let sample = sample_of(row);
            if let Some(status) = self.memory.statuses.get_mut(&device) {
                status::took(status, sample);
            }
            let site = sample.and_then(|sample| self.places.site_at(device, sample.ts));
            match sample.zip(site) {
                Some((sample, site)) => batches.entry(site).or_default().push((sample, device)),
                None => self.progress.strayed(),
            }
        }
    }

    /// Keeps a row for the next piece; false where it was there already, which the ingest prevents.
    fn keep(&mut self, device: DeviceId, row: &Row) -> bool {
        match self.memory.tail.insert(device, row) {
            Ok(inserted) => inserted == Inserted::Stored,
            Err(error) => {
                tracing::error!(device.id = %device, %error, "a row of the log cannot be kept");
                self.progress.found_damage();
                false
            }
        }
    }

    /// Of two devices that measured at the same millisecond, the one with the smaller id counts.
    fn fold(&mut self, site: SiteId, mut batch: Vec<(Sample, DeviceId)>, received_at: UnixMillis) {
        let Some(held) = self.memory.site_mut(site) else {
            return;
        };
        held.used_at = held.used_at.max(received_at);
        batch.sort_unstable_by_key(|(sample, device)| (sample.ts, *device));
        let keys: Vec<_> = batch
            .iter()
            .map(|(sample, device)| (sample.ts, *device))
            .collect();
        batch.dedup_by_key(|(sample, _)| sample.ts);
        let samples: Vec<Sample> = batch.iter().map(|(sample, _)| *sample).collect();
        let appended = held.append(&samples);
        let device = |at| {
            batch
                .binary_search_by_key(&at, |(sample, _)| sample.ts)
                .map(|place| batch[place].1)
        };
        for (at, line, why) in appended.breaks {
            let told = Told {
                site,
                device: device(at).ok(),
                received_at,
            };
            self.memory.events.push(events::broke(told, at, line, why));
        }
        if !appended.late.is_empty() {
            let late = appended
                .late
                .iter()
                .filter_map(|sample| Some((sample.ts, device(sample.ts).ok()?)));
            self.memory.late.push_back(Late {
                site,
                samples: late.collect(),
                batch: keys.into_iter().collect(),
                received_at,
            });
        }
    }

    fn take_note(&mut self, note: &Note, received_at: UnixMillis) {
        match Content::parse(note) {
            Ok(Content::Daily(daily)) => self.take_days(note.device, daily, received_at),
            Ok(Content::Health(health)) => self.take_health(note.device, health, received_at),
            Ok(Content::Registered(registered)) => {
                self.runs(note.device, registered.firmware, received_at);
            }
            Ok(Content::Seen) => {}
            Err(error) => {
                tracing::error!(device.id = %note.device, %error, "a note of the log makes no sense");
                self.progress.found_damage();
            }
        }
    }

    fn runs(&mut self, device: DeviceId, firmware: String, at: UnixMillis) {
        if let Some(status) = self.memory.statuses.get_mut(&device) {
            status::runs(status, firmware, at);
        }
    }

    fn take_health(&mut self, device: DeviceId, health: HealthNote, received_at: UnixMillis) {
        self.runs(device, health.firmware, received_at);
        if let Some(status) = self.memory.statuses.get_mut(&device) {
            status::reported(status, health.system, health.ahead_ms, received_at);
        }
        // It is told when it is so, and once: what counts is where the device is then.
        if let Some(json) = health.config
            && let Some(site) = self.places.site_at(device, received_at)
        {
            let at = received_at;
            self.memory.configs.push(ToldConfig {
                site,
                device,
                at,
                json,
            });
        }
        for event in health.events {
            let Some(site) = self.places.site_at(device, event.ts) else {
                continue;
            };
            let told = Told {
                site,
                device: Some(device),
                received_at,
            };
            self.memory.events.push(events::flag(told, event));
        }
    }

    fn take_days(&mut self, device: DeviceId, daily: DailyNote, told_at: UnixMillis) {
        for day in daily.days {
            let date = day.date;
            let json = serde_json::to_string(&day);
            let (Some(site), Ok(json)) = (told::site_on(self.places, device, date), json) else {
                continue;
            };
            let told = ToldDay {
                device,
                site,
                date,
                told_at,
                json,
            };
            self.memory.told.insert((site, device, date), told);
        }
    }
}

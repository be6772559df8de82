//! Flags of devices become alerts of their sites.
//!
//! What `solthrive_domain::alert` makes of all that is known of a device's flags is compared with what is stored. It is
//! made anew from where something new can matter, so late, repeated and reordered events end in the same alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Event, FlagAlert, FlagChanges, FlagPast};
use solthrive_domain::alert::{Episode, RESUMES, Turn, episodes};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Severity, SiteId};
use uuid::{Builder, Uuid};

use super::late::is_damage;
use super::memory::Memory;
use super::{Trouble, Worker};

/// So many devices are read at the same time.
const READS_AT_ONCE: usize = 8;
/// What a device tells when it starts, at once over.
const STARTED: &str = "service_restart";

/// A device at a site.
pub(super) type There = (SiteId, DeviceId);
/// A flag of it: code and subject.
type Flag = (String, String);

impl Worker {
    /// Finds alerts of devices that are elsewhere by now, when somebody moved.
    pub(super) async fn look_for_moves(&self, memory: &mut Memory) -> Result<(), Trouble> {
        let revision = self.places.revision();
        if memory.moves_seen == Some(revision) {
            return Ok(());
        }
        for (site, device, began) in self.stores.archive.open_flags().await? {
            let mut ends = self.places.ends_at(site, device).into_iter();
            if let Some(end) = ends.find(|end| *end >= began) {
                let from = memory.left.entry((site, device)).or_insert(end);
                *from = end.min(*from);
            }
        }
        memory.moves_seen = Some(revision);
        Ok(())
    }

    /// What becomes of alerts by what is in mind.
    pub(super) async fn alerts(&self, memory: &Memory) -> Result<FlagChanges, Trouble> {
        let touched = touched(memory);
        let reads = touched.into_iter().map(|((site, device), from)| {
            let archive = Arc::clone(&self.stores.archive);
            async move {
                let past = archive.flags(site, device, from.plus_ms(-resumes())).await;
                self.readable(past, device)
                    .map(|past| ((site, device), from, past))
            }
        });
        let read = stream::iter(reads).buffer_unordered(READS_AT_ONCE);
        let mut read: Vec<_> = read.try_collect().await?;
        read.sort_unstable_by_key(|(there, ..)| *there);
        let mut all = FlagChanges::default();
        for (there, from, past) in read {
            let Some(past) = past else { continue };
            let new = memory.events.iter();
            let new: Vec<_> = new.filter(|event| there_of(event) == Some(there)).collect();
            let ends = self.places.ends_at(there.0, there.1);
            all.extend(changes(there, from, past, &new, &ends));
        }
        Ok(all)
    }

    /// Damaged alerts of a device stay as they are: the others cannot wait.
    fn readable(
        &self,
        past: Result<FlagPast, StoreError>,
        device: DeviceId,
    ) -> Result<Option<FlagPast>, Trouble> {
        match past {
            Ok(past) => Ok(Some(past)),
            Err(error) if is_damage(&error) => {
                tracing::error!(device.id = %device, %error, "the alerts of a device are damaged and are not kept up");
                self.progress.found_damage();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn resumes() -> i64 {
    i64::try_from(RESUMES.as_millis()).unwrap_or(i64::MAX)
}

/// Whose flag an event is about, if it is about one.
fn there_of(event: &Event) -> Option<There> {
    let is_flag = matches!(event.state.as_str(), "raised" | "cleared");
    event
        .device
        .filter(|_| is_flag)
        .map(|device| (event.site, device))
}

/// The devices whose flags are to be looked at again, and from when on.
fn touched(memory: &Memory) -> BTreeMap<There, UnixMillis> {
    let mut touched = memory.left.clone();
    for event in &memory.events {
        if let Some(there) = there_of(event) {
            let from = touched.entry(there).or_insert(event.at);
            *from = event.at.min(*from);
        }
    }
    touched
}

/// What is to change so that the alerts of a device are what its events say. Pure.
fn changes(
    there: There,
    from: UnixMillis,
    past: FlagPast,
    new: &[&Event],
    ends: &[UnixMillis],
) -> FlagChanges {
    // Stored ones first: of two that are the same, one is kept.
    let events: Vec<&Event> = past.events.iter().chain(new.iter().copied()).collect();
    let mut stored: BTreeMap<Flag, Vec<FlagAlert>> = BTreeMap::new();
    for alert in past.alerts {
        let flag = (alert.code.clone(), alert.subject.clone());
        stored.entry(flag).or_default().push(alert);
    }
    let mut flags: BTreeSet<Flag> = stored.keys().cloned().collect();
    flags.extend(
        events
            .iter()
            .map(|event| (event.code.clone(), event.subject.clone())),
    );
    let mut all = FlagChanges::default();
    for flag in flags {
        let before = stored.remove(&flag).unwrap_or_default();
        // The rest follows from the beginning of an alert. Where none was open, nothing was up.
        let first = before
            .first()
            .map_or(from, |first| first.began_at.min(from));
        let turns = turns(&flag, &events, ends).filter(|(at, _)| *at >= first);
        let now = episodes(turns.collect());
        let now = now.into_iter().map(|one| alert(there, &flag, one));
        let now: Vec<_> = now.collect();
        all.extend(difference(&before, &now));
    }
    all
}

fn turns<'a>(
    flag: &'a Flag,
    events: &'a [&'a Event],
    ends: &'a [UnixMillis],
) -> impl Iterator<Item = (UnixMillis, Turn)> + 'a {
    let said = events.iter().filter_map(move |event| {
        let is_raised = event.state == "raised";
        if event.code == flag.0 && event.subject == flag.1 {
            let severity = Severity::parse(&event.severity).unwrap_or(Severity::Warning);
            let turn = if is_raised {
                Turn::Raised(severity, event.message.clone())
            } else {
                Turn::Cleared
            };
            return Some((event.at, turn));
        }
        (event.code == STARTED && is_raised).then_some((event.at, Turn::Restarted))
    });
    said.chain(ends.iter().map(|end| (*end, Turn::Left)))
}

fn alert((site, device): There, flag: &Flag, one: Episode) -> FlagAlert {
    FlagAlert {
        id: id_of((site, device), flag, one.began),
        site,
        device,
        code: flag.0.clone(),
        subject: flag.1.clone(),
        severity: one.severity,
        began_at: one.began,
        ended: one.ended,
        changed_at: one.changed,
        message: one.message,
    }
}

/// Follows from what it is of, so that whoever makes it makes the same one.
fn id_of((site, device): There, (code, subject): &Flag, began: UnixMillis) -> Uuid {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(b"solthrive alert of a flag 1");
    hash.update(site.as_uuid().as_bytes());
    hash.update(device.as_uuid().as_bytes());
    hash.update(&began.get().to_be_bytes());
    hash.update(code.as_bytes());
    // No text has it: control characters are taken out of what devices say.
    hash.update(&[0]);
    hash.update(subject.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finish().as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// What makes the alerts of a flag out of those that are stored.
fn difference(stored: &[FlagAlert], now: &[FlagAlert]) -> FlagChanges {
    let is_now = |id: Uuid| now.iter().any(|one| one.id == id);
    let mut gone: Vec<&FlagAlert> = stored.iter().filter(|one| !is_now(one.id)).collect();
    let mut changes = FlagChanges::default();
    for one in now {
        let known = stored.iter().find(|stored| stored.id == one.id);
        if known == Some(one) {
            continue;
        }
        let is_it = |before: &&FlagAlert| {
            let ended = one.ended.map_or(i64::MAX, |(at, _)| at.get());
            (one.began_at.get()..ended).contains(&before.began_at.get())
        };
        let before = gone.iter().position(is_it).filter(|_| known.is_none());
        if let Some(before) = before.map(|at| gone.remove(at)) {
            changes.renamed.push((before.id, one.id));
        }
        changes.put.push(one.clone());
    }
    changes.gone = gone.into_iter().map(|one| one.id).collect();
    changes
}

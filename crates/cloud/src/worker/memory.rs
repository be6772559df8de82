//! Everything that the worker has in mind between two checkpoints.
//!
//! It is consistent wherever the worker waits for a store: what can fail is done before anything
//! changes here, so a turn that failed is simply taken again.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use jiff::civil::Date;
use solthrive_cloud_store::archive::{Cursors, DeviceStatus, Event, ToldConfig, ToldDay};
use solthrive_cloud_store::hot::Seq;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};

use super::flags::There;
use super::places::Places;
use super::site::Site;
use crate::tail::Tail;

/// A site, as far as it can be read.
#[derive(Debug)]
pub(super) enum Held {
    Sound(Box<Site>),
    /// What is stored of it is damaged. Its rows are kept in chunks; it is not counted until somebody
    /// repaired it and the worker starts anew.
    Isolated,
}

/// Samples of one entry that were late at a site: to be dealt with before the next entry.
#[derive(Debug, Clone)]
pub(super) struct Late {
    pub(super) site: SiteId,
    /// Times and devices of the late ones, by time.
    pub(super) samples: Vec<(UnixMillis, DeviceId)>,
    /// Times of all the entry's samples of the site, whether they were late or not.
    pub(super) batch: BTreeSet<(UnixMillis, DeviceId)>,
    pub(super) received_at: UnixMillis,
}

#[derive(Debug)]
pub(super) struct Memory {
    /// Where the cursors stand in the archive.
    pub(super) stored: Cursors,
    /// Entries up to here are in this memory.
    pub(super) read: Seq,
    pub(super) tail: Tail,
    pub(super) sites: HashMap<SiteId, Held>,
    pub(super) statuses: HashMap<DeviceId, DeviceStatus>,
    /// Devices whose status differs from the stored one.
    pub(super) changed: BTreeSet<DeviceId>,
    pub(super) late: VecDeque<Late>,
    /// Days that devices told since the last checkpoint; the last word on each counts.
    pub(super) told: BTreeMap<(SiteId, DeviceId, Date), ToldDay>,
    pub(super) events: Vec<Event>,
    /// Meters and clamps that devices told of.
    pub(super) configs: Vec<ToldConfig>,
    /// Devices whose alerts end since they are elsewhere, and from when on to look at these.
    pub(super) left: BTreeMap<There, UnixMillis>,
    /// Up to here it was looked at who moved.
    pub(super) moves_seen: Option<i64>,
    /// Rows that were taken in since the last checkpoint.
    pub(super) rows: usize,
}

impl Memory {
    pub(super) fn new(stored: Cursors) -> Self {
        Self {
            stored,
            read: stored.folded,
            tail: Tail::default(),
            sites: HashMap::new(),
            statuses: HashMap::new(),
            changed: BTreeSet::new(),
            late: VecDeque::new(),
            told: BTreeMap::new(),
            events: Vec::new(),
            configs: Vec::new(),
            left: BTreeMap::new(),
            moves_seen: None,
            rows: 0,
        }
    }

    pub(super) fn site(&self, site: SiteId) -> Option<&Site> {
        match self.sites.get(&site)? {
            Held::Sound(site) => Some(site),
            Held::Isolated => None,
        }
    }

    pub(super) fn site_mut(&mut self, site: SiteId) -> Option<&mut Site> {
        match self.sites.get_mut(&site)? {
            Held::Sound(site) => Some(site),
            Held::Isolated => None,
        }
    }

    /// Sites that a checkpoint has to look at, those first that have waited longest to be saved.
    pub(super) fn sites_to_store(&self) -> Vec<SiteId> {
        let sound = self.sites.iter().filter_map(|(id, held)| match held {
            Held::Sound(site) if site.wants_checkpoint() => {
                Some((site.unsaved_and_over().next(), *id))
            }
            _ => None,
        });
        let mut sites: Vec<_> = sound.collect();
        sites.sort_unstable_by_key(|(oldest, id)| (oldest.is_none(), *oldest, *id));
        sites.into_iter().map(|(_, id)| id).collect()
    }

    /// What is in mind of homes that are erased goes; their rows are in chunks or in the log, and go with these.
    pub(super) fn forget_erased(&mut self, places: &Places) {
        self.sites.retain(|site, _| !places.is_erased(*site));
        self.late.retain(|late| !places.is_erased(late.site));
        self.told.retain(|(site, ..), _| !places.is_erased(*site));
        self.events.retain(|event| !places.is_erased(event.site));
        self.configs.retain(|told| !places.is_erased(told.site));
        self.left.retain(|(site, _), _| !places.is_erased(*site));
        for status in self.statuses.values_mut() {
            status.site = status.site.filter(|site| !places.is_erased(*site));
        }
    }

    /// Whether there is anything to store.
    pub(super) fn is_dirty(&self) -> bool {
        self.read > self.stored.folded
            || !self.changed.is_empty()
            || !self.left.is_empty()
            || self
                .sites
                .values()
                .any(|held| matches!(held, Held::Sound(site) if site.wants_checkpoint()))
    }

    /// Sites that were not needed since `before` leave; they are read again when they are.
    pub(super) fn forget_idle(&mut self, before: UnixMillis) {
        self.sites.retain(|_, held| match held {
            Held::Sound(site) => site.wants_checkpoint() || site.used_at >= before,
            Held::Isolated => true,
        });
        let changed = &self.changed;
        self.statuses
            .retain(|device, status| changed.contains(device) || status.last_seen >= before);
    }
}

//! What is known of each device's rows, so that each snapshot counts once. Pure.
//!
//! A group of calls is first *staged*: every row is judged against what is known and what was staged
//! before it. Only when the group is durable does it become known; if it cannot be stored, nothing
//! has happened.
//!
//! A row is kept as long as it is only in the log ([`Index::rotate`], [`Index::drop_sealed`]). A row
//! of a time that may be sealed is judged against the sealed day, which the caller looks up
//! ([`Index::wanted`], [`Index::bring`]); [`Index::stage`] refuses to guess.

use std::collections::{HashMap, VecDeque};

use solthrive_domain::DeviceId;

use super::days::Days;
use super::print::{self, Print, Sealed};
use super::{Delivery, Row, Seq};
use crate::chunk::TableError;

/// Milliseconds of a UTC day, which is what a chunk holds.
const DAY_MS: i64 = 86_400_000;

/// What became of the rows of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New.
    pub accepted: u32,
    /// There already, bit for bit.
    pub duplicates: u32,
    /// There already with another content, which stays.
    pub conflicts: u32,
}

/// What must be looked up before a row can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Known {
    /// Whose.
    pub device: DeviceId,
    /// The UTC day, in days since the Unix epoch.
    pub day: i64,
}

impl Known {
    fn of(device: DeviceId, time: i64) -> Self {
        Self {
            device,
            day: time.div_euclid(DAY_MS),
        }
    }
}

/// Why nothing of a call was staged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotStaged {
    /// These days must be brought in first: they were never looked up, or have changed since.
    #[error("{} sealed days must be looked up first", .0.len())]
    Wanted(Vec<Known>),
    /// A row cannot be held at all: sending it again does not help.
    #[error(transparent)]
    Unacceptable(#[from] TableError),
}

/// The rows that are not sealed yet, by device: 16 bytes each.
#[derive(Debug)]
pub struct Index {
    devices: HashMap<DeviceId, Device>,
    /// What the devices' rows take, in bytes.
    bytes: usize,
    days: Days,
    /// Closed generations that may still be in the log only, with the last entry of each.
    closed: VecDeque<(Seq, u32)>,
    generation: u32,
    /// Rows of the generation that is open.
    fresh: usize,
    epoch: u64,
}

#[derive(Debug, Default)]
struct Device {
    /// Not sealed yet, by time.
    rows: Vec<Print>,
    /// Nothing after this time, in ms, is sealed.
    sealed_to: Option<i64>,
}

/// Rows that will be known once their group is durable.
#[derive(Debug, Default)]
pub struct Staged {
    devices: HashMap<DeviceId, Vec<Print>>,
}

impl Default for Index {
    fn default() -> Self {
        Self::new(Self::ROOM_FOR_DAYS)
    }
}

impl Index {
    /// Bytes for sealed days, unless the caller says otherwise: 700 days of a row every 30 s.
    pub const ROOM_FOR_DAYS: usize = 32 << 20;

    /// An index that knows nothing, with so many bytes for sealed days.
    #[must_use]
    pub fn new(room_for_days: usize) -> Self {
        Self {
            devices: HashMap::new(),
            bytes: 0,
            days: Days::new(room_for_days),
            closed: VecDeque::new(),
            generation: 0,
            fresh: 0,
            epoch: 0,
        }
    }

    /// The sealed days that must be brought in before `rows` can be judged, each once: usually none.
    #[must_use]
    pub fn wanted(&self, device: DeviceId, rows: &[Row]) -> Vec<Known> {
        let mut wanted = Vec::new();
        let Some(open) = self.devices.get(&device) else {
            return wanted;
        };
        for row in rows {
            let known = Known::of(device, row.time);
            if open.may_have_sealed(row.time)
                && wanted.last() != Some(&known)
                && !self.days.contains(known)
                && print::find(&open.rows, row.time).is_none()
            {
                wanted.push(known);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Nothing of the device is sealed after `time`, in ms since the Unix epoch. Only ever grows.
    pub fn sealed_to(&mut self, device: DeviceId, time: i64) {
        let open = self.devices.entry(device).or_default();
        open.sealed_to = open.sealed_to.max(Some(time));
    }

    /// Grows whenever rows were let go because they are sealed: what was read from the archive before
    /// may lack them.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Brings in what is sealed of a day (nothing where nothing is), as it was read when the
    /// index had this `epoch`. False when that is too long ago: look again. What was brought is not
    /// thrown away before the next [`Index::commit`] or [`Index::drop_sealed`].
    pub fn bring(&mut self, known: Known, sealed: impl Into<Sealed>, epoch: u64) -> bool {
        let fresh = epoch == self.epoch;
        if fresh {
            self.days.insert(known, sealed.into().0);
        }
        fresh
    }

    /// Keeps the rows of one call that are new, in their order, and says what became of all.
    ///
    /// # Errors
    /// [`NotStaged`]; then nothing of the call is staged, and the rows are gone.
    pub fn stage(
        &mut self,
        staged: &mut Staged,
        device: DeviceId,
        mut rows: Vec<Row>,
    ) -> Result<(Vec<Row>, Counts), NotStaged> {
        rows.iter().try_for_each(Row::check)?;
        let wanted = self.wanted(device, &rows);
        if !wanted.is_empty() {
            return Err(NotStaged::Wanted(wanted));
        }
        let mut prints: Vec<(Print, usize)> = rows.iter().map(Print::of).zip(0..).collect();
        if !prints.is_sorted_by_key(|(print, _)| print.time) {
            // Stable: of two rows of one time the one that was told first stays the first.
            prints.sort_by_key(|(print, _)| print.time);
        }
        let before = staged.devices.entry(device).or_default();
        let open = self.devices.get(&device);
        let mut counts = Counts::default();
        let mut is_new = vec![false; rows.len()];
        let mut new: Vec<Print> = Vec::with_capacity(rows.len());
        for (print, at) in prints {
            let of_call = new.last().filter(|last| last.time == print.time);
            let of_group = of_call.or_else(|| print::find(before, print.time));
            let known = of_group.or_else(|| find(open, &mut self.days, device, print.time));
            match known.map(|known| known.says_as(&print)) {
                None => {
                    counts.accepted += 1;
                    is_new[at] = true;
                    new.push(print);
                }
                Some(true) => counts.duplicates += 1,
                Some(false) => counts.conflicts += 1,
            }
        }
        print::merge(before, new);
        let mut is_new = is_new.into_iter();
        rows.retain(|_| is_new.next().unwrap_or(false));
        Ok((rows, counts))
    }

    /// The group is durable: what was staged is known from here on.
    pub fn commit(&mut self, staged: Staged) {
        for (device, rows) in staged.devices {
            self.take_in(device, rows);
        }
        self.days.trim();
    }

    /// Takes in what another wrote, or what was there when the program started. Rows that are known
    /// already stay as they are.
    pub fn replay(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let Delivery::Rows(rows) = delivery else {
                continue;
            };
            let mut prints: Vec<Print> = rows.rows.iter().map(Print::of).collect();
            prints.sort_by_key(|print| print.time);
            prints.dedup_by_key(|print| print.time);
            if let Some(open) = self.devices.get(&rows.device) {
                prints.retain(|print| print::find(&open.rows, print.time).is_none());
            }
            self.take_in(rows.device, prints);
        }
    }

    /// Closes the newest generation: its rows are in entries up to `last`. Rows that come from here
    /// on are in later ones.
    pub fn rotate(&mut self, last: Seq) {
        if self.fresh > 0 {
            self.closed.push_back((last, self.generation));
            self.generation += 1;
            self.fresh = 0;
        }
    }

    /// Lets go of the generations whose rows are sealed: all of their entries are up to `sealed`.
    pub fn drop_sealed(&mut self, sealed: Seq) {
        let mut gone = None;
        while let Some((_, generation)) = self.closed.pop_front_if(|(last, _)| *last <= sealed) {
            gone = Some(generation);
        }
        if let Some(newest) = gone {
            self.epoch += 1;
            self.let_go(newest);
        }
        self.days.trim();
    }

    /// Rows that are not sealed.
    #[must_use]
    pub fn waiting(&self, device: DeviceId) -> usize {
        self.devices.get(&device).map_or(0, |open| open.rows.len())
    }

    /// Bytes on the heap, as asked of the allocator. Quick.
    #[must_use]
    pub fn heap(&self) -> usize {
        // A table of this kind has room for seven eighths of a power of two.
        let places = (self.devices.capacity() * 8).div_ceil(7);
        self.bytes + places * (size_of::<(DeviceId, Device)>() + 1) + self.days.heap()
    }

    /// Devices of which anything is known.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    /// Rows of the generation that is open, by time, none of which is there.
    fn take_in(&mut self, device: DeviceId, mut rows: Vec<Print>) {
        if rows.is_empty() {
            return;
        }
        for row in &mut rows {
            row.generation = self.generation;
        }
        self.fresh += rows.len();
        let open = self.devices.entry(device).or_default();
        self.bytes -= open.bytes();
        print::merge(&mut open.rows, rows);
        self.bytes += open.bytes();
    }

    /// Forgets rows of generations up to `newest`, and the sealed days that lack them.
    fn let_go(&mut self, newest: u32) {
        self.bytes = 0;
        for (device, open) in &mut self.devices {
            let mut last = None;
            for row in open.rows.extract_if(.., |row| row.generation <= newest) {
                let known = Known::of(*device, row.time);
                if !self.days.is_empty() && last != Some(known) {
                    self.days.remove(known);
                    last = Some(known);
                }
                open.sealed_to = open.sealed_to.max(Some(row.time));
            }
            if open.rows.capacity() > 2 * open.rows.len() {
                open.rows.shrink_to_fit();
            }
            self.bytes += open.bytes();
        }
    }
}

impl Device {
    fn may_have_sealed(&self, time: i64) -> bool {
        self.sealed_to.is_some_and(|sealed_to| time <= sealed_to)
    }

    fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Print>()
    }
}

/// The row of `time` where it waits, or in the day that was looked up.
fn find<'a>(
    open: Option<&'a Device>,
    days: &'a mut Days,
    device: DeviceId,
    time: i64,
) -> Option<&'a Print> {
    let open = open?;
    let waiting = print::find(&open.rows, time);
    if waiting.is_none() && open.may_have_sealed(time) {
        return days.find(Known::of(device, time), time);
    }
    waiting
}

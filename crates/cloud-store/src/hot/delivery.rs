//! What one call of a device brought.

use solthrive_domain::{DeviceId, LedgerId};

use super::Row;

/// One part of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Snapshots.
    Rows(Rows),
    /// Anything else that is kept as it was said.
    Note(Note),
}

/// Snapshots that were new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Whose.
    pub device: DeviceId,
    /// Whose totals they carry.
    pub ledger: LedgerId,
    /// At least one, in the order in which they were told.
    pub rows: Vec<Row>,
}

/// Anything that is not a row: rare, so JSON is good enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whose.
    pub device: DeviceId,
    /// What it is.
    pub kind: NoteKind,
    /// The content; see [`NoteKind`].
    pub json: Vec<u8>,
}

/// What a note is. The numbers are part of the format: add, never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NoteKind {
    /// Days that the appliance summed up itself: JSON of the protocol.
    Daily = 2,
    /// What it said of flags and the machine: JSON, as it was checked.
    Health = 3,
    /// A call that brought no new row: the device is alive all the same. No content.
    Seen = 4,
    /// It was bound to a site, or asked for that again: JSON with firmware and model.
    Registered = 5,
}

impl NoteKind {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            2 => Some(Self::Daily),
            3 => Some(Self::Health),
            4 => Some(Self::Seen),
            5 => Some(Self::Registered),
            _ => None,
        }
    }
}

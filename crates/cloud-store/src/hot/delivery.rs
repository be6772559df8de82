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

/// A day that the appliance summed up itself, or a flag that it raised: rare, so JSON is good enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whose.
    pub device: DeviceId,
    /// What it is.
    pub kind: NoteKind,
    /// The content, JSON of the protocol.
    pub json: Vec<u8>,
}

/// What a note is. The numbers are part of the format: add, never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NoteKind {
    /// Days of `POST /v1/ingest/daily`.
    Daily = 2,
    /// Events and machine of `POST /v1/ingest/health`.
    Health = 3,
    /// A sign of life of a call that brought nothing else that is kept.
    Seen = 4,
    /// What a device said of itself in `POST /v1/device/register`.
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

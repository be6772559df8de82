//! The bytes of an entry: a version, the deliveries, a checksum.

use solthrive_domain::{DeviceId, LedgerId};
use uuid::Uuid;

use super::delivery::{Delivery, Note, NoteKind, Rows};
use super::row::{RowReader, RowWriter, runs};
use crate::chunk::bytes::{Reader, put_size};

const VERSION: u8 = 1;
const ROWS: u8 = 1;
/// The most rows that one delivery is believed to have; a call brings 5,000.
const MAX_ROWS: usize = 1 << 17;
/// The most bytes that a note is believed to have.
const MAX_NOTE: usize = 16 << 20;

/// Why bytes are not an entry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBlob {
    /// Some bit is not as it was written, or bytes are missing.
    #[error("the checksum does not hold")]
    Checksum,
    /// A newer program wrote it.
    #[error("version {0} is not known here")]
    Version(u8),
    /// A newer program wrote a kind of note into it.
    #[error("a delivery of kind {0} is not known here")]
    Kind(u8),
    /// The checksum holds, but the content makes no sense.
    #[error("the content makes no sense")]
    Content,
}

impl BadBlob {
    /// Whether nothing is wrong with it but that this program is too old: it is read by the next one,
    /// so it must not be passed over.
    #[must_use]
    pub const fn is_newer(self) -> bool {
        matches!(self, Self::Version(_) | Self::Kind(_))
    }
}

/// The blob of these deliveries.
#[must_use]
pub fn encode(deliveries: &[Delivery]) -> Vec<u8> {
    let mut out = vec![VERSION];
    for delivery in deliveries {
        match delivery {
            Delivery::Rows(rows) => put_rows(&mut out, rows),
            Delivery::Note(note) => {
                out.push(note.kind as u8);
                out.extend_from_slice(note.device.as_uuid().as_bytes());
                put_size(&mut out, note.json.len());
                out.extend_from_slice(&note.json);
            }
        }
    }
    let checksum = crc32c::crc32c(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Rows that name more columns than a reader keeps in mind come back as several deliveries: a blob that
/// cannot be read would take along what others delivered.
fn put_rows(out: &mut Vec<u8>, rows: &Rows) {
    for rows_of_few_columns in runs(&rows.rows) {
        out.push(ROWS);
        out.extend_from_slice(rows.device.as_uuid().as_bytes());
        out.extend_from_slice(rows.ledger.as_uuid().as_bytes());
        put_size(out, rows_of_few_columns.len());
        let mut writer = RowWriter::default();
        for row in rows_of_few_columns {
            writer.put(out, row);
        }
    }
}

/// The deliveries of a blob.
///
/// # Errors
/// [`BadBlob`]; nothing of a damaged blob is believed.
pub fn decode(blob: &[u8]) -> Result<Vec<Delivery>, BadBlob> {
    let (content, checksum) = blob.split_last_chunk::<4>().ok_or(BadBlob::Checksum)?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return Err(BadBlob::Checksum);
    }
    let mut bytes = Reader(content);
    match bytes.byte() {
        Some(VERSION) => {}
        Some(version) => return Err(BadBlob::Version(version)),
        None => return Err(BadBlob::Content),
    }
    let mut deliveries = Vec::new();
    while !bytes.is_at_end() {
        let kind = bytes.byte().ok_or(BadBlob::Content)?;
        if kind != ROWS && NoteKind::from_code(kind).is_none() {
            return Err(BadBlob::Kind(kind));
        }
        deliveries.push(take_delivery(kind, &mut bytes).ok_or(BadBlob::Content)?);
    }
    Ok(deliveries)
}

fn take_delivery(kind: u8, bytes: &mut Reader<'_>) -> Option<Delivery> {
    let device = DeviceId::from_uuid(take_uuid(bytes)?);
    if kind == ROWS {
        let ledger = LedgerId::from_uuid(take_uuid(bytes)?);
        let count = bytes.size(MAX_ROWS)?;
        let mut reader = RowReader::default();
        let mut rows = Vec::with_capacity(count.min(5_000));
        for _ in 0..count {
            rows.push(reader.take(bytes)?);
        }
        return Some(Delivery::Rows(Rows {
            device,
            ledger,
            rows,
        }));
    }
    let kind = NoteKind::from_code(kind)?;
    let length = bytes.size(MAX_NOTE)?;
    let json = bytes.take(length)?.to_vec();
    Some(Delivery::Note(Note { device, kind, json }))
}

fn take_uuid(bytes: &mut Reader<'_>) -> Option<Uuid> {
    Uuid::from_slice(bytes.take(16)?).ok()
}

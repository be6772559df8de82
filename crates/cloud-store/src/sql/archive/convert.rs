//! Values of the domain as rows and back.

use std::ops::Range;

use jiff::civil::Date;
use solthrive_domain::{DeviceId, SiteId};
use sqlx::types::Uuid;

use super::tables::{EventRow, StatusRow, ToldRow};
use crate::StoreError;
use crate::archive::status::StatusBody;
use crate::archive::{BadBytes, BadState, DeviceStatus, Event, Fleet, Period, ToldDay};
use crate::sql::instant;

/// Something in the database makes no sense.
pub(super) fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(what.to_string())
}

impl From<BadBytes> for StoreError {
    fn from(error: BadBytes) -> Self {
        damaged(error)
    }
}

impl From<BadState> for StoreError {
    fn from(error: BadState) -> Self {
        damaged(error)
    }
}

/// A number that the database keeps in 64 bits and we in fewer.
pub(super) fn narrow<T: TryFrom<i64>>(value: i64, what: &str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| damaged(format_args!("{value} as {what}")))
}

/// A count that the database keeps in 64 bits with a sign.
pub(super) fn wide(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The bounds of a range of dates, as they are stored.
pub(super) fn texts(dates: &Range<Date>) -> (String, String) {
    (dates.start.to_string(), dates.end.to_string())
}

pub(super) fn date(text: &str) -> Result<Date, StoreError> {
    text.parse().map_err(damaged)
}

/// Zeros stand for the platform: no org has them for an id.
pub(super) fn fleet_id(fleet: Fleet) -> Uuid {
    match fleet {
        Fleet::All => Uuid::nil(),
        Fleet::Installer(org) => org.as_uuid(),
    }
}

/// A period's kind and date, as they are stored.
pub(super) fn period_texts(period: Period) -> (&'static str, Date) {
    match period {
        Period::Day(date) => ("day", date),
        Period::Month(date) => ("month", date),
    }
}

impl TryFrom<&DeviceStatus> for StatusRow {
    type Error = StoreError;
    fn try_from(status: &DeviceStatus) -> Result<Self, StoreError> {
        let body = StatusBody {
            newest: status.newest,
            rows: status.rows,
            firmware: status.firmware.clone(),
            firmware_since: status.firmware_since,
            system: status.system.clone(),
            system_at: status.system_at,
            clock_offset_ms: status.clock_offset_ms,
        };
        Ok(Self {
            device: status.device.as_uuid(),
            site: status.site.map(SiteId::as_uuid),
            last_seen: status.last_seen.get(),
            status: body.encode()?,
        })
    }
}

impl TryFrom<StatusRow> for DeviceStatus {
    type Error = StoreError;
    fn try_from(row: StatusRow) -> Result<Self, StoreError> {
        let body = StatusBody::decode(&row.status)?;
        Ok(Self {
            device: DeviceId::from_uuid(row.device),
            site: row.site.map(SiteId::from_uuid),
            last_seen: instant(row.last_seen)?,
            newest: body.newest,
            rows: body.rows,
            firmware: body.firmware,
            firmware_since: body.firmware_since,
            system: body.system,
            system_at: body.system_at,
            clock_offset_ms: body.clock_offset_ms,
        })
    }
}

impl From<&ToldDay> for ToldRow {
    fn from(told: &ToldDay) -> Self {
        Self {
            site: told.site.as_uuid(),
            date: told.date.to_string(),
            device: told.device.as_uuid(),
            told_at: told.told_at.get(),
            body: told.json.clone(),
        }
    }
}

impl TryFrom<ToldRow> for ToldDay {
    type Error = StoreError;
    fn try_from(row: ToldRow) -> Result<Self, StoreError> {
        Ok(Self {
            device: DeviceId::from_uuid(row.device),
            site: SiteId::from_uuid(row.site),
            date: date(&row.date)?,
            told_at: instant(row.told_at)?,
            json: row.body,
        })
    }
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        let event = event.clone();
        Self {
            site: event.site.as_uuid(),
            device: event.device.map(DeviceId::as_uuid),
            at: event.at.get(),
            received_at: event.received_at.get(),
            code: event.code,
            subject: event.subject,
            state: event.state,
            severity: event.severity,
            message: event.message,
            details: event.details,
        }
    }
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;
    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        Ok(Self {
            site: SiteId::from_uuid(row.site),
            device: row.device.map(DeviceId::from_uuid),
            at: instant(row.at)?,
            received_at: instant(row.received_at)?,
            code: row.code,
            subject: row.subject,
            state: row.state,
            severity: row.severity,
            message: row.message,
            details: row.details,
        })
    }
}

//! Values of the domain as rows and back.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use solthrive_domain::rollup::{DayRollup, FleetSums, MonthRollup, Rollup, SiteTally, Sums};
use solthrive_domain::telemetry::{MicroWattHours, MilliWatts, UnixMillis};
use solthrive_domain::{DeviceId, EnergySums, OrgId, Quarter, SiteId};
use sqlx::types::Uuid;

use super::tables::{EventRow, RollupRow, StatusRow, ToldRow, TotalRow};
use crate::StoreError;
use crate::archive::status::StatusBody;
use crate::archive::{
    BadBytes, BadState, DeviceStatus, Event, Fleet, FleetTotal, Period, SiteDay, SiteMonth, ToldDay,
};
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

fn as_of(at: Timestamp) -> i64 {
    UnixMillis::try_from(at).map_or(at.as_millisecond(), UnixMillis::get)
}

impl RollupRow {
    fn new(site: SiteId, installer: Option<OrgId>, date: Date, rollup: &Rollup) -> Self {
        let sums = &rollup.sums;
        let [
            solar,
            import,
            export,
            home,
            battery_charge,
            battery_discharge,
        ] = sums
            .energy
            .array()
            .map(|energy| energy.map(MicroWattHours::get));
        Self {
            site: site.as_uuid(),
            date: date.to_string(),
            installer: installer.map(OrgId::as_uuid),
            first_quarter: rollup.span.start.index(),
            end_quarter: rollup.span.end.index(),
            solar,
            import,
            export,
            home,
            battery_charge,
            battery_discharge,
            peak_demand: sums.peak_demand.map(|peak| peak.get().into()),
            covered_ms: wide(sums.covered_ms),
            breaks: sums.breaks.into(),
            revision: sums.revision.into(),
            as_of: as_of(rollup.as_of),
            is_final: rollup.is_final,
        }
    }

    fn rollup(&self) -> Result<Rollup, StoreError> {
        let quarter = |index| Quarter::try_from(index).map_err(damaged);
        let peak = |mw| narrow(mw, "a demand").map(MilliWatts::new);
        let energy = |energy: Option<i64>| energy.map(MicroWattHours::new);
        Ok(Rollup {
            span: quarter(self.first_quarter)?..quarter(self.end_quarter)?,
            sums: Sums {
                energy: EnergySums {
                    solar: energy(self.solar),
                    import: energy(self.import),
                    export: energy(self.export),
                    home: energy(self.home),
                    battery_charge: energy(self.battery_charge),
                    battery_discharge: energy(self.battery_discharge),
                },
                peak_demand: self.peak_demand.map(peak).transpose()?,
                covered_ms: narrow(self.covered_ms, "measured time")?,
                breaks: narrow(self.breaks, "breaks")?,
                revision: narrow(self.revision, "a revision")?,
            },
            as_of: instant(self.as_of)?.into(),
            is_final: self.is_final,
        })
    }
}

impl From<&SiteDay> for RollupRow {
    fn from(day: &SiteDay) -> Self {
        Self::new(day.site, day.installer, day.day.date, &day.day.rollup)
    }
}

impl From<&SiteMonth> for RollupRow {
    fn from(month: &SiteMonth) -> Self {
        let MonthRollup {
            month: date,
            rollup,
        } = &month.month;
        Self::new(month.site, month.installer, *date, rollup)
    }
}

impl TryFrom<RollupRow> for SiteDay {
    type Error = StoreError;
    fn try_from(row: RollupRow) -> Result<Self, StoreError> {
        Ok(Self {
            site: SiteId::from_uuid(row.site),
            installer: row.installer.map(OrgId::from_uuid),
            day: DayRollup {
                date: date(&row.date)?,
                rollup: row.rollup()?,
            },
        })
    }
}

impl TryFrom<RollupRow> for SiteMonth {
    type Error = StoreError;
    fn try_from(row: RollupRow) -> Result<Self, StoreError> {
        Ok(Self {
            site: SiteId::from_uuid(row.site),
            installer: row.installer.map(OrgId::from_uuid),
            month: MonthRollup {
                month: date(&row.date)?,
                rollup: row.rollup()?,
            },
        })
    }
}

impl From<&FleetTotal> for TotalRow {
    fn from(total: &FleetTotal) -> Self {
        let (period, date) = period_texts(total.period);
        let sums = &total.sums;
        let energy = |tally: SiteTally| tally.energy.get();
        Self {
            fleet: fleet_id(total.fleet),
            period: period.to_owned(),
            date: date.to_string(),
            sites: sums.sites,
            final_sites: sums.final_sites,
            covered_ms: sums.covered_ms,
            elapsed_ms: sums.elapsed_ms,
            solar: energy(sums.solar),
            solar_sites: sums.solar.sites,
            import: energy(sums.import),
            import_sites: sums.import.sites,
            export: energy(sums.export),
            export_sites: sums.export.sites,
            home: energy(sums.home),
            home_sites: sums.home.sites,
            battery_charge: energy(sums.battery_charge),
            battery_charge_sites: sums.battery_charge.sites,
            battery_discharge: energy(sums.battery_discharge),
            battery_discharge_sites: sums.battery_discharge.sites,
        }
    }
}

impl From<&TotalRow> for FleetSums {
    fn from(row: &TotalRow) -> Self {
        let tally = |energy, sites| SiteTally {
            energy: MicroWattHours::new(energy),
            sites,
        };
        Self {
            sites: row.sites,
            final_sites: row.final_sites,
            covered_ms: row.covered_ms,
            elapsed_ms: row.elapsed_ms,
            solar: tally(row.solar, row.solar_sites),
            import: tally(row.import, row.import_sites),
            export: tally(row.export, row.export_sites),
            home: tally(row.home, row.home_sites),
            battery_charge: tally(row.battery_charge, row.battery_charge_sites),
            battery_discharge: tally(row.battery_discharge, row.battery_discharge_sites),
        }
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
            system: body.system,
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

//! Days, months and fleets' sums as rows and back.

use jiff::Timestamp;
use jiff::civil::Date;
use solthrive_domain::rollup::{DayRollup, FleetSums, MonthRollup, Rollup, SiteTally, Sums};
use solthrive_domain::telemetry::{MicroWattHours, MilliWatts, UnixMillis};
use solthrive_domain::{EnergySums, OrgId, Quarter, SiteId};

use super::convert::{damaged, date, fleet_id, narrow, period_texts, wide};
use super::tables::{RollupRow, TotalRow};
use crate::StoreError;
use crate::archive::{FleetTotal, SiteDay, SiteMonth};
use crate::sql::instant;

/// To the millisecond, as all instants are kept.
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

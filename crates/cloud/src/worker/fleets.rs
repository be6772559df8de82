//! What a stretch of the log adds to the sums of fleets, and takes out of them.

use std::collections::BTreeMap;

use solthrive_cloud_store::archive::{Fleet, FleetQuarters, Period, SiteDay, SiteMonth, UtcDay};
use solthrive_domain::{Bucket, FleetSums, OrgId, Quarter, Rollup};

/// Differences, to be added to what is stored. Adding is exact, so a site is exchanged alone.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) periods: BTreeMap<(Fleet, Period), FleetSums>,
    pub(super) quarters: BTreeMap<(Fleet, UtcDay), BTreeMap<Quarter, FleetSums>>,
}

/// Everybody's, and the installer's if there is one.
fn fleets(installer: Option<OrgId>) -> impl Iterator<Item = Fleet> {
    [Fleet::All]
        .into_iter()
        .chain(installer.map(Fleet::Installer))
}

impl Exchange {
    /// Adds what another stretch changes.
    pub(super) fn absorb(&mut self, other: Self) {
        for (key, by) in other.periods {
            let sums = self.periods.entry(key).or_default();
            *sums = sums.plus(by);
        }
        for (key, quarters) in other.quarters {
            let day = self.quarters.entry(key).or_default();
            for (quarter, by) in quarters {
                let sums = day.entry(quarter).or_default();
                *sums = sums.plus(by);
            }
        }
    }

    pub(super) fn day(&mut self, before: Option<&SiteDay>, now: &SiteDay) {
        let period = Period::Day(now.day.date);
        if let Some(before) = before {
            self.take_out(period, before.installer, &before.day.rollup);
        }
        self.put_in(period, now.installer, &now.day.rollup);
    }

    pub(super) fn month(&mut self, before: Option<&SiteMonth>, now: &SiteMonth) {
        let period = Period::Month(now.month.month);
        if let Some(before) = before {
            self.take_out(period, before.installer, &before.month.rollup);
        }
        self.put_in(period, now.installer, &now.month.rollup);
    }

    /// A quarter that is over. Who the installer was then does not change any more.
    pub(super) fn quarter(
        &mut self,
        installer: Option<OrgId>,
        before: Option<&Bucket>,
        now: &Bucket,
    ) {
        let share = before.map(FleetSums::of_bucket).unwrap_or_default();
        let difference = FleetSums::of_bucket(now).minus(share);
        if difference == FleetSums::default() {
            return;
        }
        self.change_quarter(installer, now.quarter, difference);
    }

    fn change_quarter(&mut self, installer: Option<OrgId>, quarter: Quarter, by: FleetSums) {
        for fleet in fleets(installer) {
            let day = self.quarters.entry((fleet, quarter.utc_day())).or_default();
            let sums = day.entry(quarter).or_default();
            *sums = sums.plus(by);
        }
    }

    /// A day of a home that is erased.
    pub(super) fn day_leaves(&mut self, day: &SiteDay) {
        self.take_out(Period::Day(day.day.date), day.installer, &day.day.rollup);
    }

    /// A month of a home that is erased.
    pub(super) fn month_leaves(&mut self, month: &SiteMonth) {
        let period = Period::Month(month.month.month);
        self.take_out(period, month.installer, &month.month.rollup);
    }

    /// A quarter of a home that is erased.
    pub(super) fn quarter_leaves(&mut self, installer: Option<OrgId>, bucket: &Bucket) {
        let difference = FleetSums::default().minus(FleetSums::of_bucket(bucket));
        self.change_quarter(installer, bucket.quarter, difference);
    }

    fn put_in(&mut self, period: Period, installer: Option<OrgId>, rollup: &Rollup) {
        for fleet in fleets(installer) {
            let sums = self.periods.entry((fleet, period)).or_default();
            *sums = sums.plus(FleetSums::of(rollup));
        }
    }

    fn take_out(&mut self, period: Period, installer: Option<OrgId>, rollup: &Rollup) {
        for fleet in fleets(installer) {
            let sums = self.periods.entry((fleet, period)).or_default();
            *sums = sums.minus(FleetSums::of(rollup));
        }
    }
}

/// A fleet's stored day with the differences.
pub(super) fn changed_quarters(
    stored: Option<FleetQuarters>,
    (fleet, day): (Fleet, UtcDay),
    differences: &BTreeMap<Quarter, FleetSums>,
) -> FleetQuarters {
    let stored = stored.map(|stored| stored.quarters).unwrap_or_default();
    let mut quarters: BTreeMap<Quarter, FleetSums> = stored.into_iter().collect();
    for (quarter, difference) in differences {
        let sums = quarters.entry(*quarter).or_default();
        *sums = sums.plus(*difference);
    }
    // What an erased home alone had.
    quarters.retain(|_, sums| *sums != FleetSums::default());
    FleetQuarters {
        fleet,
        day,
        quarters: quarters.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::Date;
    use jiff::tz::TimeZone;
    use solthrive_domain::rollup::Sums;
    use solthrive_domain::{DayRollup, SiteId};
    use uuid::Uuid;

    use super::*;

    fn site_day(installer: Option<u128>, covered_ms: u64) -> SiteDay {
        let sums = Sums {
            covered_ms,
            ..Sums::default()
        };
        let date = Date::constant(2026, 6, 1);
        SiteDay {
            site: SiteId::from_uuid(Uuid::from_u128(1)),
            installer: installer.map(|id| OrgId::from_uuid(Uuid::from_u128(id))),
            day: DayRollup::of_sums(&TimeZone::UTC, date, sums, Timestamp::MAX).unwrap(),
        }
    }

    #[test]
    fn a_site_that_changed_its_installer_leaves_the_old_one() {
        let mut exchange = Exchange::default();
        exchange.day(Some(&site_day(Some(7), 100)), &site_day(Some(8), 300));
        let sums = |fleet| exchange.periods[&(fleet, Period::Day(Date::constant(2026, 6, 1)))];
        let installer = |id| Fleet::Installer(OrgId::from_uuid(Uuid::from_u128(id)));
        let told = |sums: FleetSums| (sums.sites, sums.covered_ms);
        assert_eq!(told(sums(Fleet::All)), (0, 200));
        assert_eq!(told(sums(installer(7))), (-1, -100));
        assert_eq!(told(sums(installer(8))), (1, 300));
    }

    #[test]
    fn a_quarter_that_says_the_same_changes_no_fleet() {
        let bucket = Bucket::empty(Quarter::try_from(96 * 20_000).unwrap());
        let mut exchange = Exchange::default();
        exchange.quarter(None, Some(&bucket), &bucket);
        assert!(exchange.quarters.is_empty());
        exchange.quarter(None, None, &bucket);
        let day = changed_quarters(
            None,
            (Fleet::All, 20_000),
            &exchange.quarters[&(Fleet::All, 20_000)],
        );
        assert_eq!(
            day.quarters,
            [(bucket.quarter, FleetSums::of_bucket(&bucket))]
        );
    }
}

//! Days and months that are over: looked at once when they end, and once when nobody waits for late
//! data any more. Between the two, whatever changes them is noticed as it happens.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use solthrive_domain::SiteId;
use solthrive_domain::rollup::{quarters_of_day, quarters_of_month};
use solthrive_domain::telemetry::UnixMillis;

use super::memory::Memory;
use super::{Trouble, Worker};

/// After this long a day is final although parts of it are missing.
const WAITED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// More days than these are not asked for at once: days of 100,000 sites in a bad week.
const MOST: u32 = 1_000_000;
/// Sites whose month is asked for in one turn.
const MONTHS_AT_ONCE: usize = 500;

/// What was looked at already. Losing it costs a second look.
#[derive(Debug, Default)]
pub(super) struct Finaliser {
    /// Days that are over and were looked at since.
    looked: BTreeSet<(SiteId, Date)>,
    /// The month that everybody has waited for long enough, and the sites that were not asked yet.
    months: Option<(Date, Vec<SiteId>)>,
}

impl Finaliser {
    /// Of days that are over and not final, those that another look can change.
    fn worth_a_look(
        &mut self,
        days: Vec<(SiteId, Date)>,
        zone: impl Fn(SiteId) -> TimeZone,
        now: Timestamp,
        most: usize,
    ) -> (Vec<(SiteId, Date)>, bool) {
        let known: BTreeSet<_> = days.iter().copied().collect();
        self.looked.retain(|day| known.contains(day));
        let (mut worth, mut sites) = (Vec::new(), BTreeSet::new());
        for (site, date) in days {
            let Some(end) = quarters_of_day(&zone(site), date)
                .ok()
                .map(|day| Timestamp::from(day.end.start()))
            else {
                continue;
            };
            let has_waited = now.duration_since(end) >= WAITED;
            if now < end || (!has_waited && self.looked.contains(&(site, date))) {
                continue;
            }
            if sites.len() == most && !sites.contains(&site) {
                return (worth, true);
            }
            sites.insert(site);
            worth.push((site, date));
        }
        (worth, false)
    }

    /// The sites whose last month is to be looked at now, by its first day.
    fn months(
        &mut self,
        sites: impl Iterator<Item = SiteId>,
        now: Timestamp,
    ) -> Option<(Date, Vec<SiteId>)> {
        // A day more, since a month ends at different times in different zones.
        let settled = (now - WAITED - SignedDuration::from_hours(24))
            .to_zoned(TimeZone::UTC)
            .date();
        let month = settled.first_of_month().checked_sub(1.month()).ok()?;
        if self.months.as_ref().is_none_or(|(last, _)| *last != month) {
            self.months = Some((month, sites.collect()));
        }
        let (_, waiting) = self.months.as_mut()?;
        let rest = waiting.len().saturating_sub(MONTHS_AT_ONCE);
        Some((month, waiting.split_off(rest)))
    }

    fn has_more_months(&self) -> bool {
        self.months
            .as_ref()
            .is_some_and(|(_, waiting)| !waiting.is_empty())
    }
}

impl Worker {
    /// Marks what the next checkpoint has to look at; true where there is more than fits into one.
    pub(super) async fn look_at_days(
        &mut self,
        memory: &mut Memory,
        now: UnixMillis,
    ) -> Result<bool, Trouble> {
        let at = Timestamp::from(now);
        // In some zone it is tomorrow already.
        let before = (at + SignedDuration::from_hours(24))
            .to_zoned(TimeZone::UTC)
            .date();
        let days = self.stores.archive.days_not_final(before, MOST).await?;
        let (places, most) = (&self.places, self.settings.sites_at_once);
        let (worth, has_more) =
            self.finaliser
                .worth_a_look(days, |site| places.zone(site), at, most);
        for (site, date) in &worth {
            if self.places.is_erased(*site) {
                continue;
            }
            self.load_site(memory, *site, now).await?;
            if let Some(site) = memory.site_mut(*site) {
                site.due.insert(*date);
            }
        }
        self.finaliser.looked.extend(&worth);
        let months = self.look_at_months(memory, now).await?;
        if !worth.is_empty() || months > 0 {
            tracing::debug!(
                days = worth.len(),
                months,
                "days and months that are over are looked at"
            );
        }
        Ok(has_more || self.finaliser.has_more_months())
    }

    async fn look_at_months(
        &mut self,
        memory: &mut Memory,
        now: UnixMillis,
    ) -> Result<usize, Trouble> {
        let mut looked = 0;
        let sites = self.places.sites();
        let Some((month, sites)) = self.finaliser.months(sites, now.into()) else {
            return Ok(0);
        };
        for id in sites {
            let stored = self.stores.archive.site_month(id, month).await;
            let is_open = stored
                .is_ok_and(|stored| stored.is_some_and(|stored| !stored.month.rollup.is_final));
            let is_over = quarters_of_month(&self.places.zone(id), month)
                .is_ok_and(|span| span.end.start() <= now);
            if !is_open || !is_over {
                continue;
            }
            self.load_site(memory, id, now).await?;
            if let Some(site) = memory.site_mut(id) {
                site.due_months.insert(month);
                looked += 1;
            }
        }
        Ok(looked)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn site(n: u128) -> SiteId {
        SiteId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn a_day_is_looked_at_when_it_ended_and_a_week_later() {
        let day = (site(1), Date::constant(2026, 6, 1));
        let mut finaliser = Finaliser::default();
        let mut look = |now: &str| {
            let (worth, _) =
                finaliser.worth_a_look(vec![day], |_| TimeZone::UTC, now.parse().unwrap(), 10);
            finaliser.looked.extend(&worth);
            worth.len()
        };
        assert_eq!(look("2026-06-01T23:59:59Z"), 0);
        assert_eq!(look("2026-06-02T00:00:00Z"), 1);
        assert_eq!(look("2026-06-05T00:00:00Z"), 0);
        assert_eq!(look("2026-06-09T00:00:00Z"), 1);
    }

    #[test]
    fn more_sites_than_fit_are_left_for_the_next_time() {
        let dates = [Date::constant(2026, 6, 1), Date::constant(2026, 6, 2)];
        let days: Vec<_> = dates
            .iter()
            .flat_map(|date| [1, 2, 3].map(|n| (site(n), *date)))
            .collect();
        let now = "2026-06-03T00:00:00Z".parse().unwrap();
        let mut finaliser = Finaliser::default();
        let (worth, has_more) = finaliser.worth_a_look(days, |_| TimeZone::UTC, now, 2);
        assert_eq!((worth.len(), has_more), (2, true));
    }

    #[test]
    fn a_month_is_asked_for_once_when_a_week_has_passed() {
        let mut finaliser = Finaliser::default();
        let mut ask = |now: &str| {
            let (month, sites) = finaliser
                .months([site(1)].into_iter(), now.parse().unwrap())
                .unwrap();
            (month.month(), sites.len())
        };
        assert_eq!(ask("2026-07-08T12:00:00Z"), (5, 1));
        assert_eq!(ask("2026-07-09T12:00:00Z"), (6, 1));
        assert_eq!(ask("2026-07-10T12:00:00Z"), (6, 0));
    }
}

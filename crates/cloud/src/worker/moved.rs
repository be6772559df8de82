//! A site that got another time zone: all its days begin elsewhere.
//!
//! Only a worker that knew the zone before notices. One that starts later takes the zone as it is, and
//! days that are over stay as they are until something changes them.

use std::ops::Range;

use jiff::civil::Date;

use super::memory::Memory;
use super::{Trouble, Worker};

/// Every date that a device can have told of.
const DATES: Range<Date> = Date::constant(1970, 1, 1)..Date::constant(9999, 12, 1);

impl Worker {
    /// Lets the next checkpoint make all days of these sites anew.
    pub(super) async fn deal_with_moved(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        while let Some(id) = self.moved.first().copied() {
            if self.places.is_erased(id) {
                self.moved.remove(&id);
                continue;
            }
            let days = self.stores.archive.site_days(id, DATES).await?;
            self.load_site(memory, id, (self.now)()).await?;
            if let Some(site) = memory.site_mut(id) {
                let dates = days.iter().map(|day| day.day.date);
                let around = dates.flat_map(|date| [date.yesterday(), Ok(date), date.tomorrow()]);
                site.begin_days_anew(around.flatten());
            }
            tracing::info!(site.id = %id, days = days.len(), "the site has another time zone, its days are made anew");
            self.moved.remove(&id);
        }
        Ok(())
    }
}

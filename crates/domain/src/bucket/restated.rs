//! What has to be told anew: buckets, and the local days and months they lie in.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Bucket, Buckets, Fold, Quarter, Rebuild};
use crate::rollup::day_of;

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Restated {
    /// The buckets that say something else now, by time.
    pub buckets: Vec<Bucket>,
    /// The local days they lie in.
    pub days: BTreeSet<Date>,
    /// The first days of the local months they lie in.
    pub months: BTreeSet<Date>,
    /// What to go on from instead, where the newest bucket is among them.
    #[serde(skip)]
    pub tail: Option<Fold>,
}

impl Rebuild {
    /// Compares with what is stored of [`Rebuild::quarters`]. Buckets that say something else get
    /// the next revision; the newest one, which is not over, keeps its.
    #[must_use]
    pub fn against(&self, stored: &Buckets, zone: &TimeZone) -> Restated {
        let mut restated = Restated {
            tail: self.tail,
            ..Restated::default()
        };
        let mut quarters: BTreeSet<Quarter> = self.buckets().map(|bucket| bucket.quarter).collect();
        quarters.extend(stored.range(self.quarters.clone()).map(|(at, _)| *at));
        for quarter in quarters {
            let made = self.buckets.get(&quarter).copied();
            let mut made = made.unwrap_or(Bucket::empty(quarter));
            let before = stored.get(&quarter);
            if before.is_some_and(|before| made.says_the_same(before)) {
                continue;
            }
            let is_over = self.open.is_some_and(|open| quarter < open);
            let revision = before.map_or(0, |before| before.revision);
            made.revision = revision.saturating_add(u32::from(is_over));
            restated.add(made, zone);
        }
        restated
    }
}

impl Restated {
    fn add(&mut self, bucket: Bucket, zone: &TimeZone) {
        let day = day_of(zone, bucket.quarter);
        self.buckets.push(bucket);
        self.days.insert(day);
        self.months.insert(day.first_of_month());
    }
}

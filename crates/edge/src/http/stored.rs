//! The store's reading side as the handlers ask for it.

use jiff::Timestamp;
use jiff::civil::Date;
use solthrive_domain::flagboard::FlagChange as Stored;
use solthrive_domain::{DaySummary, MinuteRow};

use super::state::{History, HistoryError};
use crate::live::FlagChange;
use crate::store::Reader;

impl History for Reader {
    fn minutes(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<MinuteRow>, HistoryError> {
        Ok(Self::minutes(self, from, to, limit)?)
    }

    fn days(&self, from: Date, to: Date) -> Result<Vec<DaySummary>, HistoryError> {
        Ok(Self::days(self, from, to)?)
    }

    fn flags(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<FlagChange>, HistoryError> {
        let change = |(at, change)| match change {
            Stored::Raised(flag) => Some((at, true, flag)),
            Stored::Cleared(flag) => Some((at, false, flag)),
            // Of another severity: it neither came nor went.
            Stored::Changed(_) => None,
        };
        let changes = Self::flags(self, from, to, limit)?.into_iter();
        Ok(changes
            .filter_map(change)
            .map(|(at, raised, flag)| FlagChange { at, raised, flag })
            .collect())
    }
}

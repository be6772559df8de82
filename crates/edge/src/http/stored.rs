//! The store's reading side as the handlers ask for it.

use jiff::Timestamp;
use jiff::civil::Date;
use solthrive_domain::{DaySummary, MinuteRow};

use super::state::{History, HistoryError};
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
}

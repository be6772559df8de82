//! Some points or rows of an answer, by column.

use jiff::Timestamp;
use solthrive_domain::FlagCode;
use solthrive_domain::telemetry::Doubts;

/// Columns of equal length.
#[derive(Debug, Default)]
pub(in crate::api) struct Block {
    /// The begin of each point, or the time of each row.
    pub(in crate::api) t: Vec<Timestamp>,
    /// Measured share of each point; rows have none.
    pub(in crate::api) coverage: Option<Vec<f64>>,
    /// What speaks against each row; points have none.
    pub(in crate::api) quality: Option<Vec<Doubts>>,
    /// In the order of the answer's fields; NaN is not known.
    pub(in crate::api) series: Vec<Vec<f64>>,
}

impl Block {
    /// Takes the columns of another one, which has the same.
    pub(super) fn append(&mut self, mut other: Self) {
        if self.t.is_empty() {
            *self = other;
            return;
        }
        self.t.append(&mut other.t);
        if let (Some(mine), Some(mut theirs)) = (self.coverage.as_mut(), other.coverage) {
            mine.append(&mut theirs);
        }
        if let (Some(mine), Some(mut theirs)) = (self.quality.as_mut(), other.quality) {
            mine.append(&mut theirs);
        }
        for (mine, theirs) in self.series.iter_mut().zip(&mut other.series) {
            mine.append(theirs);
        }
    }
}

/// The codes of doubts, by a space; `ok` for none.
pub(in crate::api) fn words(doubts: Doubts) -> String {
    if doubts.is_ok() {
        return "ok".to_owned();
    }
    let mut known: Vec<&str> = doubts.codes().map(FlagCode::as_str).collect();
    if known.is_empty() {
        // A newer appliance's code: a doubt all the same.
        known.push("other");
    }
    known.join(" ")
}

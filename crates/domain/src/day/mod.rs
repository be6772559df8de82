//! Local days and months: their spans, what happened in them, and what it was worth.
//!
//! A day is the site's own: 23 or 25 hours at a clock change, without a midnight in some zones, and
//! empty where a zone skipped it. Energies are sums of what the ledger measured at poll rate and
//! are never recomputed from coarser means, because the ratios depend on the netting interval.

mod savings;
mod span;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use self::savings::{FlatTariff, Savings};
pub use self::span::{local_date, local_day, local_month};
use crate::units::{WattHours, Watts};
use crate::{Energies, MinuteRow};

/// Demand is the mean over a quarter of an hour, which every zone's days consist of.
const QUARTER: i64 = 15 * 60;
/// A quarter counts as a demand when at least this much of it was measured.
const QUARTER_COVERED: Duration = Duration::from_mins(12);

/// How well solar and home fit together; `None` where the divisor is unknown or zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Ratios {
    /// `(solar - export) / solar`.
    pub self_consumption: Option<f64>,
    /// `(solar - export) / home`.
    pub solar_offset: Option<f64>,
    /// `1 - import / home`; equal to the offset only without a battery.
    pub self_sufficiency: Option<f64>,
}

impl Ratios {
    /// The ratios of these energies.
    #[must_use]
    pub fn of(energy: &Energies) -> Self {
        let used = energy
            .solar
            .zip(energy.export)
            .map(|(solar, export)| solar - export);
        let share = |part: Option<WattHours>, whole: Option<WattHours>| {
            let (part, whole) = part.zip(whole)?;
            (whole.get() > 0.0).then(|| part.get() / whole.get())
        };
        Self {
            self_consumption: share(used, energy.solar),
            solar_offset: share(used, energy.home),
            self_sufficiency: share(energy.import, energy.home).map(|drawn| 1.0 - drawn),
        }
    }
}

/// What happened in a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Energy moved; what the home does not have is `None`.
    pub energy: Energies,
    /// Highest mean of import over a quarter of an hour.
    pub peak_demand: Option<Watts>,
    /// Time over which the whole flow was measured.
    #[serde(with = "crate::millis")]
    pub covered: Duration,
    /// How much of the span lies in the past.
    #[serde(with = "crate::millis")]
    pub elapsed: Duration,
}

impl Summary {
    /// Measured share of the elapsed span, 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        if self.elapsed.is_zero() {
            return 0.0;
        }
        (self.covered.as_secs_f64() / self.elapsed.as_secs_f64()).min(1.0)
    }

    /// The ratios of the span.
    #[must_use]
    pub fn ratios(&self) -> Ratios {
        Ratios::of(&self.energy)
    }

    /// Both spans as one, such as the days of a month.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self {
            energy: self.energy.plus(other.energy),
            peak_demand: self
                .peak_demand
                .into_iter()
                .chain(other.peak_demand)
                .reduce(Watts::max),
            covered: self.covered + other.covered,
            elapsed: self.elapsed + other.elapsed,
        }
    }
}

/// What happened on a local day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DaySummary {
    /// The local date.
    pub date: Date,
    /// What happened.
    pub summary: Summary,
}

/// Sums rows up as they come. One per day keeps the day's summary at hand without reading it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Summariser {
    span: Range<Timestamp>,
    energy: Energies,
    covered: Duration,
    quarters: BTreeMap<i64, Quarter>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Quarter {
    import: f64,
    covered: Duration,
}

impl Summariser {
    /// For this span; its ends lie on quarters of an hour, as those of all local days do.
    #[must_use]
    pub fn new(span: Range<Timestamp>) -> Self {
        Self {
            span,
            energy: Energies::default(),
            covered: Duration::ZERO,
            quarters: BTreeMap::new(),
        }
    }

    /// The span.
    #[must_use]
    pub fn span(&self) -> &Range<Timestamp> {
        &self.span
    }

    /// Takes a row; one that starts outside the span is none of its business.
    pub fn add(&mut self, row: &MinuteRow) {
        if !self.span.contains(&row.start) {
            return;
        }
        self.energy = self.energy.plus(row.energy);
        self.covered += row.covered;
        let quarter = self
            .quarters
            .entry(row.start.as_second().div_euclid(QUARTER))
            .or_default();
        *quarter = quarter.with(row);
    }

    /// The summary as of `now`, with the row that is still being collected, if there is one.
    #[must_use]
    pub fn summary(&self, now: Timestamp, open: Option<&MinuteRow>) -> Summary {
        let open = open.filter(|row| self.span.contains(&row.start));
        let open_quarter = open.map(|row| {
            let index = quarter_of(row);
            (
                index,
                self.quarters
                    .get(&index)
                    .copied()
                    .unwrap_or_default()
                    .with(row),
            )
        });
        let others = self
            .quarters
            .iter()
            .filter(|(index, _)| open_quarter.is_none_or(|(open, _)| open != **index));
        let quarters = others
            .map(|(_, quarter)| *quarter)
            .chain(open_quarter.map(|(_, quarter)| quarter));
        let demand = quarters.filter_map(Quarter::demand);
        let elapsed = now.min(self.span.end).duration_since(self.span.start);
        Summary {
            energy: open.map_or(self.energy, |row| self.energy.plus(row.energy)),
            peak_demand: demand.reduce(Watts::max),
            covered: self.covered + open.map_or(Duration::ZERO, |row| row.covered),
            elapsed: Duration::try_from(elapsed).unwrap_or_default(),
        }
    }
}

fn quarter_of(row: &MinuteRow) -> i64 {
    row.start.as_second().div_euclid(QUARTER)
}

impl Quarter {
    /// Energy that a counter brought for an earlier gap is no demand of this quarter.
    fn with(self, row: &MinuteRow) -> Self {
        let get = |energy: Option<WattHours>| energy.map_or(0.0, WattHours::get);
        let import = (get(row.energy.import) - get(row.bridged.import)).max(0.0);
        Self {
            import: self.import + import,
            covered: self.covered + row.covered,
        }
    }

    fn demand(self) -> Option<Watts> {
        if self.covered < QUARTER_COVERED {
            return None;
        }
        Watts::try_from(self.import * 3600.0 / self.covered.as_secs_f64()).ok()
    }
}

/// The summary of a span from its rows.
pub fn summarise<'a>(
    span: Range<Timestamp>,
    now: Timestamp,
    rows: impl IntoIterator<Item = &'a MinuteRow>,
) -> Summary {
    let mut summariser = Summariser::new(span);
    rows.into_iter().for_each(|row| summariser.add(row));
    summariser.summary(now, None)
}

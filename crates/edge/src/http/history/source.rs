//! Where rows come from, page by page: the ring of the last hour, or the store's minutes.

use std::sync::Arc;

use jiff::Timestamp;
use solthrive_domain::units::{Amps, Hertz, PowerFactor, Volts, WattHours, Watts};

use super::super::access::Holder;
use super::super::problem::ApiError;
use super::super::state::{AppState, History};
use super::super::wire::{self, HistoryRow, QualityBody};
use super::bucket::Buckets;
use super::request::{Request, Resolution};
use crate::live::Sample;

/// Rows that are read at once: bounds the memory of a request.
const PAGE: usize = 256;

/// Some rows; `last` when there are no more.
pub(super) struct Page {
    pub(super) rows: Vec<HistoryRow>,
    pub(super) last: bool,
}

/// The rest of a request.
pub(super) struct Source {
    app: AppState,
    history: Arc<dyn History>,
    from: Timestamp,
    to: Timestamp,
    /// The next sample's; they are not in the order of their times where the clock was set back.
    number: u64,
    resolution: Resolution,
    buckets: Buckets,
}

impl Source {
    pub(super) fn new(app: &AppState, holder: &Holder, request: &Request) -> Self {
        let buckets = Buckets::new(
            request.resolution.seconds(),
            app.site.tz.clone(),
            app.home(),
        );
        let history = app.history(holder);
        let (from, to) = (request.span.start, request.span.end);
        Self {
            app: app.clone(),
            history,
            from,
            to,
            number: 0,
            resolution: request.resolution,
            buckets,
        }
    }

    /// Reads on. Not to be called again after the last page.
    pub(super) async fn next_page(&mut self) -> Result<Page, ApiError> {
        if self.resolution == Resolution::Raw {
            Ok(self.samples())
        } else {
            self.minutes().await
        }
    }

    fn samples(&mut self) -> Page {
        let live = &self.app.live;
        let (samples, next) = live.samples(self.from, self.to, self.number, PAGE);
        let last = samples.len() < PAGE;
        self.number = next;
        Page {
            rows: samples.iter().map(row).collect(),
            last,
        }
    }

    async fn minutes(&mut self) -> Result<Page, ApiError> {
        let (history, from, to) = (Arc::clone(&self.history), self.from, self.to);
        let read = tokio::task::spawn_blocking(move || history.minutes(from, to, PAGE)).await;
        let minutes = read
            .map_err(|error| ApiError::Internal(error.into()))?
            .map_err(ApiError::History)?;
        let last = minutes.len() < PAGE;
        let mut whole = minutes.as_slice();
        if let (false, Some(end)) = (last, minutes.last().map(|minute| minute.start)) {
            // A full page may end between the rows of one minute: that minute is read again.
            whole = &minutes[..minutes.partition_point(|minute| minute.start < end)];
            self.from = end;
        }
        let mut rows = Vec::with_capacity(whole.len());
        for minute in whole {
            rows.extend(self.buckets.push(minute));
        }
        if last {
            rows.extend(self.buckets.finish());
        }
        Ok(Page { rows, last })
    }
}

/// A sample as a row.
fn row(sample: &Sample) -> HistoryRow {
    let [solar, home, grid, battery, ev] = sample.flow.map(unit::<Watts>);
    let [v1, v2, v3] = sample
        .voltages
        .map(|voltage| unit::<Volts>(voltage).map(wire::volts));
    let [i1, i2, i3, pv] = sample
        .currents
        .map(|current| unit::<Amps>(current).map(wire::amps));
    let [import, export] = sample.totals.map(|total| {
        total
            .and_then(|total| WattHours::try_from(total).ok())
            .map(wire::kwh)
    });
    HistoryRow {
        samples: 1,
        coverage: 1.0,
        quality: QualityBody::of(&sample.reasons),
        voltage_l1: v1,
        voltage_l2: v2,
        voltage_l3: v3,
        current_l1: i1,
        current_l2: i2,
        current_l3: i3,
        current_pv: pv,
        power_total: grid.map(wire::watts),
        energy_import: import,
        energy_export: export,
        frequency: unit::<Hertz>(sample.frequency).map(wire::hertz),
        pf: unit::<PowerFactor>(sample.pf).map(wire::pf),
        solar_kw: solar.map(wire::kw),
        home_kw: home.map(wire::kw),
        grid_kw: grid.map(wire::kw),
        battery_kw: battery.map(wire::kw),
        ev_kw: ev.map(wire::kw),
        ..HistoryRow::empty(sample.ts)
    }
}

fn unit<U: TryFrom<f64>>(value: Option<f32>) -> Option<U> {
    value.and_then(|value| U::try_from(f64::from(value)).ok())
}

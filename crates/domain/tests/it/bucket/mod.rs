//! Quarter-hour buckets: from samples, as they come and anew.

mod appliance;
mod cases;
mod late;
mod laws;
mod oracle;
pub(crate) mod world;

use solthrive_domain::bucket::{Appended, Buckets, append};
use solthrive_domain::telemetry::{
    MicroWattHours, MilliVolts, MilliWatts, Powers, Totals, UnixMillis,
};
use solthrive_domain::{Fold, LedgerId, Quarter, RollupRules, Sample};

use crate::support::{ledger_id, ts};

/// 2026-06-01T10:00:00Z: the start of a quarter.
pub(crate) const TEN: &str = "2026-06-01T10:00:00Z";

/// Milliseconds after ten o'clock.
pub(crate) fn at(seconds: f64) -> UnixMillis {
    #[expect(clippy::cast_possible_truncation, reason = "a test's few hours")]
    let ms = (seconds * 1000.0) as i64;
    UnixMillis::try_from(ts(TEN).as_millisecond() + ms).unwrap()
}

pub(crate) fn quarter(start: &str) -> Quarter {
    Quarter::try_from(ts(&format!("2026-06-01T{start}:00Z"))).unwrap()
}

pub(crate) fn mw(watts: i32) -> Option<MilliWatts> {
    Some(MilliWatts::new(watts * 1000))
}

/// Watt-hours.
pub(crate) fn wh(energy: f64) -> Option<MicroWattHours> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a test's few kilowatt-hours"
    )]
    let steps = (energy * 1e6).round() as i64;
    Some(MicroWattHours::new(steps))
}

/// A sample of a home without a battery: W and Wh.
pub(crate) fn sample(seconds: f64, solar: i32, grid: i32, totals: [f64; 3]) -> Sample {
    let [solar_wh, import, export] = totals.map(wh);
    Sample {
        power: Powers {
            solar: mw(solar),
            grid: mw(grid),
            home: mw(solar + grid),
            battery: None,
        },
        voltage_l1: Some(MilliVolts::new(120_500)),
        voltage_l2: Some(MilliVolts::new(119_500)),
        totals: Totals {
            solar: solar_wh,
            import,
            export,
            ..Totals::default()
        },
        ..Sample::empty(at(seconds), ledger_id())
    }
}

/// The same, with nothing measured.
pub(crate) fn blind(sample: Sample) -> Sample {
    Sample {
        power: Powers::default(),
        voltage_l1: None,
        voltage_l2: None,
        ..sample
    }
}

pub(crate) fn other_ledger() -> LedgerId {
    "0190a5a0-0000-4000-8000-00000000000f".parse().unwrap()
}

/// All samples in one go.
pub(crate) fn fold(samples: &[Sample]) -> (Buckets, Appended) {
    let mut buckets = Buckets::new();
    let appended = append(
        &mut Fold::new(RollupRules::default()),
        &mut buckets,
        samples,
    );
    (buckets, appended)
}

/// Buckets by what they say, without how often that changed.
pub(crate) fn said(buckets: &Buckets) -> Buckets {
    let mut buckets = buckets.clone();
    for bucket in buckets.values_mut() {
        bucket.revision = 0;
    }
    buckets
}

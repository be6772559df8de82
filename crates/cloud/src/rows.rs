//! A snapshot as it is heard, as it is kept and as it is counted.
//!
//! What a device says ([`Snapshot`]) becomes a [`Row`] without losing a bit; a row becomes a [`Sample`]
//! of integers, which is what buckets are made of. A number that a sample cannot hold is absent there,
//! never another number, and still exact in the row.

use std::ops::Range;
use std::sync::LazyLock;

use solthrive_cloud_store::chunk::{ColumnId, Finite, Known, Table, Value};
use solthrive_cloud_store::hot::Row;
use solthrive_domain::telemetry::{
    Doubts, MicroWattHours, MilliAmps, MilliHertz, MilliVolts, MilliWatts, PowerFactorSteps,
    UnixMillis,
};
use solthrive_domain::units::{Amps, Hertz, PowerFactor, Volts, WattHours, Watts};
use solthrive_domain::{LedgerId, Sample};
use solthrive_protocol::{Channel, OTHER_DOUBT, Snapshot};
use uuid::Uuid;

const CHARGE: &str = "battery_charge_kwh_total";
const DISCHARGE: &str = "battery_discharge_kwh_total";

static CHARGE_ID: LazyLock<ColumnId> = LazyLock::new(|| named(CHARGE));
static DISCHARGE_ID: LazyLock<ColumnId> = LazyLock::new(|| named(DISCHARGE));

/// The columns that a sample is made of, which are all but those of further channels.
pub static SAMPLE_COLUMNS: LazyLock<Vec<ColumnId>> = LazyLock::new(|| {
    let known = Known::ALL.iter().copied().map(ColumnId::from);
    known
        .chain([CHARGE_ID.clone(), DISCHARGE_ID.clone()])
        .collect()
});

/// A column's name that is part of this program, or of a channel's that was checked.
fn named(name: &str) -> ColumnId {
    name.parse().unwrap_or(ColumnId::Known(Known::Quality))
}

/// The row of a snapshot: what is known of it, by column, so that rows of one device are alike.
#[must_use]
pub fn row_of(snapshot: &Snapshot, ledger: LedgerId) -> Row {
    let values = &snapshot.values;
    let numbers = [
        (Known::SolarKw, values.solar_kw),
        (Known::HomeKw, values.home_kw),
        (Known::GridKw, values.grid_kw),
        (Known::BatteryKw, values.battery_kw),
        (Known::VoltageL1, values.voltage_l1),
        (Known::VoltageL2, values.voltage_l2),
        (Known::CurrentL1, values.current_l1),
        (Known::CurrentL2, values.current_l2),
        (Known::CurrentPv, values.current_pv),
        (Known::Pf, values.pf),
        (Known::Frequency, values.frequency),
        (Known::SolarKwhTotal, values.solar_kwh_total),
        (Known::ImportKwhTotal, values.import_kwh_total),
        (Known::ExportKwhTotal, values.export_kwh_total),
    ];
    let mut cells = Vec::with_capacity(numbers.len() + 2 + 3 * snapshot.channels.len());
    for (column, value) in numbers {
        put(&mut cells, || column.into(), value);
    }
    let quality = u64::from(snapshot.quality.bits());
    cells.push((Known::Quality.into(), Value::Integer(quality)));
    cells.push((Known::Ledger.into(), Value::Integer(low_bits(ledger))));
    put(
        &mut cells,
        || CHARGE_ID.clone(),
        values.battery_charge_kwh_total,
    );
    put(
        &mut cells,
        || DISCHARGE_ID.clone(),
        values.battery_discharge_kwh_total,
    );
    put_channels(&mut cells, &snapshot.channels);
    Row {
        time: snapshot.ts.get(),
        cells,
    }
}

fn put_channels(cells: &mut Vec<(ColumnId, Value)>, channels: &[Channel]) {
    let first = cells.len();
    for Channel { name, values } in channels {
        let parts = [("a", values.a), ("kw", values.kw), ("pf", values.pf)];
        for (part, value) in parts {
            put(cells, || named(&format!("channels.{name}.{part}")), value);
        }
    }
    // "a-b" comes before "a." although "a" comes before "a-b".
    cells[first..].sort_by(|(a, _), (b, _)| a.cmp(b));
}

/// JSON has no other numbers than finite ones.
fn put(cells: &mut Vec<(ColumnId, Value)>, column: impl FnOnce() -> ColumnId, value: Option<f64>) {
    let finite = value.and_then(|value| Finite::try_from(value).ok());
    cells.extend(finite.map(|value| (column(), Value::Number(value))));
}

/// What a row keeps of a ledger's id: enough to tell two ledgers of one device apart.
#[must_use]
pub fn low_bits(ledger: LedgerId) -> u64 {
    ledger.as_uuid().as_u64_pair().1
}

/// The sample of a row; `None` where its time is no instant that a calendar knows.
#[must_use]
pub fn sample_of(row: &Row) -> Option<Sample> {
    let mut sample = blank(row.time)?;
    for (column, value) in &row.cells {
        if let Some(part) = Part::of(column) {
            part.put(&mut sample, *value);
        }
    }
    Some(sample)
}

/// The samples of a table's rows with a time within `span`, in ms since the Unix epoch.
#[must_use]
pub fn samples_of(table: &Table, span: Range<i64>) -> Vec<Sample> {
    let (first, last) = (place(table, span.start), place(table, span.end));
    let times = (first..last).map(|row| table.time(row).and_then(blank));
    let mut samples: Vec<Option<Sample>> = times.collect();
    for (column, values) in table.columns() {
        let Some(part) = Part::of(column) else {
            continue;
        };
        for (sample, row) in samples.iter_mut().zip(first..) {
            if let (Some(sample), Some(value)) = (sample, values.get(row)) {
                part.put(sample, value);
            }
        }
    }
    samples.into_iter().flatten().collect()
}

/// The first row that is not before `time`.
fn place(table: &Table, time: i64) -> usize {
    let (mut low, mut high) = (0, table.rows());
    while low < high {
        let middle = usize::midpoint(low, high);
        if table.time(middle).is_some_and(|at| at < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn blank(time: i64) -> Option<Sample> {
    let ts = UnixMillis::try_from(time).ok()?;
    Some(Sample::empty(ts, LedgerId::from_uuid(Uuid::nil())))
}

/// Where a column goes in a sample.
#[derive(Debug, Clone, Copy)]
enum Part {
    Known(Known),
    Charge,
    Discharge,
}

impl Part {
    fn of(column: &ColumnId) -> Option<Self> {
        match column {
            ColumnId::Known(known) => Some(Self::Known(*known)),
            ColumnId::Named(name) => match name.as_str() {
                CHARGE => Some(Self::Charge),
                DISCHARGE => Some(Self::Discharge),
                _ => None,
            },
        }
    }

    fn put(self, sample: &mut Sample, value: Value) {
        match value {
            Value::Number(number) => self.put_number(sample, number.get()),
            Value::Integer(integer) => self.put_integer(sample, integer),
        }
    }

    fn put_integer(self, sample: &mut Sample, value: u64) {
        match self {
            Self::Known(Known::Quality) => {
                sample.quality = Doubts::from_bits(u32::try_from(value).unwrap_or(OTHER_DOUBT));
            }
            Self::Known(Known::Ledger) => {
                sample.ledger = LedgerId::from_uuid(Uuid::from_u128(value.into()));
            }
            _ => {}
        }
    }

    fn put_number(self, sample: &mut Sample, value: f64) {
        match self {
            Self::Charge => sample.totals.battery_charge = energy(value),
            Self::Discharge => sample.totals.battery_discharge = energy(value),
            Self::Known(known) => put_known(sample, known, value),
        }
    }
}

fn put_known(sample: &mut Sample, column: Known, value: f64) {
    match column {
        Known::SolarKw => sample.power.solar = power(value),
        Known::HomeKw => sample.power.home = power(value),
        Known::GridKw => sample.power.grid = power(value),
        Known::BatteryKw => sample.power.battery = power(value),
        Known::VoltageL1 => sample.voltage_l1 = voltage(value),
        Known::VoltageL2 => sample.voltage_l2 = voltage(value),
        Known::CurrentL1 => sample.current_l1 = current(value),
        Known::CurrentL2 => sample.current_l2 = current(value),
        Known::CurrentPv => sample.current_pv = current(value),
        Known::Pf => {
            let pf = PowerFactor::try_from(value).ok();
            sample.pf = pf.and_then(|pf| PowerFactorSteps::try_from(pf).ok());
        }
        Known::Frequency => {
            let frequency = Hertz::try_from(value).ok();
            sample.frequency = frequency.and_then(|hertz| MilliHertz::try_from(hertz).ok());
        }
        Known::SolarKwhTotal => sample.totals.solar = energy(value),
        Known::ImportKwhTotal => sample.totals.import = energy(value),
        Known::ExportKwhTotal => sample.totals.export = energy(value),
        Known::Quality | Known::Ledger => {}
    }
}

fn power(kw: f64) -> Option<MilliWatts> {
    MilliWatts::try_from(Watts::from_kw(kw).ok()?).ok()
}

fn voltage(volts: f64) -> Option<MilliVolts> {
    MilliVolts::try_from(Volts::try_from(volts).ok()?).ok()
}

fn current(amps: f64) -> Option<MilliAmps> {
    MilliAmps::try_from(Amps::try_from(amps).ok()?).ok()
}

fn energy(kwh: f64) -> Option<MicroWattHours> {
    MicroWattHours::try_from(WattHours::from_kwh(kwh).ok()?).ok()
}

//! Minute rows, flat: one column for each quantity, and two for each channel.

use std::io;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use solthrive_domain::units::{Amps, Hertz, PowerFactor, WattHours};
use solthrive_domain::{Energies, HomeModel, Input, MinuteRow, Role, Stat};

use super::Rows;
use crate::http::wire;
use crate::store::Reader;

/// Minutes read at once: 12 hours.
const PAGE: usize = 720;

pub(super) fn write(
    reader: &Reader,
    span: Range<Timestamp>,
    home: &HomeModel,
    rows: &mut Rows<'_>,
) -> anyhow::Result<()> {
    let columns = columns(home);
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    rows.heads(&names)?;
    let mut from = span.start;
    loop {
        let page = reader.minutes(from, span.end, PAGE)?;
        let full = page.len() == PAGE;
        // A full page may end between the rows of one minute: that minute is read again.
        let end = page.last().map(|row| row.start).filter(|_| full);
        let whole = end.map_or(page.len(), |end| {
            page.partition_point(|row| row.start < end)
        });
        for row in &page[..whole] {
            write_row(rows, &names, &columns, row)?;
        }
        match end {
            Some(end) if whole > 0 => from = end,
            // A minute with more parts than a page holds does not exist; going on is better than standing still.
            Some(end) => from = end + SignedDuration::from_mins(1),
            None => return Ok(()),
        }
    }
}

fn write_row(
    rows: &mut Rows<'_>,
    names: &[String],
    columns: &[Column],
    row: &MinuteRow,
) -> io::Result<()> {
    let values: Vec<Value> = columns.iter().map(|column| (column.pick)(row)).collect();
    rows.row(names, &values)
}

struct Column {
    name: String,
    pick: Box<dyn Fn(&MinuteRow) -> Value>,
}

fn column(name: impl Into<String>, pick: impl Fn(&MinuteRow) -> Value + 'static) -> Column {
    Column {
        name: name.into(),
        pick: Box::new(pick),
    }
}

/// The same for every export of one home, whatever its rows hold.
fn columns(home: &HomeModel) -> Vec<Column> {
    let mut all = vec![
        column("timestamp", |row| json!(row.start)),
        column("quality", |row| json!(quality(row))),
        column("samples", |row| json!(row.samples)),
        column("coverage", |row| {
            json!(wire::ratio(row.covered.as_secs_f64() / 60.0))
        }),
    ];
    for (name, input) in [
        ("voltage_l1", Input::L1),
        ("voltage_l2", Input::L2),
        ("voltage_l3", Input::L3),
    ] {
        if home.service.legs().contains(&input) {
            all.push(column(name, move |row| {
                number(row.voltages.get(&input).map(|stat| stat.mean), wire::volts)
            }));
        }
    }
    all.push(column("frequency", |row| {
        number::<Hertz>(row.frequency, wire::hertz)
    }));
    all.push(column("pf", |row| number::<PowerFactor>(row.pf, wire::pf)));
    let installed = |role| role != Role::Battery && role != Role::Ev || home.has(role);
    for (name, _, flow) in FLOWS.into_iter().filter(|(_, role, _)| installed(*role)) {
        all.push(column(format!("{name}_kw"), move |row| {
            number(flow(row).map(|stat| stat.mean), wire::kw)
        }));
        all.push(column(format!("{name}_kw_min"), move |row| {
            number(flow(row).map(|stat| stat.min), wire::kw)
        }));
        all.push(column(format!("{name}_kw_max"), move |row| {
            number(flow(row).map(|stat| stat.max), wire::kw)
        }));
    }
    for (name, _, energy) in ENERGIES.into_iter().filter(|(_, role, _)| installed(*role)) {
        all.push(column(format!("{name}_kwh"), move |row| {
            shown(energy(&row.energy))
        }));
        all.push(column(format!("{name}_kwh_total"), move |row| {
            shown(energy(&row.totals))
        }));
    }
    for channel in &home.channels {
        let (power, current) = (channel.name.clone(), channel.name.clone());
        all.push(column(format!("channel_{power}_kw"), move |row| {
            number(row.powers.get(&power).copied(), wire::kw)
        }));
        all.push(column(format!("channel_{current}_a"), move |row| {
            number::<Amps>(row.currents.get(&current).copied(), wire::amps)
        }));
    }
    all
}

type Flow = (&'static str, Role, fn(&MinuteRow) -> Option<Stat>);
type Energy = (&'static str, Role, fn(&Energies) -> Option<WattHours>);

const FLOWS: [Flow; 5] = [
    ("solar", Role::Pv, |row| row.solar),
    ("home", Role::Home, |row| row.home),
    ("grid", Role::Main, |row| row.grid),
    ("battery", Role::Battery, |row| row.battery),
    ("ev", Role::Ev, |row| row.ev),
];
const ENERGIES: [Energy; 7] = [
    ("solar", Role::Pv, |energy| energy.solar),
    ("home", Role::Home, |energy| energy.home),
    ("import", Role::Main, |energy| energy.import),
    ("export", Role::Main, |energy| energy.export),
    ("battery_charge", Role::Battery, |energy| {
        energy.battery_charge
    }),
    ("battery_discharge", Role::Battery, |energy| {
        energy.battery_discharge
    }),
    ("ev", Role::Ev, |energy| energy.ev),
];

fn quality(row: &MinuteRow) -> String {
    if row.quality.is_empty() {
        return "ok".to_owned();
    }
    row.quality
        .iter()
        .map(|code| code.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn number<U: TryFrom<f64>>(value: Option<f64>, round: fn(U) -> f64) -> Value {
    value
        .and_then(|value| U::try_from(value).ok())
        .map_or(Value::Null, |unit| json!(round(unit)))
}

fn shown(energy: Option<WattHours>) -> Value {
    energy.map_or(Value::Null, |energy| json!(wire::kwh(energy)))
}

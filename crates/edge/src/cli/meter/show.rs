//! A meter's values as a table or as JSON.

use serde_json::{Map, Value, json};
use solthrive_domain::{Quantity, Reading};
use solthrive_meter::bus::{BusConfig, FaultKind, MeterConfig};
use solthrive_meter::decode::{NoValue, Registers, Scaling};
use solthrive_meter::profile::{Function, PointDef};

use super::super::screen::{Screen, Tone};
use super::super::table::{Cell, Table};
use super::ask::wanted;

/// The points that are asked for, with their values.
pub(super) fn values<'m>(
    meter: &'m MeterConfig,
    registers: &Registers,
) -> Vec<(&'m PointDef, Result<f64, NoValue>)> {
    wanted(meter)
        .map(|def| (def, def.decode_from(registers, meter.ct_ratio)))
        .collect()
}

/// The values as the rest of the appliance would get them.
pub(in super::super) fn reading(meter: &MeterConfig, registers: &Registers) -> Reading {
    let known = values(meter, registers)
        .into_iter()
        .filter_map(|(def, value)| Some((def.point, value.ok()?)));
    Reading {
        meter: meter.id.clone(),
        at: solthrive_domain::Mono::ZERO,
        values: known.collect(),
    }
}

/// One line about the meter, then its values.
pub(super) fn table(
    screen: &mut Screen,
    bus: &BusConfig,
    meter: &MeterConfig,
    registers: &Registers,
) -> std::io::Result<()> {
    heading(screen, bus, meter)?;
    let mut table = Table::new(&["POINT", "VALUE", "UNIT", "REGISTER", "RAW"]);
    for (def, value) in values(meter, registers) {
        let raw = registers.get(def.function, def.address, def.kind.width());
        let raw = raw
            .map(|words| {
                words
                    .iter()
                    .map(|word| format!("{word:04x}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .unwrap_or_default();
        let (shown, unit) = match value {
            Ok(value) => (
                Cell::number(decimals(value, step(meter, def, value), most_decimals(def))),
                def.point.quantity.unit(),
            ),
            Err(NoValue::NotRead) if def.optional => {
                (Cell::number("not there").tone(Tone::Quiet), "")
            }
            Err(why) => (Cell::number(why.to_string()).tone(Tone::Doubtful), ""),
        };
        table.row([
            def.point.to_string().into(),
            shown,
            unit.into(),
            place(def).into(),
            Cell::new(raw).tone(Tone::Quiet),
        ]);
    }
    screen.table(&table)
}

pub(super) fn heading(
    screen: &mut Screen,
    bus: &BusConfig,
    meter: &MeterConfig,
) -> std::io::Result<()> {
    screen.line(&format!(
        "{}: {}, unit {} on {} ({})",
        meter.id, meter.profile.id, meter.unit, bus.name, bus.link
    ))
}

/// `input 0x0034`.
fn place(def: &PointDef) -> String {
    let table = match def.function {
        Function::Holding => "holding",
        Function::Input => "input",
    };
    format!("{table} 0x{:04X}", def.address)
}

/// The meter's own step at this value; a scale register makes it smaller, which does not matter here.
fn step(meter: &MeterConfig, def: &PointDef, value: f64) -> f64 {
    def.resolution(value, Scaling::ct(meter.ct_ratio))
}

/// What a person reads: more decimals than these are noise, whatever the number format.
fn most_decimals(def: &PointDef) -> usize {
    match def.point.quantity {
        Quantity::ActivePower | Quantity::ApparentPower | Quantity::ReactivePower => 1,
        Quantity::Voltage
        | Quantity::PhaseAngle
        | Quantity::VoltageDistortion
        | Quantity::StateOfCharge => 2,
        _ => 3,
    }
}

/// As many decimals as the meter's own step has; one that steps in tens has none.
fn decimals(value: f64, step: f64, most: usize) -> String {
    let places = (0..most)
        .find(|places| step >= 0.999 * 10_f64.powi(-i32::try_from(*places).unwrap_or(0)))
        .unwrap_or(most);
    let text = format!("{value:.places$}");
    // A small value the other way is no minus zero.
    if text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.')) {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    }
}

/// `{"v_l1": 120.3, …}`; what is not known is absent.
pub(super) fn as_json(bus: &BusConfig, meter: &MeterConfig, registers: &Registers) -> Value {
    let (mut known, mut missing) = (Map::new(), Map::new());
    for (def, value) in values(meter, registers) {
        match value {
            Ok(value) => known.insert(def.point.to_string(), json!(value)),
            Err(why) => missing.insert(def.point.to_string(), json!(why.to_string())),
        };
    }
    let blocks: Vec<Value> = registers.blocks().map(|(function, address, values)| json!({"function": function.code(), "address": address, "values": values})).collect();
    json!({
        "name": meter.id.as_str(), "bus": bus.name, "unit": meter.unit, "profile": meter.profile.id,
        "values": known, "missing": missing, "registers": blocks,
    })
}

/// What a fault means for whoever stands in front of the cabinet.
pub(in super::super) fn advice(fault: FaultKind) -> &'static str {
    match fault {
        FaultKind::Timeout => {
            "Is the meter powered? Are unit number, baud rate and parity as set on the meter? Swap the A and B wires. `solthrive-cli meter scan` tries all settings."
        }
        FaultKind::Crc | FaultKind::ShortFrame | FaultKind::NeverSilent => {
            "Baud rate or parity may be wrong, two meters may share a unit number, or the cable runs beside mains or lacks its 120 ohm ends."
        }
        FaultKind::WrongReply => "Another device answers in its place: do two share a unit number?",
        FaultKind::Exception(2) => {
            "The meter knows none of these registers: is it the profile's model? See `solthrive-cli meter scan`."
        }
        FaultKind::Exception(10 | 11) => {
            "The gateway answers, the meter behind it does not: is it powered, and is its unit number right?"
        }
        FaultKind::Exception(_) => "The meter answers and refuses: is it the profile's model?",
        FaultKind::PortGone => {
            "Is the adapter plugged in, and the port's name right? May this user open it (group dialout, or sudo)?"
        }
        FaultKind::PortBusy => {
            "Only one program can use a port: stop the other one. While solthrived runs, it can be asked: leave out --direct."
        }
    }
}

/// What a fault is called.
pub(in super::super) fn words(fault: FaultKind) -> String {
    match fault {
        FaultKind::Timeout => "does not answer".to_owned(),
        FaultKind::Crc => "sends damaged answers".to_owned(),
        FaultKind::ShortFrame => "sends answers that break off".to_owned(),
        FaultKind::Exception(code) => format!("refuses with exception {code}"),
        FaultKind::WrongReply => "sends answers to other questions".to_owned(),
        FaultKind::NeverSilent => "cannot be asked: the line does not fall silent".to_owned(),
        FaultKind::PortGone => "cannot be asked: the port cannot be opened".to_owned(),
        FaultKind::PortBusy => "cannot be asked: another program uses the port".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::hundredths(121.304, 0.01, "121.30")]
    #[case::whole_watts(1234.4, 1.0, "1234")]
    #[case::tens(1230.0, 10.0, "1230")]
    #[case::a_float_has_steps_nobody_reads(59.987_654, 1.0e-6, "59.988")]
    #[case::no_minus_zero(-0.001, 0.1, "0.0")]
    fn a_value_has_the_meters_decimals(
        #[case] value: f64,
        #[case] step: f64,
        #[case] expected: &str,
    ) {
        assert_eq!(decimals(value, step, 3), expected);
    }
}

//! A meter's register table as a bus sees it: what a read answers, or why it refuses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use solthrive_domain::{Point, Quantity};
use solthrive_meter::decode::Scaling;
use solthrive_meter::frame::MAX_REGISTERS;
use solthrive_meter::profile::{Function, PointDef};

use super::SimMeter;

/// Exception codes of the Modbus standard.
pub mod exception {
    /// The function is not known.
    pub const ILLEGAL_FUNCTION: u8 = 1;
    /// A register does not exist.
    pub const ILLEGAL_ADDRESS: u8 = 2;
    /// The count is out of range.
    pub const ILLEGAL_VALUE: u8 = 3;
}

/// What a meter says about registers that its profile does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undefined {
    /// Refuses the whole read with exception 2.
    #[default]
    Refuse,
    /// Zeros between its first and its last register, exception 2 outside.
    Zeros,
}

/// A counter's moment of madness.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Glitch {
    /// Every counter reads 0.
    Zero,
    /// Every counter reads a little less than before: 0.1 kWh.
    Dip,
    /// Every counter reads four times its value.
    Spike,
}

/// A point of a reply: what it is, and what the registers say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Said {
    /// As simulated, in canonical units.
    pub value: f64,
    /// As the registers carry it; none when they say "no value".
    pub sent: Option<f64>,
}

impl SimMeter {
    /// Answers a read.
    ///
    /// # Errors
    /// The exception code a real meter would answer with.
    pub fn read(
        &self,
        function: Function,
        address: u16,
        count: u16,
        glitch: Option<Glitch>,
    ) -> Result<Vec<u16>, u8> {
        let spec = self.spec();
        let facts = &spec.profile.bus;
        if count == 0 || count > MAX_REGISTERS.min(facts.max_registers) {
            return Err(exception::ILLEGAL_VALUE);
        }
        if facts.even_only && (address % 2 == 1 || count % 2 == 1) {
            return Err(exception::ILLEGAL_ADDRESS);
        }
        let image = self.image(function, glitch);
        let (Some((first, _)), Some((last, _))) = (image.first_key_value(), image.last_key_value())
        else {
            return Err(exception::ILLEGAL_FUNCTION);
        };
        let (first, last) = (*first, *last);
        let wanted = u32::from(address)..u32::from(address) + u32::from(count);
        let word = |at: u32| match image.get(&at) {
            Some(word) => Ok(*word),
            None if spec.undefined == Undefined::Zeros
                && (first..=last).contains(&at)
                && !self.is_missing(function, at) =>
            {
                Ok(0)
            }
            None => Err(exception::ILLEGAL_ADDRESS),
        };
        wanted.map(word).collect()
    }

    /// What a reply with these registers says, point by point.
    #[must_use]
    pub fn said(
        &self,
        function: Function,
        address: u16,
        registers: &[u16],
    ) -> BTreeMap<Point, Said> {
        let start = usize::from(address);
        let inside = |def: &&PointDef| def.function == function && self.knows(def);
        let mut said = BTreeMap::new();
        for def in self.spec().profile.points.iter().filter(inside) {
            let Some(offset) = usize::from(def.address).checked_sub(start) else {
                continue;
            };
            let Some(own) = registers.get(offset..offset + usize::from(def.kind.width())) else {
                continue;
            };
            let Some(value) = self.value(def.point) else {
                continue;
            };
            said.insert(
                def.point,
                Said {
                    value,
                    sent: def.decode(own, self.scaling(def)).ok(),
                },
            );
        }
        said
    }

    /// How a point is scaled in this meter.
    #[must_use]
    pub fn scaling(&self, def: &PointDef) -> Scaling {
        let exponent = if def.scale_register.is_some() {
            exponent_for(def.point.quantity)
        } else {
            0
        };
        Scaling {
            ct_ratio: self.spec().ct_ratio,
            exponent,
        }
    }

    fn knows(&self, def: &PointDef) -> bool {
        !self.spec().without.contains(&def.point)
    }

    fn is_missing(&self, function: Function, at: u32) -> bool {
        let covers = |def: &PointDef| {
            def.function == function && (u32::from(def.address)..def.end()).contains(&at)
        };
        self.spec()
            .profile
            .points
            .iter()
            .any(|def| covers(def) && !self.knows(def))
    }

    /// Every register of a table, by address.
    fn image(&self, function: Function, glitch: Option<Glitch>) -> BTreeMap<u32, u16> {
        let profile = &self.spec().profile;
        let mut image = BTreeMap::new();
        for def in profile.points.iter().filter(|def| self.knows(def)) {
            let scaling = self.scaling(def);
            if let Some(scale) = def
                .scale_register
                .filter(|scale| scale.function == function)
            {
                image.insert(u32::from(scale.address), scaling.exponent.cast_unsigned());
            }
            if def.function == function {
                let value = self
                    .value(def.point)
                    .map(|value| glitched(def, value, glitch));
                let words = match value {
                    Some(value) => def.encode(value, scaling),
                    None => def
                        .encode_absent()
                        .unwrap_or_else(|| def.encode(0.0, scaling)),
                };
                image.extend((u32::from(def.address)..).zip(words));
            }
        }
        if let Some(probe) = profile
            .probe
            .as_ref()
            .filter(|probe| probe.function == function)
        {
            let raw = probe.values.first().map_or(0, |(raw, _)| *raw);
            image.extend((u32::from(probe.address)..).zip(probe_words(probe, raw)));
        }
        image
    }
}

fn probe_words(probe: &solthrive_meter::profile::Probe, raw: u64) -> Vec<u16> {
    let bytes = raw.to_be_bytes();
    let all = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut words: Vec<u16> = all.skip(4 - usize::from(probe.kind.width())).collect();
    if probe.words == solthrive_meter::profile::WordOrder::Lsw {
        words.reverse();
    }
    words
}

fn glitched(def: &PointDef, value: f64, glitch: Option<Glitch>) -> f64 {
    match glitch.filter(|_| def.point.quantity.is_counter()) {
        None => value,
        Some(Glitch::Zero) => 0.0,
        Some(Glitch::Dip) => (value - 0.1).max(0.0),
        Some(Glitch::Spike) => value * 4.0,
    }
}

/// The power of ten a meter with scale registers chooses: fine enough, and a home fits 16 bits.
const fn exponent_for(quantity: Quantity) -> i16 {
    match quantity {
        Quantity::Voltage => -1,
        Quantity::Current | Quantity::Frequency => -2,
        Quantity::PowerFactor => -3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use solthrive_domain::Input;
    use solthrive_meter::decode::Registers;
    use solthrive_meter::profile::{Catalog, Profile};

    use super::super::MeterSpec;
    use super::*;
    use crate::home::{Disturbance, Home, HomeSpec, Pins, Replay};

    fn meter_of(spec: MeterSpec) -> SimMeter {
        let pins = Pins {
            solar_kw: Some(3.3),
            home_l1_kw: Some(1.234),
            home_l2_kw: Some(0.4),
            ..Pins::default()
        };
        let mut home = Home::new(
            HomeSpec::default(),
            Replay::default(),
            1,
            jiff::Timestamp::UNIX_EPOCH,
        );
        let state = home.step(Duration::ZERO, 1.0, &Disturbance::default(), &pins);
        SimMeter::new(spec, &state, true, 7)
    }

    fn profile(id: &str) -> Arc<Profile> {
        Catalog::embedded().get(id).unwrap()
    }

    #[test]
    fn every_point_of_every_profile_comes_back_from_its_registers() {
        let catalog = Catalog::embedded();
        assert!(catalog.iter().count() >= 19);
        for profile in catalog.iter() {
            let meter = meter_of(MeterSpec {
                ct_ratio: 60.0,
                ..MeterSpec::new(1, profile.clone())
            });
            for def in &profile.points {
                let mut registers = Registers::new();
                let mut tables = vec![(def.function, def.address, def.kind.width())];
                tables.extend(
                    def.scale_register
                        .map(|scale| (scale.function, scale.address, 1)),
                );
                for (function, address, count) in tables {
                    // Meters that answer even counts only keep no single registers.
                    registers.push(
                        function,
                        address,
                        meter.read(function, address, count, None).unwrap(),
                    );
                }
                let value = meter.value(def.point).unwrap();
                let step = def.resolution(value, meter.scaling(def));
                let read = def.decode_from(&registers, 60.0);
                // A range or sentinel of the profile may rightly say "no value".
                let Ok(read) = read else {
                    panic!("{} {}: {read:?} of {value}", profile.id, def.point)
                };
                assert!(
                    (read - value).abs() <= step * 0.51,
                    "{} {}: {read} of {value}, step {step}",
                    profile.id,
                    def.point
                );
            }
        }
    }

    #[test]
    fn a_register_nobody_defined_refuses_the_read_or_reads_as_zero() {
        let id = "solthrive-v1";
        let strict = meter_of(MeterSpec::new(1, profile(id)));
        assert_eq!(
            strict.read(Function::Holding, 0, 3, None),
            Err(exception::ILLEGAL_ADDRESS)
        );
        let lax = meter_of(MeterSpec {
            undefined: Undefined::Zeros,
            ..MeterSpec::new(1, profile(id))
        });
        let registers = lax.read(Function::Holding, 0, 3, None).unwrap();
        assert!(registers[0] > 1100 && registers[2] == 0, "{registers:?}");
        assert_eq!(
            lax.read(Function::Holding, 0x0900, 1, None),
            Err(exception::ILLEGAL_ADDRESS)
        );
    }

    #[test]
    fn a_read_no_meter_answers_is_refused_as_the_standard_says() {
        let meter = meter_of(MeterSpec::new(1, profile("eastron-sdm630")));
        assert_eq!(
            meter.read(Function::Input, 0, 0, None),
            Err(exception::ILLEGAL_VALUE)
        );
        assert_eq!(
            meter.read(Function::Input, 0, 126, None),
            Err(exception::ILLEGAL_VALUE)
        );
        assert_eq!(
            meter.read(Function::Holding, 0, 2, None),
            Err(exception::ILLEGAL_FUNCTION)
        );
        assert_eq!(
            meter.read(Function::Input, 0xfffe, 4, None),
            Err(exception::ILLEGAL_ADDRESS)
        );
        if meter.spec().profile.bus.even_only {
            assert_eq!(
                meter.read(Function::Input, 1, 2, None),
                Err(exception::ILLEGAL_ADDRESS)
            );
        }
    }

    #[test]
    fn a_model_without_a_point_refuses_it_even_among_zeros() {
        let without = vec![Point::new(Quantity::EnergyExport, Input::Total)];
        let spec = MeterSpec {
            undefined: Undefined::Zeros,
            without,
            ..MeterSpec::new(1, profile("gavazzi-em24-rs485"))
        };
        assert_eq!(
            meter_of(spec).read(Function::Input, 0x5c, 2, None),
            Err(exception::ILLEGAL_ADDRESS)
        );
    }

    #[test]
    fn a_glitch_touches_counters_only_and_is_seen_in_what_was_said() {
        let meter = meter_of(MeterSpec::new(1, profile("eastron-sdm630")));
        let words = meter
            .read(Function::Input, 0x48, 4, Some(Glitch::Zero))
            .unwrap();
        let said = meter.said(Function::Input, 0x48, &words);
        let import = said[&Point::new(Quantity::EnergyImport, Input::Total)];
        assert!(
            import.value > 100.0 && import.sent == Some(0.0),
            "{import:?}"
        );
        assert_eq!(
            meter.read(Function::Input, 0, 2, Some(Glitch::Zero)),
            meter.read(Function::Input, 0, 2, None)
        );
    }
}

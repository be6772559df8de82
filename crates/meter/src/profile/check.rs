//! From what a person wrote to a profile that cannot contradict itself.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_saphyr::{Location, Spanned};

use super::draft::{Bus, Draft, PointDraft, Points, Probe as ProbeDraft, Serial, Tcp};
use super::error::ProfileError;
use super::{
    BusFacts, Defaults, NumberKind, PointContext, Probe, Profile, SerialDefaults, TcpDefaults,
    TransportKind, consistency,
};
use crate::line::SerialSettings;

/// Registers a read when a profile does not say: most meters answer more, few answer less.
const CAUTIOUS_REGISTERS: u16 = 64;
/// More points than any meter has.
const MAX_POINTS: usize = 512;
const SPEEDS: [i128; 9] = [
    1200, 2400, 4800, 9600, 19200, 38400, 57600, 115_200, 230_400,
];

/// The checked profile.
pub(super) fn profile(file: &str, draft: Draft) -> Result<Profile, ProfileError> {
    let check = Check { file };
    check.id(&draft.id)?;
    if draft.wiring.value.is_empty() {
        return Err(check.wrong(draft.wiring.referenced, "`wiring` names no way of wiring"));
    }
    let bus = check.bus(&draft.bus)?;
    let sentinels = check.sentinels(&draft.sentinels)?;
    let defaults = Defaults {
        function: draft.bus.function,
        kind: draft.defaults.kind,
        words: draft.defaults.words,
        sentinels,
    };
    let probe = draft
        .probe
        .map(|probe| check.probe(probe, &defaults))
        .transpose()?;
    let points = check.points(draft.points, &defaults, &bus)?;
    Ok(Profile {
        id: draft.id.value,
        vendor: draft.vendor,
        models: draft.models,
        wiring: draft.wiring.value,
        trust: draft.trust,
        bus,
        probe,
        points,
        traps: draft.traps,
        sources: draft.sources,
    })
}

/// Checks that know which file they are about.
pub(super) struct Check<'a> {
    pub(super) file: &'a str,
}

impl Check<'_> {
    pub(super) fn wrong(&self, at: Location, reason: impl Into<String>) -> ProfileError {
        ProfileError::at(self.file, at, reason)
    }

    /// A whole number within `allowed`.
    pub(super) fn whole<T: TryFrom<i128>>(
        &self,
        key: &str,
        number: &Spanned<i128>,
        allowed: RangeInclusive<i128>,
    ) -> Result<T, ProfileError> {
        let fits = allowed
            .contains(&number.value)
            .then(|| T::try_from(number.value).ok())
            .flatten();
        fits.ok_or_else(|| {
            let (low, high) = (allowed.start(), allowed.end());
            self.wrong(
                number.referenced,
                format!("{key} is {}, but goes from {low} to {high}", number.value),
            )
        })
    }

    fn millis(
        &self,
        key: &str,
        number: Option<&Spanned<i128>>,
    ) -> Result<Option<Duration>, ProfileError> {
        number
            .map(|number| {
                self.whole(key, number, 0..=60_000)
                    .map(Duration::from_millis)
            })
            .transpose()
    }

    fn id(&self, id: &Spanned<String>) -> Result<(), ProfileError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=64).contains(&id.value.len()) && id.value.chars().all(plain) {
            return Ok(());
        }
        let reason = "`id` has 1 to 64 lower-case letters, digits and dashes, such as `acme-em1`";
        Err(self.wrong(id.referenced, reason))
    }

    fn bus(&self, bus: &Bus) -> Result<BusFacts, ProfileError> {
        if bus.transports.value.is_empty() {
            return Err(self.wrong(
                bus.transports.referenced,
                "`transports` is empty; it names rtu, tcp or both",
            ));
        }
        let max = bus.max_registers.as_ref();
        let max = max.map_or(Ok(CAUTIOUS_REGISTERS), |max| {
            self.whole("`max_registers`", max, 1..=125)
        })?;
        let facts = BusFacts {
            transports: bus.transports.value.clone(),
            function: bus.function,
            max_registers: if bus.even_only { max & !1 } else { max },
            gap: self
                .millis("`gap_ms`", bus.gap_ms.as_ref())?
                .unwrap_or_default(),
            min_timeout: self
                .millis("`min_timeout_ms`", bus.min_timeout_ms.as_ref())?
                .unwrap_or_default(),
            even_only: bus.even_only,
            turnaround: self.millis("`turnaround_ms`", bus.turnaround_ms.as_ref())?,
            serial: bus
                .serial
                .as_ref()
                .map(|serial| self.serial(serial))
                .transpose()?,
            tcp: bus.tcp.as_ref().map(|tcp| self.tcp(tcp)).transpose()?,
        };
        for (kind, told) in [
            (TransportKind::Rtu, facts.serial.is_some()),
            (TransportKind::Tcp, facts.tcp.is_some()),
        ] {
            if told && !facts.transports.contains(&kind) {
                let reason =
                    format!("there are settings for {kind:?}, which `transports` does not name")
                        .to_lowercase();
                return Err(self.wrong(bus.transports.referenced, reason));
            }
        }
        Ok(facts)
    }

    fn serial(&self, serial: &Serial) -> Result<SerialDefaults, ProfileError> {
        if !SPEEDS.contains(&serial.baud.value) {
            let known = SPEEDS.map(|speed| speed.to_string()).join(", ");
            return Err(self.wrong(serial.baud.referenced, format!("`baud` is none of {known}")));
        }
        let stop_bits = serial
            .stop_bits
            .as_ref()
            .map_or(Ok(1), |bits| self.whole("`stop_bits`", bits, 1..=2))?;
        let settings = SerialSettings {
            baud: self.whole("`baud`", &serial.baud, 1200..=230_400)?,
            parity: serial.parity,
            stop_bits,
        };
        Ok(SerialDefaults {
            settings,
            unit: self.unit(serial.unit.as_ref(), 1)?,
        })
    }

    fn tcp(&self, tcp: &Tcp) -> Result<TcpDefaults, ProfileError> {
        Ok(TcpDefaults {
            port: tcp
                .port
                .as_ref()
                .map_or(Ok(502), |port| self.whole("`port`", port, 1..=65_535))?,
            unit: self.unit(tcp.unit.as_ref(), 0)?,
            connect_delay: self
                .millis("`connect_delay_ms`", tcp.connect_delay_ms.as_ref())?
                .unwrap_or_default(),
        })
    }

    /// 0 is no unit on a serial bus (all listen, none answers) but a usual one behind TCP.
    fn unit(&self, unit: Option<&Spanned<i128>>, lowest: i128) -> Result<u8, ProfileError> {
        unit.map_or(Ok(1), |unit| self.whole("`unit`", unit, lowest..=247))
    }

    /// Sentinels by kind, as bits.
    fn sentinels(
        &self,
        written: &BTreeMap<NumberKind, Vec<Spanned<i128>>>,
    ) -> Result<BTreeMap<NumberKind, Vec<u64>>, ProfileError> {
        written
            .iter()
            .map(|(kind, values)| Ok((*kind, self.raw_values(*kind, values)?)))
            .collect()
    }

    /// Raw values as bits: unsigned as printed in a manual, or negative for a signed kind.
    pub(super) fn raw_values(
        &self,
        kind: NumberKind,
        values: &[Spanned<i128>],
    ) -> Result<Vec<u64>, ProfileError> {
        let high = (1i128 << kind.bits()) - 1;
        let low = if kind.is_signed() {
            -(1i128 << (kind.bits() - 1))
        } else {
            0
        };
        let bits = |value: &Spanned<i128>| {
            let number: i128 =
                self.whole(&format!("a sentinel of {}", kind.name()), value, low..=high)?;
            Ok(u64::try_from(number & high).unwrap_or_default())
        };
        values.iter().map(bits).collect()
    }

    fn probe(&self, probe: ProbeDraft, defaults: &Defaults) -> Result<Probe, ProfileError> {
        let kind = probe.kind.value;
        if kind.is_float() {
            return Err(self.wrong(
                probe.kind.referenced,
                "a probe compares whole numbers: use an integer type",
            ));
        }
        Ok(Probe {
            function: probe.function.unwrap_or(defaults.function),
            address: self.address("`address`", &probe.address, kind)?,
            kind,
            words: probe.words.unwrap_or(defaults.words),
            values: probe.values.into_iter().collect(),
        })
    }

    /// An address whose value ends within the 65536 registers there are.
    pub(super) fn address(
        &self,
        key: &str,
        at: &Spanned<i128>,
        kind: NumberKind,
    ) -> Result<u16, ProfileError> {
        let address: u16 = self.whole(key, at, 0..=0xFFFF)?;
        if u32::from(address) + u32::from(kind.width()) > 0x1_0000 {
            let reason = format!(
                "a {} at 0x{address:04X} would end past register 0xFFFF",
                kind.name()
            );
            return Err(self.wrong(at.referenced, reason));
        }
        Ok(address)
    }

    fn points(
        &self,
        drafts: Spanned<Points>,
        defaults: &Defaults,
        bus: &BusFacts,
    ) -> Result<Vec<super::PointDef>, ProfileError> {
        let drafts_at = drafts.referenced;
        let drafts: Vec<(Spanned<String>, PointDraft)> = drafts.value.0;
        if drafts.is_empty() || drafts.len() > MAX_POINTS {
            return Err(self.wrong(drafts_at, format!("a profile has 1 to {MAX_POINTS} points")));
        }
        let context = PointContext {
            check: self,
            defaults,
        };
        let mut points = Vec::with_capacity(drafts.len());
        for (name, draft) in drafts {
            let at = name.referenced;
            let point = context.point(&name, &draft)?;
            if points
                .iter()
                .any(|(_, other): &(_, super::PointDef)| other.point == point.point)
            {
                return Err(self.wrong(at, format!("`{}` stands here twice", point.point)));
            }
            points.push((at, point));
        }
        points.sort_by_key(|(_, point)| point.key());
        let (places, points): (Vec<Location>, Vec<_>) = points.into_iter().unzip();
        let Some((point, reason)) = consistency::first_contradiction(&points, bus) else {
            return Ok(points);
        };
        let at = points
            .iter()
            .position(|def| def.point == point)
            .and_then(|index| places.get(index));
        Err(self.wrong(at.copied().unwrap_or(Location::UNKNOWN), reason))
    }
}

//! `meter.buses`: which meters there are and how they are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::{Input, MeterId, Point, Quantity};
use solthrive_meter::bus::{BusConfig, Link, MeterConfig};
use solthrive_meter::discover::{PortSelector, UsbId};
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::profile::{
    Catalog, NumberKind, PointOverride, Profile, ProfileError, SerialDefaults, Sign, Speed,
    WordOrder,
};

use super::reader::{Spot, Table};
use super::rule::{self, Wrong, integer, number, one_of, one_of_numbers, parsed, register};
use super::sections::host_name;
use super::{Origin, Position, Problem, suggest};

const BAUDS: &[u32] = &[1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];
const STOP_BITS: &[u32] = &[1, 2];
const PARITIES: [(&str, Parity); 3] = [
    ("none", Parity::None),
    ("even", Parity::Even),
    ("odd", Parity::Odd),
];
const KINDS: [(&str, NumberKind); 8] = [
    ("u16", NumberKind::U16),
    ("s16", NumberKind::S16),
    ("u32", NumberKind::U32),
    ("s32", NumberKind::S32),
    ("u64", NumberKind::U64),
    ("s64", NumberKind::S64),
    ("f32", NumberKind::F32),
    ("f64", NumberKind::F64),
];
const WORDS: [(&str, WordOrder); 2] = [("msw", WordOrder::Msw), ("lsw", WordOrder::Lsw)];
const SIGNS: [(&str, Sign); 2] = [("normal", Sign::Normal), ("inverted", Sign::Inverted)];
const SPEEDS: [(&str, Speed); 2] = [("fast", Speed::Fast), ("slow", Speed::Slow)];
/// How a V1 meter talks, and most others.
const USUAL: SerialSettings = SerialSettings {
    baud: 9600,
    parity: Parity::None,
    stop_bits: 1,
};

/// The buses as far as they could be read: channels are checked against them even when some are wrong.
pub(crate) struct Buses {
    pub(crate) buses: Vec<Bus>,
    complete: bool,
}

pub(crate) struct Bus {
    name: Option<Spot<String>>,
    link: Option<Spot<Link>>,
    pub(crate) meters: Vec<Meter>,
    poll_every: Option<Duration>,
}

/// One meter; what could not be read is `None`.
pub(crate) struct Meter {
    pub(crate) name: Option<Spot<String>>,
    unit: Option<Spot<u64>>,
    pub(crate) profile: Option<Arc<Profile>>,
    timeout: Option<Duration>,
    slow_every: Option<Duration>,
    ct_ratio: Option<f64>,
    pub(crate) points: Option<BTreeSet<Point>>,
}

impl Meter {
    /// Inputs whose power this meter gives, as far as it is read.
    pub(crate) fn power_inputs(&self) -> Vec<Input> {
        let points = self
            .profile
            .iter()
            .flat_map(|profile| profile.points.iter())
            .map(|def| def.point);
        let power = points.filter(|point| point.quantity == Quantity::ActivePower);
        power
            .filter(|point| self.reads(*point))
            .map(|point| point.input)
            .collect()
    }

    /// Whether the point is in the profile and among the points that are read.
    pub(crate) fn reads(&self, point: Point) -> bool {
        let known = self
            .profile
            .as_ref()
            .is_some_and(|profile| profile.point(point).is_some());
        known
            && self
                .points
                .as_ref()
                .is_none_or(|points| points.contains(&point))
    }

    fn into_config(self) -> Option<MeterConfig> {
        let id = MeterId::new(self.name?.value);
        let mut config = MeterConfig::new(id, u8::try_from(self.unit?.value).ok()?, self.profile?);
        config.timeout = self.timeout;
        config.slow_every = self.slow_every?;
        config.ct_ratio = self.ct_ratio?;
        config.points = self.points;
        Some(config)
    }
}

impl Buses {
    /// Every meter that has a name, on whatever bus.
    pub(crate) fn meters(&self) -> impl Iterator<Item = (&str, &Meter)> {
        let meters = self.buses.iter().flat_map(|bus| &bus.meters);
        meters.filter_map(|meter| Some((meter.name.as_ref()?.value.as_str(), meter)))
    }

    /// What the bus threads take; `None` when anything is missing, which was said already.
    pub(crate) fn into_configs(self) -> Option<Vec<BusConfig>> {
        let configs = self.buses.into_iter().map(|bus| {
            let meters: Option<Vec<_>> = bus.meters.into_iter().map(Meter::into_config).collect();
            let mut config = BusConfig::new(bus.name?.value, bus.link?.value, meters?);
            config.poll_every = bus.poll_every?;
            Some(config)
        });
        configs
            .collect::<Option<Vec<_>>>()
            .filter(|_| self.complete)
    }
}

/// Reads `buses` from the `meter` section.
pub(crate) fn read(
    table: &Table<'_>,
    catalog: &Catalog,
    refused: &[ProfileError],
    poll_every: Option<Duration>,
) -> Buses {
    let list = table.tables("buses", |item| {
        Some(bus(item, catalog, refused, poll_every))
    });
    let buses = Buses {
        complete: !list.value.is_empty(),
        buses: list.value,
    };
    if list.is_empty_list {
        let message = format!(
            "{} is empty, but at least one bus with one meter is needed",
            list.key
        );
        table
            .reader()
            .problem(Problem::new(list.at, list.key, message));
    }
    unique_names(
        table,
        buses.buses.iter().filter_map(|bus| bus.name.as_ref()),
        "bus",
    );
    unique_names(
        table,
        buses
            .buses
            .iter()
            .flat_map(|bus| &bus.meters)
            .filter_map(|meter| meter.name.as_ref()),
        "meter",
    );
    unique_ports(table, &buses);
    buses
}

fn bus(
    table: &Table<'_>,
    catalog: &Catalog,
    refused: &[ProfileError],
    poll_every: Option<Duration>,
) -> Bus {
    let name = table.or("name", ("main", Origin::Default), rule::name());
    let port = table.optional("port", parsed("a serial port", port));
    let tcp = table.optional("tcp", parsed("a host name or address", tcp));
    let meters = table.tables("meters", |item| Some(meter(item, catalog, refused)));
    if meters.is_empty_list || !table.has("meters") {
        let message = format!("{} has no meters", table.key());
        table.reader().problem(
            Problem::new(table.at(), meters.key.clone(), message).with_hint(Some(
                "write at least `meters: [{profile: solthrive-v1}]`".to_owned(),
            )),
        );
    }
    unique_units(table, &meters.value);
    let link = match (port, tcp) {
        (port, None) if table.has("port") && !table.has("tcp") => {
            serial(table, port, &meters.value)
        }
        (None, Some(tcp)) if !table.has("port") => network(table, tcp, &meters.value),
        _ => {
            one_link(table);
            None
        }
    };
    table.know(&["baud", "parity", "stop_bits", "connect_delay_ms"]);
    Bus {
        name,
        link,
        meters: meters.value,
        poll_every,
    }
}

/// Exactly one of `port` and `tcp`; a wrong value of the one that is there was said already.
fn one_link(table: &Table<'_>) {
    let message = match (table.has("port"), table.has("tcp")) {
        (true, true) => format!(
            "{} has both port and tcp, but a bus is reached in one way",
            table.key()
        ),
        (false, false) => format!("{} has neither port nor tcp", table.key()),
        _ => return,
    };
    let hint =
        "write `port: /dev/ttyUSB0` for an RS-485 adapter, or `tcp: 192.168.1.20:502`".to_owned();
    table
        .reader()
        .problem(Problem::new(table.at(), table.key(), message).with_hint(Some(hint)));
}

/// The line is looked at even when the port is wrong, so that both are said at once.
fn serial(
    table: &Table<'_>,
    port: Option<Spot<PortSelector>>,
    meters: &[Meter],
) -> Option<Spot<Link>> {
    if let Some(delay) = table.optional("connect_delay_ms", integer("the pause runs", 0..=60_000)) {
        table.reader().problem(delay.problem(
            &delay.value.to_string(),
            "this bus is a serial port; only a tcp bus has a pause after connecting",
        ));
    }
    let settings = line_settings(table, meters)?;
    let Spot { value, at, key } = port?;
    Some(Spot {
        value: Link::Serial {
            port: value,
            settings,
        },
        at,
        key,
    })
}

/// Speed and format: as written, else as the meters leave the factory where they agree.
fn line_settings(table: &Table<'_>, meters: &[Meter]) -> Option<SerialSettings> {
    let baud = line_setting(
        table,
        "baud",
        meters,
        |line| line.baud.to_string(),
        one_of_numbers(BAUDS),
    );
    let parity = line_setting(
        table,
        "parity",
        meters,
        |line| parity_word(line.parity).to_owned(),
        one_of(&PARITIES),
    );
    let stop = line_setting(
        table,
        "stop_bits",
        meters,
        |line| line.stop_bits.to_string(),
        one_of_numbers(STOP_BITS),
    );
    Some(SerialSettings {
        baud: baud?.value,
        parity: parity?.value,
        stop_bits: u8::try_from(stop?.value).ok()?,
    })
}

fn line_setting<T>(
    table: &Table<'_>,
    key: &'static str,
    meters: &[Meter],
    of: impl Fn(&SerialSettings) -> String,
    rule: impl Fn(&super::tree::Scalar) -> rule::Ruling<T>,
) -> Option<Spot<T>> {
    let profiles = meters.iter().filter_map(|meter| meter.profile.as_deref());
    let factory = profiles.filter_map(|profile| {
        profile
            .bus
            .serial
            .map(|SerialDefaults { settings, .. }| (of(&settings), profile))
    });
    let factory: BTreeMap<String, &Profile> = factory.collect();
    if factory.len() > 1 && !table.has(key) {
        let list = factory
            .iter()
            .map(|(value, profile)| format!("{}: {value}", profile.id))
            .collect::<Vec<_>>()
            .join(", ");
        let message = format!(
            "{} has no {key}, and its meters leave the factory with different ones ({list})",
            table.key()
        );
        let hint = format!("set all meters of the bus alike and write `{key}: …`");
        table.reader().problem(
            Problem::new(table.at(), format!("{}.{key}", table.key()), message)
                .with_hint(Some(hint)),
        );
        return None;
    }
    let (value, origin) = match factory.into_iter().next() {
        Some((value, profile)) => (value, Origin::Profile(Arc::from(profile.id.as_str()))),
        None => (of(&USUAL), Origin::Default),
    };
    table.or(key, (&value, origin), rule)
}

fn parity_word(parity: Parity) -> &'static str {
    PARITIES
        .iter()
        .find(|(_, value)| *value == parity)
        .map_or("none", |(word, _)| word)
}

fn network(
    table: &Table<'_>,
    tcp: Spot<(String, Option<u16>)>,
    meters: &[Meter],
) -> Option<Spot<Link>> {
    for key in ["baud", "parity", "stop_bits"] {
        if table.has(key) {
            let path = format!("{}.{key}", table.key());
            let message =
                format!("{path} is set, but this bus is a tcp one and has no serial line");
            table.reader().problem(
                Problem::new(table.at_key(key), path, message)
                    .with_hint(Some("remove it".to_owned())),
            );
        }
    }
    let factory = || {
        meters
            .iter()
            .filter_map(|meter| meter.profile.as_ref()?.bus.tcp)
    };
    let delay = factory()
        .map(|tcp| tcp.connect_delay)
        .max()
        .unwrap_or_default()
        .as_millis()
        .to_string();
    let delay = table.or(
        "connect_delay_ms",
        (&delay, Origin::Default),
        integer("the pause runs", 0..=60_000),
    );
    let Spot {
        value: (host, port),
        at,
        key,
    } = tcp;
    let port = port
        .or_else(|| factory().map(|tcp| tcp.port).next())
        .unwrap_or(502);
    Some(Spot {
        value: Link::Tcp {
            host,
            port,
            connect_delay: Duration::from_millis(delay?.value),
        },
        at,
        key,
    })
}

fn meter(table: &Table<'_>, catalog: &Catalog, refused: &[ProfileError]) -> Meter {
    let name = table.or("name", ("main", Origin::Default), rule::name());
    let profile = table.required(
        "profile",
        parsed("a profile id", |id| find_profile(catalog, refused, id)),
    );
    let profile = profile.map(|spot| spot.value);
    let factory = profile.as_deref().and_then(|profile| {
        factory_unit(profile).map(|unit| (unit, Origin::Profile(Arc::from(profile.id.as_str()))))
    });
    let (unit, from) = factory.unwrap_or((1, Origin::Default));
    let unit = table.or(
        "unit",
        (&unit.to_string(), from),
        integer("Modbus addresses run", 1..=247),
    );
    let timeout = table.optional("timeout_ms", integer("timeouts run", 50..=10_000));
    let slow = table.or(
        "slow_every_s",
        ("10", Origin::Default),
        integer("counters are read every", 1..=3600),
    );
    let ratio = table.or(
        "ct_ratio",
        ("1", Origin::Default),
        number("CT ratios run", 0.01..=10_000.0),
    );
    let points = points(table, profile.as_deref());
    let profile = registers(table, profile);
    Meter {
        name,
        unit,
        profile,
        timeout: timeout.map(|ms| Duration::from_millis(ms.value)),
        slow_every: slow.map(|s| Duration::from_secs(s.value)),
        ct_ratio: ratio.map(|ratio| ratio.value),
        points,
    }
}

fn factory_unit(profile: &Profile) -> Option<u8> {
    profile
        .bus
        .serial
        .map(|serial| serial.unit)
        .or(profile.bus.tcp.map(|tcp| tcp.unit))
}

fn find_profile(
    catalog: &Catalog,
    refused: &[ProfileError],
    id: &str,
) -> Result<Arc<Profile>, Wrong> {
    if let Some(profile) = catalog.get(id) {
        return Ok(profile);
    }
    let wrong = Wrong::but("there is no such meter profile");
    Err(match (catalog.suggest(id), refused.first()) {
        (Some(near), _) => wrong.hint(format!("did you mean {near}?")),
        (None, Some(error)) => wrong.hint(format!("a profile of the folder was refused: {error}")),
        (None, None) => wrong.hint("`solthrive-cli meter profiles` lists them"),
    })
}

/// The points to read, all of which the profile must have.
fn points(table: &Table<'_>, profile: Option<&Profile>) -> Option<BTreeSet<Point>> {
    let list = table.list(
        "points",
        parsed("a measurement", |text| point(text, profile)),
    )?;
    Some(list.into_iter().map(|spot| spot.value).collect())
}

fn point(text: &str, profile: Option<&Profile>) -> Result<Point, Wrong> {
    let names: Vec<String> = profile
        .iter()
        .flat_map(|profile| &profile.points)
        .map(|def| def.point.to_string())
        .collect();
    let near = suggest::nearest(text, names.iter().map(String::as_str))
        .map(|near| format!("did you mean {near}?"));
    let wrong = match (text.parse::<Point>(), profile) {
        (Ok(point), Some(profile)) if profile.point(point).is_none() => Wrong::but(format!(
            "the profile {} has no such measurement",
            profile.id
        )),
        (Ok(point), _) => return Ok(point),
        (Err(_), _) => Wrong::but("that is no measurement; they look like v_l1, p_total or e_imp"),
    };
    Err(Wrong {
        hint: near,
        ..wrong
    })
}

/// What this meter keeps differently from its profile: meters of one name do not always have one map.
fn registers(table: &Table<'_>, profile: Option<Arc<Profile>>) -> Option<Arc<Profile>> {
    let overrides = table.named("registers", |name, item| {
        let over = register_override(item);
        match point(name, profile.as_deref()) {
            Ok(point) => Some((point, (over, item.at(), item.key()))),
            Err(wrong) => {
                let message = format!("{} names `{name}`, but {}", item.key(), wrong.but);
                item.reader()
                    .problem(Problem::new(item.at(), item.key(), message).with_hint(wrong.hint));
                None
            }
        }
    });
    let profile = profile?;
    if overrides.is_empty() {
        return Some(profile);
    }
    let places: BTreeMap<Point, (Origin, String)> = overrides
        .iter()
        .map(|(point, (_, at, key))| (*point, (at.clone(), key.clone())))
        .collect();
    let changes = overrides
        .into_iter()
        .map(|(point, (over, ..))| (point, over))
        .collect();
    match profile.with_overrides(&changes) {
        Ok(changed) => Some(Arc::new(changed)),
        Err(error) => {
            let (at, key) = places.get(&error.point).cloned().unwrap_or_else(|| {
                (
                    table.at_key("registers"),
                    format!("{}.registers", table.key()),
                )
            });
            table.reader().problem(Problem::new(
                at,
                &key,
                format!(
                    "{key} does not fit the profile {}: {}",
                    profile.id, error.reason
                ),
            ));
            None
        }
    }
}

fn register_override(item: &Table<'_>) -> PointOverride {
    PointOverride {
        address: item.optional("address", register()).map(|spot| spot.value),
        kind: item.optional("type", one_of(&KINDS)).map(|spot| spot.value),
        words: item
            .optional("words", one_of(&WORDS))
            .map(|spot| spot.value),
        k: item
            .optional("k", number("factors run", -1e9..=1e9))
            .map(|spot| spot.value),
        sign: item.optional("sign", one_of(&SIGNS)).map(|spot| spot.value),
        multiplier: item
            .optional("multiplier", number("multipliers run", 0.1..=10.0))
            .map(|spot| spot.value),
        speed: item
            .optional("speed", one_of(&SPEEDS))
            .map(|spot| spot.value),
        range: None,
    }
}

/// `/dev/…`, or `usb:VID:PID` with the adapter's serial number where two are alike.
fn port(text: &str) -> Result<PortSelector, Wrong> {
    if let Some(identity) = text.strip_prefix("usb:") {
        let mut parts = identity.splitn(3, ':');
        let mut hex = || {
            parts
                .next()
                .filter(|part| part.len() == 4)
                .and_then(|part| u16::from_str_radix(part, 16).ok())
        };
        return match (hex(), hex()) {
            (Some(vid), Some(pid)) => {
                let serial = parts
                    .next()
                    .filter(|serial| !serial.is_empty())
                    .map(str::to_owned);
                Ok(PortSelector::UsbId(UsbId { vid, pid, serial }))
            }
            _ => Err(Wrong::but(
                "an adapter is named by `usb:VID:PID` in four hexadecimal digits each, such as usb:0403:6001",
            )),
        };
    }
    if let Some(link) = text
        .strip_prefix("/dev/serial/by-id/")
        .filter(|link| !link.contains('/'))
    {
        return Ok(PortSelector::ById(link.to_owned()));
    }
    if text.starts_with('/') && !text.chars().any(char::is_control) {
        return Ok(PortSelector::Path(PathBuf::from(text)));
    }
    let wrong = Wrong::but(
        "a device is expected: its path (/dev/ttyUSB0, /dev/serial/by-id/…) or usb:VID:PID",
    );
    Err(if text.starts_with("tty") {
        wrong.hint(format!("did you mean /dev/{text}?"))
    } else {
        wrong
    })
}

/// `host`, `host:port` or `[v6]:port`.
fn tcp(text: &str) -> Result<(String, Option<u16>), Wrong> {
    let wrong = || {
        Wrong::but(
            "a host is expected, with a port where it is not 502: 192.168.1.20 or gateway.local:1502",
        )
    };
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        return Ok((address.ip().to_string(), Some(address.port())));
    }
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok((address.to_string(), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (
            host,
            Some(
                port.parse::<u16>()
                    .ok()
                    .filter(|port| *port > 0)
                    .ok_or_else(wrong)?,
            ),
        ),
        None => (text, None),
    };
    Ok((host_name(host).map_err(|_| wrong())?, port))
}

fn unique_names<'a>(table: &Table<'_>, names: impl Iterator<Item = &'a Spot<String>>, what: &str) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.value.as_str()) {
            let but = format!("another {what} has that name; give each one its own");
            table
                .reader()
                .problem(name.problem(&format!("`{}`", name.value), &but));
        }
    }
}

fn unique_units(table: &Table<'_>, meters: &[Meter]) {
    let mut seen: BTreeMap<u64, &Meter> = BTreeMap::new();
    for meter in meters {
        let Some(unit) = &meter.unit else { continue };
        if let Some(other) = seen.insert(unit.value, meter) {
            let name = other
                .name
                .as_ref()
                .map_or("another meter", |name| &name.value);
            let but =
                format!("`{name}` on the same bus has that address too; both would answer at once");
            table
                .reader()
                .problem(unit.problem(&unit.value.to_string(), &but));
        }
    }
}

fn unique_ports(table: &Table<'_>, buses: &Buses) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for bus in &buses.buses {
        let (Some(link), Some(name)) = (&bus.link, &bus.name) else {
            continue;
        };
        let place = match &link.value {
            Link::Serial { port, .. } => port.to_string(),
            Link::Tcp { host, port, .. } => format!("{host}:{port}"),
        };
        if let Some((_, other)) = seen.iter().find(|(known, _)| *known == place) {
            let but = format!("bus `{other}` uses it already; put both buses' meters on one");
            table
                .reader()
                .problem(link.problem(&format!("`{place}`"), &but));
        }
        seen.push((place, name.value.clone()));
    }
}

/// A profile of the folder that cannot be used: a finding, but no reason to stop meters that can.
pub(crate) fn refused_profile(error: &ProfileError) -> Problem {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let at = (error.line > 0).then(|| Position {
        line: number(error.line),
        column: number(error.column).max(1),
    });
    let message = format!("this meter profile is refused: {}", error.reason);
    Problem::new(
        Origin::File(Arc::from(error.file.as_str()), at),
        "",
        message,
    )
}

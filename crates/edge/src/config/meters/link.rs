//! How a bus is reached: a serial port with its line settings, or the network.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use solthrive_meter::bus::Link;
use solthrive_meter::discover::{PortSelector, UsbId};
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::profile::{Profile, SerialDefaults};

use super::super::reader::{Spot, Table};
use super::super::rule::{self, Wrong, integer, one_of, one_of_numbers, parsed};
use super::super::sections::host_name;
use super::super::tree::Scalar;
use super::super::{Origin, Problem};
use super::Meter;

const BAUDS: &[u32] = &[1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];
const STOP_BITS: &[u32] = &[1, 2];
const PARITIES: [(&str, Parity); 3] = [
    ("none", Parity::None),
    ("even", Parity::Even),
    ("odd", Parity::Odd),
];
/// How a V1 meter talks, and most others.
const USUAL: SerialSettings = SerialSettings {
    baud: 9600,
    parity: Parity::None,
    stop_bits: 1,
};

/// Reads `port` or `tcp` with what belongs to it; the meters say what is usual.
pub(super) fn read(table: &Table<'_>, meters: &[Meter]) -> Option<Spot<Link>> {
    let port = table.optional("port", parsed("a serial port", port));
    let tcp = table.optional("tcp", parsed("a host name or address", tcp));
    let link = match (port, tcp) {
        (port, None) if table.has("port") && !table.has("tcp") => serial(table, port, meters),
        (None, Some(tcp)) if !table.has("port") => network(table, tcp, meters),
        _ => {
            one_link(table);
            None
        }
    };
    table.know(&["baud", "parity", "stop_bits", "connect_delay_ms"]);
    link
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
    rule: impl Fn(&Scalar) -> rule::Ruling<T>,
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

//! What may be there once only: names, units of a bus, ports.

use std::collections::{BTreeMap, BTreeSet};

use solthrive_meter::bus::Link;

use super::super::reader::{Spot, Table};
use super::{Buses, Meter};

pub(super) fn names<'a>(
    table: &Table<'_>,
    names: impl Iterator<Item = &'a Spot<String>>,
    what: &str,
) {
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

pub(super) fn units(table: &Table<'_>, meters: &[Meter]) {
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

pub(super) fn ports(table: &Table<'_>, buses: &Buses) {
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

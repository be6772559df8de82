//! `meter.buses`: which meters there are and how they are reached.

mod link;
mod registers;
mod unique;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::{Input, MeterId, Point, Quantity};
use solthrive_meter::bus::{BusConfig, Link, MeterConfig};
use solthrive_meter::profile::{Catalog, Profile, ProfileError};

use super::reader::{Spot, Table};
use super::rule::{self, Wrong, integer, number, parsed};
use super::{Origin, Position, Problem};

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
    unique::names(
        table,
        buses.buses.iter().filter_map(|bus| bus.name.as_ref()),
        "bus",
    );
    unique::names(
        table,
        buses
            .buses
            .iter()
            .flat_map(|bus| &bus.meters)
            .filter_map(|meter| meter.name.as_ref()),
        "meter",
    );
    unique::ports(table, &buses);
    buses
}

fn bus(
    table: &Table<'_>,
    catalog: &Catalog,
    refused: &[ProfileError],
    poll_every: Option<Duration>,
) -> Bus {
    let name = table.or("name", ("main", Origin::Default), rule::name());
    let meters = table.tables("meters", |item| Some(meter(item, catalog, refused)));
    if meters.is_empty_list || !table.has("meters") {
        let message = format!("{} has no meters", table.key());
        table.reader().problem(
            Problem::new(table.at(), meters.key.clone(), message).with_hint(Some(
                "write at least `meters: [{profile: solthrive-v1}]`".to_owned(),
            )),
        );
    }
    unique::units(table, &meters.value);
    let link = link::read(table, &meters.value);
    Bus {
        name,
        link,
        meters: meters.value,
        poll_every,
    }
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
    let points = registers::points(table, profile.as_deref());
    let profile = registers::registers(table, profile);
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

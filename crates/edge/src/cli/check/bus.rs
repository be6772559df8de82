//! Buses and meters without a daemon: is the port there and free, does each meter answer plausibly.

use solthrive_domain::plausible::sift;
use solthrive_meter::bus::{BusConfig, FaultKind, MeterConfig};

use super::super::meter::{Asked, Polled, ask, show};
use super::super::port;
use super::Finding;
use crate::config::AppConfig;

pub(super) fn look(config: &AppConfig) -> Vec<Finding> {
    config
        .buses
        .iter()
        .flat_map(|bus| look_at(config, bus))
        .collect()
}

fn look_at(config: &AppConfig, bus: &BusConfig) -> Vec<Finding> {
    if let Err(unusable) = port::try_open(bus) {
        let problem =
            Finding::problem(format!("bus {}", bus.name), unusable.reason).advice(unusable.advice);
        let skipped = bus.meters.iter().map(|meter| {
            Finding::skipped(format!("meter {}", meter.id), "its port cannot be used")
        });
        return std::iter::once(problem).chain(skipped).collect();
    }
    let asked = ask(bus);
    let gone = asked
        .meters
        .values()
        .all(|polled| matches!(polled, Polled::Failed(fault) if fault.is_link()));
    let link = if gone {
        Finding::problem(
            format!("bus {}", bus.name),
            format!("{} cannot be reached", bus.link),
        )
        .advice("Is the gateway powered and on this network, and its address right?")
    } else {
        Finding::ok(format!("bus {}", bus.name), format!("{}, free", bus.link))
    };
    std::iter::once(link)
        .chain(bus.meters.iter().map(|meter| answer(config, meter, &asked)))
        .collect()
}

fn answer(config: &AppConfig, meter: &MeterConfig, asked: &Asked) -> Finding {
    let name = format!("meter {}", meter.id);
    let fault = match asked.meters.get(&meter.id) {
        Some(Polled::Read(registers)) => {
            let reading = show::reading(meter, registers);
            let count = reading.values.len();
            let (_, seen) = sift(&config.home, reading);
            let wrong: Vec<String> = seen
                .into_iter()
                .filter(|one| one.holds == Some(true))
                .map(|one| one.message)
                .collect();
            if wrong.is_empty() {
                return Finding::ok(
                    name,
                    format!("{} answers with {count} plausible values", meter.profile.id),
                );
            }
            return Finding::problem(name, wrong.join(" "));
        }
        Some(Polled::Failed(fault)) => *fault,
        None => FaultKind::Timeout,
    };
    if fault.is_link() {
        return Finding::skipped(name, "its bus cannot be reached");
    }
    let detail = format!(
        "{} at unit {} {}",
        meter.profile.id,
        meter.unit,
        show::words(fault)
    );
    Finding::problem(name, detail).advice(show::advice(fault))
}

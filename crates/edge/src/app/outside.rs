//! Flags that other parts of the process have reason to raise, looked at once a minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use solthrive_courier::Standing;
use solthrive_domain::FlagCode;
use solthrive_domain::flagboard::{Observation, Timing};
use solthrive_meter::bus::BusStatus;

use crate::store::{Health, Store};
use crate::sync::{CloudLink, Off};
use crate::truth::core::Outside;

/// Damaged frames in a minute that are more than a stray disturbance.
const DAMAGED: u64 = 3;
/// Deviation from the grid at p99 that a person should know of.
const DRIFT: Duration = Duration::from_millis(250);
/// A minute with damaged frames may be a switched contactor; three in a row are a cable.
const BUS_ERRORS: Timing = Timing::new(Duration::from_mins(2), Duration::from_mins(5));

/// A line that is away for moments is none of a person's business.
const CLOUD_AWAY: Timing = Timing::new(Duration::from_mins(5), Duration::ZERO);
/// Clocks that differ by more than this differ.
const CLOCK_OFF: SignedDuration = SignedDuration::from_mins(2);

/// Looks, one a minute, for which a crash of the store stays a flag: an hour, as other crashes do.
const CRASH_STAYS: u32 = 60;

/// Looks at the buses, the store and the configuration.
pub(super) struct Everyone {
    buses: Vec<(Arc<Mutex<BusStatus>>, Before)>,
    store: Store,
    crashes: Crashes,
    cloud: CloudLink,
    config_invalid: Option<String>,
}

/// Crashes of the store's thread that were seen, and for how many looks the last one is still told.
#[derive(Debug, Clone, Copy, Default)]
struct Crashes {
    seen: u64,
    told_for: u32,
}

/// A bus's counters a minute ago.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    damaged: u64,
    missed: u64,
}

impl Everyone {
    /// `config_invalid` says what is wrong with the newest configuration, if the last good one runs.
    pub(super) fn new(
        buses: &[Arc<Mutex<BusStatus>>],
        store: Store,
        cloud: CloudLink,
        config_invalid: Option<String>,
    ) -> Self {
        let buses = buses
            .iter()
            .map(|bus| (Arc::clone(bus), Before::default()))
            .collect();
        Self {
            buses,
            store,
            crashes: Crashes::default(),
            cloud,
            config_invalid,
        }
    }
}

impl Outside for Everyone {
    fn observations(&mut self) -> Vec<Observation> {
        let mut seen = Vec::new();
        for (bus, before) in &mut self.buses {
            let status = bus.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(bus_observations(&status, before));
        }
        let health = self.store.health();
        seen.extend(store_observations(&health));
        seen.push(self.crashes.observe(&health));
        seen.extend(cloud_observations(&self.cloud));
        seen.extend(
            self.config_invalid
                .iter()
                .map(|message| Observation::holds(FlagCode::ConfigInvalid, "", message.clone())),
        );
        seen
    }
}

impl Crashes {
    fn observe(&mut self, health: &Health) -> Observation {
        if health.crashes > self.seen {
            self.seen = health.crashes;
            self.told_for = CRASH_STAYS;
        }
        let told = self.told_for > 0;
        self.told_for = self.told_for.saturating_sub(1);
        let crash = Observation::holds(
            FlagCode::ServiceCrash,
            "store",
            "The part that stores the history crashed and was started again; what waited is kept. Please send the log to support.",
        );
        Observation {
            holds: Some(told),
            ..crash
        }
    }
}

fn bus_observations(status: &BusStatus, before: &mut Before) -> [Observation; 2] {
    let now = Before {
        damaged: status.errors.damaged(),
        missed: status.drift.missed,
    };
    let damaged = now.damaged.saturating_sub(before.damaged);
    let missed = now.missed.saturating_sub(before.missed);
    *before = now;
    let errors = Observation::holds(
        FlagCode::Rs485Errors,
        &status.bus,
        format!(
            "{damaged} damaged answers on bus {} in the last minute. Installer: is the cable beside mains, are its ends terminated, do two meters share a unit number?",
            status.bus
        ),
    );
    let p99 = status.drift.percentile(99);
    let drift = Observation::holds(
        FlagCode::PollDrift,
        &status.bus,
        format!(
            "Polls of bus {} leave the one-second grid: {} ms at p99, {missed} missed in the last minute. Another program may be taking the processor.",
            status.bus,
            p99.as_millis()
        ),
    );
    [
        Observation {
            holds: Some(damaged >= DAMAGED),
            ..errors
        }
        .with(BUS_ERRORS),
        Observation {
            holds: Some(p99 > DRIFT || missed > 0),
            ..drift
        },
    ]
}

fn store_observations(health: &Health) -> [Observation; 2] {
    let low = Observation::holds(FlagCode::LowStorage, "", health.low_space_message());
    let error = Observation::holds(FlagCode::StorageError, "", health.error_message());
    [
        Observation {
            holds: Some(health.is_low()),
            ..low
        },
        Observation {
            holds: Some(health.has_error()),
            ..error
        },
    ]
}

/// What the cloud, or its absence, makes a person know.
fn cloud_observations(link: &CloudLink) -> [Observation; 2] {
    let status = match link {
        CloudLink::On(courier, _) => Some(courier.status()),
        CloudLink::Off(_) => None,
    };
    let broken = match (link, &status) {
        (CloudLink::Off(Off::Broken(why)), _) => Some(why.clone()),
        (_, Some(status)) => not_taken(&status.standing),
        _ => None,
    };
    let away = Observation::holds(
        FlagCode::CloudUnreachable,
        "",
        broken.clone().unwrap_or_default(),
    )
    .with(CLOUD_AWAY);
    let ahead = status.as_ref().and_then(|status| status.clock_ahead);
    let off = ahead.filter(|ahead| ahead.abs() > CLOCK_OFF);
    let clock = Observation::holds(
        FlagCode::ClockUnsynced,
        "cloud",
        format!(
            "This clock differs from the cloud's by {} minutes. Check the network's time service: rows that are ahead of the cloud wait.",
            off.unwrap_or_default().as_mins()
        ),
    );
    [
        Observation {
            holds: status.as_ref().map_or(Some(broken.is_some()), |status| {
                (status.standing != Standing::Starting).then_some(broken.is_some())
            }),
            ..away
        },
        Observation {
            holds: status.map(|_| off.is_some()),
            ..clock
        },
    ]
}

/// Why the cloud has not taken what it was told, and what to do about it.
fn not_taken(standing: &Standing) -> Option<String> {
    const GOES_ON: &str = "The home is measured as ever, and everything is delivered later.";
    match standing {
        Standing::Starting | Standing::Connected => None,
        Standing::Unreachable { message, .. } => Some(format!("The cloud is not reached: {message}. {GOES_ON}")),
        Standing::NotRegistered => Some(format!("This appliance is not registered to a home in the cloud. Installer: enter the code on the set-up page, or run solthrive-cli cloud register CODE. {GOES_ON}")),
        Standing::UnknownToken { message } => Some(format!("The cloud does not know this appliance ({message}). Ask support whether its token was taken back. {GOES_ON}")),
        Standing::Deactivated => Some("This appliance was deactivated in the cloud, and tells it nothing any more. The home is measured as ever.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_of_the_store_is_told_for_an_hour_and_each_anew() {
        let mut crashes = Crashes::default();
        let mut told = |count| {
            let health = Health {
                crashes: count,
                ..Health::default()
            };
            crashes.observe(&health).holds == Some(true)
        };
        assert!(!told(0));
        let looks = (0..100).filter(|_| told(1)).count();
        assert_eq!(looks, 60);
        assert!(told(2));
    }
}

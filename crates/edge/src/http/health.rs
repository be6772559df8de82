//! `GET /api/health`: is everything all right, and if not, what is wrong.

use axum::extract::State;
use axum::response::Response;
use std::time::Duration;

use solthrive_domain::Mono;

use super::facts::MeterFacts;
use super::reply::{Problems, json};
use super::state::{AppState, Shared, age};
use super::wire::{ApiStatus, FlagBody, Health, MeterHealth, MeterStatus, ModbusStatus};

/// A reading may be this old, and older where the meter is not asked as often.
const SHORTEST_SILENCE: Duration = Duration::from_secs(5);
/// Turns of a meter that may pass without a reading.
const POLLS_MISSED: u32 = 3;

/// State of the meters, the storage and the flags. Always 200: the body says what is wrong.
#[utoipa::path(get, path = "/api/health", tag = "system", operation_id = "health",
    responses((status = 200, body = Health), Problems))]
pub(super) async fn health(State(app): State<AppState>) -> Response {
    json(&report(&app))
}

pub(super) fn report(app: &Shared) -> Health {
    let meters = meters(app);
    let free = app.facts.disk().map(|disk| disk.free);
    Health {
        modbus_status: together(&meters),
        api_status: ApiStatus::Ok,
        storage: free.map(in_words),
        storage_free_bytes: free,
        last_snapshot_age_sec: app.snapshot_age(),
        errors: app.live.flags().iter().map(FlagBody::from).collect(),
        meters,
    }
}

/// Each meter, in the configuration's order.
pub(super) fn meters(app: &Shared) -> Vec<MeterHealth> {
    let now = app.clock.mono();
    let turns = app
        .facts
        .buses(|bus| (bus.bus.clone(), bus.budget.every.max(1)));
    let health = |meter: &MeterFacts| {
        let turn = turns.iter().find(|(bus, _)| *bus == meter.bus);
        let every = app.facts.fixed.poll_every * turn.map_or(1, |(_, every)| *every);
        meter_health(meter, now, SHORTEST_SILENCE.max(POLLS_MISSED * every))
    };
    app.facts.meters().iter().map(health).collect()
}

/// A meter whose last good reading is older than `silence` does not respond, even if nobody says so:
/// whoever would is silent too.
fn meter_health(meter: &MeterFacts, now: Mono, silence: Duration) -> MeterHealth {
    let status = match (meter.failures, meter.last_read) {
        (0, None) => MeterStatus::Starting,
        (0, Some(read)) if now.since(read) <= silence => MeterStatus::Ok,
        _ => MeterStatus::NotResponding,
    };
    MeterHealth {
        name: meter.name.to_string(),
        bus: meter.bus.clone(),
        profile: meter.profile.clone(),
        status,
        last_read_age_sec: meter.last_read.map(|at| age(now, at)),
        failures: meter.failures,
    }
}

fn together(meters: &[MeterHealth]) -> ModbusStatus {
    let all = |status| meters.iter().all(|meter| meter.status == status);
    if all(MeterStatus::Starting) {
        ModbusStatus::Starting
    } else if all(MeterStatus::Ok) {
        ModbusStatus::Ok
    } else if all(MeterStatus::NotResponding) {
        ModbusStatus::NotResponding
    } else {
        ModbusStatus::Degraded
    }
}

/// `12GB_free`, as earlier versions wrote it.
fn in_words(bytes: u64) -> String {
    const GB: u64 = 1_000_000_000;
    const MB: u64 = 1_000_000;
    if bytes >= GB {
        format!("{}GB_free", bytes / GB)
    } else {
        format!("{}MB_free", bytes / MB)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing_asked_yet(&[MeterStatus::Starting], ModbusStatus::Starting)]
    #[case::all_answer(&[MeterStatus::Ok, MeterStatus::Ok], ModbusStatus::Ok)]
    #[case::one_of_two_is_dead(&[MeterStatus::Ok, MeterStatus::NotResponding], ModbusStatus::Degraded)]
    #[case::one_of_two_not_asked(&[MeterStatus::Ok, MeterStatus::Starting], ModbusStatus::Degraded)]
    #[case::all_dead(&[MeterStatus::NotResponding], ModbusStatus::NotResponding)]
    fn meters_together(#[case] statuses: &[MeterStatus], #[case] expected: ModbusStatus) {
        let meter = |status: &MeterStatus| MeterHealth {
            name: "m".into(),
            bus: "b".into(),
            profile: "p".into(),
            status: *status,
            last_read_age_sec: None,
            failures: 0,
        };
        assert_eq!(
            together(&statuses.iter().map(meter).collect::<Vec<_>>()),
            expected
        );
    }

    #[rstest]
    #[case::fresh(0, 14, MeterStatus::Ok)]
    #[case::just_old_enough(0, 15, MeterStatus::Ok)]
    #[case::nobody_said_that_it_failed(0, 16, MeterStatus::NotResponding)]
    #[case::it_failed(1, 11, MeterStatus::NotResponding)]
    fn a_meter_is_well_only_while_its_last_reading_is_new(
        #[case] failures: u32,
        #[case] now: u64,
        #[case] expected: MeterStatus,
    ) {
        let at = |seconds| Mono::from_origin(Duration::from_secs(seconds));
        let meter = MeterFacts {
            last_read: Some(at(10)),
            failures,
            ..MeterFacts::new(solthrive_domain::MeterId::new("m"), "b", 1, "p")
        };
        let health = meter_health(&meter, at(now), Duration::from_secs(5));
        assert_eq!(health.status, expected);
    }

    #[rstest]
    #[case(12_900_000_000, "12GB_free")]
    #[case(999_999_999, "999MB_free")]
    #[case(0, "0MB_free")]
    fn free_space_in_words(#[case] bytes: u64, #[case] expected: &str) {
        assert_eq!(in_words(bytes), expected);
    }
}

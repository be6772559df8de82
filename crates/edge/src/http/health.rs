//! `GET /api/health`: is everything all right, and if not, what is wrong.

use axum::extract::State;
use axum::response::Response;
use solthrive_domain::Mono;

use super::facts::MeterFacts;
use super::reply::{Problems, json};
use super::state::{AppState, Shared, age};
use super::wire::{ApiStatus, FlagBody, Health, MeterHealth, MeterStatus, ModbusStatus};

/// State of the meters, the storage and the flags. Always 200: the body says what is wrong.
#[utoipa::path(get, path = "/api/health", tag = "system", operation_id = "health",
    responses((status = 200, body = Health), Problems))]
pub(super) async fn health(State(app): State<AppState>) -> Response {
    json(&report(&app))
}

fn report(app: &Shared) -> Health {
    let now = app.clock.mono();
    let meters: Vec<_> = app
        .facts
        .meters()
        .iter()
        .map(|meter| meter_health(meter, now))
        .collect();
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

pub(super) fn meter_health(meter: &MeterFacts, now: Mono) -> MeterHealth {
    let status = match (meter.failures, meter.last_read) {
        (0, None) => MeterStatus::Starting,
        (0, Some(_)) => MeterStatus::Ok,
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
    #[case(12_900_000_000, "12GB_free")]
    #[case(999_999_999, "999MB_free")]
    #[case(0, "0MB_free")]
    fn free_space_in_words(#[case] bytes: u64, #[case] expected: &str) {
        assert_eq!(in_words(bytes), expected);
    }
}

//! A moment as columns of integers: the very numbers that [`Moment::body`] says.

use solthrive_protocol::history::{Block, Column};

use crate::fleet::{Entry, Moment};

/// Every home's columns, with their digits; those of an array come last.
const ALL: [(&str, u8); 11] = [
    ("home_kw", 3),
    ("grid_kw", 3),
    ("voltage_l1", 1),
    ("voltage_l2", 1),
    ("current_l1", 1),
    ("current_l2", 1),
    ("current_pv", 1),
    ("import_kwh_total", 3),
    ("export_kwh_total", 3),
    ("solar_kw", 3),
    ("solar_kwh_total", 3),
];
/// How many of them a home without an array has.
const WITHOUT_ARRAY: usize = 9;

/// A block of this home without a row.
pub(super) fn of(entry: &Entry) -> Block {
    let count = if entry.size_kw > 0.0 {
        ALL.len()
    } else {
        WITHOUT_ARRAY
    };
    let columns = ALL.iter().take(count);
    Block {
        times: Vec::new(),
        columns: columns
            .map(|(name, digits)| Column::new(name, *digits))
            .collect(),
    }
}

/// Appends a row.
pub(super) fn put(block: &mut Block, moment: &Moment) {
    #[expect(clippy::cast_possible_truncation, reason = "a home's Wh")]
    let total = |kwh: f64| (kwh * 1000.0).round() as i64;
    let solar = moment.solar_w.unwrap_or(0);
    let [l1, l2] = moment.volts;
    let [amps_l1, amps_l2, amps_pv] = moment.amps;
    let numbers = [
        moment.home_w.into(),
        (moment.home_w - solar).into(),
        l1.into(),
        l2.into(),
        amps_l1.into(),
        amps_l2.into(),
        amps_pv.into(),
        total(moment.energy.import_kwh),
        total(moment.energy.export_kwh),
        solar.into(),
        total(moment.energy.solar_kwh.unwrap_or(0.0)),
    ];
    block.times.push(moment.at.as_millisecond());
    for (column, number) in block.columns.iter_mut().zip(numbers) {
        column.numbers.push(number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use solthrive_domain::DeviceId;
    use solthrive_protocol::{Lane, Telemetry, TelemetryBody};
    use uuid::Uuid;

    use super::*;
    use crate::fleet::House;

    #[test]
    fn a_row_says_bit_for_bit_what_the_home_tells_the_cloud() {
        for size_kw in [0.0, 7.0] {
            let entry = Entry {
                serial: "ST-1".to_owned(),
                device_id: DeviceId::from_uuid(Uuid::nil()),
                token: String::new(),
                installer_code: String::new(),
                time_zone: "America/Los_Angeles".to_owned(),
                latitude: 34.0,
                longitude: -118.0,
                size_kw,
            };
            let begin = "2026-06-20T07:00:00Z".parse().unwrap();
            let mut house = House::new(&entry, 3, begin, Duration::from_secs(60)).unwrap();
            let (mut block, mut bodies) = (of(&entry), Vec::new());
            for _ in 0..1_440 {
                let moment = house.go_on().0;
                put(&mut block, &moment);
                bodies.push(moment.body(false));
            }
            let told = TelemetryBody {
                device_id: entry.device_id,
                firmware: String::new(),
                sent_at: house.next_at(),
                ledger_id: solthrive_domain::LedgerId::from_uuid(Uuid::nil()),
                lane: Lane::Backfill,
                snapshots: bodies,
            };
            let text = serde_json::to_vec(&told).unwrap();
            let now = house.next_at().try_into().unwrap();
            let heard = Telemetry::parse(&text, now).unwrap();
            let heard: Vec<_> = heard
                .snapshots
                .into_iter()
                .map(|(_, heard)| heard)
                .collect();
            assert_eq!(block.snapshots().unwrap(), heard);
        }
    }
}

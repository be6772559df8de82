//! Random homes, and what their devices deliver, in the disorder of the field.

use solthrive_cloud::rows::row_of;
use solthrive_cloud_store::hot::{Delivery, Row, Rows};
use solthrive_cloud_store::meta::Assignment;
use solthrive_domain::telemetry::{Doubts, UnixMillis};
use solthrive_domain::{DeviceId, LedgerId, OrgId, SiteId};
use solthrive_protocol::{Measured, Snapshot};
use uuid::Uuid;

use super::rng::Rng;

pub(super) fn site(n: u128) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(0x100 + n))
}

pub(super) fn device(n: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(0x200 + n))
}

pub(super) fn installer(n: u128) -> OrgId {
    OrgId::from_uuid(Uuid::from_u128(0x300 + n))
}

pub(super) fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

pub(super) fn at(ms: i64) -> UnixMillis {
    UnixMillis::try_from(ms).unwrap()
}

pub(super) fn assignment(
    device_n: u128,
    site_n: u128,
    by: u128,
    zone: &str,
    from: i64,
    to: Option<i64>,
) -> Assignment {
    Assignment {
        device: device(device_n),
        site: site(site_n),
        installer: installer(by),
        time_zone: zone.to_owned(),
        from_at: at(from),
        to_at: to.map(at),
        revision: 1,
        is_erased: false,
    }
}

/// A device's rows begin here.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) device: u128,
    pub(super) from: i64,
    pub(super) every_ms: i64,
}

/// Homes where days are odd: half an hour of summer time, 5 h 45 min beside UTC, a missing day, a clock
/// that goes from 00:01 back to 23:01. One device moves, one home has two devices that measure at
/// the same milliseconds, one device belongs nowhere.
pub(super) fn homes() -> (Vec<Assignment>, Vec<Start>) {
    let moved = ms("2026-04-05T03:07:00Z");
    let assignments = vec![
        assignment(
            1,
            1,
            1,
            "Australia/Lord_Howe",
            ms("2026-01-01T00:00:00Z"),
            Some(moved),
        ),
        assignment(1, 2, 2, "Asia/Kathmandu", moved, None),
        assignment(2, 1, 1, "Australia/Lord_Howe", moved, None),
        assignment(3, 3, 2, "Pacific/Apia", ms("2011-12-30T00:00:00Z"), None),
        assignment(
            4,
            4,
            1,
            "America/St_Johns",
            ms("2011-01-01T00:00:00Z"),
            None,
        ),
        assignment(
            5,
            4,
            3,
            "America/St_Johns",
            ms("2011-11-06T03:00:00Z"),
            None,
        ),
    ];
    let start = |device, from, every_ms| Start {
        device,
        from: ms(from),
        every_ms,
    };
    let starts = vec![
        start(1, "2026-04-04T06:00:00Z", 60_000),
        start(2, "2026-04-04T12:00:00Z", 60_000),
        start(3, "2011-12-29T07:00:00Z", 90_000),
        start(4, "2011-11-05T20:00:00Z", 60_000),
        start(5, "2011-11-05T20:00:00Z", 120_000),
        start(6, "2026-04-04T06:00:00Z", 30_000),
    ];
    (assignments, starts)
}

/// What a device measured, by time.
pub(super) fn rows(rng: &mut Rng, start: &Start, count: usize) -> Vec<(LedgerId, Row)> {
    let (mut now, mut ledger) = (start.from, 1u128);
    let mut totals = [1_000_000i64, 2_000_000, 3_000_000];
    let mut watts = [0i64; 2];
    let coarse = rng.once_in(2);
    let rows = (0..count).map(|_| {
        now += match rng.below(60) {
            0 => rng.between(4, 120) * 30_000,
            1 if start.device < 4 => rng.between(1, 60_000),
            2 if rng.once_in(4) => rng.between(120, 1_200) * 30_000,
            _ => start.every_ms,
        };
        if rng.once_in(20) {
            watts = [rng.between(-5, 6000), rng.between(-5000, 6000)];
        }
        let rises = [watts[0].max(0), watts[1].max(0), (-watts[1]).max(0)];
        for (total, rise) in totals.iter_mut().zip(rises) {
            *total +=
                rise * start.every_ms / 3_600_000 + i64::from(rng.once_in(40)) * rng.between(0, 90);
        }
        if rng.once_in(300) {
            ledger += 1;
            totals = [0; 3];
        }
        if rng.once_in(400) {
            totals[0] -= 900;
        }
        let ledger = LedgerId::from_uuid(Uuid::from_u128(ledger << 8 | start.device));
        (
            ledger,
            row_of(&snapshot(rng, now, watts, totals, coarse), ledger),
        )
    });
    rows.collect()
}

fn snapshot(rng: &mut Rng, now: i64, watts: [i64; 2], wh: [i64; 3], coarse: bool) -> Snapshot {
    let kw = |watts: i64| watts as f64 / 1000.0;
    let kwh = |wh: i64| {
        Some(if coarse {
            (wh / 100) as f64 / 10.0
        } else {
            wh as f64 / 1000.0
        })
    };
    let blind = rng.once_in(50);
    let values = Measured {
        solar_kw: Some(kw(watts[0])).filter(|_| !blind),
        grid_kw: Some(kw(watts[1])),
        home_kw: Some(kw(watts[0] + watts[1])).filter(|_| !blind),
        voltage_l1: Some(120.0 + kw(rng.between(-900, 900))),
        frequency: Some(60.01),
        solar_kwh_total: kwh(wh[0]).filter(|_| !rng.once_in(200)),
        import_kwh_total: kwh(wh[1]),
        export_kwh_total: kwh(wh[2]),
        ..Measured::default()
    };
    Snapshot {
        ts: at(now),
        values,
        quality: Doubts::from_bits(u32::from(rng.once_in(30)) << 4),
        channels: vec![],
    }
}

/// A kilowatt from the sun and nothing else, a sample a minute, in one call.
pub(super) fn calm(n: u128, from: i64, minutes: i64) -> Delivery {
    let ledger = LedgerId::from_uuid(Uuid::from_u128(n));
    let row = |minute: i64| {
        let now = from + minute * 60_000;
        let values = Measured {
            solar_kw: Some(1.0),
            home_kw: Some(1.0),
            grid_kw: Some(0.0),
            solar_kwh_total: Some((now - ms("2026-01-01T00:00:00Z")) as f64 / 3_600_000.0),
            import_kwh_total: Some(5.0),
            export_kwh_total: Some(7.0),
            ..Measured::default()
        };
        let ts = at(now);
        let (quality, channels) = (Doubts::NONE, vec![]);
        row_of(
            &Snapshot {
                ts,
                values,
                quality,
                channels,
            },
            ledger,
        )
    };
    let rows = (0..minutes).map(row).collect();
    Delivery::Rows(Rows {
        device: device(n),
        ledger,
        rows,
    })
}

/// Cuts rows into calls, and mixes those of all devices: mostly in order, some much later, some calls
/// newest first. Each entry of the log holds a few of them.
pub(super) fn deliver(
    rng: &mut Rng,
    devices: Vec<(DeviceId, Vec<(LedgerId, Row)>)>,
) -> Vec<Vec<Delivery>> {
    let mut calls: Vec<(u64, Delivery)> = Vec::new();
    for (device, rows) in devices {
        let mut begin = 0;
        while begin < rows.len() {
            let size = rng.pick(&[1, 2, 5, 20, 60, 200]);
            let ledger = rows[begin].0;
            let call = rows[begin..]
                .iter()
                .take(*size)
                .take_while(|(other, _)| *other == ledger);
            let mut call: Vec<Row> = call.map(|(_, row)| row.clone()).collect();
            // By the share of the rows that were measured before it, and how much later it comes.
            let order = (begin * 10_000 / rows.len()) as u64;
            let delay = if rng.once_in(6) {
                rng.below(6_000)
            } else {
                rng.below(40)
            };
            begin += call.len();
            if rng.once_in(5) {
                call.reverse();
            }
            let rows = Rows {
                device,
                ledger,
                rows: call,
            };
            calls.push((order + delay, Delivery::Rows(rows)));
        }
    }
    calls.sort_by_key(|(order, _)| *order);
    let mut entries = Vec::new();
    let mut calls = calls.into_iter().map(|(_, call)| call).peekable();
    while calls.peek().is_some() {
        let size = usize::try_from(1 + rng.below(4)).unwrap();
        entries.push(calls.by_ref().take(size).collect());
    }
    entries
}

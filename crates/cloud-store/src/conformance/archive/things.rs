//! Things to store.

use jiff::civil::{Date, date};
use solthrive_domain::access::Operator;
use solthrive_domain::bucket::{Bucket, EnergySums, Fold, Quarter, RollupRules};
use solthrive_domain::rollup::{DayRollup, FleetSums, MonthRollup, Rollup, Sums};
use solthrive_domain::telemetry::{MicroWattHours, MilliWatts, Sample, UnixMillis};
use solthrive_domain::{DeviceId, LedgerId, OrgId, SiteId};
use uuid::Uuid;

use crate::archive::{
    BucketDay, Checkpoint, DeviceStatus, Event, Fleet, FleetQuarters, FleetTotal, OpenDay, Period,
    Piece, SiteDay, SiteMonth, SiteState, ToldDay, UtcDay,
};
use crate::hot::Seq;

pub(in crate::conformance) const BY: Operator = Operator::at_the_console();
pub(super) const DAY_MS: i64 = 86_400_000;

pub(in crate::conformance) fn at(ms: i64) -> UnixMillis {
    UnixMillis::try_from(ms).expect("a test's instant")
}
pub(in crate::conformance) fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}
pub(in crate::conformance) fn org(number: u128) -> OrgId {
    OrgId::from_uuid(Uuid::from_u128(number))
}
pub(in crate::conformance) fn site(number: u128) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(number))
}
pub(in crate::conformance) fn seq(number: i64) -> Seq {
    Seq::new(number)
}
pub(super) fn june(day: i8) -> Date {
    date(2026, 6, day)
}
pub(super) fn quarter(index: i64) -> Quarter {
    Quarter::try_from(index).expect("a test's quarter")
}
pub(in crate::conformance) fn open_day(number: u128, day: UtcDay) -> OpenDay {
    OpenDay {
        device: device(number),
        day,
    }
}

/// A piece of `device` with rows from `span.0` to `span.1`, whose bytes are all `byte`.
pub(in crate::conformance) fn piece(number: u128, span: (i64, i64), byte: u8) -> Piece {
    Piece {
        device: device(number),
        day: span.0.div_euclid(DAY_MS),
        span,
        rows: 2,
        bytes: vec![byte; 3_000],
    }
}

pub(super) fn sample(ms: i64) -> Sample {
    Sample::empty(at(ms), LedgerId::from_uuid(Uuid::from_u128(7)))
}

pub(super) fn status(number: u128, last_seen: i64) -> DeviceStatus {
    DeviceStatus {
        device: device(number),
        site: Some(site(1)),
        last_seen: at(last_seen),
        newest: Some(sample(last_seen)),
        rows: 3,
        firmware: Some("2.1.0".to_owned()),
        firmware_since: Some(at(7)),
        system: None,
        system_at: Some(at(8)),
        clock_offset_ms: Some(-40),
    }
}

/// A bucket that knows its production only.
pub(super) fn bucket(index: i64, solar: i64) -> Bucket {
    let energy = EnergySums {
        solar: Some(MicroWattHours::new(solar)),
        ..EnergySums::default()
    };
    Bucket {
        energy,
        covered_ms: 900_000,
        samples: 30,
        ..Bucket::empty(quarter(index))
    }
}

pub(super) fn bucket_day(number: u128, day: UtcDay, buckets: Vec<Bucket>) -> BucketDay {
    BucketDay {
        site: site(number),
        day,
        buckets,
    }
}

pub(super) fn state(open: Vec<Bucket>) -> SiteState {
    SiteState {
        open,
        ..Fold::new(RollupRules::default()).into()
    }
}

pub(super) fn rollup(solar: i64, is_final: bool) -> Rollup {
    let energy = EnergySums {
        solar: Some(MicroWattHours::new(solar)),
        home: Some(MicroWattHours::new(-5)),
        ..EnergySums::default()
    };
    Rollup {
        span: quarter(1_977_000)..quarter(1_977_096),
        sums: Sums {
            energy,
            peak_demand: Some(MilliWatts::new(-1)),
            covered_ms: 86_399_999,
            breaks: 1,
            revision: u32::MAX,
        },
        as_of: at(1_780_000_000_123).into(),
        is_final,
    }
}

pub(super) fn site_day(number: u128, date: Date, solar: i64, is_final: bool) -> SiteDay {
    SiteDay {
        site: site(number),
        installer: (number == 1).then(|| org(9)),
        day: DayRollup {
            date,
            rollup: rollup(solar, is_final),
        },
    }
}

pub(super) fn site_month(number: u128, month: Date, solar: i64) -> SiteMonth {
    SiteMonth {
        site: site(number),
        installer: Some(org(9)),
        month: MonthRollup {
            month,
            rollup: rollup(solar, true),
        },
    }
}

pub(super) fn sums(solar: i64) -> FleetSums {
    FleetSums::of(&rollup(solar, true))
}

pub(super) fn total(fleet: Fleet, period: Period, solar: i64) -> FleetTotal {
    let sums = sums(solar);
    FleetTotal {
        fleet,
        period,
        sums,
    }
}

pub(super) fn fleet_quarters(fleet: Fleet, day: UtcDay, solar: i64) -> FleetQuarters {
    let first = day * Quarter::PER_DAY;
    let quarters = [first, first + 95].map(|index| (quarter(index), sums(solar)));
    FleetQuarters {
        fleet,
        day,
        quarters: quarters.into(),
    }
}

pub(super) fn told(number: u128, date: Date, json: &str) -> ToldDay {
    ToldDay {
        device: device(number),
        site: site(1),
        date,
        told_at: at(5),
        json: json.to_owned(),
    }
}

pub(super) fn event(number: u128, ms: i64, code: &str) -> Event {
    Event {
        site: site(number),
        device: None,
        at: at(ms),
        received_at: at(ms + 1),
        code: code.to_owned(),
        subject: String::new(),
        state: "raised".to_owned(),
        severity: "warning".to_owned(),
        message: "A clamp is the wrong way round.".to_owned(),
        details: Some("{}".to_owned()),
    }
}

/// A checkpoint of this stretch, with nothing in it.
pub(super) fn stretch(from: i64, folded: i64) -> Checkpoint {
    Checkpoint {
        from: seq(from),
        folded: seq(folded),
        ..Checkpoint::default()
    }
}

/// A checkpoint with one of everything, at site 1 and of device 1; `value` is in all of it.
#[must_use]
pub fn everything(from: i64, folded: i64, value: i64) -> Checkpoint {
    Checkpoint {
        statuses: vec![status(1, value)],
        sites: vec![(site(1), state(vec![bucket(1_980_000, value)]))],
        buckets: vec![bucket_day(1, 20_600, vec![bucket(20_600 * 96, value)])],
        days: vec![site_day(1, june(1), value, false)],
        months: vec![site_month(1, june(1), value)],
        totals: vec![
            total(Fleet::All, Period::Day(june(1)), value),
            total(Fleet::Installer(org(9)), Period::Month(june(1)), value),
        ],
        quarters: vec![fleet_quarters(Fleet::All, 20_600, value)],
        told: vec![told(1, june(1), &format!("{{\"v\":{value}}}"))],
        events: vec![event(1, value, "restated")],
        ..stretch(from, folded)
    }
}

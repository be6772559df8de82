//! Events as the worker words them.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::json;
use solthrive_cloud_store::archive::Event;
use solthrive_domain::bucket::{Break, Restated};
use solthrive_domain::ledger::Line;
use solthrive_domain::rollup::{Compared, DailyMismatch};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};
use solthrive_protocol::State;

use crate::notes::EventNote;

/// Where and when an event is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) site: SiteId,
    pub(super) device: Option<DeviceId>,
    pub(super) received_at: UnixMillis,
}

impl Told {
    pub(super) const fn of(site: SiteId, received_at: UnixMillis) -> Self {
        Self {
            site,
            device: None,
            received_at,
        }
    }

    fn happened(self, at: UnixMillis, code: &str, severity: &str, message: String) -> Event {
        Event {
            site: self.site,
            device: self.device,
            at,
            received_at: self.received_at,
            code: code.to_owned(),
            subject: String::new(),
            state: "happened".to_owned(),
            severity: severity.to_owned(),
            message,
            details: None,
        }
    }
}

/// A flag of a device.
pub(super) fn flag(told: Told, note: EventNote) -> Event {
    let state = match note.state {
        State::Raised => "raised",
        State::Cleared => "cleared",
    };
    Event {
        subject: note.subject,
        state: state.to_owned(),
        details: note.details,
        ..told.happened(note.ts, &note.code, note.severity.as_str(), note.message)
    }
}

/// A total that stopped making sense.
pub(super) fn broke(told: Told, at: UnixMillis, line: Line, why: Break) -> Event {
    let (line, name) = match line {
        Line::Solar => ("solar", "solar"),
        Line::Import => ("import", "import"),
        Line::Export => ("export", "export"),
        Line::BatteryCharge => ("battery charge", "battery_charge"),
        Line::BatteryDischarge => ("battery discharge", "battery_discharge"),
        Line::Ev => ("car", "ev"),
    };
    let (what, why) = match why {
        Break::Fell => ("fell", "fell"),
        Break::Leapt => ("rose by more than could have flowed", "leapt"),
        Break::TooFarApart => ("was silent for too long to say anything", "too_far_apart"),
    };
    Event {
        subject: name.to_owned(),
        details: Some(json!({ "why": why }).to_string()),
        ..told.happened(
            at,
            "total_broke",
            "info",
            format!("The total of {line} {what}; it is followed anew from here, and the jump is not counted."),
        )
    }
}

/// Late data changed buckets that were over; `None` where it changed only the newest one.
pub(super) fn restated(told: Told, restated: &Restated) -> Option<Event> {
    let over = || restated.buckets.iter().filter(|bucket| bucket.revision > 0);
    let revision = over().map(|bucket| bucket.revision).max()?;
    let days: &BTreeSet<Date> = &restated.days;
    let span = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => return None,
    };
    let details = json!({ "days": days, "quarters": over().count(), "revision": revision });
    Some(Event {
        details: Some(details.to_string()),
        ..told.happened(
            told.received_at,
            "restated",
            "info",
            format!("Late data changed the totals of {span}."),
        )
    })
}

/// Device and cloud disagree on a day that both measured fully.
pub(super) fn mismatch(told: Told, day_end: UnixMillis, found: &DailyMismatch) -> Event {
    let all = found.differences.iter().map(|difference| {
        let what = match difference.what {
            Compared::Solar => "solar",
            Compared::Home => "home",
            Compared::Import => "import",
            Compared::Export => "export",
        };
        let (device, cloud) = (difference.device.kwh(), difference.cloud.kwh());
        format!("{what}: device {device:.2} kWh, cloud {cloud:.2} kWh")
    });
    let all: Vec<_> = all.collect();
    let date = found.date;
    Event {
        subject: date.to_string(),
        details: serde_json::to_string(found).ok(),
        ..told.happened(
            day_end,
            "daily_mismatch",
            "warning",
            format!("Device and cloud disagree on {date}: {}.", all.join("; ")),
        )
    }
}

/// What is stored of a site is damaged, and the worker went on without it.
pub(super) fn damaged(told: Told, what: &str) -> Event {
    told.happened(
        told.received_at,
        "storage_damaged",
        "critical",
        format!(
            "What the cloud keeps of this home is damaged, and its totals are not kept up: {what}."
        ),
    )
}

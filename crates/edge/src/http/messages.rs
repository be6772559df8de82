//! The texts of the live stream. What is the same for every client is made once a second.

use jiff::Timestamp;
use serde::Serialize;
use solthrive_domain::Flag;

use super::boot::today;
use super::latest::latest_json;
use super::state::{AppState, json};
use super::wire::{
    DailySummary, DaySeries, ErrorsMessage, FlagBody, GapMessage, GapReason, HeartbeatMessage,
    HelloMessage, Latest, kw, tags,
};
use crate::live::{DayPoint, Frame, Gap, GapCause, STEP};

/// Version of the messages: grows when a client could misread them.
const API: u32 = 1;

/// Makes the messages of one client, whose numbers grow by one.
pub(super) struct Messages {
    app: AppState,
    next: u64,
}

impl Messages {
    pub(super) fn new(app: AppState) -> Self {
        Self { app, next: 0 }
    }

    pub(super) fn hello(&mut self) -> String {
        let (app, ts) = (&self.app, self.app.clock.now());
        let frame = app.live.frame();
        let message = HelloMessage {
            r#type: tags::Hello::Hello,
            seq: self.next,
            ts,
            version: app.facts.version.to_owned(),
            api: API,
            snapshot_every_ms: snapshot_every_ms(app),
            site: app.site_body().clone(),
            snapshot: frame
                .as_ref()
                .map(|frame| Latest::new(&frame.snapshot, app.home())),
            errors: bodies(&app.live.flags()),
            today: today(app),
            day: day(app, ts),
        };
        self.next += 1;
        text(&message)
    }

    /// The number of this client's message in front, the rest shared by all.
    pub(super) fn snapshot(&mut self, frame: &Frame) -> String {
        let shared = frame.message(|frame| shared_part(&self.app, frame));
        let mut message = format!("{{\"type\":\"snapshot\",\"seq\":{},", self.number());
        message.push_str(&String::from_utf8_lossy(&shared));
        message
    }

    pub(super) fn heartbeat(&mut self) -> String {
        let message = HeartbeatMessage {
            r#type: tags::Heartbeat::Heartbeat,
            seq: self.number(),
            ts: self.app.clock.now(),
            version: self.app.facts.version.to_owned(),
            uptime_s: self.app.facts.uptime(self.app.clock.mono()).as_secs(),
            last_snapshot_age_sec: self.app.snapshot_age(),
            snapshot_every_ms: snapshot_every_ms(&self.app),
        };
        text(&message)
    }

    pub(super) fn errors(&mut self, flags: &[Flag]) -> String {
        let (seq, ts) = (self.number(), self.app.clock.now());
        text(&ErrorsMessage {
            r#type: tags::Errors::Errors,
            seq,
            ts,
            errors: bodies(flags),
        })
    }

    pub(super) fn gap(&mut self, gap: &Gap) -> String {
        let (seq, ts) = (self.number(), self.app.clock.now());
        let reason = match gap.cause {
            GapCause::SlowClient => GapReason::SlowClient,
            GapCause::MeterNotResponding => GapReason::MeterNotResponding,
            GapCause::ClockStepped => GapReason::ClockStepped,
            GapCause::Restart => GapReason::Restart,
        };
        text(&GapMessage {
            r#type: tags::Gap::Gap,
            seq,
            ts,
            from: gap.from,
            to: gap.to,
            reason,
        })
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

/// Everything of a snapshot message after its number: `"ts":…,"snapshot":…,"today":…}`.
fn shared_part(app: &AppState, frame: &Frame) -> Vec<u8> {
    let ts = json(&frame.snapshot.ts);
    let snapshot = latest_json(app.home(), frame);
    let today = json(&DailySummary::new(&frame.today, app.tariff.as_ref()));
    let parts: [&[u8]; 7] = [
        b"\"ts\":",
        &ts,
        b",\"snapshot\":",
        &snapshot,
        b",\"today\":",
        &today,
        b"}",
    ];
    parts.concat()
}

pub(super) fn snapshot_every_ms(app: &AppState) -> u64 {
    u64::try_from(app.live.cadence().interval().as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn bodies(flags: &[Flag]) -> Vec<FlagBody> {
    flags.iter().map(FlagBody::from).collect()
}

fn day(app: &AppState, now: Timestamp) -> DaySeries {
    let span = app.live.day(now);
    let column = |pick: fn(&DayPoint) -> Option<f64>| {
        let watts = span.points.iter().map(pick);
        watts
            .map(|watts| watts.and_then(|watts| watts.try_into().ok()).map(kw))
            .collect::<Vec<_>>()
    };
    DaySeries {
        from: span.from,
        step_s: u32::try_from(STEP.as_secs()).unwrap_or(u32::MAX),
        solar_kw: column(|point| point.solar),
        home_kw: column(|point| point.home),
        grid_kw: column(|point| point.grid),
        battery_kw: app
            .site_body()
            .has
            .battery
            .then(|| column(|point| point.battery)),
    }
}

fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_else(|error| {
        tracing::error!(%error, "a message could not be written as JSON");
        String::from("{}")
    })
}

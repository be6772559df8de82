//! One appliance towards the cloud.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use solthrive_domain::LedgerId;
use solthrive_protocol::{
    DailyBody, DayBody, HealthBody, Lane, Receipt, RegistrationBody, SnapshotBody, TelemetryBody,
};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::line::{Line, Said};
use super::{Cloud, Entry, House, Outbox, Parcel, Plan, Tally};
use crate::clock::Clock;
use crate::rng::Rng;

/// Snapshots of one call.
const MOST: usize = 1_000;
/// Between two signs of life.
const HEALTH: Duration = Duration::from_secs(3_600);
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
const FIRMWARE: &str = "2.0.0-sim";

/// What a home does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Nothing.
    Sound,
    /// Hangs up before every third answer, and delivers again.
    LosesAnswers,
    /// Delivers everything twice.
    Repeats,
    /// Its clock is ten minutes ahead.
    ClockAhead,
    /// Says nothing any more after two minutes.
    FallsSilent,
    /// The clamps of its mains are on backwards.
    Reversed,
}

impl Habit {
    /// Of the home with this number: the second to the sixth misbehave, if that is wanted.
    #[must_use]
    pub const fn of(number: usize, faults: bool) -> Self {
        match number {
            1 if faults => Self::LosesAnswers,
            2 if faults => Self::Repeats,
            3 if faults => Self::ClockAhead,
            4 if faults => Self::FallsSilent,
            5 if faults => Self::Reversed,
            _ => Self::Sound,
        }
    }
}

/// One appliance.
pub struct Device {
    entry: Entry,
    house: House,
    habit: Habit,
    outbox: Outbox,
    days: Vec<DayBody>,
    line: Line,
    clock: Clock,
    tally: Arc<Tally>,
    chance: Rng,
    calls: u64,
    /// What the cloud last said the other lane may send, snapshots a second.
    backfill_per_s: u32,
    failures: u32,
}

/// It is of no use to call again.
struct GivesUp(String);

impl Device {
    /// An appliance that was just switched on.
    #[must_use]
    pub fn new(
        entry: Entry,
        house: House,
        habit: Habit,
        cloud: Arc<Cloud>,
        clock: Clock,
        tally: Arc<Tally>,
    ) -> Self {
        let seed = entry.device_id.as_uuid().as_u64_pair().1;
        Self {
            line: Line::new(cloud, entry.token.clone()),
            entry,
            house,
            habit,
            outbox: Outbox::new(MOST),
            days: Vec::new(),
            clock,
            tally,
            chance: Rng::new(seed),
            calls: 0,
            backfill_per_s: 0,
            failures: 0,
        }
    }

    /// Runs until `stop`, or until it gives up.
    pub async fn run(mut self, plan: Plan, stop: CancellationToken) {
        let serial = self.entry.serial.clone();
        let ended = tokio::select! {
            ended = self.live(plan) => ended,
            () = stop.cancelled() => return,
        };
        if let Err(GivesUp(why)) = ended {
            self.tally.add(|sums| sums.gave_up += 1);
            tracing::warn!(%serial, %why, "a home gave up");
        }
    }

    async fn live(&mut self, plan: Plan) -> Result<(), GivesUp> {
        let began = self.clock.elapsed();
        self.register().await?;
        self.catch_up(true).await;
        let mut alive_at = Instant::now();
        let mut old_at = Instant::now();
        loop {
            self.catch_up(false).await;
            let silent = self.habit == Habit::FallsSilent
                && self.clock.elapsed().saturating_sub(began) > Duration::from_secs(120);
            if !silent {
                self.deliver(Lane::Live).await?;
                if Instant::now() >= alive_at {
                    self.say_alive().await?;
                    alive_at = Instant::now() + HEALTH;
                }
                self.tell_days().await?;
                if Instant::now() >= old_at {
                    let sent = self.deliver(Lane::Backfill).await?;
                    let share = f64::from(self.backfill_per_s.max(1));
                    old_at = Instant::now() + Duration::from_secs_f64(sent as f64 / share);
                }
            }
            sleep_until(self.next_turn(plan, old_at)).await;
        }
    }

    /// When there is something to do again: a snapshot, or old ones that may be sent.
    fn next_turn(&self, plan: Plan, old_at: Instant) -> Instant {
        let ahead = self.house.next_at().duration_since(self.clock.wall());
        let ahead = Duration::try_from(ahead).unwrap_or_default();
        let snapshot = Instant::now() + ahead.min(plan.interval);
        if self.outbox.has_old() {
            snapshot.min(old_at)
        } else {
            snapshot
        }
    }

    /// Makes every snapshot up to now; those of the past are not live.
    async fn catch_up(&mut self, past: bool) {
        let now = self.clock.wall();
        let mut made = 0_u64;
        while self.house.next_at() <= now {
            let (moment, over) = self.house.go_on();
            if past {
                self.outbox.push_old(moment);
            } else {
                self.outbox.push(moment);
            }
            self.days.extend(over);
            made += 1;
            if made.is_multiple_of(500) {
                tokio::task::yield_now().await;
            }
        }
        self.tally.add(|sums| sums.made += made);
    }

    /// Asks until the cloud knows where this device is.
    async fn register(&mut self) -> Result<(), GivesUp> {
        let body = RegistrationBody {
            serial: self.entry.serial.clone(),
            device_id: self.entry.device_id,
            installer_code: self.entry.installer_code.clone(),
            model: "simulated".to_owned(),
            firmware: FIRMWARE.to_owned(),
            config: Some(
                json!({ "service": "split_phase", "solar_nameplate_kw": self.entry.size_kw }),
            ),
        };
        loop {
            if let Some(Said::Bound(at)) = self.call("/v1/device/register", &body).await? {
                tracing::debug!(serial = %self.entry.serial, site = %at.site_id, "registered");
                self.tally.add(|sums| sums.homes += 1);
                return Ok(());
            }
        }
    }

    /// Delivers one call of a lane; how many snapshots are settled by it.
    async fn deliver(&mut self, lane: Lane) -> Result<usize, GivesUp> {
        let Some(parcel) = self.outbox.take(lane) else {
            return Ok(0);
        };
        let body = self.telemetry(&parcel);
        self.calls += 1;
        if self.habit == Habit::LosesAnswers && self.calls.is_multiple_of(3) {
            self.line
                .call_and_hang_up("/v1/ingest/telemetry", &body)
                .await;
            self.tally.add(|sums| sums.failed += 1);
            self.outbox.give_back(parcel);
            return Ok(0);
        }
        let said = match self.call("/v1/ingest/telemetry", &body).await {
            Ok(said) => said,
            Err(why) => {
                self.outbox.give_back(parcel);
                return Err(why);
            }
        };
        let count = parcel.moments.len();
        let receipt = match said {
            Some(Said::Taken(receipt)) => receipt,
            // It will never be taken: to keep it would stop everything behind it.
            Some(Said::Refused(422, ..)) => {
                self.tally.add(|sums| sums.rejected += count as u64);
                return Ok(count);
            }
            _ => {
                self.outbox.give_back(parcel);
                return Ok(0);
            }
        };
        self.settle(&receipt);
        if self.habit == Habit::Repeats
            && let Some(Said::Taken(again)) = self.call("/v1/ingest/telemetry", &body).await?
        {
            self.tally.add(|sums| sums.repeated += count as u64);
            self.settle(&again);
        }
        Ok(count)
    }

    fn settle(&mut self, receipt: &Receipt) {
        self.backfill_per_s = receipt.backfill_rows_per_s;
        self.tally.add(|sums| {
            sums.accepted += u64::from(receipt.accepted);
            sums.duplicates += u64::from(receipt.duplicates);
            sums.conflicts += u64::from(receipt.conflicts);
            sums.rejected += receipt.rejected.len() as u64;
        });
    }

    fn telemetry(&self, parcel: &Parcel) -> TelemetryBody {
        let reversed = self.habit == Habit::Reversed;
        let snapshots = parcel.moments.iter().map(|moment| {
            let body = moment.body(reversed);
            SnapshotBody {
                ts: self.as_its_clock_says(body.ts),
                ..body
            }
        });
        TelemetryBody {
            device_id: self.entry.device_id,
            firmware: FIRMWARE.to_owned(),
            sent_at: self.as_its_clock_says(self.clock.wall()),
            ledger_id: LedgerId::from_uuid(self.entry.device_id.as_uuid()),
            lane: parcel.lane,
            snapshots: snapshots.collect(),
        }
    }

    fn as_its_clock_says(&self, time: Timestamp) -> Timestamp {
        if self.habit != Habit::ClockAhead {
            return time;
        }
        time.checked_add(Duration::from_secs(600)).unwrap_or(time)
    }

    async fn say_alive(&mut self) -> Result<(), GivesUp> {
        let body = HealthBody {
            device_id: self.entry.device_id,
            firmware: FIRMWARE.to_owned(),
            sent_at: self.clock.wall(),
            events: Vec::new(),
            system: Some(json!({ "simulated": true, "uptime_s": self.clock.elapsed().as_secs() })),
        };
        if let Some(Said::Taken(_)) = self.call("/v1/ingest/health", &body).await? {
            self.tally.add(|sums| sums.told += 1);
        }
        Ok(())
    }

    /// Tells the days that are over, once all of their snapshots were delivered.
    async fn tell_days(&mut self) -> Result<(), GivesUp> {
        if self.days.is_empty() || self.outbox.has_old() {
            return Ok(());
        }
        let body = DailyBody {
            device_id: self.entry.device_id,
            firmware: FIRMWARE.to_owned(),
            sent_at: self.clock.wall(),
            days: self.days.clone(),
        };
        if let Some(Said::Taken(_)) = self.call("/v1/ingest/daily", &body).await? {
            let count = self.days.len() as u64;
            self.tally.add(|sums| sums.told += count);
            self.days.clear();
        }
        Ok(())
    }

    /// Calls. `None` after a failure and the pause that it asks for: the same may succeed then.
    async fn call(
        &mut self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Option<Said>, GivesUp> {
        let refused = match self.line.call(path, body).await {
            Ok(Said::Refused(status, failure, wait)) => Some((status, failure, wait)),
            Ok(said) => {
                self.failures = 0;
                return Ok(Some(said));
            }
            Err(error) => {
                tracing::debug!(serial = %self.entry.serial, %error, "no answer");
                None
            }
        };
        self.tally.add(|sums| sums.failed += 1);
        let Some((status, failure, wait)) = refused else {
            self.pause(None).await;
            return Ok(None);
        };
        match status {
            413 => self.outbox.halve(),
            422 => return Ok(Some(Said::Refused(status, failure, wait))),
            429 | 500.. => self.pause(wait).await,
            _ => {
                let why = failure.map_or_else(String::new, |failure| failure.detail);
                return Err(GivesUp(format!("{status} from {path}: {why}")));
            }
        }
        Ok(None)
    }

    /// As long as the cloud says, or twice as long each time; a fifth more or less, so that a fleet spreads.
    async fn pause(&mut self, said: Option<Duration>) {
        let own = FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(16));
        self.failures += 1;
        let pause = said.unwrap_or(own.min(LONGEST_PAUSE));
        sleep(pause.mul_f64(0.8 + 0.4 * self.chance.unit())).await;
    }
}

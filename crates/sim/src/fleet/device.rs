//! One appliance towards the cloud: a simulated home, and the courier that real appliances have.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use solthrive_courier::{self as courier, Cargo, Courier, NotRegistered, Settings};
use solthrive_domain::delivery::{Budget, Numbers, Tokens};
use solthrive_domain::{LedgerId, Mono};
use solthrive_protocol::RegistrationBody;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use super::{Cloud, Entry, House, Plan, Tally};
use crate::clock::Clock;
use crate::rng::Rng;

/// Between two signs of life.
const HEALTH: Duration = Duration::from_secs(3_600);
/// Between two attempts to register while nobody answers.
const REGISTER_AGAIN: Duration = Duration::from_secs(2);
/// Between two looks at what may be forgotten.
const TIDY: u64 = 100;
const FIRMWARE: &str = "2.0.0-sim";

/// What a home does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Nothing.
    Sound,
    /// Loses its power every few seconds, in the middle of whatever it says.
    LosesPower,
    /// Does not know after a loss of power what it told last, and tells it again.
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
            1 if faults => Self::LosesPower,
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
    cloud: Arc<Cloud>,
    clock: Clock,
    tally: Arc<Tally>,
    memory: Arc<Memory>,
    chance: Rng,
}

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
        let ahead = match habit {
            Habit::ClockAhead => Duration::from_secs(600),
            _ => Duration::ZERO,
        };
        let ledger = LedgerId::from_uuid(entry.device_id.as_uuid());
        Self {
            memory: Arc::new(Memory::new(ledger, habit == Habit::Reversed, ahead)),
            chance: Rng::new(entry.device_id.as_uuid().as_u64_pair().1),
            entry,
            house,
            habit,
            cloud,
            clock,
            tally,
        }
    }

    /// Runs until `stop`, or until it gives up.
    pub async fn run(mut self, plan: Plan, stop: CancellationToken) {
        let serial = self.entry.serial.clone();
        let ended = tokio::select! {
            ended = self.live(plan) => ended,
            () = stop.cancelled() => return,
        };
        if let Err(why) = ended {
            self.tally.gave_up();
            tracing::warn!(%serial, %why, "a home gave up");
        }
    }

    async fn live(&mut self, plan: Plan) -> Result<(), NotRegistered> {
        let began = self.clock.elapsed();
        self.make(None).await;
        let mut courier = self.courier(plan, &Numbers::default());
        self.register(&courier).await?;
        self.tally.joined(&courier);
        loop {
            let life = self.life();
            let power = CancellationToken::new();
            let _cut = power.clone().drop_guard();
            let working = {
                let (courier, power) = (Arc::clone(&courier), power.clone());
                tokio::spawn(async move { courier.run(power).await })
            };
            let over = self.clock.elapsed() + life;
            while self.clock.elapsed() < over {
                self.make(Some(&courier)).await;
                if self.is_silent(began) {
                    power.cancel();
                }
                sleep(
                    self.until_next(plan)
                        .min(over.saturating_sub(self.clock.elapsed())),
                )
                .await;
            }
            // The power goes, whatever was said.
            working.abort();
            let told = courier.told();
            let remembered = match self.habit {
                Habit::Repeats => told
                    .clone()
                    .up_to(told.max().map(|last| last.saturating_sub(20))),
                _ => told,
            };
            let next = self.courier(plan, &remembered);
            self.tally.succeeded(&courier, &next);
            courier = next;
        }
    }

    /// How long the power lasts.
    fn life(&mut self) -> Duration {
        match self.habit {
            Habit::LosesPower | Habit::Repeats => {
                Duration::from_secs_f64(self.chance.between(0.3, 6.0))
            }
            _ => Duration::from_secs(u64::from(u32::MAX)),
        }
    }

    fn is_silent(&self, began: Duration) -> bool {
        self.habit == Habit::FallsSilent
            && self.clock.elapsed().saturating_sub(began) > Duration::from_secs(120)
    }

    fn courier(&mut self, plan: Plan, told: &Numbers) -> Arc<Courier> {
        let first = Tokens::new(self.entry.token.clone(), None);
        let settings = Settings {
            budget: Budget {
                live_rows: 120,
                live_call: 120,
                backfill_call: 1_000,
                spread: plan.backfill_spread,
            },
            longest_pause: plan.longest_pause,
            patience: plan.patience,
            seed: self.chance.next_u64(),
        };
        let memory = &self.memory;
        let device = courier::Device {
            id: self.entry.device_id,
            firmware: FIRMWARE.to_owned(),
            tokens: memory.tokens().unwrap_or(first),
            known: memory.known(),
            told: told.clone(),
        };
        let cargo = Cargo {
            shelf: Arc::clone(memory) as _,
            reports: Arc::clone(memory) as _,
            vault: Arc::clone(memory) as _,
            clock: Arc::new(self.clock),
        };
        Courier::new(
            self.cloud.address.clone(),
            self.cloud.trust.clone(),
            device,
            cargo,
            settings,
        )
    }

    /// Until the next snapshot is due.
    fn until_next(&self, plan: Plan) -> Duration {
        let ahead = self.house.next_at().duration_since(self.clock.wall());
        Duration::try_from(ahead)
            .unwrap_or_default()
            .min(plan.interval)
    }

    /// Makes every snapshot up to now.
    async fn make(&mut self, courier: Option<&Arc<Courier>>) {
        let now = self.clock.wall();
        let mut made = 0_u64;
        while self.house.next_at() <= now {
            let (moment, over) = self.house.go_on();
            let number = self.memory.push(moment);
            if let Some(courier) = courier {
                courier.made(number);
            }
            if let Some(day) = over {
                self.memory.push_day(day);
            }
            if number.is_multiple_of(HEALTH.as_secs() / 15) {
                self.memory.push_sign_of_life(self.clock.elapsed());
            }
            if let Some(courier) = courier.filter(|_| number.is_multiple_of(TIDY)) {
                self.memory.forget_before(courier.settled_before());
            }
            made += 1;
            if made.is_multiple_of(500) {
                tokio::task::yield_now().await;
            }
        }
        self.tally.made(made);
        if let (Some(courier), true) = (courier, made > 0) {
            courier.look();
        }
    }

    /// Asks until the cloud knows where this device is.
    async fn register(&self, courier: &Courier) -> Result<(), NotRegistered> {
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
            match courier.register(&body).await {
                Ok(at) => {
                    tracing::debug!(serial = %self.entry.serial, site = %at.site_id, "registered");
                    return Ok(());
                }
                Err(NotRegistered::Refused(failure)) if failure.code.status() < 429 => {
                    return Err(NotRegistered::Refused(failure));
                }
                Err(error) => {
                    tracing::debug!(serial = %self.entry.serial, %error, "not registered yet");
                    sleep(REGISTER_AGAIN).await;
                }
            }
        }
    }
}

impl courier::Clock for Clock {
    fn mono(&self) -> Mono {
        Mono::from_origin(self.elapsed())
    }

    fn wall(&self) -> Timestamp {
        Self::wall(self)
    }
}

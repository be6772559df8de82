//! Many homes that speak to the cloud as appliances do: register, deliver, come again.
//!
//! What they say is consistent: totals are the sum of the powers that were said before them, so what
//! the cloud makes of them can be compared with [`House`]'s own books.

mod books;
mod cloud;
mod device;
pub mod history;
mod house;
mod kind;
mod memory;
mod roster;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::books::{Books, Shelf};
pub use self::cloud::Cloud;
pub use self::device::{Device, Habit};
pub use self::house::{House, Moment};
pub use self::roster::{Entry, read as read_roster};
pub use self::tally::{Sums, Tally};
use crate::clock::Clock;

/// The version that simulated appliances say they run.
const FIRMWARE: &str = "2.0.0-sim";

/// How a fleet behaves.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Between two snapshots of a home.
    pub interval: Duration,
    /// How much of the past each home brings along.
    pub history: Duration,
    /// The longest pause after failures.
    pub longest_pause: Duration,
    /// For an answer of the cloud.
    pub patience: Duration,
    /// A backfill after an outage begins within this.
    pub backfill_spread: Duration,
    /// Same seed, same homes.
    pub seed: u64,
    /// Let a few homes misbehave, see [`Habit`].
    pub faults: bool,
}

/// Runs the homes of a roster until `stop`, or until each has given up. Homes whose books are on the shelf go on from
/// these; the others begin with empty ones.
///
/// # Errors
/// When a home cannot be simulated.
pub async fn run(
    roster: Vec<Entry>,
    cloud: Cloud,
    plan: Plan,
    shelf: Option<&Shelf>,
    clock: Clock,
    tally: Arc<Tally>,
    stop: CancellationToken,
) -> Result<()> {
    let cloud = Arc::new(cloud);
    let mut homes = JoinSet::new();
    for (number, entry) in roster.into_iter().enumerate() {
        let habit = Habit::of(number, plan.faults);
        let now = on_the_grid(clock.wall(), plan.interval);
        let begin = now.checked_sub(SignedDuration::try_from(plan.history)?)?;
        let seed = plan.seed.wrapping_add(number as u64);
        let books = shelf.and_then(|shelf| shelf.homes.get(&entry.device_id));
        let house = match books {
            Some(books) => going_on(&entry, seed, books, begin, plan.interval)?,
            None => House::new(&entry, seed, begin, plan.interval)?,
        };
        let device = Device::new(
            entry,
            house,
            habit,
            Arc::clone(&cloud),
            clock,
            Arc::clone(&tally),
        );
        homes.spawn(device.run(plan, stop.clone()));
    }
    while let Some(home) = homes.join_next().await {
        home?;
    }
    Ok(())
}

/// The home after the instant of its books. What was before `begin` passes unseen: it was delivered by an earlier run.
fn going_on(
    entry: &Entry,
    seed: u64,
    books: &Books,
    begin: Timestamp,
    interval: Duration,
) -> Result<House> {
    let mut house = House::going_on(entry, seed, books, interval)?;
    // The first moment is in the history already.
    house.go_on();
    while house.next_at() < begin {
        house.go_on();
    }
    Ok(house)
}

/// The last multiple of the interval: snapshots of all homes lie on one grid, so a restart goes on in it.
fn on_the_grid(now: Timestamp, interval: Duration) -> Timestamp {
    let step = i64::try_from(interval.as_millis()).unwrap_or(1).max(1);
    let ms = now.as_millisecond();
    Timestamp::from_millisecond(ms - ms.rem_euclid(step)).unwrap_or(now)
}

//! Makes one chunk of each day's pieces once the day is over: smaller, and read at once.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{OpenDay, Piece, Stored, Wrote};
use solthrive_cloud_store::chunk::{self, ChunkError, Codec, Pick, Table, TableError};
use tokio::task;

use super::{Context, Job, Step, utc_day};

/// The part that a merged day consists of.
const WHOLE: i64 = 0;
/// Days that are merged in one step.
const AT_ONCE: u32 = 200;

/// Days that are remembered because their pieces do not fit together.
const UNFIT: usize = 100_000;

/// Merges pieces.
#[derive(Debug)]
pub struct Merge {
    /// A day's pieces are left alone for so long after its end: late rows still come in.
    pub after: Duration,
    /// Days whose pieces do not fit into one chunk. They are found each time, and must not be in the way
    /// of others.
    unfit: Mutex<BTreeSet<OpenDay>>,
}

impl Default for Merge {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(2 * 3600),
            unfit: Mutex::default(),
        }
    }
}

#[async_trait]
impl Job for Merge {
    fn name(&self) -> &'static str {
        "merge"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(900)
    }

    async fn step(&self, context: &Context) -> Result<Step, StoreError> {
        let now = (context.now)();
        let after = i64::try_from(self.after.as_millis()).unwrap_or(i64::MAX);
        let before = now
            .get()
            .saturating_sub(after)
            .div_euclid(crate::tail::DAY_MS);
        let unfit = self.unfit().clone();
        let most = AT_ONCE.saturating_add(u32::try_from(unfit.len()).unwrap_or(u32::MAX));
        let days = context
            .archive
            .days_with_pieces(before.min(utc_day(now)), most)
            .await?;
        let mut step = Step::default();
        let mut got_on = false;
        for day in days.iter().filter(|day| !unfit.contains(*day)) {
            match merge_day(context, *day).await? {
                Merged::Done { set_aside } => {
                    step.done += 1;
                    step.damaged += set_aside;
                    got_on = true;
                }
                Merged::Left => {}
                Merged::Unfit => {
                    let mut unfit = self.unfit();
                    got_on |= unfit.len() < UNFIT && unfit.insert(*day);
                }
            }
        }
        // Days that are left are found again, so only a step that got on has another after it.
        step.has_more = days.len() == most as usize && got_on;
        Ok(step)
    }
}

impl Merge {
    fn unfit(&self) -> MutexGuard<'_, BTreeSet<OpenDay>> {
        self.unfit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Merged {
    Done {
        set_aside: u64,
    },
    /// It stays as it is, until the next time.
    Left,
    /// It stays as it is.
    Unfit,
}

async fn merge_day(context: &Context, day: OpenDay) -> Result<Merged, StoreError> {
    let mut set_aside = 0;
    loop {
        let parts = context.archive.parts(day).await?;
        let numbers: BTreeSet<i64> = parts.iter().map(|stored| stored.part).collect();
        if numbers.iter().all(|part| *part == WHOLE) {
            return Ok(Merged::Done { set_aside });
        }
        let made = task::spawn_blocking(move || make(day, parts)).await;
        let made = made.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        match made {
            Made::Chunk(chunk) => {
                // Another piece may have come meanwhile: then the next run finds the day again.
                let wrote = context.archive.merge(day, &numbers, &chunk).await?;
                return Ok(if wrote == Wrote::Done {
                    Merged::Done { set_aside }
                } else {
                    Merged::Left
                });
            }
            Made::Nothing => return Ok(Merged::Done { set_aside }),
            Made::Damaged(part, why) => {
                tracing::error!(
                    device.id = %day.device, day = day.day, part = part.part, error = %why,
                    "a damaged chunk is set aside"
                );
                context.progress.found_damage();
                context
                    .archive
                    .set_aside(&part, &why.to_string(), (context.now)())
                    .await?;
                set_aside += 1;
            }
            Made::Unfit(why) => {
                tracing::warn!(
                    device.id = %day.device, day = day.day, error = %why,
                    "the pieces of a day do not fit into one chunk and stay as they are"
                );
                return Ok(Merged::Unfit);
            }
        }
    }
}

enum Made {
    Chunk(Piece),
    /// No part is left that can be read.
    Nothing,
    Damaged(Box<Stored>, ChunkError),
    Unfit(String),
}

fn make(day: OpenDay, parts: Vec<Stored>) -> Made {
    let unfit = |why: &dyn std::error::Error| Made::Unfit(why.to_string());
    let mut codec = match Codec::new() {
        Ok(codec) => codec,
        Err(why) => return unfit(&why),
    };
    let mut all = Table::default();
    for part in parts {
        let table = match codec.decode(&part.bytes, Pick::All) {
            Ok(table) => table,
            // One of tomorrow's program is sound; today's leaves the day to it.
            Err(why @ (ChunkError::Compressor(_) | ChunkError::UnknownVersion(_))) => {
                return unfit(&why);
            }
            Err(why) => return Made::Damaged(Box::new(part), why),
        };
        all = match merge(all, &table) {
            Ok(merged) => merged,
            Err(why) => return unfit(&why),
        };
    }
    let Some(span) = all.span() else {
        return Made::Nothing;
    };
    match codec.encode(&all) {
        Ok(bytes) => Made::Chunk(Piece {
            device: day.device,
            day: day.day,
            span,
            rows: all.rows(),
            bytes,
        }),
        Err(why) => unfit(&why),
    }
}

/// A row that is there already stays as it is; the ingest lets no other in.
fn merge(first: Table, second: &Table) -> Result<Table, TableError> {
    chunk::merge(first, second).map(|(merged, _)| merged)
}

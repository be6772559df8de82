//! Everything since the last checkpoint, in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Checkpoint, FleetTotal, SiteDay, ToldDay, Wrote};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{FleetSums, Quarter, SiteId};
use tokio::task::JoinSet;

use super::fleets::{Exchange, changed_quarters};
use super::late::is_damage;
use super::memory::Memory;
use super::read::gather;
use super::rollups::{Frame, Outcome, Plan, Reads, Stored};
use super::site::Base;
use super::told::mismatch;
use super::{Trouble, Worker};

/// So many sites are read at the same time.
const READS_AT_ONCE: usize = 8;

/// A site, what is to be done about it, and what is to be read for that.
struct Task {
    site: SiteId,
    zone: TimeZone,
    /// `None` where only a told day is to be compared.
    plan: Option<Plan>,
}

/// What leaves the mind once the checkpoint took effect.
type Settling = Vec<(SiteId, BTreeSet<Quarter>, Option<Base>)>;

impl Worker {
    /// Stores what is in mind. Where nothing took effect, everything stays in mind.
    pub(super) async fn checkpoint(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        debug_assert!(
            memory.late.is_empty(),
            "a checkpoint lies between two entries"
        );
        memory.forget_erased(&self.places);
        let now = (self.now)();
        let tasks = self.tasks(memory, now);
        let (read, damaged) = self.read_all(memory, tasks, now).await?;
        let (mut checkpoint, mut exchange) = (Checkpoint::default(), Exchange::default());
        let mut settling = Settling::new();
        let mut isolated = damaged;
        for (task, stored) in read {
            match self.carry_out(memory, &task, &stored, &mut exchange, now) {
                Ok(outcome) => self.add(
                    memory,
                    &task,
                    &stored,
                    outcome,
                    &mut checkpoint,
                    &mut settling,
                ),
                Err(error) => isolated.push((task.site, error.to_string())),
            }
        }
        for (site, why) in isolated {
            self.isolate(memory, site, now, &why);
        }
        self.add_fleets(exchange, &mut checkpoint).await?;
        checkpoint.from = memory.stored.folded;
        checkpoint.folded = memory.read;
        let changed = memory
            .changed
            .iter()
            .filter_map(|device| memory.statuses.get(device));
        checkpoint.statuses = changed.cloned().collect();
        checkpoint.told = memory.told.values().cloned().collect();
        checkpoint.events.extend(memory.events.iter().cloned());
        checkpoint.configs.clone_from(&memory.configs);
        checkpoint.alerts = self.alerts(memory).await?;
        if self.stores.archive.checkpoint(&checkpoint).await? == Wrote::Overtaken {
            return Err(Trouble::Overtaken);
        }
        self.settle(memory, settling);
        Ok(())
    }

    /// It took effect.
    fn settle(&self, memory: &mut Memory, settling: Settling) {
        for (site, saved, base) in settling {
            if let Some(site) = memory.site_mut(site) {
                site.settle(&saved, base);
            }
        }
        memory.stored.folded = memory.read;
        memory.changed.clear();
        memory.told.clear();
        memory.events.clear();
        memory.configs.clear();
        memory.left.clear();
        memory.rows = 0;
        self.progress.at(memory.stored);
        self.progress.checkpointed();
    }

    fn tasks(&self, memory: &Memory, now: UnixMillis) -> Vec<Task> {
        let mut tasks = BTreeMap::new();
        for (place, id) in memory.sites_to_store().into_iter().enumerate() {
            let Some(site) = memory.site(id) else {
                continue;
            };
            let zone = self.places.zone(id);
            let plan = Plan::of(
                site,
                self.frame(id, &zone, now),
                place < self.settings.sites_at_once,
            );
            let plan = Some(plan);
            tasks.insert(
                id,
                Task {
                    site: id,
                    zone,
                    plan,
                },
            );
        }
        for (id, _, _) in memory.told.keys() {
            tasks.entry(*id).or_insert_with(|| Task {
                site: *id,
                zone: self.places.zone(*id),
                plan: None,
            });
        }
        tasks.into_values().collect()
    }

    const fn frame<'a>(&'a self, site: SiteId, zone: &'a TimeZone, now: UnixMillis) -> Frame<'a> {
        Frame {
            site,
            zone,
            places: &self.places,
            now,
        }
    }

    /// Reads for all tasks, and says which sites are damaged.
    async fn read_all(
        &self,
        memory: &Memory,
        tasks: Vec<Task>,
        now: UnixMillis,
    ) -> Result<(Vec<(Task, Stored)>, Vec<(SiteId, String)>), Trouble> {
        let (mut read, mut damaged) = (Vec::new(), Vec::new());
        let mut reading = JoinSet::new();
        let mut waiting = tasks.into_iter();
        loop {
            while reading.len() < READS_AT_ONCE {
                let Some(task) = waiting.next() else { break };
                let reads = reads_of(memory, &task, now);
                let archive = Arc::clone(&self.stores.archive);
                reading.spawn(async move {
                    let stored = gather(archive, task.site, reads).await;
                    (task, stored)
                });
            }
            let Some(done) = reading.join_next().await else {
                break;
            };
            let (task, stored) = done.map_err(|error| Trouble::Task(error.to_string()))?;
            match stored {
                Ok(stored) => read.push((task, stored)),
                Err(error) if is_damage(&error) => damaged.push((task.site, error.to_string())),
                Err(error) => return Err(error.into()),
            }
        }
        // Which site was read first must not decide anything.
        read.sort_unstable_by_key(|(task, _)| task.site);
        Ok((read, damaged))
    }

    fn carry_out(
        &self,
        memory: &Memory,
        task: &Task,
        stored: &Stored,
        exchange: &mut Exchange,
        now: UnixMillis,
    ) -> Result<Option<Outcome>, jiff::Error> {
        let (Some(plan), Some(site)) = (&task.plan, memory.site(task.site)) else {
            return Ok(None);
        };
        let frame = self.frame(task.site, &task.zone, now);
        plan.carry_out(site, frame, stored, exchange).map(Some)
    }

    fn add(
        &self,
        memory: &Memory,
        task: &Task,
        stored: &Stored,
        outcome: Option<Outcome>,
        checkpoint: &mut Checkpoint,
        settling: &mut Settling,
    ) {
        let changed = outcome.as_ref().map_or(&[][..], |outcome| &outcome.days);
        for (told, day) in compared(memory, task.site, stored, changed) {
            checkpoint.events.extend(mismatch(&self.places, told, day));
        }
        let Some(outcome) = outcome else { return };
        checkpoint.sites.push((task.site, outcome.state));
        checkpoint.buckets.extend(outcome.bucket_days);
        checkpoint.days.extend(outcome.days);
        checkpoint.months.extend(outcome.months);
        settling.push((task.site, outcome.saved, outcome.base));
    }

    pub(super) async fn add_fleets(
        &self,
        exchange: Exchange,
        checkpoint: &mut Checkpoint,
    ) -> Result<(), Trouble> {
        for ((fleet, period), difference) in exchange.periods {
            if difference == FleetSums::default() {
                continue;
            }
            if let Some(sums) = self.sound(self.stores.archive.total(fleet, period).await)? {
                let sums = sums.unwrap_or_default().plus(difference);
                checkpoint.totals.push(FleetTotal {
                    fleet,
                    period,
                    sums,
                });
            }
        }
        for (key, differences) in exchange.quarters {
            if let Some(stored) = self.sound(self.stores.archive.quarters(key.0, key.1).await)? {
                checkpoint
                    .quarters
                    .push(changed_quarters(stored, key, &differences));
            }
        }
        Ok(())
    }

    /// Damaged sums of a fleet stay as they are: they can be made anew, the sites cannot wait.
    pub(super) fn sound<T>(&self, read: Result<T, StoreError>) -> Result<Option<T>, Trouble> {
        match read {
            Ok(sums) => Ok(Some(sums)),
            Err(error) if is_damage(&error) => {
                tracing::error!(%error, "the sums of a fleet are damaged and are not kept up");
                self.progress.found_damage();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What a task needs to have read: a plan's, and the days that are told or can be compared.
fn reads_of(memory: &Memory, task: &Task, now: UnixMillis) -> Reads {
    let mut reads = task
        .plan
        .as_ref()
        .map(|plan| plan.reads.clone())
        .unwrap_or_default();
    let told = memory.told.keys().filter(|(site, _, _)| *site == task.site);
    reads.compared.extend(told.map(|(_, _, date)| *date));
    if let Some(plan) = &task.plan {
        reads.compared.extend(plan.dates_over(&task.zone, now));
    }
    reads
}

/// Told days beside the cloud's, where one of the two is new.
fn compared<'a>(
    memory: &'a Memory,
    site: SiteId,
    stored: &'a Stored,
    changed: &'a [SiteDay],
) -> Vec<(&'a ToldDay, &'a SiteDay)> {
    let new = memory
        .told
        .iter()
        .filter(|((at, _, _), _)| *at == site)
        .map(|(_, told)| told);
    let new: Vec<&ToldDay> = new.collect();
    let is_new = |told: &ToldDay| {
        new.iter()
            .any(|new| new.device == told.device && new.date == told.date)
    };
    let before = stored.told.iter().filter(|told| !is_new(told));
    let before = before.filter(|told| of(changed, told.date).is_some());
    let all = new.iter().copied().chain(before);
    all.filter_map(|told| {
        let day = of(changed, told.date).or_else(|| of(&stored.days, told.date))?;
        Some((told, day))
    })
    .collect()
}

fn of(days: &[SiteDay], date: Date) -> Option<&SiteDay> {
    days.iter().find(|day| day.day.date == date)
}

//! The walk over the places: is anybody there, and who.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use solthrive_domain::{Mono, Point};

use super::evidence::Evidence;
use super::key::key_points;
use super::{Candidate, Place, ScanOptions, ScanProgress, ScanReport, Unopened};
use crate::bus::{BusFault, Master, Pace};
use crate::decode::Registers;
use crate::frame::{Function, ReadRequest};
use crate::line::SerialSettings;
use crate::plan::{PlanLimits, WireCost, plan};
use crate::profile::{NumberKind, Probe, Profile, Trust, WordOrder};

/// Below this, a profile is not worth showing.
const WORTH_SHOWING: u8 = 40;
/// What a meter is taken to need for its answer, for planning.
const TURNAROUND: Duration = Duration::from_millis(30);

/// How often a link that was lost is opened again before its places are left, and the pause before
/// the second time; the third waits twice as long.
const ATTEMPTS: u32 = 3;
const BREATHER: Duration = Duration::from_millis(500);

type Open<'a> = dyn FnMut(Option<SerialSettings>) -> Result<Box<dyn Master>, BusFault> + 'a;

/// A scan under way.
pub(super) struct Search<'a> {
    pub(super) profiles: Vec<Arc<Profile>>,
    pub(super) options: &'a ScanOptions,
    pub(super) pace: &'a dyn Pace,
    pub(super) cancel: &'a AtomicBool,
    pub(super) total: usize,
    pub(super) started: Mono,
    pub(super) done: usize,
    /// The link was open at some time.
    pub(super) opened: bool,
    pub(super) report: ScanReport,
}

/// Who is at a place.
enum Presence {
    Nobody,
    Noise,
    Somebody,
}

impl Search<'_> {
    pub(super) fn run(
        mut self,
        places: &[Place],
        open: &mut Open<'_>,
        on_progress: &mut dyn FnMut(&ScanProgress),
    ) -> Result<ScanReport, BusFault> {
        let mut refused = None;
        for group in places.chunk_by(|a, b| a.settings == b.settings) {
            let before = self.done;
            if let Err(fault) = self.look_over(group, open, on_progress) {
                self.report.unopened.push(Unopened {
                    settings: group.first().and_then(|place| place.settings),
                    reason: fault.to_string(),
                    skipped: before + group.len() - self.done,
                });
                self.done = before + group.len();
                refused.get_or_insert(fault);
            }
            let found = !self.report.candidates.is_empty() || !self.report.strangers.is_empty();
            if self.is_cancelled() || (found && !self.options.exhaustive) {
                break;
            }
        }
        match refused {
            Some(fault) if !self.opened => Err(fault),
            _ => Ok(self.report),
        }
    }

    /// Places that share their settings.
    ///
    /// # Errors
    /// Why the rest of them could not be looked at.
    fn look_over(
        &mut self,
        group: &[Place],
        open: &mut Open<'_>,
        on_progress: &mut dyn FnMut(&ScanProgress),
    ) -> Result<(), BusFault> {
        let settings = group.first().and_then(|place| place.settings);
        let mut master = open(settings)?;
        self.opened = true;
        for place in group {
            if self.is_cancelled() {
                break;
            }
            self.tell(*place, None, on_progress);
            if !master.is_open() {
                // Let go of the port before asking for it again.
                drop(master);
                master = self.open_again(settings, open)?;
            }
            self.look_at(*place, master.as_mut(), on_progress);
            self.done += 1;
        }
        Ok(())
    }

    /// A gateway that lost its connection may need a moment before it takes the next one.
    fn open_again(
        &mut self,
        settings: Option<SerialSettings>,
        open: &mut Open<'_>,
    ) -> Result<Box<dyn Master>, BusFault> {
        let mut attempt = 1;
        loop {
            match open(settings) {
                Err(_) if attempt < ATTEMPTS && !self.is_cancelled() => {
                    self.pace.sleep_until(self.pace.now() + BREATHER * attempt);
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn is_cancelled(&mut self) -> bool {
        self.report.cancelled |= self.cancel.load(Ordering::Acquire);
        self.report.cancelled
    }

    fn tell(
        &self,
        place: Place,
        profile: Option<&Profile>,
        on_progress: &mut dyn FnMut(&ScanProgress),
    ) {
        let so_far = self.pace.now().since(self.started);
        let done = u32::try_from(self.done).unwrap_or(u32::MAX);
        let left = u32::try_from(self.total - self.done).unwrap_or(u32::MAX);
        on_progress(&ScanProgress {
            done: self.done,
            total: self.total,
            place,
            profile: profile.map(|profile| profile.id.clone()),
            found: self.report.candidates.len(),
            left: (done > 0).then(|| so_far.saturating_mul(left) / done),
        });
    }

    fn look_at(
        &mut self,
        place: Place,
        master: &mut dyn Master,
        on_progress: &mut dyn FnMut(&ScanProgress),
    ) {
        match self.presence(place, master) {
            Presence::Nobody => return,
            Presence::Noise => {
                let garbled = &mut self.report.garbled;
                garbled.extend(place.settings.filter(|one| !garbled.contains(one)));
                return;
            }
            Presence::Somebody => {}
        }
        let mut candidates = Vec::new();
        for profile in self.profiles.clone() {
            if self.is_cancelled() {
                break;
            }
            self.tell(place, Some(&profile), on_progress);
            candidates.extend(self.identify(place, &profile, master));
        }
        let rank = |(candidate, trust): &(Candidate, Trust)| {
            let doubtful = *trust == Trust::Conflict;
            (
                std::cmp::Reverse(candidate.score),
                doubtful,
                candidate.refused.len(),
            )
        };
        candidates.sort_by_key(rank);
        if candidates.is_empty() && !self.report.cancelled {
            self.report.strangers.push(place);
        }
        self.report
            .candidates
            .extend(candidates.into_iter().map(|(candidate, _)| candidate));
    }

    /// A meter that lacks these registers says so, which is an answer too.
    fn presence(&mut self, place: Place, master: &mut dyn Master) -> Presence {
        let mut presence = Presence::Nobody;
        for (function, count) in [(Function::Holding, 2), (Function::Input, 4)] {
            let request = ReadRequest {
                unit: place.unit,
                function,
                address: 0,
                count,
            };
            match self.ask(master, request) {
                // A gateway answers for a meter that does not: 10 and 11.
                Err(BusFault::Exception(10 | 11)) => {}
                Ok(_) | Err(BusFault::Exception(_)) => return Presence::Somebody,
                Err(BusFault::Crc | BusFault::ShortFrame | BusFault::NeverSilent) => {
                    presence = Presence::Noise;
                }
                Err(_) => {}
            }
            if self.is_cancelled() {
                break;
            }
        }
        presence
    }

    fn ask(&self, master: &mut dyn Master, request: ReadRequest) -> Result<Vec<u16>, BusFault> {
        let timeout = self.options.timeout + master.line().of(request.count);
        master.read(request, timeout)
    }

    fn identify(
        &mut self,
        place: Place,
        profile: &Profile,
        master: &mut dyn Master,
    ) -> Option<(Candidate, Trust)> {
        let mut evidence = Evidence::default();
        let model = match &profile.probe {
            Some(probe) => self.probe(place, probe, master, &mut evidence),
            None => None,
        };
        let (registers, unread) = self.read_key_points(place, profile, master)?;
        let (mut values, mut asked, mut refused) = (BTreeMap::new(), Vec::new(), Vec::new());
        for def in key_points(profile)
            .into_iter()
            .filter_map(|at| profile.points.get(at))
        {
            asked.push(def.point);
            if unread.contains(&def.point) {
                refused.push(def.point);
                if !def.optional {
                    evidence.bad(2, format!("it refuses {}", def.point));
                }
                continue;
            }
            match def.decode_from(&registers, 1.0) {
                Ok(value) => drop(values.insert(def.point, value)),
                Err(reason) => evidence.bad(1, format!("{}: {reason}", def.point)),
            }
        }
        evidence.of_values(&values, &asked);
        let score = evidence.score();
        if !evidence.is_any_good() || score < WORTH_SHOWING {
            return None;
        }
        let candidate = Candidate {
            place,
            profile: profile.id.clone(),
            model,
            score,
            reasons: evidence.into_reasons(),
            values,
            refused,
        };
        Some((candidate, profile.trust))
    }

    /// The model, if the register that names it names one that the profile knows.
    fn probe(
        &self,
        place: Place,
        probe: &Probe,
        master: &mut dyn Master,
        evidence: &mut Evidence,
    ) -> Option<String> {
        let request = ReadRequest {
            unit: place.unit,
            function: probe.function,
            address: probe.address,
            count: probe.kind.width(),
        };
        let Ok(words) = self.ask(master, request) else {
            evidence.bad(4, "it does not have the register that names its model");
            return None;
        };
        let raw = number(&words, probe.words, probe.kind);
        match probe.values.iter().find(|(value, _)| *value == raw) {
            Some((_, model)) => {
                evidence.good(10, format!("it calls itself {model}"));
                Some(model.clone())
            }
            None if probe.values.is_empty() => {
                evidence.good(2, "it has the register that names its model");
                None
            }
            None => {
                evidence.bad(
                    10,
                    format!("its model register holds {raw}, which is none of its models"),
                );
                None
            }
        }
    }

    /// The key points' registers and the points that were refused; `None` when it fell silent.
    fn read_key_points(
        &mut self,
        place: Place,
        profile: &Profile,
        master: &mut dyn Master,
    ) -> Option<(Registers, Vec<Point>)> {
        let line = master.line();
        let cost = WireCost::serial(line.char_time, line.overhead, TURNAROUND, profile.bus.gap);
        let wanted = key_points(profile);
        let (mut registers, mut unread) = (Registers::new(), Vec::new());
        let mut blocks = VecDeque::from(plan(profile, &wanted, &cost, &PlanLimits::default()));
        while let Some(block) = blocks.pop_front() {
            if self.is_cancelled() {
                return None;
            }
            self.pace.sleep_until(self.pace.now() + profile.bus.gap);
            let request = ReadRequest {
                unit: place.unit,
                function: block.function,
                address: block.address,
                count: block.count,
            };
            let defs = block.points.iter().filter_map(|at| profile.points.get(*at));
            match self.ask(master, request) {
                Ok(words) => registers.push(block.function, block.address, words),
                // One register that it lacks spoils the whole block, so each value is asked for.
                Err(BusFault::Exception(_)) if block.points.len() > 1 => {
                    let single = |at: &usize| plan(profile, &[*at], &cost, &PlanLimits::default());
                    blocks.extend(block.points.iter().flat_map(single));
                }
                Err(BusFault::Exception(_)) => unread.extend(defs.map(|def| def.point)),
                Err(_) => return None,
            }
        }
        Some((registers, unread))
    }
}

/// A probe's value: an unsigned number of one to four registers.
fn number(words: &[u16], order: WordOrder, kind: NumberKind) -> u64 {
    let add = |raw: u64, word: &u16| raw << 16 | u64::from(*word);
    let words = &words[..words.len().min(usize::from(kind.width()))];
    match order {
        WordOrder::Msw => words.iter().fold(0, add),
        WordOrder::Lsw => words.iter().rev().fold(0, add),
    }
}

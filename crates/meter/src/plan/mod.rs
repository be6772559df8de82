//! Which registers to read together: the cheapest set of block reads, by time on the wire.
//!
//! A request costs its frame, its silences and the meter's thinking; a register that nobody asked
//! for costs two characters. So a hole is read over when that is cheaper than another request, and
//! the cheapest split of all is found by dynamic programming. Blocks of one unit get different
//! lengths where possible: a late reply then cannot pass for the answer to another block. What the
//! meter refuses is found by bisection and kept in a [`PlanMemory`].

mod cheapest;
mod lengths;
mod memory;
mod span;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::profile::{Function, PointDef, Profile, Speed};

pub use memory::PlanMemory;
pub use span::Span;

/// One read request and the points its answer carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    /// The table to read from.
    pub function: Function,
    /// Protocol address of the first register.
    pub address: u16,
    /// Registers to read, 1 to 125.
    pub count: u16,
    /// Indices into [`Profile::points`] of the wanted points that lie wholly inside. Empty for a
    /// block that carries only scale registers.
    pub points: Vec<usize>,
}

impl Block {
    /// The registers it reads.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::new(
            self.function,
            u32::from(self.address),
            u32::from(self.address) + u32::from(self.count),
        )
    }
}

/// What a read costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireCost {
    /// Time of one character on the wire.
    pub char_time: Duration,
    /// How long the meter thinks before it answers.
    pub turnaround: Duration,
    /// Silence and pauses that belong to each transaction.
    pub overhead: Duration,
}

/// Characters of a request and of a reply without its registers: unit, function, address, count
/// and CRC; unit, function, byte count and CRC.
const FRAME_CHARS: u32 = 8 + 5;

impl WireCost {
    /// On a serial line: `t3_5` of silence before the request and before the reply, the first one
    /// longer where the meter needs a `gap`.
    #[must_use]
    pub fn serial(
        char_time: Duration,
        t3_5: Duration,
        turnaround: Duration,
        gap: Duration,
    ) -> Self {
        Self {
            char_time,
            turnaround,
            overhead: t3_5 + t3_5.max(gap),
        }
    }

    /// Over TCP, where a register costs a gateway or meter some time too, but little.
    #[must_use]
    pub fn tcp(turnaround: Duration, gap: Duration) -> Self {
        Self {
            char_time: Duration::from_micros(10),
            turnaround,
            overhead: gap,
        }
    }

    /// One read of `count` registers, from the first silence to the last character of the reply.
    #[must_use]
    pub fn of(&self, count: u16) -> Duration {
        self.char_time * (FRAME_CHARS + 2 * u32::from(count)) + self.turnaround + self.overhead
    }

    /// All these reads one after the other.
    #[must_use]
    pub fn of_all(&self, blocks: &[Block]) -> Duration {
        blocks.iter().map(|block| self.of(block.count)).sum()
    }
}

/// What a plan has to keep to, beyond its profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanLimits {
    /// A lower limit on registers a read than the profile's, such as one a gateway has.
    pub max_registers: Option<u16>,
    /// Pad blocks so that no two of a unit are equally long. Needless where replies carry a
    /// transaction number.
    pub distinct_lengths: bool,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            max_registers: None,
            distinct_lengths: true,
        }
    }
}

/// The reads of one unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitPlan {
    /// Read in every poll: the fast points, and slow ones that cost nothing because they lie
    /// between.
    pub fast: Vec<Block>,
    /// Read instead of `fast` when the slow points are due: it carries all points.
    pub full: Vec<Block>,
}

/// The cheapest reads that bring all of `wanted` (indices into the profile's points), in order of
/// address.
#[must_use]
pub fn plan(
    profile: &Profile,
    wanted: &[usize],
    cost: &WireCost,
    limits: &PlanLimits,
) -> Vec<Block> {
    Planner {
        profile,
        cost,
        limits,
        memory: &PlanMemory::default(),
    }
    .unit(wanted)
    .full
}

/// The reads of one unit: fast ones for every poll and full ones for when slow points are due,
/// without what `memory` knows to fail.
#[must_use]
pub fn plan_unit(
    profile: &Profile,
    wanted: &[usize],
    cost: &WireCost,
    limits: &PlanLimits,
    memory: &PlanMemory,
) -> UnitPlan {
    Planner {
        profile,
        cost,
        limits,
        memory,
    }
    .unit(wanted)
}

/// The read of one point and nothing else. A point with a scale elsewhere has no value by it.
pub(crate) fn value_alone(profile: &Profile, def: &PointDef, index: usize) -> Block {
    let points = match def.scale_register {
        None => vec![index],
        Some(_) => Vec::new(),
    };
    Block {
        points,
        ..span::aligned(profile, Span::of_point(def)).block()
    }
}

struct Planner<'a> {
    profile: &'a Profile,
    cost: &'a WireCost,
    limits: &'a PlanLimits,
    memory: &'a PlanMemory,
}

impl Planner<'_> {
    fn unit(&self, wanted: &[usize]) -> UnitPlan {
        let readable: Vec<usize> = wanted
            .iter()
            .copied()
            .filter(|index| self.readable(*index))
            .collect();
        let fast: Vec<usize> = readable
            .iter()
            .copied()
            .filter(|index| self.is_fast(*index))
            .collect();
        let (fast, full) = (self.cheapest(&fast), self.cheapest(&readable));
        let padded = if self.limits.distinct_lengths {
            // Fast blocks come first: they keep their length, the others are padded.
            lengths::told_apart(&fast, &full, &self.rules())
        } else {
            BTreeMap::new()
        };
        let finished = |spans: Vec<Span>| {
            let spans: Vec<Span> = spans
                .iter()
                .map(|span| *padded.get(span).unwrap_or(span))
                .collect();
            self.blocks(&spans, &readable)
        };
        UnitPlan {
            fast: finished(fast),
            full: finished(full),
        }
    }

    fn readable(&self, index: usize) -> bool {
        let Some(def) = self.profile.points.get(index) else {
            return false;
        };
        !self.memory.is_bad(Span::of_point(def))
            && Span::of_scale(def).is_none_or(|scale| !self.memory.is_bad(scale))
    }

    fn is_fast(&self, index: usize) -> bool {
        self.profile
            .points
            .get(index)
            .is_some_and(|def| def.speed == Speed::Fast)
    }

    fn rules(&self) -> span::Rules<'_> {
        let bus = &self.profile.bus;
        let limits = [
            Some(bus.max_registers),
            self.limits.max_registers,
            self.memory.max_registers(),
        ];
        let max = limits.into_iter().flatten().min().unwrap_or(1).max(1);
        span::Rules {
            profile: self.profile,
            max: if bus.even_only { max & !1 } else { max },
            memory: self.memory,
        }
    }

    fn cheapest(&self, wanted: &[usize]) -> Vec<Span> {
        let points = wanted
            .iter()
            .filter_map(|index| self.profile.points.get(*index));
        let spans = points
            .flat_map(|def| [Some(Span::of_point(def)), Span::of_scale(def)])
            .flatten();
        cheapest::split(&span::merged(spans.collect()), self.cost, &self.rules())
    }

    /// Each point goes to one block only, with all it needs read in the same plan.
    fn blocks(&self, spans: &[Span], wanted: &[usize]) -> Vec<Block> {
        let read = |span: Span| spans.iter().any(|block| block.contains(span));
        let mut blocks: Vec<Block> = spans.iter().map(|span| span.block()).collect();
        for index in wanted {
            let Some(def) = self.profile.points.get(*index) else {
                continue;
            };
            let own = Span::of_point(def);
            if Span::of_scale(def).is_none_or(read)
                && let Some(block) = blocks.iter_mut().find(|block| block.span().contains(own))
            {
                block.points.push(*index);
            }
        }
        blocks
    }
}

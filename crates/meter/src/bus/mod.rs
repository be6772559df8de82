//! One bus: a thread that polls its meters on a grid of whole seconds.

mod backoff;
mod budget;
mod config;
mod cycle;
mod drift;
mod fault;
mod link;
mod master;
mod meter;
mod pace;
mod round;
mod run;
mod silence;
mod status;
mod turnaround;

pub use budget::{PollCost, Schedule};
pub use config::{BusConfig, Link, MeterConfig};
pub use cycle::{BusCycle, MeterCycle, MeterOutcome};
pub use drift::{Drift, DriftShown};
pub use fault::{BusFault, FaultKind};
pub use link::Opener;
pub use master::{Exchange, LineCost, Master};
pub use pace::{Grid, Pace, SystemPace};
pub use run::{run_bus, run_bus_on};
pub use status::{Budget, BusStatus, ErrorCounts, MeterStatus, PlanStatus, RawBlock, Trace};
pub use turnaround::Turnaround;

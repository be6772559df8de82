//! What SolThrive knows about power, energy, time and faults.
//!
//! Everything here is a plain value or a plain function: no sockets, no files, no database, no
//! clock. Time comes in as an argument ([`Mono`] for durations, `jiff::Timestamp` for the wall).
//! The appliance and the cloud both stand on this crate, so a decision made here is made once.
//!
//! Unknown is not zero: a value that was not measured is `None` and stays so through every sum.

pub mod access;
pub mod alert;
pub mod bucket;
pub mod cadence;
pub mod clock;
pub mod command;
pub mod counter;
pub mod day;
pub mod delivery;
pub mod flagboard;
pub mod flags;
pub mod flow;
pub mod home;
pub mod ids;
pub mod ledger;
mod millis;
pub mod minute;
pub mod mono;
pub mod plausible;
pub mod point;
pub mod reading;
pub mod registration;
pub mod rollup;
pub mod rotation;
pub mod snapshot;
pub mod telemetry;
pub mod units;
pub mod wiring;

pub use bucket::{Bucket, Buckets, EnergySums, Fold, Quarter, RollupRules};
pub use cadence::{Cadence, Rhythm};
pub use clock::{ClockEvent, ClockWatch};
pub use day::{
    DaySummary, FlatTariff, Ratios, Savings, Summariser, Summary, local_date, local_day,
    local_month, summarise,
};
pub use flagboard::{FlagBoard, FlagChange, Observation, Timing};
pub use flags::{Flag, FlagCode, Severity};
pub use flow::{FlowCadence, GridQuality, Readings, grid_quality, power_flow};
pub use home::{Channel, HomeModel, Role, Service};
pub use ids::{
    ClientId, CommandId, DeviceId, GrantId, LedgerId, OrgId, RunId, SiteId, SupportId, UserId,
};
pub use ledger::{
    CounterScope, Ledger, LedgerEntry, LedgerEvent, LedgerPlan, LedgerState, LedgerStep,
    OfferedCounter,
};
pub use minute::{MinuteAggregator, MinuteRow, Stat};
pub use mono::Mono;
pub use point::{Input, Point, Quantity};
pub use reading::{MeterId, Reading};
pub use rollup::{DayRollup, FleetSums, MonthRollup, Rollup};
pub use snapshot::{ChannelValues, Energies, PowerFlow, Quality, Snapshot};
pub use telemetry::Sample;
pub use wiring::WiringWatch;

//! The JSON of the appliance: shapes that clients see, apart from the types that the rest computes with.
//!
//! Three rules hold for all of them. Units stand in the name of a field. An unknown value is absent
//! (or `null` in a column and where a ratio has no divisor), never zero. Numbers are rounded to what
//! a meter can know, so that no field ends in `…0000001`.

mod bus;
mod day;
mod flag;
mod health;
mod history;
mod latest;
mod number;
mod site;
mod stream;
mod system;

pub use bus::{BusBody, BusBudget, BusErrors, BusMeter};
pub use day::{DailySummary, Figures, MonthlySummary, Savings, SavingsInputs};
pub use flag::{Code, FlagBody, FlagEvent, FlagState, QualityBody, SeverityBody};
pub use health::{ApiStatus, Health, MeterHealth, MeterStatus, ModbusStatus};
pub use history::{Bounds, HistoryRow};
pub use latest::{ChannelBody, Latest, PowerflowBody, RoleBody};
pub use number::{amps, hertz, kw, kwh, pf, ratio, volts, watts};
pub use site::{Installed, ServiceBody, SiteBody};
pub use stream::{
    DaySeries, ErrorsMessage, GapMessage, GapReason, HeartbeatMessage, HelloMessage, LiveMessage,
    SnapshotMessage, tags,
};
pub use system::{
    ClockBody, DatabaseBody, DiskBody, LoadBody, MemoryBody, PollBody, System, VersionsBody,
};

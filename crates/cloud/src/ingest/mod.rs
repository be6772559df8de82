//! From a checked call to a durable one.
//!
//! One task, the [`Committer`]'s, judges what is new and appends to the log. Whatever arrives while a
//! commit waits for the disk goes into the next one, so the busier the service is, the more calls
//! share an `fsync`.

mod budget;
mod committer;
mod group;
mod known;

pub use self::budget::{Allowance, Budgets, OrgBudget, TokenBucket};
pub use self::committer::{Committer, Job, NotStored, Work};
pub use self::group::{Done, Size};
pub use self::known::{Known, Load};

//! What a device still has to tell the cloud, and what it says next.
//!
//! A device numbers its rows as it makes them. [`Delivery`] knows which numbers the cloud has
//! acknowledged and decides which go into the next call: on the live lane the newest first, on the
//! other the oldest first, within a budget of its own. It knows no socket, no store and no clock;
//! whoever drives it hands in the time, and the outcome of each call.
//!
//! Nothing is forgotten but by an answer: a call without one leaves its rows where they were. Saying a
//! row twice is harmless (the cloud counts it once), losing one is not, so every doubt is decided for
//! saying it again.

mod answer;
mod lanes;
mod numbers;
mod pause;
mod tokens;

pub use answer::{Outcome, Taken};
pub use lanes::{Budget, Delivery, Next, Way};
pub use numbers::{NotNumbers, Numbers, Span};
pub use pause::{Chance, Pauses};
pub use tokens::Tokens;

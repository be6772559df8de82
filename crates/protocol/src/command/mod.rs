//! `GET /v1/device/channel`: commands go down, and what became of them comes up.
//!
//! The channel is a WebSocket that the device opens with its token; each message is one JSON object in a text frame.
//!
//! | from | message |
//! |---|---|
//! | cloud | `{"id":…,"kind":"restart","args":{…},"expires_at":"2026-06-21T12:10:00Z","expires_in_s":600}` |
//! | device | `{"id":…,"state":"accepted","progress":0.5,"result":{…}}`, with `progress` and `result` where there are some |
//!
//! A command is sent until something was heard of it, and on each new connection until its end was told. A device executes
//! each id once, durably: whatever comes again it answers with what it said last. So a report that was lost on the way is
//! asked for again, and nothing is done twice. `expires_in_s` counts from the arrival, for a device whose clock is wrong; 0
//! means: say what you know of this, or refuse it, but do not begin. A kind that a device does not know it refuses.

mod args;
mod body;
mod close;
mod report;

pub use self::args::{Args, BadArgs, Restarted};
pub use self::body::{BadCommand, Command, CommandBody};
pub use self::close::Close;
pub use self::report::{BadReport, MAX_REPORT, Report};

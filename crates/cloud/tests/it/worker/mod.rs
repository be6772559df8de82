//! From the log to the archive, beside an oracle that sorts everything and folds it once.

mod cases;
mod erased;
pub(crate) mod faulty;
mod flags;
mod history;
mod jobs;
mod laws;
mod oracle;
mod rig;
mod rng;
mod world;

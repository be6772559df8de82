//! Where the cloud keeps its telemetry.
//!
//! So far this crate holds the codec alone: [`chunk`] turns one device's day into a few bytes per
//! snapshot and back, bit for bit. It reads no file, no database and no clock.

pub mod chunk;

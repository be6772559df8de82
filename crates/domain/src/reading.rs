//! What one meter said in one poll.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Mono, Point};

/// The name a meter has in the configuration, such as `main`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MeterId(String);

impl MeterId {
    /// A meter with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MeterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one meter said in one poll: canonical units (V, A, W, VA, var, Hz, kWh), its own signs.
///
/// A point that was not asked for in this poll, answered with a sentinel or could not be decoded
/// is not in `values`; nothing is carried over from an older poll.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which meter.
    pub meter: MeterId,
    /// When the first request of the poll was sent.
    pub at: Mono,
    /// Finite values only.
    pub values: BTreeMap<Point, f64>,
}

impl Reading {
    /// The value of a point, if this poll brought one.
    #[must_use]
    pub fn get(&self, point: Point) -> Option<f64> {
        self.values.get(&point).copied()
    }
}

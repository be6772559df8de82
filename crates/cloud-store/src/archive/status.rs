//! What is known of a device, as bytes beside the columns that are searched.

use serde::{Deserialize, Serialize};
use solthrive_domain::Sample;

use super::state::{self, BadState};

/// The format's version, in the first byte.
const VERSION: u8 = 1;

/// The part of a [`super::DeviceStatus`] that nobody searches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusBody {
    pub(crate) newest: Option<Sample>,
    pub(crate) rows: u64,
    pub(crate) firmware: Option<String>,
    pub(crate) system: Option<String>,
}

impl StatusBody {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, BadState> {
        state::encode(VERSION, self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        state::decode(VERSION, bytes)
    }
}

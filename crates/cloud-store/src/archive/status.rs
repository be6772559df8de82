//! What is known of a device, as bytes beside the columns that are searched.

use serde::{Deserialize, Serialize};
use solthrive_domain::Sample;
use solthrive_domain::telemetry::UnixMillis;

use super::state::{self, BadState};

/// The format's version, in the first byte.
const VERSION: u8 = 2;
/// Of before it was kept since when things are so.
const FIRST: u8 = 1;

/// The part of a [`super::DeviceStatus`] that nobody searches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusBody {
    pub(crate) newest: Option<Sample>,
    pub(crate) rows: u64,
    pub(crate) firmware: Option<String>,
    pub(crate) firmware_since: Option<UnixMillis>,
    pub(crate) system: Option<String>,
    pub(crate) system_at: Option<UnixMillis>,
    pub(crate) clock_offset_ms: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct FirstBody {
    newest: Option<Sample>,
    rows: u64,
    firmware: Option<String>,
    system: Option<String>,
}

impl From<FirstBody> for StatusBody {
    fn from(body: FirstBody) -> Self {
        Self {
            newest: body.newest,
            rows: body.rows,
            firmware: body.firmware,
            firmware_since: None,
            system: body.system,
            system_at: None,
            clock_offset_ms: None,
        }
    }
}

impl StatusBody {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, BadState> {
        state::encode(VERSION, self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        match bytes.first() {
            Some(&FIRST) => state::decode::<FirstBody>(FIRST, bytes).map(Into::into),
            _ => state::decode(VERSION, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_before_is_read_and_says_nothing_of_since_when() {
        let before = FirstBody {
            newest: None,
            rows: 7,
            firmware: Some("2.0.0".to_owned()),
            system: Some("{}".to_owned()),
        };
        let bytes = state::encode(FIRST, &before).unwrap();
        let read = StatusBody::decode(&bytes).unwrap();
        assert_eq!((read.rows, read.firmware.as_deref()), (7, Some("2.0.0")));
        assert_eq!((read.firmware_since, read.system_at), (None, None));
        assert_eq!(StatusBody::decode(&read.encode().unwrap()), Ok(read));
    }
}

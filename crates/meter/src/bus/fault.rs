//! What can go wrong with one request.

use std::io;

use serde::{Deserialize, Serialize};

/// Why a request brought no registers.
#[derive(Debug, thiserror::Error)]
pub enum BusFault {
    /// No byte in time.
    #[error("no answer in time")]
    Timeout,
    /// Bytes came, but no checksum fits: noise, a wrong speed or parity, two meters at once.
    #[error("the answer is damaged")]
    Crc,
    /// The answer began and broke off.
    #[error("the answer broke off")]
    ShortFrame,
    /// The meter refused, with this code.
    #[error("the meter refused with exception {0}")]
    Exception(u8),
    /// A sound frame, but not to this request: other unit, function, length or transaction.
    #[error("the answer belongs to another request")]
    WrongReply,
    /// The line never falls silent, so nothing can be asked.
    #[error("the line does not fall silent")]
    NeverSilent,
    /// Port or connection is gone or was refused.
    #[error("the port is gone: {0}")]
    PortGone(#[source] io::Error),
    /// Another program holds the port.
    #[error(
        "another program uses the port {0}; only one can: stop the other one, or give each its own adapter"
    )]
    PortBusy(String),
}

impl BusFault {
    /// The fault without its particulars.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Timeout => FaultKind::Timeout,
            Self::Crc => FaultKind::Crc,
            Self::ShortFrame => FaultKind::ShortFrame,
            Self::Exception(code) => FaultKind::Exception(*code),
            Self::WrongReply => FaultKind::WrongReply,
            Self::NeverSilent => FaultKind::NeverSilent,
            Self::PortGone(_) => FaultKind::PortGone,
            Self::PortBusy(_) => FaultKind::PortBusy,
        }
    }
}

/// A fault as it is counted and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// No byte in time.
    Timeout,
    /// Damaged.
    Crc,
    /// Broke off.
    ShortFrame,
    /// Refused with this code.
    Exception(u8),
    /// Belongs to another request.
    WrongReply,
    /// The line does not fall silent.
    NeverSilent,
    /// Port or connection gone.
    PortGone,
    /// Port in use by another program.
    PortBusy,
}

impl FaultKind {
    /// Whether the link itself failed, so that no meter on it can be asked.
    #[must_use]
    pub const fn is_link(self) -> bool {
        matches!(self, Self::PortGone | Self::PortBusy)
    }

    /// Whether the meter showed no sign of life: it then is asked less often. A damaged answer is
    /// one, and so is a refusal, unless a gateway refuses because its meter is silent (10 and 11).
    #[must_use]
    pub const fn is_silence(self) -> bool {
        matches!(self, Self::Timeout | Self::Exception(10 | 11))
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Crc => f.write_str("crc"),
            Self::ShortFrame => f.write_str("short_frame"),
            Self::Exception(code) => write!(f, "exception_{code}"),
            Self::WrongReply => f.write_str("wrong_reply"),
            Self::NeverSilent => f.write_str("never_silent"),
            Self::PortGone => f.write_str("port_gone"),
            Self::PortBusy => f.write_str("port_busy"),
        }
    }
}

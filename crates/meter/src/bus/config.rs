//! What a bus is told: its link, its meters, how often.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::{MeterId, Point};

use crate::discover::PortSelector;
use crate::line::SerialSettings;
use crate::profile::Profile;

/// One bus: one serial port or one TCP connection, and the meters behind it.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// Its name in messages.
    pub name: String,
    /// How the meters are reached.
    pub link: Link,
    /// The meters, in the order they are asked.
    pub meters: Vec<MeterConfig>,
    /// Time between two polls of a meter, 1 s.
    pub poll_every: Duration,
    /// Silence kept after an unanswered request before the same meter is asked again; the master
    /// raises it when it sees a meter answer later still. `None`: [`crate::rtu::DEFAULT_QUARANTINE`].
    pub quarantine: Option<Duration>,
    /// Where the system lists its ports.
    pub roots: crate::discover::Roots,
}

impl BusConfig {
    /// A bus polled once a second, with everything else as usual.
    #[must_use]
    pub fn new(name: impl Into<String>, link: Link, meters: Vec<MeterConfig>) -> Self {
        Self {
            name: name.into(),
            link,
            meters,
            poll_every: Duration::from_secs(1),
            quarantine: None,
            roots: crate::discover::Roots::default(),
        }
    }
}

/// How the meters of a bus are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Modbus RTU on a serial port.
    Serial {
        /// Which port.
        port: PortSelector,
        /// Its speed and format.
        settings: SerialSettings,
    },
    /// Modbus TCP.
    Tcp {
        /// Name or address.
        host: String,
        /// Usually 502.
        port: u16,
        /// Pause after connecting: some inverters ignore what comes too early.
        connect_delay: Duration,
    },
}

impl Link {
    /// A serial port by its path.
    pub fn serial(path: impl Into<PathBuf>, settings: SerialSettings) -> Self {
        Self::Serial {
            port: PortSelector::Path(path.into()),
            settings,
        }
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial { port, settings } => write!(f, "{port} at {settings}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
        }
    }
}

/// One meter on a bus.
#[derive(Debug, Clone)]
pub struct MeterConfig {
    /// Its name.
    pub id: MeterId,
    /// Its address on the bus.
    pub unit: u8,
    /// What it is.
    pub profile: Arc<Profile>,
    /// How long to wait for an answer; `None`: wire time and a margin from measured latency, at
    /// least 500 ms.
    pub timeout: Option<Duration>,
    /// Time between two reads of its slow points, 10 s.
    pub slow_every: Duration,
    /// Primary over secondary current, 1 when the meter knows its CTs.
    pub ct_ratio: f64,
    /// Which points to read; `None` for all of the profile.
    pub points: Option<BTreeSet<Point>>,
}

impl MeterConfig {
    /// A meter read in full, with everything else as usual.
    #[must_use]
    pub fn new(id: MeterId, unit: u8, profile: Arc<Profile>) -> Self {
        Self {
            id,
            unit,
            profile,
            timeout: None,
            slow_every: Duration::from_secs(10),
            ct_ratio: 1.0,
            points: None,
        }
    }
}

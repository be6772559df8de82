//! Finds meters nobody has configured yet: which settings, which unit, which profile.
//!
//! A *place* is a way of asking: serial settings and a unit, or a unit over TCP. At each place two
//! reads tell whether anybody is there, since a meter that does not have a register says so. Only
//! where somebody answers, each profile is tried: its identifying register, then a few key points,
//! whose values are scored for plausibility ([`Evidence`]). Nothing is ever written to a meter.

mod evidence;
mod key;
mod places;
mod search;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;
use solthrive_domain::Point;

use crate::bus::{BusFault, Master, Pace};
use crate::line::{Parity, SerialSettings};
use crate::profile::Catalog;
use crate::rtu::{RtuMaster, RtuOptions};
use crate::tcp::TcpMaster;

pub use evidence::{Evidence, Reason};
pub use places::{Place, places};

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanTarget {
    /// A serial port.
    Serial {
        /// Its device.
        path: PathBuf,
    },
    /// A meter or gateway on the network.
    Tcp {
        /// Name or address.
        host: String,
        /// Usually 502.
        port: u16,
    },
}

/// How far to look.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanOptions {
    /// Unit addresses, in the order tried. Empty: 1, and what the profiles leave the factory with.
    pub units: Vec<u8>,
    /// Speeds beside those of the profiles, which are tried first. Empty: only the profiles'.
    pub bauds: Vec<u32>,
    /// Parities to combine with `bauds`.
    pub parities: Vec<Parity>,
    /// Only these profiles; `None` for all that fit the target.
    pub profiles: Option<Vec<String>>,
    /// How long to wait for an answer, beyond its time on the wire.
    pub timeout: Duration,
    /// Look on after the first settings at which a meter was found. All meters of a bus share them.
    pub exhaustive: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            units: Vec::new(),
            bauds: Vec::new(),
            parities: vec![Parity::None, Parity::Even, Parity::Odd],
            profiles: None,
            timeout: Duration::from_millis(400),
            exhaustive: false,
        }
    }
}

impl ScanOptions {
    /// Every speed meters are known to use, with every parity.
    #[must_use]
    pub fn thorough(mut self) -> Self {
        self.bauds = vec![9600, 19_200, 38_400, 4800, 2400, 115_200, 57_600, 1200];
        self
    }
}

/// What a scan is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScanProgress {
    /// Places done.
    pub done: usize,
    /// Places there are.
    pub total: usize,
    /// The place being looked at.
    pub place: Place,
    /// The profile being tried, once somebody answered there.
    pub profile: Option<String>,
    /// What has been found so far.
    pub found: usize,
    /// Time left at the pace so far, if nothing more is found; `None` at the beginning.
    pub left: Option<Duration>,
}

/// A meter that was probably found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// How it is reached.
    pub place: Place,
    /// The profile that fits.
    pub profile: String,
    /// Its model, where it names itself.
    pub model: Option<String>,
    /// How sure that is, 0 to 100.
    pub score: u8,
    /// What speaks for it and against it.
    pub reasons: Vec<Reason>,
    /// Values of its key points, in canonical units.
    pub values: BTreeMap<Point, f64>,
    /// Key points that it refused.
    pub refused: Vec<Point>,
}

/// What a scan brought.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ScanReport {
    /// Probable meters, by place, the likeliest profile of each first.
    pub candidates: Vec<Candidate>,
    /// Places where somebody answers whom no profile fits.
    pub strangers: Vec<Place>,
    /// Settings at which bytes came that were no frames: probably the wrong ones, or a bad cable.
    pub garbled: Vec<SerialSettings>,
    /// What could not be looked at, though the rest could.
    pub unopened: Vec<Unopened>,
    /// It was ended early.
    pub cancelled: bool,
}

/// Places that were passed over because their link could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unopened {
    /// Their settings; `None` over TCP.
    pub settings: Option<SerialSettings>,
    /// Why.
    pub reason: String,
    /// How many they are.
    pub skipped: usize,
}

/// Looks for meters at `target`. Blocks; `cancel` is looked at between two requests.
///
/// # Errors
/// [`BusFault::PortBusy`] and [`BusFault::PortGone`] when the target cannot be opened at all. A
/// link that is lost on the way, or settings that the adapter cannot have, are in the report.
pub fn scan(
    catalog: &Catalog,
    target: &ScanTarget,
    options: &ScanOptions,
    pace: &Arc<dyn Pace>,
    on_progress: &mut dyn FnMut(&ScanProgress),
    cancel: &AtomicBool,
) -> Result<ScanReport, BusFault> {
    let mut open = |settings: Option<SerialSettings>| -> Result<Box<dyn Master>, BusFault> {
        let pace = Arc::clone(pace);
        match (target, settings) {
            (ScanTarget::Serial { path }, settings) => {
                let settings = settings.unwrap_or_default();
                // Values are only judged here: a late answer costs a bad score, not a bad reading.
                let options = RtuOptions {
                    quarantine: Duration::from_millis(200),
                };
                let master = RtuMaster::open(path, settings, pace, options)?;
                Ok(Box::new(master))
            }
            (ScanTarget::Tcp { host, port }, _) => {
                let master = TcpMaster::open(host, *port, Duration::ZERO, pace)?;
                Ok(Box::new(master))
            }
        }
    };
    let serial = matches!(target, ScanTarget::Serial { .. });
    scan_on(
        catalog,
        serial,
        options,
        pace.as_ref(),
        &mut open,
        on_progress,
        cancel,
    )
}

/// As [`scan`], over links that `open` opens for the settings it is given: `None` over TCP.
///
/// # Errors
/// As [`scan`].
pub fn scan_on(
    catalog: &Catalog,
    serial: bool,
    options: &ScanOptions,
    pace: &dyn Pace,
    open: &mut dyn FnMut(Option<SerialSettings>) -> Result<Box<dyn Master>, BusFault>,
    on_progress: &mut dyn FnMut(&ScanProgress),
    cancel: &AtomicBool,
) -> Result<ScanReport, BusFault> {
    let profiles = places::eligible(catalog, serial, options);
    let places = places(&profiles, serial, options);
    search::Search {
        profiles,
        options,
        pace,
        cancel,
        total: places.len(),
        started: pace.now(),
        done: 0,
        opened: false,
        report: ScanReport::default(),
    }
    .run(&places, open, on_progress)
}

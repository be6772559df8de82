//! Opens a bus's link, and opens it again when it was lost.

use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::Mono;

use super::{BusConfig, BusFault, FaultKind, Link, Master, Pace};
use crate::dial::Dialer;
use crate::discover::{self, PortSelector, UsbId};
use crate::rtu::{RtuMaster, RtuOptions};
use crate::tcp::TcpMaster;

/// Between two attempts to open a link that is gone, at least.
/// Less than a second, so that a poll each second does not just miss it.
const REOPEN_EVERY: Duration = Duration::from_millis(900);
/// And at most: an attempt that takes seconds, such as a network that swallows packets, is followed
/// by a pause that grows with each one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// As long as an answer is waited for: a stop must not have to wait for longer. What takes longer
/// is there at the next attempt.
const DIAL: Duration = Duration::from_millis(500);

/// Opens the link of a bus, each time it is needed anew.
pub trait Opener: Send {
    /// A master on a link that stands.
    ///
    /// # Errors
    /// [`BusFault::PortGone`] or [`BusFault::PortBusy`].
    fn open(&mut self) -> Result<Box<dyn Master>, BusFault>;
}

/// Opens what a configuration names: a serial port or a TCP connection.
pub(super) struct Configured {
    config: BusConfig,
    pace: Arc<dyn Pace>,
    /// Keeps what is known of the address beyond one connection.
    dialer: Option<Dialer>,
    /// What the adapter was when the port was last open: it may come back under another name.
    adapter: Option<UsbId>,
}

impl Configured {
    pub(super) fn new(config: BusConfig, pace: Arc<dyn Pace>) -> Self {
        Self {
            config,
            pace,
            dialer: None,
            adapter: None,
        }
    }
}

impl Opener for Configured {
    fn open(&mut self) -> Result<Box<dyn Master>, BusFault> {
        let config = &self.config;
        match &config.link {
            Link::Serial { port, settings } => {
                let path = discover::find(&config.roots, port, self.adapter.as_ref())
                    .map_err(BusFault::PortGone)?;
                let options = config
                    .quarantine
                    .map_or_else(RtuOptions::default, |quarantine| RtuOptions { quarantine });
                let master = RtuMaster::open(&path, *settings, Arc::clone(&self.pace), options)?;
                if matches!(port, PortSelector::Path(_)) {
                    self.adapter = discover::identity(&config.roots, &path).or(self.adapter.take());
                }
                Ok(Box::new(master))
            }
            Link::Tcp {
                host,
                port,
                connect_delay,
            } => {
                let dialer = self.dialer.get_or_insert_with(|| Dialer::new(host, *port));
                let (dialer, pace) = (dialer.clone(), Arc::clone(&self.pace));
                let master = TcpMaster::dialled(dialer, DIAL, *connect_delay, pace)?;
                Ok(Box::new(master))
            }
        }
    }
}

/// The link of a bus, open or not.
pub(super) struct LinkState {
    opener: Box<dyn Opener>,
    pace: Arc<dyn Pace>,
    master: Option<Box<dyn Master>>,
    next_attempt: Mono,
    /// Attempts without success.
    in_vain: u32,
    /// The last call of [`LinkState::master`] tried to open it.
    pub(super) tried: bool,
    last_fault: FaultKind,
    /// The reason that the log has.
    told: Option<FaultKind>,
    /// How often it was opened, the first time included.
    pub(super) opened: u64,
}

impl LinkState {
    pub(super) fn new(opener: Box<dyn Opener>, pace: Arc<dyn Pace>) -> Self {
        Self {
            opener,
            pace,
            master: None,
            next_attempt: Mono::ZERO,
            in_vain: 0,
            tried: false,
            last_fault: FaultKind::PortGone,
            told: None,
            opened: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.master.is_some()
    }

    /// The master, opening the link first if need be.
    ///
    /// # Errors
    /// Why there is none. Attempts are a second apart or more; in between the last reason is repeated.
    pub(super) fn master(&mut self, config: &BusConfig) -> Result<&mut dyn Master, FaultKind> {
        self.tried = false;
        if self.master.is_none() {
            let now = self.pace.now();
            if now < self.next_attempt {
                return Err(self.last_fault);
            }
            self.tried = true;
            match self.opener.open() {
                Ok(master) => {
                    self.in_vain = 0;
                    // A network device that is slow to answer is connected to again each time.
                    if self.opened == 0 || self.told.take().is_some() {
                        tracing::info!(bus = %config.name, link = %config.link, "the link is open");
                    }
                    self.opened += 1;
                    self.master = Some(master);
                }
                Err(fault) => {
                    // Said once: an unplugged adapter would fill the log otherwise.
                    if self.told != Some(fault.kind()) {
                        self.told = Some(fault.kind());
                        tracing::warn!(bus = %config.name, link = %config.link, %fault, "the link cannot be opened");
                    }
                    self.last_fault = fault.kind();
                    self.in_vain = self.in_vain.saturating_add(1);
                    let ended = self.pace.now();
                    let pause = ended.since(now).saturating_mul(2 * self.in_vain);
                    self.next_attempt = ended + pause.clamp(REOPEN_EVERY, LONGEST_PAUSE);
                    return Err(self.last_fault);
                }
            }
        }
        match &mut self.master {
            Some(master) => Ok(master.as_mut()),
            None => Err(self.last_fault),
        }
    }

    /// The link is of no use any more.
    pub(super) fn lost(&mut self, fault: FaultKind) {
        self.master = None;
        self.last_fault = fault;
    }
}

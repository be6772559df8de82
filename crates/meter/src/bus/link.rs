//! Opens a bus's link, and opens it again when it was lost.

use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::Mono;

use super::{BusConfig, BusFault, FaultKind, Link, Master, Pace};
use crate::discover::{self, PortSelector, UsbId};
use crate::rtu::{RtuMaster, RtuOptions};
use crate::tcp::TcpMaster;

/// Between two attempts to open a link that is gone.
const REOPEN_EVERY: Duration = Duration::from_secs(1);

/// The link of a bus, open or not.
pub(super) struct LinkState {
    pace: Arc<dyn Pace>,
    master: Option<Box<dyn Master>>,
    /// What the adapter was when the port was last open: it may come back under another name.
    adapter: Option<UsbId>,
    next_attempt: Mono,
    last_fault: FaultKind,
    /// The reason that the log has.
    told: Option<FaultKind>,
    /// How often it was opened, the first time included.
    pub(super) opened: u64,
}

impl LinkState {
    pub(super) fn new(pace: Arc<dyn Pace>) -> Self {
        Self {
            pace,
            master: None,
            adapter: None,
            next_attempt: Mono::ZERO,
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
    /// Why there is none. Attempts are a second apart; in between the last reason is repeated.
    pub(super) fn master(&mut self, config: &BusConfig) -> Result<&mut dyn Master, FaultKind> {
        if self.master.is_none() {
            let now = self.pace.now();
            if now < self.next_attempt {
                return Err(self.last_fault);
            }
            self.next_attempt = now + REOPEN_EVERY;
            match self.open(config) {
                Ok(master) => {
                    tracing::info!(bus = %config.name, link = %config.link, "the link is open");
                    self.opened += 1;
                    self.told = None;
                    self.master = Some(master);
                }
                Err(fault) => {
                    // Said once: an unplugged adapter would fill the log otherwise.
                    if self.told != Some(fault.kind()) {
                        self.told = Some(fault.kind());
                        tracing::warn!(bus = %config.name, link = %config.link, %fault, "the link cannot be opened");
                    }
                    self.last_fault = fault.kind();
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

    fn open(&mut self, config: &BusConfig) -> Result<Box<dyn Master>, BusFault> {
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
                let master = TcpMaster::open(host, *port, *connect_delay, Arc::clone(&self.pace))?;
                Ok(Box::new(master))
            }
        }
    }
}

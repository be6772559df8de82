//! The appliance that is looked at: its files, its configuration, its daemon.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::daemon::Daemon;
use crate::app::clocks;
use crate::config::files::Places;
use crate::config::last_good::{self, Started};
use crate::config::{AppConfig, ConfigErrors};

/// Where the commands look.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) places: Places,
}

impl Site {
    pub(super) const fn new(places: Places) -> Self {
        Self { places }
    }

    /// The configuration that a daemon would start with. Nothing is written.
    pub(super) fn start(&self) -> Result<Started, ConfigErrors> {
        last_good::peek(&self.places, std::env::vars_os())
    }

    /// As [`Self::start`]; that it is an older one is said on standard error.
    pub(super) fn config(&self) -> Result<AppConfig, ConfigErrors> {
        let started = self.start()?;
        if started.errors.is_some() {
            eprintln!(
                "The configuration has errors (solthrive-cli config check); the last one that worked is used."
            );
        }
        Ok(started.loaded.config)
    }

    /// The site's time zone, or UTC where the configuration cannot tell.
    pub(super) fn zone(&self) -> TimeZone {
        self.start()
            .map_or(TimeZone::UTC, |started| started.loaded.config.site.tz)
    }

    /// The wall clock.
    pub(super) fn now(&self) -> Timestamp {
        clocks::wall()
    }

    /// The daemon of this configuration.
    pub(super) fn daemon(&self, config: &AppConfig) -> Daemon {
        Daemon::at(config.network.listen)
    }
}

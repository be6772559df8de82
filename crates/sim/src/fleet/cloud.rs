//! Where the cloud is, and whom it must be able to prove to be.

use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use solthrive_courier::{CloudAddress, Roots, Trust};

/// The way to the cloud, for a whole fleet.
#[derive(Debug, Clone)]
pub struct Cloud {
    pub(super) address: CloudAddress,
    pub(super) trust: Trust,
}

impl Cloud {
    /// The cloud at `https://…`, trusted by the certificates of `ca`, or by those of this machine.
    ///
    /// # Errors
    /// When the address is none, or the certificates cannot be read.
    pub fn at(url: &str, ca: Option<&Path>, wall: fn() -> Timestamp) -> Result<Self> {
        let roots = ca.map_or(Roots::System, |path| Roots::File(path.to_owned()));
        Ok(Self {
            address: url.parse().with_context(|| format!("{url} is no address of a cloud"))?,
            trust: Trust::new(&roots, wall, Timestamp::UNIX_EPOCH)
                .context("of a development cloud the certificate is dev-cert.pem in its folder: name it with --ca")?,
        })
    }
}

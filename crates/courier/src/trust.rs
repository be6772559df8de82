//! Whom the device believes to be the cloud.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Where the certificates come from that vouch for the cloud's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The machine's own list of authorities.
    System,
    /// A file of certificates in PEM, and nothing else.
    File(PathBuf),
}

/// Nobody can vouch for the cloud.
#[derive(Debug, thiserror::Error)]
pub enum BadTrust {
    /// The machine has no list, or none that can be read.
    #[error("this machine has no certificate authorities: install the package ca-certificates")]
    NoSystemRoots,
    /// The file is not what it should be.
    #[error("{0} holds no certificate that can be read: {1}")]
    File(PathBuf, String),
    /// The library refuses.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

/// How a connection proves that it leads to the cloud.
#[derive(Clone)]
pub struct Trust(TlsConnector);

/// The time that certificates are judged by. A machine without a clock battery may show any time; it is
/// never earlier than the `floor`, such as the newest row that is stored.
struct Judge {
    wall: fn() -> Timestamp,
    floor: Timestamp,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Judge(not before {})", self.floor)
    }
}

impl TimeProvider for Judge {
    fn current_time(&self) -> Option<UnixTime> {
        let now = SystemTime::from((self.wall)().max(self.floor));
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Some(UnixTime::since_unix_epoch(since))
    }
}

impl Trust {
    /// Trusts what `roots` vouch for, at the time of `wall`, or of `floor` while that is later.
    ///
    /// # Errors
    /// [`BadTrust`].
    pub fn new(roots: &Roots, wall: fn() -> Timestamp, floor: Timestamp) -> Result<Self, BadTrust> {
        let roots = read(roots)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let judge = Arc::new(Judge { wall, floor });
        let mut config = ClientConfig::builder_with_details(provider, judge)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub(crate) const fn connector(&self) -> &TlsConnector {
        &self.0
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

fn read(roots: &Roots) -> Result<RootCertStore, BadTrust> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(BadTrust::NoSystemRoots);
            }
        }
        Roots::File(path) => {
            let wrong = |why: String| BadTrust::File(path.clone(), why);
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                store
                    .add(certificate)
                    .map_err(|error| wrong(error.to_string()))?;
            }
            if store.is_empty() {
                return Err(wrong("there is none in it".to_owned()));
            }
        }
    }
    Ok(store)
}

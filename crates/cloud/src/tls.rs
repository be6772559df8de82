//! TLS: one provider, one certificate, read when the program starts.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is no {what} in PEM: {why}", path.display())]
    NotPem {
        /// Which.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// Certificate and key do not go together, or are of a kind that is not known.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A certificate for development could not be made.
    #[error("no certificate could be made: {0}")]
    NotMade(#[from] rcgen::Error),
}

/// The certificate and key of these files.
///
/// # Errors
/// [`TlsError`].
pub fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| not_pem(certificate, "certificate", &error))?;
    if chain.is_empty() {
        return Err(not_pem(certificate, "certificate", &"there is none in it"));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| not_pem(key, "private key", &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A self-signed certificate in the folder, for development: made once, for this machine only.
///
/// # Errors
/// [`TlsError`].
pub fn development(folder: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let (certificate, key) = development_files(folder);
    if !certificate.exists() || !key.exists() {
        let names = ["localhost", "127.0.0.1", "::1"].map(ToOwned::to_owned);
        let made = rcgen::generate_simple_self_signed(names)?;
        write(&key, made.signing_key.serialize_pem().as_bytes(), 0o600)?;
        write(&certificate, made.cert.pem().as_bytes(), 0o644)?;
    }
    load(&certificate, &key)
}

/// Where the certificate for development and its key are.
#[must_use]
pub fn development_files(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("dev-cert.pem"), folder.join("dev-key.pem"))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| file(path, source))
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), TlsError> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(mode);
    let written = options
        .open(path)
        .and_then(|mut out| out.write_all(content).and_then(|()| out.sync_all()));
    written.map_err(|source| file(path, source))
}

fn file(path: &Path, source: std::io::Error) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        source,
    }
}

fn not_pem(path: &Path, what: &'static str, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::NotPem {
        path: path.to_owned(),
        what,
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_development_certificate_is_made_once_and_its_key_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        development(folder.path()).unwrap();
        let (certificate, key) = development_files(folder.path());
        let before = fs::read(&certificate).unwrap();
        development(folder.path()).unwrap();
        assert_eq!(fs::read(&certificate).unwrap(), before);
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_file_that_is_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = development_files(folder.path());
        fs::write(&certificate, "hello").unwrap();
        fs::write(&key, "hello").unwrap();
        let error = load(&certificate, &key).unwrap_err().to_string();
        assert!(
            error.contains("dev-cert.pem is no certificate in PEM"),
            "{error}"
        );
    }
}

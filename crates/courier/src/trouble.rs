//! Why there is no answer, as a person can use it.

use std::io;

use rustls::CertificateError;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The name was not found.
    #[error("the name {0} is not found: is there internet, and does DNS work?")]
    Name(String),
    /// Nobody answers there.
    #[error("{0} cannot be reached ({1}): is there internet, and does a firewall let HTTPS out?")]
    Unreachable(String, String),
    /// It took too long.
    #[error("{0} did not answer in time")]
    Late(String),
    /// The certificate is of another time.
    #[error("the certificate of {0} is not valid at this machine's time: is the clock right?")]
    CertificateTime(String),
    /// The certificate is somebody else's.
    #[error(
        "what answers as {0} cannot prove to be it ({1}): a proxy or captive portal may be in between"
    )]
    Certificate(String, String),
    /// Not TLS, or it broke.
    #[error(
        "the connection to {0} is no TLS that works ({1}): a proxy or captive portal may be in between"
    )]
    Tls(String, String),
    /// It broke while it was used.
    #[error("the connection to {0} broke: {1}")]
    Broken(String, String),
}

impl Trouble {
    /// A short code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(_) => "name_not_found",
            Self::Unreachable(..) => "unreachable",
            Self::Late(_) => "timeout",
            Self::CertificateTime(_) => "certificate_time",
            Self::Certificate(..) => "certificate",
            Self::Tls(..) => "tls",
            Self::Broken(..) => "broken",
        }
    }

    pub(crate) fn connecting(host: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Late(host.to_owned()),
            _ => Self::Unreachable(host.to_owned(), error.to_string()),
        }
    }

    /// What the handshake says, which rustls wraps into an I/O error.
    pub(crate) fn shaking_hands(host: &str, error: &io::Error) -> Self {
        let host = host.to_owned();
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(why)) => match why {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::CertificateTime(host),
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => {
                    Self::Certificate(host, "its certificate is for another name".to_owned())
                }
                CertificateError::UnknownIssuer => Self::Certificate(
                    host,
                    "nobody that is trusted vouches for its certificate".to_owned(),
                ),
                why => Self::Certificate(host, format!("its certificate is not sound: {why}")),
            },
            Some(error) => Self::Tls(host, error.to_string()),
            None => Self::Tls(host, error.to_string()),
        }
    }
}

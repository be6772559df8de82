//! Where the cloud is.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use rustls::pki_types::ServerName;

/// A text is no address of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not even a URL.
    #[error("an address such as https://api.solthrive.cloud is expected")]
    NoUrl,
    /// Not TLS.
    #[error("the cloud is called by TLS only: the address begins with https://")]
    NoTls,
    /// Something behind the host.
    #[error("the address ends with the host, or its port: no path, no user, no query")]
    Path,
}

/// `https://host[:port]`: the device's calls go there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudAddress {
    host: String,
    port: u16,
    name: ServerName<'static>,
}

impl CloudAddress {
    /// The host, to be looked up and to be proven by the certificate.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// For the header `Host`.
    pub(crate) fn authority(&self) -> String {
        match self.port {
            443 => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }
}

impl FromStr for CloudAddress {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let uri: Uri = text.trim().parse().map_err(|_| BadAddress::NoUrl)?;
        if uri.scheme_str() != Some("https") {
            return Err(BadAddress::NoTls);
        }
        let authority = uri.authority().ok_or(BadAddress::NoUrl)?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !bare || authority.as_str().contains('@') {
            return Err(BadAddress::Path);
        }
        let host = authority.host().to_owned();
        // IPv6 comes in brackets, and its certificate names it without.
        let plain = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let name = ServerName::try_from(plain).map_err(|_| BadAddress::NoUrl)?;
        Ok(Self {
            host,
            port: authority.port_u16().unwrap_or(443),
            name,
        })
    }
}

impl fmt::Display for CloudAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_and_a_host() {
        let address: CloudAddress = "https://api.solthrive.cloud/".parse().unwrap();
        assert_eq!(
            (address.host(), address.port()),
            ("api.solthrive.cloud", 443)
        );
        assert_eq!(address.to_string(), "https://api.solthrive.cloud");
        let local: CloudAddress = "https://[::1]:8443".parse().unwrap();
        assert_eq!(
            (local.to_string().as_str(), local.port()),
            ("https://[::1]:8443", 8443)
        );
    }

    #[test]
    fn nothing_else_is() {
        for (text, why) in [
            ("http://api.solthrive.cloud", BadAddress::NoTls),
            ("api.solthrive.cloud", BadAddress::NoTls),
            ("", BadAddress::NoUrl),
            ("https://", BadAddress::NoUrl),
            ("https://a/v1", BadAddress::Path),
            ("https://a?x=1", BadAddress::Path),
            ("https://me:secret@a", BadAddress::Path),
        ] {
            assert_eq!(text.parse::<CloudAddress>(), Err(why), "{text}");
        }
    }
}

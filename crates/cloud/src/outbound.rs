//! Calls that the service makes itself: to identity providers. One connection a call, within bounds: TLS but to this very
//! machine, no redirects, so long and no longer, so much and no more.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A whole call.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const MOST: usize = 256 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing is called there.
    #[error("{0} is no address that is called: https, or http on this machine")]
    Address(String),
    /// It was not there.
    #[error("{0} could not be reached: {1}")]
    Away(String, io::Error),
    /// What it says is not HTTP, or too much.
    #[error("{0} answered what cannot be read: {1}")]
    Unreadable(String, String),
    /// It took too long.
    #[error("{0} did not answer within {PATIENCE:?}")]
    Late(String),
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// As the other end says.
    pub status: StatusCode,
    /// All of it.
    pub body: Bytes,
}

/// A form that is sent, with its `Authorization`.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Encoded.
    pub body: String,
    /// If there is one.
    pub authorization: Option<String>,
}

/// Makes calls.
#[derive(Clone)]
pub struct Outbound {
    tls: TlsConnector,
}

impl Outbound {
    /// That trusts the machine's authorities, and those of a PEM file.
    ///
    /// # Errors
    /// When there are none, or the file cannot be read.
    pub fn new(more: Option<&Path>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if let Some(path) = more {
            let failed = || format!("{} could not be read as certificates", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(failed)? {
                roots.add(certificate.with_context(failed)?)?;
            }
        }
        if roots.is_empty() {
            bail!(
                "this machine has no certificates of authorities: install the package ca-certificates"
            );
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Asks for what is there.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn get(&self, url: &str) -> Result<Answered, NoAnswer> {
        self.call(url, None).await
    }

    /// Sends a form.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn post(&self, url: &str, form: Form) -> Result<Answered, NoAnswer> {
        self.call(url, Some(form)).await
    }

    async fn call(&self, url: &str, form: Option<Form>) -> Result<Answered, NoAnswer> {
        let place = Place::of(url)?;
        let called = tokio::time::timeout(PATIENCE, self.called(&place, form)).await;
        called.map_err(|_| NoAnswer::Late(place.host.clone()))?
    }

    async fn called(&self, place: &Place, form: Option<Form>) -> Result<Answered, NoAnswer> {
        let away = |error| NoAnswer::Away(place.host.clone(), error);
        let stream = TcpStream::connect((place.host.as_str(), place.port)).await;
        let stream = stream.map_err(away)?;
        if !place.is_tls {
            return sent(stream, place, form).await;
        }
        let name = ServerName::try_from(place.host.clone());
        let name = name.map_err(|_| NoAnswer::Address(place.host.clone()))?;
        let stream = self.tls.connect(name, stream).await.map_err(away)?;
        sent(stream, place, form).await
    }
}

/// Where a call goes.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    path: String,
    is_tls: bool,
}

impl Place {
    fn of(url: &str) -> Result<Self, NoAnswer> {
        let odd = || NoAnswer::Address(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| odd())?;
        let authority = uri.authority().ok_or_else(odd)?;
        // A name and password in an address go to whoever is behind it.
        if authority.as_str().contains('@') {
            return Err(odd());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let is_here = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_here => false,
            _ => return Err(odd()),
        };
        let usual = if is_tls { 443 } else { 80 };
        Ok(Self {
            port: authority.port_u16().unwrap_or(usual),
            path: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            host,
            is_tls,
        })
    }
}

/// Whether calls go there.
#[must_use]
pub fn is_address(url: &str) -> bool {
    Place::of(url).is_ok()
}

async fn sent<S>(stream: S, place: &Place, form: Option<Form>) -> Result<Answered, NoAnswer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let unreadable =
        |error: &dyn std::fmt::Display| NoAnswer::Unreadable(place.host.clone(), error.to_string());
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| unreadable(&error))?;
    let host = if place.host.contains(':') {
        format!("[{}]:{}", place.host, place.port)
    } else {
        format!("{}:{}", place.host, place.port)
    };
    let mut request = Request::builder()
        .uri(&place.path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close");
    let mut body = Bytes::new();
    if let Some(form) = form {
        request = request
            .method(Method::POST)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = form.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        body = Bytes::from(form.body);
    }
    let request = request
        .body(Full::new(body))
        .map_err(|error| unreadable(&error))?;
    let asked = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| unreadable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| unreadable(&error))?.to_bytes();
        Ok(Answered { status, body })
    };
    // The connection is driven here and nowhere else: it is gone when this call is.
    tokio::pin!(connection);
    tokio::pin!(asked);
    tokio::select! {
        answered = &mut asked => answered,
        ended = &mut connection => match ended {
            // It ends with the answer's last byte, which may be read only now.
            Ok(()) => asked.await,
            Err(error) => Err(unreadable(&error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_over_a_network_goes_over_tls() {
        let place = Place::of("https://id.example/a?b=c").unwrap();
        assert_eq!((place.port, place.path.as_str()), (443, "/a?b=c"));
        assert_eq!(Place::of("https://id.example:8443").unwrap().port, 8_443);
        for here in [
            "http://127.0.0.1:9/x",
            "http://localhost:9",
            "http://[::1]:9/",
        ] {
            assert!(!Place::of(here).unwrap().is_tls, "{here}");
        }
        for odd in [
            "http://id.example/",
            "http://127.0.0.1.evil.example/",
            "ftp://id.example/",
            "https://name:word@id.example/",
            "id.example",
            "/path",
            "",
        ] {
            assert!(Place::of(odd).is_err(), "{odd}");
        }
    }
}

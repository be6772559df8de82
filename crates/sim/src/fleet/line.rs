//! The way to the cloud: one connection that is kept, opened anew when it broke.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use solthrive_protocol::{Failure, Receipt, Registered};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer names at most every snapshot of a call.
const MOST: usize = 2 << 20;

/// Where the cloud is, and whom it must be able to prove to be.
#[derive(Clone)]
pub struct Cloud {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

/// What the cloud said.
#[derive(Debug)]
pub(super) enum Said {
    /// What was delivered is durable.
    Taken(Box<Receipt>),
    /// The device has a site.
    Bound(Registered),
    /// It was not taken; come again after this long, if that is said.
    Refused(u16, Option<Failure>, Option<Duration>),
}

impl Cloud {
    /// The cloud at `https://…`, trusted by the certificates of `ca`. `http://` is for a machine's own loopback.
    ///
    /// # Errors
    /// When the address is none, or the certificates cannot be read.
    pub fn at(url: &str, ca: Option<&Path>) -> Result<Self> {
        let url: Uri = url
            .parse()
            .with_context(|| format!("{url} is no address"))?;
        let host = url.host().context("the address names no host")?.to_owned();
        let (tls, usual) = match url.scheme_str() {
            Some("https") => (Some(connector(ca)?), 443),
            Some("http") => {
                ensure!(
                    ["127.0.0.1", "localhost", "[::1]"].contains(&host.as_str()),
                    "tokens go over http:// on this machine only: say https://"
                );
                (None, 80)
            }
            _ => bail!("an address begins with https://"),
        };
        Ok(Self {
            port: url.port_u16().unwrap_or(usual),
            host,
            tls,
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return speak(TokioIo::new(stream)).await;
        };
        let name = ServerName::try_from(self.host.clone())?;
        speak(TokioIo::new(tls.connect(name, stream).await?)).await
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let path = ca.context("name the certificate to be trusted with --ca; of a development cloud it is dev-cert.pem in its folder")?;
    for certificate in CertificateDer::pem_file_iter(path)
        .with_context(|| format!("{} cannot be read", path.display()))?
    {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn speak<T>(stream: T) -> Result<SendRequest<Full<Bytes>>>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(stream).await?;
    // It ends with the sender; what broke it is told by the next call.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// One device's connection.
pub(super) struct Line {
    cloud: Arc<Cloud>,
    token: String,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    pub(super) const fn new(cloud: Arc<Cloud>, token: String) -> Self {
        Self {
            cloud,
            token,
            open: None,
        }
    }

    /// Calls, and waits for the answer.
    pub(super) async fn call(&mut self, path: &str, body: &impl Serialize) -> Result<Said> {
        let body = serde_json::to_vec(body)?;
        let called = tokio::time::timeout(PATIENCE, self.exchange(path, body));
        let said = called.await.context("no answer in time").flatten();
        if said.is_err() {
            self.open = None;
        }
        said
    }

    /// Calls, and hangs up before the answer comes: it may be stored, and nobody knows.
    pub(super) async fn call_and_hang_up(&mut self, path: &str, body: &impl Serialize) {
        let Ok(body) = serde_json::to_vec(body) else {
            return;
        };
        let _ = tokio::time::timeout(Duration::from_millis(5), self.exchange(path, body)).await;
        self.open = None;
    }

    async fn exchange(&mut self, path: &str, body: Vec<u8>) -> Result<Said> {
        let mut sender = match self.open.take().filter(SendRequest::is_ready) {
            Some(sender) => sender,
            None => self.cloud.connect().await?,
        };
        let request = Request::post(path)
            .header(HOST, &self.cloud.host)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let text = Limited::new(body, MOST).collect().await;
        let text = text.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        self.open = Some(sender);
        let status = head.status.as_u16();
        if status == 200 {
            return match serde_json::from_slice(&text) {
                Ok(receipt) => Ok(Said::Taken(Box::new(receipt))),
                Err(_) => Ok(Said::Bound(serde_json::from_slice(&text)?)),
            };
        }
        let wait = head.headers.get(RETRY_AFTER);
        let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
        let failure = serde_json::from_slice(&text).ok();
        Ok(Said::Refused(
            status,
            failure,
            wait.map(Duration::from_secs),
        ))
    }
}

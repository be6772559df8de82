//! A device's way of calling.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, with TLS or without.
pub(crate) trait Wire: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Wire for T {}

/// One connection a call.
pub(crate) struct Client {
    address: SocketAddr,
    tls: Option<TlsConnector>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The code of a failure.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Accepted, duplicates, conflicts.
    pub(crate) fn counts(&self) -> [u64; 3] {
        assert_eq!(self.status, 200, "{self:?}");
        let body = self.json();
        ["accepted", "duplicates", "conflicts"].map(|name| body[name].as_u64().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An answer that goes on.
pub(crate) struct Open {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: hyper::body::Incoming,
    text: String,
    _sender: http1::SendRequest<Body>,
    connection: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Open {
    /// The next server-sent event as its lines; `None` at the end. Signs of life are passed over.
    pub(crate) async fn event(&mut self) -> Option<Vec<String>> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let lines: Vec<String> = event.lines().map(str::to_owned).collect();
                self.text = rest.to_owned();
                if lines.iter().any(|line| !line.starts_with(':')) {
                    return Some(lines);
                }
                continue;
            }
            let frame = self.body.frame().await?.ok()?;
            let bytes = frame.into_data().unwrap_or_default();
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

impl Open {
    /// Head and what came of the body until nothing came for a moment.
    pub(crate) async fn begin(mut self) -> Answer {
        let moment = std::time::Duration::from_millis(50);
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(moment, self.body.frame()).await {
            let bytes = frame.into_data().unwrap_or_default();
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        Answer {
            status: self.status,
            headers: std::mem::take(&mut self.headers),
            text: std::mem::take(&mut self.text),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Client {
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// Trusts the certificate that the service made for itself.
    pub(crate) fn trusting(address: SocketAddr, certificate: &Path) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(certificate).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address,
            tls: Some(TlsConnector::from(Arc::new(config))),
        }
    }

    /// A connection for whoever speaks something else on it.
    pub(crate) async fn dial(&self) -> Box<dyn Wire> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from("localhost").unwrap();
                Box::new(tls.connect(name, stream).await.unwrap())
            }
        }
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: impl Into<Body>) -> Answer {
        self.call(Method::POST, path, token, &[], body.into()).await
    }

    /// `None` when the service went away meanwhile.
    pub(crate) async fn try_post(&self, path: &str, token: &str, body: String) -> Option<Answer> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        let request = Request::post(path)
            .header("host", "localhost")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::from(body))
            .unwrap();
        try_exchange(TokioIo::new(stream), request).await.ok()
    }

    /// An answer that goes on, over plain HTTP.
    pub(crate) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Open {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::get(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        Open {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.into_body(),
            text: String::new(),
            _sender: sender,
            connection,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "", &[], Body::empty()).await
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request
            .headers_mut()
            .insert("host", HeaderValue::from_static("localhost"));
        if !token.is_empty() {
            let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request
                .headers_mut()
                .append(name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.tls {
            None => exchange(TokioIo::new(stream), request).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost").unwrap();
                exchange(
                    TokioIo::new(tls.connect(name, stream).await.unwrap()),
                    request,
                )
                .await
            }
        }
    }
}

async fn exchange<T>(stream: T, request: Request<Body>) -> Answer
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    try_exchange(stream, request).await.unwrap()
}

async fn try_exchange<T>(stream: T, request: Request<Body>) -> hyper::Result<Answer>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let text = body.collect().await?.to_bytes();
    drop(sender);
    connection.abort();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        text: String::from_utf8_lossy(&text).into_owned(),
    })
}

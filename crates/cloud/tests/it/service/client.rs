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

//! One connection to the cloud that is kept, and opened anew when it broke.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderValue, InvalidHeaderValue};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::{CloudAddress, Trouble, Trust};

/// For a connection with its handshake.
const TO_CONNECT: Duration = Duration::from_secs(20);
/// For a call and its answer, over a slow line.
pub(crate) const TO_ANSWER: Duration = Duration::from_secs(40);
/// An answer names at most every element of a call.
const MOST: usize = 2 << 20;
/// Smaller bodies gain nothing.
const WORTH_PACKING: usize = 600;
/// A Pi spends 1 ms on 100 kB at this level.
const LEVEL: i32 = 3;

/// What was answered, by whoever.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as it stands.
    pub retry_after: Option<String>,
    /// All of the body.
    pub body: Bytes,
}

/// One connection.
#[derive(Debug)]
pub struct Line {
    address: CloudAddress,
    trust: Trust,
    /// For a call and its answer.
    patience: Duration,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    /// A line that connects with its first call.
    #[must_use]
    pub const fn new(address: CloudAddress, trust: Trust) -> Self {
        Self {
            address,
            trust,
            patience: TO_ANSWER,
            open: None,
        }
    }

    /// Waits so long for a connection, and so long for an answer.
    #[must_use]
    pub const fn waiting(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Hangs up.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// `POST`s JSON with a token. A connection that was kept and turns out to be dead is opened anew once:
    /// every call of this protocol may be made twice.
    ///
    /// # Errors
    /// [`Trouble`]: then nobody knows whether the call got there.
    pub async fn post(
        &mut self,
        path: &str,
        token: &str,
        json: Vec<u8>,
    ) -> Result<Answer, Trouble> {
        let packed = (json.len() >= WORTH_PACKING)
            .then(|| zstd::bulk::compress(&json, LEVEL).ok())
            .flatten();
        let zstd = packed.is_some();
        let body = Bytes::from(packed.unwrap_or(json));
        let kept = self.open.take().filter(SendRequest::is_ready);
        if let Some(sender) = kept
            && let Ok(answer) = self
                .exchange(sender, path, token, (body.clone(), zstd))
                .await
        {
            return Ok(answer);
        }
        let sender = self.connect().await?;
        self.exchange(sender, path, token, (body, zstd)).await
    }

    async fn exchange(
        &mut self,
        sender: SendRequest<Full<Bytes>>,
        path: &str,
        token: &str,
        (body, zstd): (Bytes, bool),
    ) -> Result<Answer, Trouble> {
        let host = self.address.host();
        let broken = |why: String| Trouble::Broken(host.to_owned(), why);
        let request = self
            .request(path, token, body, zstd)
            .map_err(|error| broken(error.to_string()))?;
        let answered = timeout(self.patience, answer(sender, request)).await;
        let (answer, sender) = answered
            .map_err(|_| Trouble::Late(host.to_owned()))?
            .map_err(broken)?;
        self.open = Some(sender);
        Ok(answer)
    }

    fn request(
        &self,
        path: &str,
        token: &str,
        body: Bytes,
        zstd: bool,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::post(path)
            .header(header::HOST, self.address.authority())
            .header(header::CONTENT_TYPE, "application/json");
        if zstd {
            request = request.header(header::CONTENT_ENCODING, "zstd");
        }
        request
            .header(header::AUTHORIZATION, bearer(token)?)
            .body(Full::new(body))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let host = self.address.host();
        match timeout(self.patience.min(TO_CONNECT), self.dial()).await {
            Ok(connected) => connected,
            Err(_) => Err(Trouble::Late(host.to_owned())),
        }
    }

    async fn dial(&self) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let stream = connect(&self.address, &self.trust).await?;
        let host = self.address.host();
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Trouble::Broken(host.to_owned(), error.to_string()))?;
        // It ends with its sender; what broke it is told by the next call.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }
}

/// The token as a header that is printed nowhere.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut secret = HeaderValue::try_from(format!("Bearer {token}"))?;
    secret.set_sensitive(true);
    Ok(secret)
}

/// A connection that leads to the cloud and nowhere else.
pub(crate) async fn connect(
    address: &CloudAddress,
    trust: &Trust,
) -> Result<TlsStream<TcpStream>, Trouble> {
    let host = address.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, address.port())).await;
    let found: Vec<_> = found.map_err(|_| Trouble::Name(host.to_owned()))?.collect();
    let stream = TcpStream::connect(found.as_slice())
        .await
        .map_err(|error| Trouble::connecting(host, &error))?;
    // Small calls go out at once.
    let _ = stream.set_nodelay(true);
    let stream = trust.connector().connect(address.name(), stream).await;
    stream.map_err(|error| Trouble::shaking_hands(host, &error))
}

async fn answer(
    mut sender: SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(Answer, SendRequest<Full<Bytes>>), String> {
    let sent = sender.send_request(request).await;
    let (head, body) = sent.map_err(|error| error.to_string())?.into_parts();
    let body = Limited::new(body, MOST).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    let retry_after = head.headers.get(header::RETRY_AFTER);
    let answer = Answer {
        status: head.status.as_u16(),
        retry_after: retry_after
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        body,
    };
    Ok((answer, sender))
}

//! The HTTP interface, through a real socket.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly, as tests do"
)]

mod access;
mod events;
mod history;
mod home;
mod openapi;
mod page;
mod reading;
mod rules;
mod schema;
mod summary;
mod ws;
mod ws_limits;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use solthrive_domain::{DaySummary, MinuteRow, Mono, Snapshot};
use solthrive_edge::config::Site;
use solthrive_edge::http::{
    Access, AppState, Clock, Facts, History, HistoryError, Limits, Setup, bind, serve,
};
use solthrive_edge::live::{FlagChange, Live};
use solthrive_edge::sync::{CloudLink, Off};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A clock that stands still until a test moves it.
pub(crate) struct FrozenClock(Mutex<(Timestamp, Mono)>);

impl FrozenClock {
    pub(crate) fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap();
        now.0 += span;
        now.1 = now.1 + span;
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }
    fn mono(&self) -> Mono {
        self.0.lock().unwrap().1
    }
}

/// A store in memory.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) minutes: Vec<MinuteRow>,
    pub(crate) days: Vec<DaySummary>,
    /// Newest first.
    pub(crate) flags: Vec<FlagChange>,
    pub(crate) broken: bool,
    /// The most rows that were asked for at once.
    pub(crate) most_asked: Mutex<usize>,
}

impl History for Shelf {
    fn minutes(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<MinuteRow>, HistoryError> {
        let mut most = self.most_asked.lock().unwrap();
        *most = limit.max(*most);
        if self.broken {
            return Err("disk on fire at /secret/path".into());
        }
        Ok(self
            .minutes
            .iter()
            .filter(|row| (from..to).contains(&row.start))
            .take(limit)
            .cloned()
            .collect())
    }

    fn days(&self, from: Date, to: Date) -> Result<Vec<DaySummary>, HistoryError> {
        if self.broken {
            return Err("disk on fire at /secret/path".into());
        }
        Ok(self
            .days
            .iter()
            .filter(|day| (from..to).contains(&day.date))
            .cloned()
            .collect())
    }

    fn flags(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<FlagChange>, HistoryError> {
        if self.broken {
            return Err("disk on fire at /secret/path".into());
        }
        Ok(self
            .flags
            .iter()
            .filter(|flag| (from..to).contains(&flag.at))
            .take(limit)
            .cloned()
            .collect())
    }
}

/// A server on a port of its own, and what it is made of.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Arc<FrozenClock>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: tokio::task::JoinHandle<()>,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default(), Shelf::default()).await
    }

    pub(crate) async fn with(limits: Limits, shelf: Shelf) -> Self {
        Self::at(home::site(), limits, shelf).await
    }

    pub(crate) async fn at(site: Site, limits: Limits, shelf: Shelf) -> Self {
        let clock = Arc::new(FrozenClock(Mutex::new((
            home::NOW.parse().unwrap(),
            home::mono(1_000),
        ))));
        let live = Arc::new(Live::new(home::split_phase()));
        let facts = Arc::new(Facts::new(home::facts()));
        let shelf = Arc::new(shelf);
        let state = AppState::new(Setup {
            live: Arc::clone(&live),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            facts: Arc::clone(&facts),
            history: Arc::clone(&shelf) as Arc<dyn History>,
            access: Access::new(TOKEN, Duration::from_hours(24), home::random),
            cloud: CloudLink::Off(Off::NoIdentity),
            site,
            tariff: Some(home::tariff()),
            host_names: vec!["solthrive.local".to_owned()],
            limits,
            config: serde_json::json!({"api.token": "***"}),
        });
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, state, shutdown.clone()));
        Self {
            address,
            live,
            clock,
            facts,
            shelf,
            shutdown,
            server,
        }
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.live
            .publish(Arc::new(snapshot), Arc::new(home::today()));
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "").await
    }

    /// A request with the token.
    pub(crate) async fn get_as_owner(&self, target: &str) -> Answer {
        self.send(
            "GET",
            target,
            &[("authorization", &format!("Bearer {TOKEN}"))],
            "",
        )
        .await
    }

    /// A request; `Host` is the server's address unless the headers say otherwise.
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.raw(format!("{head}\r\n{body}").as_bytes()).await
    }

    /// Bytes as they are, then whatever comes until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _reset_after_the_answer = stream.read_to_end(&mut answer).await;
        Answer::parse(&answer)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("an answer has a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines.map(|line| line.split_once(':').unwrap());
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Status and `type` of a problem document, checked to be one.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        schema::check("Problem", &problem);
        (self.status, problem["type"].as_str().unwrap().to_owned())
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = bytes
            .windows(2)
            .position(|two| two == b"\r\n")
            .expect("a chunk has a length");
        let length =
            usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        bytes = &bytes[line + 2..];
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&bytes[..length]);
        bytes = &bytes[length + 2..];
    }
}

//! Devices that send over keep-alive connections with TLS.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use solthrive_cloud_store::chunk::{ColumnId, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fleet::Device;
use crate::homes::Report;
use crate::service::Service;
use crate::table::now;

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) calls: u64,
    pub(crate) rows: u64,
    /// Of each call, in ms.
    pub(crate) latencies: Vec<f64>,
}

impl Told {
    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.rows += other.rows;
        self.latencies.extend(other.latencies);
    }
}

/// Trusts the service's own certificate.
pub(crate) fn connector(certificate: &Path) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(crate) async fn connected(
    service: &Service,
    connector: &TlsConnector,
) -> Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(service.address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    Ok(connector.connect(name, stream).await?)
}

/// One connection.
pub(crate) struct Line {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Line {
    pub(crate) async fn open(service: &Service, connector: &TlsConnector) -> Result<Self> {
        Ok(Self {
            stream: connected(service, connector).await?,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a call and waits for its answer; how many rows were accepted.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<u64> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        loop {
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the connection was closed"
            );
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else {
                continue;
            };
            let text = std::str::from_utf8(&self.buffer[..head])?;
            let length: usize = number_after(text, "content-length: ").context("no length")?;
            if self.buffer.len() < head + 4 + length {
                continue;
            }
            let body = std::str::from_utf8(&self.buffer[head + 4..])?;
            if !text.starts_with("HTTP/1.1 200") {
                bail!("{text}\n{body}");
            }
            return number_after(body, "\"accepted\":").context("no receipt");
        }
    }
}

pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

pub(crate) fn number_after<T: std::str::FromStr>(text: &str, name: &str) -> Option<T> {
    let from = text.find(name)? + name.len();
    let rest = &text[from..];
    let end = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// A row's JSON without its time.
pub(crate) fn fields(cells: &[(ColumnId, Value)]) -> String {
    let mut text = String::with_capacity(320);
    for (id, value) in cells {
        // Writing to a string does not fail.
        let _ = write!(text, ",\"{id}\":{value}");
    }
    text.push_str(",\"quality\":\"ok\"}");
    text
}

/// The request that brings these rows.
pub(crate) fn request<'a>(
    device: &Device,
    lane: &str,
    rows: impl Iterator<Item = (i64, &'a str)>,
    out: &mut Vec<u8>,
) {
    let mut body = format!(
        "{{\"device_id\":\"{}\",\"firmware\":\"2.0.0\",\"sent_at\":\"2026-11-26T00:00:00Z\",\"ledger_id\":\"{}\",\"lane\":\"{lane}\",\"snapshots\":[",
        device.id, device.id
    );
    for (n, (time, fields)) in rows.enumerate() {
        let ts = jiff::Timestamp::from_millisecond(time).unwrap_or_default();
        let comma = if n > 0 { "," } else { "" };
        let _ = write!(body, "{comma}{{\"ts\":\"{ts}\"{fields}");
    }
    body.push_str("]}");
    out.clear();
    let head = format!(
        "POST /v1/ingest/telemetry HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        device.token,
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body.as_bytes());
}

/// Rows of a home over and over, prepared as JSON, so that the sender costs little.
pub(crate) fn ring(reports: impl Iterator<Item = Report>, count: usize) -> Arc<Vec<String>> {
    Arc::new(
        reports
            .take(count)
            .map(|(_, cells)| fields(&cells))
            .collect(),
    )
}

/// Sends for as long as it may, as fast as it goes: `per_call` rows a call, each device in turn.
pub(crate) async fn as_fast_as_it_goes(
    service: Arc<Service>,
    devices: Vec<Device>,
    ring: Arc<Vec<String>>,
    begin: i64,
    per_call: usize,
    until: Instant,
) -> Result<Told> {
    let mut line = Line::open(&service, &connector(&service.certificate)?).await?;
    let (mut told, mut bytes) = (Told::default(), Vec::new());
    for round in 0.. {
        for device in &devices {
            let rows = (0..per_call).map(|n| {
                let at = round * per_call + n;
                (begin + at as i64 * 30_000, ring[at % ring.len()].as_str())
            });
            request(device, "live", rows, &mut bytes);
            let began = now();
            let accepted = line.call(&bytes).await?;
            ensure!(
                accepted == per_call as u64,
                "{accepted} of {per_call} rows were accepted"
            );
            told.latencies.push(began.elapsed().as_secs_f64() * 1e3);
            told.calls += 1;
            told.rows += accepted;
            if now() >= until {
                return Ok(told);
            }
        }
    }
    Ok(told)
}

/// Each device sends one row every `every`, at a time of its own within that span.
pub(crate) async fn steadily(
    service: Arc<Service>,
    device: Device,
    ring: Arc<Vec<String>>,
    begin: i64,
    (offset, every, until): (Duration, Duration, Instant),
) -> Result<Told> {
    tokio::time::sleep(offset).await;
    let mut line = Line::open(&service, &connector(&service.certificate)?).await?;
    let (mut told, mut bytes) = (Told::default(), Vec::new());
    let mut tick = tokio::time::interval(every);
    let mut row = 0;
    while now() < until {
        tick.tick().await;
        let time = begin + row as i64 * i64::try_from(every.as_millis())?;
        request(
            &device,
            "live",
            std::iter::once((time, ring[row % ring.len()].as_str())),
            &mut bytes,
        );
        let began = now();
        told.rows += line.call(&bytes).await?;
        told.latencies.push(began.elapsed().as_secs_f64() * 1e3);
        told.calls += 1;
        row += 1;
    }
    Ok(told)
}

//! What people wait for: lists, a site, rows of a day, a year; alone, and while devices deliver as fast as they can.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use solthrive_cloud::clock::Clock;
use solthrive_domain::OrgId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;

use crate::Args;
use crate::fleet::Device;
use crate::homes::{Metering, reports};
use crate::load;
use crate::measures::{finish, midnight, place, start};
use crate::people::{self, PASSWORD, SITES};
use crate::service::Service;
use crate::table::{Table, now, quantile};
use crate::wide::{self, DAY_MS};

/// Calls of each kind.
const TIMES: usize = 200;
/// The owner of the home with a year of rows, and an installer who reaches a tenth of all others.
const OWNER: &str = "owner@example.org";
const INSTALLER: &str = "installer@example.org";

/// A person with a session, over one connection.
struct Person {
    stream: TlsStream<TcpStream>,
    cookie: String,
    buffer: Vec<u8>,
}

impl Person {
    async fn sign_in(service: &Service, email: &str) -> Result<Self> {
        let connector = load::connector(&service.certificate)?;
        let stream = load::connected(service, &connector).await?;
        let mut person = Self {
            stream,
            cookie: String::new(),
            buffer: Vec::new(),
        };
        let body = format!("{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}");
        let request = format!(
            "POST /api/v1/auth/session HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let head = person.exchange(&request).await?;
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.with_context(|| format!("no session: {head}"))?;
        person.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(person)
    }

    /// Bytes of the answer.
    async fn get(&mut self, path: &str) -> Result<usize> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n",
            self.cookie
        );
        let head = self.exchange(&request).await?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        Ok(self.buffer.len())
    }

    /// Sends a call and reads all of its answer; the head. Of a body that goes on only its end is kept.
    async fn exchange(&mut self, request: &str) -> Result<String> {
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = load::find(&self.buffer, b"\r\n\r\n") {
                break self.buffer.drain(..end + 4).collect::<Vec<u8>>();
            }
            self.more().await?;
        };
        let head = String::from_utf8(head)?;
        if let Some(length) = load::number_after::<usize>(&head, "content-length: ") {
            while self.buffer.len() < length {
                self.more().await?;
            }
        } else if head.contains("transfer-encoding: chunked") {
            while !self.buffer.ends_with(b"0\r\n\r\n") {
                if self.buffer.len() > 1 << 20 {
                    self.buffer.drain(..self.buffer.len() - 16);
                }
                self.more().await?;
            }
        } else {
            bail!("an answer without an end: {head}");
        }
        Ok(head)
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(
            self.stream.read_buf(&mut self.buffer).await? > 0,
            "the connection was closed"
        );
        Ok(())
    }

    async fn times(
        &mut self,
        name: &str,
        target: &str,
        paths: &[String],
        table: &mut Table,
    ) -> Result<()> {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for path in paths.iter().cycle().take(TIMES) {
            let began = now();
            bytes = self.get(path).await?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let of = |share| quantile(&times, share);
        let figures = format!("{:.1} / {:.1} ms ({} kB)", of(0.5), of(0.95), bytes / 1000);
        table.add(&format!("{name}, p50 / p95"), figures, target);
        Ok(())
    }
}

/// Everything, on a fresh store.
pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<()> {
    let (place, fleet) = place(args, "answers", 16).await?;
    let (begin, at) = (midnight(wide::DAYS + 1), Clock::system().now());
    wide::fill(&place, &fleet, begin).await?;
    people::fill(&place, args.postgres.as_deref(), at)?;
    people::admin_of(&place, OrgId::from_uuid(Uuid::from_u128(1)), OWNER, at).await?;
    people::admin_of(&place, people::installer(), INSTALLER, at).await?;
    let service = Arc::new(start(args, &place, &["--no-second-factor"])?);
    telemetry(&service, &fleet[0], begin, table).await?;
    lists(&service, "alone", table).await?;
    let until = now() + args.seconds() * 3;
    let ring = load::ring(reports(1, 0, 30, Metering::Consistent), 2_880);
    // Each row of theirs is 30 s later than the one before: with few of them the load would reach tomorrow.
    let busy = fleet[1..].to_vec();
    let sender =
        load::as_fast_as_it_goes(Arc::clone(&service), busy, ring, midnight(300), 500, until);
    let sender = tokio::spawn(sender);
    lists(&service, "under full ingest", table).await?;
    ensure!(
        !sender.is_finished(),
        "the load ended before the calls did: measure with more --seconds"
    );
    sender.abort();
    let _ = sender.await;
    finish(service).await
}

async fn telemetry(
    service: &Service,
    device: &Device,
    begin: i64,
    table: &mut Table,
) -> Result<()> {
    let mut owner = Person::sign_in(service, OWNER).await?;
    let day = |days: i64| jiff::Timestamp::from_millisecond(begin + days * DAY_MS);
    let site = device.site;
    let ask = |from: i64, to: i64, rest: &str| {
        anyhow::Ok(format!(
            "/api/v1/sites/{site}/telemetry?from={}&to={}&{rest}",
            day(from)?,
            day(to)?
        ))
    };
    let raw = ask(-2, -1, "resolution=raw")?;
    owner
        .times("24 h of rows, every column", "5 ms (p50)", &[raw], table)
        .await?;
    let minutes = ask(-2, -1, "resolution=1m")?;
    owner
        .times("24 h by the minute", "-", &[minutes], table)
        .await?;
    let year = ask(-361, wide::DAYS, "points=1000")?;
    owner
        .times("a year at 1,000 points", "20 ms", &[year], table)
        .await?;
    let before = service.usage();
    let began = now();
    owner
        .get(&ask(-361, wide::DAYS, "resolution=raw&format=csv")?)
        .await?;
    let (wall, after) = (began.elapsed().as_secs_f64(), service.usage());
    let figure = format!(
        "{wall:.1} s, peak {:.0} MB more",
        after.peak_mb - before.peak_mb
    );
    table.add(
        "a year of rows as CSV (1,048,320 at 30 s)",
        figure,
        "constant memory",
    );
    Ok(())
}

async fn lists(service: &Service, how: &str, table: &mut Table) -> Result<()> {
    let mut installer = Person::sign_in(service, INSTALLER).await?;
    let reached = format!("{} of {SITES} sites reached, {how}", SITES / 10);
    for (name, path) in [
        ("page of 50", "/api/v1/sites?limit=50"),
        ("page of 500", "/api/v1/sites?limit=500"),
        ("by name", "/api/v1/sites?name=77"),
    ] {
        let name = format!("list, {name}, {reached}");
        installer
            .times(&name, "50 ms (p95)", &[path.to_owned()], table)
            .await?;
    }
    let sites = (0..100).map(|number| format!("/api/v1/sites/{}", people::site(number * 10)));
    let sites: Vec<String> = sites.collect();
    installer
        .times(&format!("one site, {how}"), "20 ms (p95)", &sites, table)
        .await
}

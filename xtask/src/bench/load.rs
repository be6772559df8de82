//! Load for the appliance: watchers on the live stream and programs that ask the API.
//!
//! Plain sockets, bounded in number and time; they talk to the address they are given and stop
//! when told.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::test::now;

/// Running load; dropping it stops and joins every thread.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Bytes that the watchers received.
    pub(crate) streamed: Arc<AtomicU64>,
    /// Requests answered with 200.
    pub(crate) answered: Arc<AtomicU64>,
    /// Requests that failed.
    pub(crate) failed: Arc<AtomicU64>,
}

impl Load {
    /// Starts `watchers` live streams and `per_second` requests a second.
    pub(crate) fn start(address: SocketAddr, watchers: usize, per_second: u32) -> Result<Self> {
        let mut load = Self {
            stop: Arc::default(),
            threads: Vec::new(),
            streamed: Arc::default(),
            answered: Arc::default(),
            failed: Arc::default(),
        };
        for _ in 0..watchers {
            let stream = watch(address)?;
            let (stop, streamed) = (Arc::clone(&load.stop), Arc::clone(&load.streamed));
            load.threads.push(
                thread::Builder::new()
                    .stack_size(64 * 1024)
                    .spawn(move || drain(stream, &stop, &streamed))?,
            );
        }
        if per_second > 0 {
            let (stop, answered, failed) = (
                Arc::clone(&load.stop),
                Arc::clone(&load.answered),
                Arc::clone(&load.failed),
            );
            load.threads.push(thread::spawn(move || {
                ask(address, per_second, &stop, &answered, &failed);
            }));
        }
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A watcher that panicked has already said so.
            let _ = thread.join();
        }
    }
}

/// Opens a live stream.
fn watch(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let key = "c29sdGhyaXZlLWJlbmNoIQ==";
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )?;
    let mut said = [0; 12];
    stream
        .read_exact(&mut said)
        .context("no answer to a live stream request")?;
    if &said != b"HTTP/1.1 101" {
        bail!(
            "a live stream was refused: {}",
            String::from_utf8_lossy(&said)
        );
    }
    Ok(stream)
}

fn drain(mut stream: TcpStream, stop: &AtomicBool, streamed: &AtomicU64) {
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                streamed.fetch_add(count as u64, Ordering::Relaxed);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// Asks on one kept connection, evenly spread, until told to stop.
fn ask(
    address: SocketAddr,
    per_second: u32,
    stop: &AtomicBool,
    answered: &AtomicU64,
    failed: &AtomicU64,
) {
    let paths = [
        "/api/latest",
        "/api/powerflow",
        "/api/health",
        "/api/system",
    ];
    let started = now();
    let mut connection = None;
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = Duration::from_secs(1) * count / per_second;
        sleep(due.saturating_sub(started.elapsed()));
        let path = paths[count as usize % paths.len()];
        let counter = if request(&mut connection, address, path).is_ok() {
            answered
        } else {
            failed
        };
        counter.fetch_add(1, Ordering::Relaxed);
        count += 1;
    }
}

fn request(connection: &mut Option<TcpStream>, address: SocketAddr, path: &str) -> Result<()> {
    let mut stream = match connection.take() {
        Some(stream) => stream,
        None => TcpStream::connect(address)?,
    };
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // In one piece and at once: Nagle's algorithm would add 40 ms to each request.
    stream.set_nodelay(true)?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            bail!("the connection was closed in the middle of an answer");
        }
        answer.extend_from_slice(&buffer[..count]);
        if is_whole(&answer)? {
            break;
        }
    }
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("not 200");
    }
    *connection = Some(stream);
    Ok(())
}

/// Whether head and body have arrived; the appliance states the length of these answers.
fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .context("no content-length")?;
    Ok(answer.len() >= end + 4 + length.trim().parse::<usize>()?)
}

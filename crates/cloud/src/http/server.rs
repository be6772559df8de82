//! Accepts connections and speaks HTTP/1.1 on them, with TLS, within bounds that no client can stretch.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::AppState;
use crate::config::Role;
use crate::metrics::Metrics;

/// What a connection buffers of a request before it must have a complete head.
const BUFFER: usize = 16 * 1024;
/// From the end of one request to the head of the next: longer than the usual interval of a device.
const IDLE: Duration = Duration::from_secs(75);
/// For the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For a client that takes nothing of its answer.
const WRITE: Duration = Duration::from_secs(20);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;

/// Where to listen, and how.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// TLS; `None` for plain HTTP to a proxy on the same host.
    pub tls: Option<Arc<ServerConfig>>,
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address.
    pub connections_per_ip: u32,
    /// Time for open requests to end once the service stops.
    pub grace: Duration,
}

/// Who is on the other end, as a request extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    pub(super) const fn address(self) -> IpAddr {
        self.0
    }

    /// Whom the address stands for where addresses are counted.
    pub(crate) fn household(self) -> IpAddr {
        household(self.0)
    }

    /// A proxy on the same host appends who called it. Where nobody can read what it says, it is nobody's
    /// address, above all not the proxy's own.
    fn of(connected: IpAddr, headers: &HeaderMap, behind_proxy: bool) -> Self {
        let said = headers.get_all("x-forwarded-for").iter().next_back();
        let Some(said) = said.filter(|_| behind_proxy) else {
            return Self(connected);
        };
        let last = said.to_str().ok().and_then(|list| list.rsplit(',').next());
        Self(last.and_then(address).unwrap_or(NOBODY))
    }
}

/// Of no network.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// An address, which some proxies write with the port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let socket = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    text.parse().ok().or_else(socket)
}

/// Whom an address stands for where addresses are counted: of IPv6, everybody has 2^64 at least.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Listener {
    /// Opens the socket. Needs a runtime.
    ///
    /// # Errors
    /// The operating system's: the port is taken, the address is not ours, or not allowed.
    pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
        let socket = if address.is_ipv6() {
            TcpSocket::new_v6()?
        } else {
            TcpSocket::new_v4()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }
}

/// Serves until `stop`, then lets open requests end for a moment.
pub async fn serve(listener: Listener, app: AppState, roles: &[Role], stop: CancellationToken) {
    let doors = Doors {
        places: Arc::new(Semaphore::new(listener.connections)),
        by_address: Arc::default(),
        most_of_one: listener.connections_per_ip,
        metrics: Arc::clone(&app.metrics),
        behind_proxy: app.behind_proxy,
    };
    let tls = listener.tls.map(TlsAcceptor::from);
    let router = super::router(app, roles);
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // One that is turned away is closed at once: a busy server has no time to explain.
                if let Some(place) = doors.enter(peer.ip()) {
                    let connection = Connection {
                        router: router.clone(),
                        tls: tls.clone(),
                        place,
                    };
                    tasks.spawn(connection.run(stream, stop.clone()));
                }
            }
            Err(error) => {
                // Out of file descriptors, or a connection that died in the queue.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener.socket);
    tasks.close();
    if tokio::time::timeout(listener.grace, tasks.wait())
        .await
        .is_err()
    {
        tracing::info!(open = tasks.len(), "requests were still open at the end");
    }
}

/// Counts who is in.
struct Doors {
    places: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, u32>>>,
    most_of_one: u32,
    metrics: Arc<Metrics>,
    behind_proxy: bool,
}

/// A connection's place, given back when it ends.
struct Place {
    peer: IpAddr,
    behind_proxy: bool,
    by_address: Arc<Mutex<HashMap<IpAddr, u32>>>,
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
}

/// A connection's place, as a request extension: who goes on with the connection after its last request, as a WebSocket
/// does, keeps it.
#[derive(Clone)]
pub(super) struct Seat(#[expect(dead_code, reason = "it is kept, and nothing else")] Arc<Place>);

impl Doors {
    fn enter(&self, peer: IpAddr) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        let mut by_address = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let of_one = by_address.get(&household(peer)).copied().unwrap_or(0);
        // All of a proxy's connections come from one address.
        let may = of_one < self.most_of_one || self.behind_proxy;
        let Some(place) = place.filter(|_| may) else {
            self.metrics.turned_away();
            return None;
        };
        by_address.insert(household(peer), of_one + 1);
        drop(by_address);
        self.metrics.connection(1);
        Some(Place {
            peer,
            behind_proxy: self.behind_proxy,
            by_address: Arc::clone(&self.by_address),
            metrics: Arc::clone(&self.metrics),
            _place: place,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&household(self.peer)) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&household(self.peer));
            }
        }
        self.metrics.connection(-1);
    }
}

struct Connection {
    router: Router,
    tls: Option<TlsAcceptor>,
    place: Place,
}

impl Connection {
    async fn run(self, stream: TcpStream, stop: CancellationToken) {
        let _ignored = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.speak(stream, stop).await;
        };
        let handshake = tokio::time::timeout(HANDSHAKE, tls.accept(stream));
        match handshake.await {
            Ok(Ok(stream)) => self.speak(stream, stop).await,
            Ok(Err(error)) => tracing::debug!(%error, peer = %self.place.peer, "no TLS"),
            Err(_) => {
                tracing::debug!(peer = %self.place.peer, "a handshake did not come to its end");
            }
        }
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        stop: CancellationToken,
    ) {
        let (peer, behind_proxy) = (self.place.peer, self.place.behind_proxy);
        let seat = Seat(Arc::new(self.place));
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let caller = Peer::of(peer, request.headers(), behind_proxy);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(seat.clone());
            router.call(request.map(Body::new))
        });
        let mut patient = TimeoutWriter::new(stream);
        patient.set_timeout(Some(WRITE));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Box::pin(patient)), service)
            .with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(behind_proxy: bool, said: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let connected = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Peer::of(connected, &headers, behind_proxy)
            .address()
            .to_string()
    }

    #[test]
    fn a_proxys_last_word_counts_and_no_other() {
        assert_eq!(peer(true, &["10.0.0.1, 8.8.8.8"]), "8.8.8.8");
        assert_eq!(peer(true, &["10.0.0.1", "8.8.8.8"]), "8.8.8.8");
        assert_eq!(peer(true, &["8.8.8.8:4711"]), "8.8.8.8");
        assert_eq!(peer(true, &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(peer(false, &["8.8.8.8"]), "127.0.0.1");
        assert_eq!(peer(true, &[]), "127.0.0.1");
    }

    #[test]
    fn who_comes_from_an_address_that_cannot_be_read_is_not_of_this_host() {
        for said in ["unknown", "", "8.8.8.8, _hidden", "10.0.0.1,"] {
            assert_eq!(peer(true, &[said]), "0.0.0.0", "{said}");
        }
    }

    #[test]
    fn all_addresses_of_a_household_are_counted_as_one() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}

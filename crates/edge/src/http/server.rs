//! Accepts connections and speaks HTTP/1.1 on them, within bounds that no client can stretch.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Extensions, Request};
use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::patience::Patient;
use super::state::{AppState, Limits};

/// What a connection buffers of a request before it must have a complete head.
const BUFFER: usize = 16 * 1024;
/// What the kernel keeps for a client that does not read: enough for full speed in a home, little
/// enough that a stalled stream is noticed within a minute or two.
const SEND_BUFFER: u32 = 64 * 1024;
/// Time for open requests to end once the appliance stops.
const GRACE: Duration = Duration::from_secs(2);
/// What a connection beyond the limit is told. Written at once or not at all.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 141\r\n\r\n{\"type\":\"/problems/too-many-connections\",\"title\":\"Too many connections\",\"status\":503,\"detail\":\"every connection is taken; try again shortly\"}";

/// Who is on the other end, as a request extension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(IpAddr);

impl Peer {
    /// The address of a request's other end.
    #[must_use]
    pub(super) fn of(extensions: &Extensions) -> IpAddr {
        extensions
            .get::<Self>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
    }
}

/// Opens the listening socket. Needs a runtime.
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
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(256)
}

/// Serves until `shutdown`, then lets open requests end for a moment.
pub async fn serve(listener: TcpListener, app: AppState, shutdown: CancellationToken) {
    let limits = Arc::new(app.limits.clone());
    let router = super::router(app).layer(Extension(shutdown.clone()));
    let places = Arc::new(Semaphore::new(limits.connections));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a connection that died in the queue.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            let _best_effort = stream.try_write(BUSY);
            continue;
        };
        let connection = Connection {
            router: router.clone(),
            limits: Arc::clone(&limits),
            peer: peer.ip(),
            place,
        };
        tasks.spawn(connection.run(stream, shutdown.clone()));
    }
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::info!(open = tasks.len(), "requests were still open at the end");
    }
}

struct Connection {
    router: Router,
    limits: Arc<Limits>,
    peer: IpAddr,
    place: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, shutdown: CancellationToken) {
        let Self {
            router,
            limits,
            peer,
            place,
        } = self;
        // Small messages must not wait for an acknowledgement of the ones before.
        let _ignored = stream.set_nodelay(true);
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            router.call(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Patient::new(stream, limits.write)), service)
            .with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
        drop(place);
    }
}

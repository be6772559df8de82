//! One connection from its acceptance to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_util::sync::CancellationToken;

use super::counts::{Ledger, Open};
use super::course::{Ending, Intake, Outlet};
use super::fault::{Direction, Fault, Kind};
use super::lane::{self, CHUNK, Finish};
use crate::rng::Rng;

/// A client that was let in, and what will happen to it.
pub(super) struct Connection {
    pub(super) client: TcpStream,
    /// None until the server took the connection.
    pub(super) server: Option<TcpStream>,
    pub(super) faults: Vec<Fault>,
    /// Chance for the bytes on their way up, and down.
    pub(super) chance: [Rng; 2],
    pub(super) ledger: Arc<Ledger>,
    /// Counts it as open while it is.
    pub(super) open: Open,
    pub(super) cut: CancellationToken,
    pub(super) stop: CancellationToken,
}

impl Connection {
    /// Serves it until it ends by itself, by a fault or from outside.
    pub(super) async fn run(mut self, to: Arc<str>) {
        let (cut, stop) = (self.cut.clone(), self.stop.clone());
        let ending = tokio::select! {
            biased;
            () = stop.cancelled() => Ending::Close,
            () = cut.cancelled() => {
                self.ledger.add(|counts| counts.cut += 1);
                Ending::Reset
            }
            ending = self.pass(&to) => ending,
        };
        self.end(ending).await;
    }

    async fn pass(&mut self, to: &str) -> Ending {
        for kind in self.faults.iter().map(Fault::kind).filter(|k| k.lasts()) {
            self.ledger.struck(kind);
        }
        if self.suffers(Kind::Refuse) {
            return Ending::Reset;
        }
        if self.suffers(Kind::BlackHole) {
            swallow(&mut self.client, &self.ledger).await;
            return Ending::Close;
        }
        match connect(to).await {
            Ok(server) => self.relay(server).await,
            Err(error) => {
                tracing::debug!(%to, %error, "the server cannot be reached");
                self.ledger.add(|counts| counts.unreachable += 1);
                Ending::Reset
            }
        }
    }

    async fn relay(&mut self, server: TcpStream) -> Ending {
        let server = self.server.insert(server);
        // A proxy's own delays would hide those that were ordered.
        let _ = self.client.set_nodelay(true);
        let lane = |way, chance: &Rng| {
            let intake = Intake::of(&self.faults, way, chance.clone());
            (intake, Outlet::of(&self.faults, way))
        };
        let [up, down] = &self.chance;
        let (up, down) = (lane(Direction::Up, up), lane(Direction::Down, down));
        let (client_in, client_out) = self.client.split();
        let (server_in, server_out) = server.split();
        let up = lane::forward(client_in, server_out, up, Arc::clone(&self.ledger));
        let down = lane::forward(server_in, client_out, down, Arc::clone(&self.ledger));
        let finished = tokio::try_join!(up, down);
        match finished {
            Err(ending) => return ending,
            Ok((up, down)) => {
                // Who was told nothing keeps its socket until it gives up by itself.
                if up == Finish::Silent {
                    swallow(server, &self.ledger).await;
                }
                if down == Finish::Silent {
                    swallow(&mut self.client, &self.ledger).await;
                }
            }
        }
        Ending::Close
    }

    fn suffers(&self, kind: Kind) -> bool {
        self.faults.iter().any(|fault| fault.kind() == kind)
    }

    async fn end(self, ending: Ending) {
        for mut stream in [Some(self.client), self.server].into_iter().flatten() {
            if ending == Ending::Reset {
                // Closing it then discards what was not sent and sends RST instead of FIN.
                let _ = stream.set_zero_linger();
            } else {
                // Ahead of the close, which resets when there are bytes that were not read.
                let _ = stream.shutdown().await;
            }
        }
        // Counted as open until here, so that who sees it closed finds no socket any more.
        drop(self.open);
    }
}

/// The first of the server's addresses that answers.
async fn connect(to: &str) -> io::Result<TcpStream> {
    let mut failed = io::ErrorKind::AddrNotAvailable.into();
    for address in lookup_host(to).await? {
        match connect_to(address).await {
            Ok(server) => return Ok(server),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

#[expect(
    deprecated,
    reason = "a close can block for a time to linger only, and None takes that away"
)]
async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // The server may see the connection before we do. Who cuts it in between drops this future, and still resets it.
    socket.set_zero_linger()?;
    let server = socket.connect(address).await?;
    server.set_linger(None)?;
    server.set_nodelay(true)?;
    Ok(server)
}

/// Reads and forgets until the peer is gone.
async fn swallow(peer: &mut TcpStream, ledger: &Ledger) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = peer.read(&mut buffer).await {
        ledger.discarded(count);
    }
}

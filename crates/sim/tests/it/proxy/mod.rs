//! The fault proxy between real sockets: each fault as a client and a server meet it.

mod commands;
mod faults;
mod program;
mod streams;
#[cfg(feature = "fleet")]
mod tls;

use std::io;
use std::time::Duration;

use solthrive_sim::proxy::{self, Counts, Handle, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything here takes; only a test that would hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What should happen sooner or later.
async fn within<T>(awaited: impl Future<Output = T>) -> T {
    let awaited = tokio::time::timeout(PATIENCE, awaited).await;
    awaited.expect("it should have happened by now")
}

/// A server behind a proxy.
struct Rig {
    proxy: Handle,
    listener: TcpListener,
}

impl Rig {
    async fn with(plan: impl Into<Plan>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap().to_string();
        let here = "127.0.0.1:0".parse().unwrap();
        let proxy = proxy::start(here, to, plan.into()).await.unwrap();
        Self { proxy, listener }
    }

    /// A client only, for faults that the server does not see; a reset may be as quick as the connection.
    async fn client(&self) -> io::Result<TcpStream> {
        let client = within(TcpStream::connect(self.proxy.address())).await?;
        client.set_nodelay(true)?;
        Ok(client)
    }

    /// Both ends of a connection.
    async fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.client().await.unwrap();
        let (server, _) = within(self.listener.accept()).await.unwrap();
        server.set_nodelay(true).unwrap();
        (client, server)
    }

    /// Waits until the counts are so.
    async fn until(&self, so: impl Fn(&Counts) -> bool) -> Counts {
        within(async {
            loop {
                let counts = self.proxy.counts();
                if so(&counts) {
                    return counts;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
    }

    /// Nobody came to the server.
    async fn server_was_left_alone(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.listener.accept() => false,
            () = std::future::ready(()) => true,
        }
    }
}

/// Bytes that tell where they belong.
fn stream(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = solthrive_sim::rng::Rng::new(seed);
    (0..length).map(|_| rng.byte()).collect()
}

async fn read_exactly(from: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    within(from.read_exact(&mut bytes)).await.unwrap();
    bytes
}

/// All bytes until the end, and how it ended.
async fn read_all(from: &mut TcpStream) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut bytes = Vec::new();
    let end = within(from.read_to_end(&mut bytes)).await;
    (bytes, end.err().map(|error| error.kind()))
}

async fn say(to: &mut TcpStream, bytes: &[u8]) {
    within(to.write_all(bytes)).await.unwrap();
}

/// Neither bytes nor an end have arrived.
fn hears_nothing(peer: &TcpStream) -> bool {
    let heard = peer.try_read(&mut [0; 1]);
    heard.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

//! Connecting to a name, for no longer than a caller has time.
//!
//! Asking for an address can take the system tens of seconds when no name server answers, and cannot
//! be called off. So it happens, with the connecting, on a thread of its own. A caller that does not
//! want to wait any longer gets a fault, and what came of it at the next attempt.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Time for a connection to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// Time to find the address of a name that had one before; after that, the one it had is tried.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Enough for the system's resolver.
const STACK: usize = 256 * 1024;

/// Finds the addresses of a name.
pub(crate) type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// One place on the network, and what is known of it.
#[derive(Clone)]
pub(crate) struct Dialer {
    host: Arc<str>,
    port: u16,
    look_up: Arc<LookUp>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Where the last connection went.
    good: Option<SocketAddr>,
    /// An attempt that its caller did not wait for.
    under_way: Option<Receiver<io::Result<TcpStream>>>,
}

impl Dialer {
    /// A name or address and a port, looked up by the system.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self::with(host, port, |host, port| {
            Ok((host, port).to_socket_addrs()?.collect())
        })
    }

    /// As [`Dialer::new`], with another way to find addresses.
    pub(crate) fn with(
        host: &str,
        port: u16,
        look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            look_up: Arc::new(look_up),
            state: Arc::default(),
        }
    }

    /// The name or address.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// A connection, if there is one within `patience`.
    ///
    /// # Errors
    /// Why there is none; `TimedOut` when it is not known yet.
    pub(crate) fn dial(&self, patience: Duration) -> io::Result<TcpStream> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = match state.under_way.take() {
            Some(attempt) => attempt,
            None => self.start(state.good)?,
        };
        match attempt.recv_timeout(patience) {
            Ok(Ok(stream)) => {
                state.good = stream.peer_addr().ok();
                Ok(stream)
            }
            Ok(Err(error)) => Err(error),
            Err(RecvTimeoutError::Timeout) => {
                state.under_way = Some(attempt);
                let text = "no connection yet: the device, the network or the name server is slow";
                Err(io::Error::new(io::ErrorKind::TimedOut, text))
            }
            Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn start(&self, good: Option<SocketAddr>) -> io::Result<Receiver<io::Result<TcpStream>>> {
        let (tell, told) = sync_channel(1);
        let dialer = self.clone();
        let run = move || {
            let connected = dialer.addresses(good).and_then(|them| connect(&them));
            // Nobody asks any more: the bus has ended.
            let _ = tell.send(connected);
        };
        spawn(run)?;
        Ok(told)
    }

    /// A name's addresses now, or the one it had when nobody says.
    fn addresses(&self, good: Option<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
        let Some(good) = good else {
            return (self.look_up)(&self.host, self.port);
        };
        let (tell, told): (SyncSender<_>, _) = sync_channel(1);
        let dialer = self.clone();
        spawn(move || {
            // Too late is as good as never.
            let _ = tell.send((dialer.look_up)(&dialer.host, dialer.port));
        })?;
        match told.recv_timeout(LOOK_UP) {
            Ok(Ok(found)) if !found.is_empty() => Ok(found),
            _ => Ok(vec![good]),
        }
    }
}

/// Ends by itself; nothing waits for it.
fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = thread::Builder::new().name("dial".to_owned());
    builder.stack_size(STACK).spawn(run).map(drop)
}

fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::bus::{Pace, SystemPace};

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[test]
    fn a_name_server_that_does_not_answer_holds_nobody_up_and_its_late_answer_is_used() {
        let pace = SystemPace::new();
        let (_listener, address) = listener();
        let (answer, answered) = sync_channel::<()>(1);
        let answered = Mutex::new(answered);
        let dialer = Dialer::with("meter.lan", address.port(), move |_, _| {
            answered.lock().unwrap().recv().unwrap();
            Ok(vec![address])
        });
        let began = pace.now();
        for _ in 0..3 {
            let error = dialer.dial(SHORT).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        }
        assert!(pace.now().since(began) < LONG);
        answer.send(()).unwrap();
        dialer.dial(LONG).unwrap();
    }

    #[test]
    fn a_name_that_cannot_be_looked_up_any_more_is_sought_where_it_was() {
        let (_listener, address) = listener();
        let asked = AtomicUsize::new(0);
        let dialer = Dialer::with("meter.lan", address.port(), move |_, _| {
            if asked.fetch_add(1, Ordering::Relaxed) == 0 {
                Ok(vec![address])
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        });
        dialer.dial(LONG).unwrap();
        assert_eq!(dialer.dial(LONG).unwrap().peer_addr().unwrap(), address);
    }

    #[test]
    fn a_name_that_moved_is_found_where_it_is_now() {
        let ((_here, old), (_there, new)) = (listener(), listener());
        let asked = AtomicUsize::new(0);
        let dialer = Dialer::with("meter.lan", 0, move |_, _| {
            let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            Ok(vec![if first { old } else { new }])
        });
        dialer.dial(LONG).unwrap();
        assert_eq!(dialer.dial(LONG).unwrap().peer_addr().unwrap(), new);
    }

    #[test]
    fn a_name_without_an_address_says_so() {
        let dialer = Dialer::with("nowhere", 502, |_, _| Ok(Vec::new()));
        let error = dialer.dial(LONG).unwrap_err();
        assert!(error.to_string().contains("no address"), "{error}");
    }
}

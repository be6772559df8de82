//! A network that misbehaves on command: a TCP proxy between a client and a server, such as an
//! appliance and its cloud.
//!
//! It passes bytes and does not look into them, so TLS goes through it as it is. A [`Plan`] decides
//! from a seed and a connection's number what happens to it; a [`Handle`] changes the plan while
//! the proxy runs. Timers only carry out what was decided.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use solthrive_sim::proxy::{self, Direction, Fault, Plan};
//!
//! let plan = Plan::seeded(7)
//!     .with(Fault::Refuse.on(0..2))
//!     .with(Fault::Reset { direction: Direction::Down, after: 2000 }.with_probability(0.3));
//! let proxy = proxy::start("127.0.0.1:0".parse().unwrap(), "localhost:8443", plan).await?;
//! // … let the client connect to proxy.address() …
//! proxy.set(Plan::default());
//! proxy.cut_all();
//! println!("{}", proxy.stop().await);
//! # Ok(())
//! # }
//! ```

mod connection;
mod counts;
mod course;
mod fault;
mod lane;
mod parse;
mod plan;
mod spoil;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Connection;
pub use self::counts::Counts;
use self::counts::{Ledger, Open};
pub use self::fault::{Direction, Fault, Kind};
pub use self::parse::BadRule;
pub use self::plan::{Plan, Rule};

/// After a connection could not be accepted, as when there are too many open files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Listens, and forwards each connection to the server at `to` (`HOST:PORT`), until the handle is dropped or
/// stopped. Port 0 takes a free one.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn start(listen: SocketAddr, to: impl Into<String>, plan: Plan) -> io::Result<Handle> {
    let listener = TcpListener::bind(listen).await?;
    let shared = Arc::new(Shared {
        to: to.into().into(),
        ledger: Arc::default(),
        current: Mutex::new(Current::of(plan)),
        stop: CancellationToken::new(),
    });
    let (address, tasks) = (listener.local_addr()?, TaskTracker::new());
    tasks.spawn(accept(listener, Arc::clone(&shared), tasks.clone()));
    Ok(Handle {
        address,
        shared,
        tasks,
    })
}

/// Commands a proxy that runs. Dropping it stops the proxy.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl Handle {
    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Another plan, which numbers the connections that are accepted from now on from 0. Those that are open keep
    /// what they were given.
    pub fn set(&self, plan: impl Into<Plan>) {
        let mut current = self.shared.current();
        current.plan = plan.into();
        current.next = 0;
    }

    /// Resets every connection that was accepted until now.
    pub fn cut_all(&self) {
        let mut current = self.shared.current();
        std::mem::take(&mut current.cut).cancel();
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.ledger.counts()
    }

    /// Closes everything, and returns when no task and no socket is left.
    pub async fn stop(self) -> Counts {
        self.shared.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.counts()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

#[derive(Debug)]
struct Shared {
    to: Arc<str>,
    ledger: Arc<Ledger>,
    current: Mutex<Current>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Current {
    plan: Plan,
    /// Number of the next connection.
    next: u64,
    /// Cancelled to cut all connections that were made while it was here.
    cut: CancellationToken,
}

impl Current {
    fn of(plan: Plan) -> Self {
        Self {
            plan,
            next: 0,
            cut: CancellationToken::new(),
        }
    }
}

impl Shared {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a client, and decides what happens to it.
    fn admit(&self, client: TcpStream) -> Connection {
        let mut current = self.current();
        let number = current.next;
        current.next += 1;
        Connection {
            client,
            server: None,
            faults: current.plan.faults(number),
            chance: current.plan.chances(number),
            ledger: Arc::clone(&self.ledger),
            open: Open::count(Arc::clone(&self.ledger)),
            cut: current.cut.clone(),
            stop: self.stop.clone(),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, _)) => {
                let connection = shared.admit(client);
                tasks.spawn(connection.run(Arc::clone(&shared.to)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

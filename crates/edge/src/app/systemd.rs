//! Tells systemd that the service is ready, alive and stopping, where systemd wants to know.
//!
//! The protocol of `sd_notify(3)`: a datagram to the socket that `NOTIFY_SOCKET` names. Without that
//! variable (a shell, a test, another init) nothing is sent and nothing changes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::Mono;

/// A bus that has finished no poll for this long, and three periods, is stuck: even one whose every
/// request runs into its longest timeout is heard of before.
const STUCK_AFTER: Duration = Duration::from_mins(3);

/// The way to systemd. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Systemd(Option<Arc<Way>>);

#[derive(Debug)]
struct Way {
    socket: UnixDatagram,
    to: SocketAddr,
    /// systemd ends the service when it hears no sign of life for this long.
    limit: Option<Duration>,
}

impl Systemd {
    /// As the environment says.
    pub(super) fn from_env() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    fn new(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let Some(name) = var("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self(None);
        };
        let number = |name| var(name)?.to_str()?.parse::<u64>().ok();
        // The variables may have been meant for a parent.
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let limit = number("WATCHDOG_USEC").filter(|limit| ours && *limit > 0);
        match Way::to(&name, limit.map(Duration::from_micros)) {
            Ok(way) => Self(Some(Arc::new(way))),
            Err(error) => {
                tracing::warn!(%error, "systemd's socket cannot be used; it is told nothing");
                Self(None)
            }
        }
    }

    /// Everything runs.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The service stops, and that was meant.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, word: &str) {
        if let Some(way) = &self.0
            && let Err(error) = way.socket.send_to_addr(word.as_bytes(), &way.to)
        {
            tracing::debug!(%error, word, "systemd could not be told");
        }
    }

    fn limit(&self) -> Option<Duration> {
        self.0.as_ref()?.limit
    }
}

impl Way {
    fn to(name: &OsStr, limit: Option<Duration>) -> io::Result<Self> {
        let to = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // A systemd that does not read must not hold up the core thread.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to, limit })
    }
}

/// Signs of life, given on the core thread's own turns: it costs no wake-up.
#[derive(Debug)]
pub(super) struct Watchdog {
    systemd: Systemd,
    /// Time between two signs.
    every: Option<Duration>,
    told: Option<Mono>,
    /// When each bus last finished a poll.
    buses: Vec<(Arc<str>, Mono)>,
    stuck_after: Duration,
    stuck: bool,
}

impl Watchdog {
    /// For buses that are polled this often.
    pub(super) fn new(
        systemd: Systemd,
        buses: impl IntoIterator<Item = Arc<str>>,
        poll_every: Duration,
        now: Mono,
    ) -> Self {
        Self {
            // The core thread turns every two seconds at least: four signs fit into the limit.
            every: systemd.limit().map(|limit| limit / 4),
            systemd,
            told: None,
            buses: buses.into_iter().map(|bus| (bus, now)).collect(),
            stuck_after: STUCK_AFTER + 3 * poll_every,
            stuck: false,
        }
    }

    /// A bus has finished a poll, well or badly.
    pub(super) fn heard(&mut self, bus: &str, now: Mono) {
        if let Some((_, last)) = self.buses.iter_mut().find(|(name, _)| **name == *bus) {
            *last = now;
        }
    }

    /// The core thread has turned once more. With a bus that is stuck no sign is given: the service is
    /// to be started again.
    pub(super) fn turned(&mut self, now: Mono) {
        let Some(every) = self.every else { return };
        if self.told.is_some_and(|told| now.since(told) < every) {
            return;
        }
        let is_stuck = |(_, last): &&(Arc<str>, Mono)| now.since(*last) >= self.stuck_after;
        let stuck = self.buses.iter().find(is_stuck);
        match stuck {
            None => {
                self.systemd.tell("WATCHDOG=1");
                self.told = Some(now);
            }
            Some((bus, _)) if !self.stuck => {
                tracing::error!(%bus, "the bus thread is stuck; systemd is left to start the service again");
            }
            Some(_) => {}
        }
        self.stuck = stuck.is_some();
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A service manager: its socket, and the variables it sets.
    struct Manager {
        socket: UnixDatagram,
        systemd: Systemd,
        _folder: TempDir,
    }

    impl Manager {
        fn with_limit(limit: Option<&str>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("notify");
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_nonblocking(true).unwrap();
            let limit = limit.map(OsString::from);
            let systemd = Systemd::new(|name| match name {
                "NOTIFY_SOCKET" => Some(path.clone().into()),
                "WATCHDOG_USEC" => limit.clone(),
                _ => None,
            });
            Self {
                socket,
                systemd,
                _folder: folder,
            }
        }

        fn heard(&self) -> Vec<String> {
            let mut bytes = [0; 100];
            std::iter::from_fn(|| {
                self.socket
                    .recv(&mut bytes)
                    .ok()
                    .map(|n| bytes[..n].to_vec())
            })
            .map(|word| String::from_utf8(word).unwrap())
            .collect()
        }

        fn watchdog(&self) -> Watchdog {
            let buses = ["a".into(), "b".into()];
            Watchdog::new(
                self.systemd.clone(),
                buses,
                Duration::from_secs(1),
                Mono::ZERO,
            )
        }
    }

    fn at(seconds: u64) -> Mono {
        Mono::from_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn a_start_and_a_stop_are_told() {
        let manager = Manager::with_limit(None);
        manager.systemd.ready();
        manager.systemd.stopping();
        assert_eq!(manager.heard(), ["READY=1", "STOPPING=1"]);
    }

    #[test]
    fn signs_of_life_come_four_times_in_the_limit_however_often_the_core_turns() {
        let manager = Manager::with_limit(Some("60000000"));
        let mut watchdog = manager.watchdog();
        for second in 0..60 {
            watchdog.heard("a", at(second));
            watchdog.heard("b", at(second));
            watchdog.turned(at(second));
        }
        assert_eq!(manager.heard(), ["WATCHDOG=1"; 4]);
    }

    #[test]
    fn without_a_limit_there_are_no_signs_of_life() {
        let manager = Manager::with_limit(None);
        manager.watchdog().turned(at(100));
        assert!(manager.heard().is_empty());
    }

    #[test]
    fn while_a_bus_is_stuck_there_are_no_signs_of_life() {
        let manager = Manager::with_limit(Some("60000000"));
        let mut watchdog = manager.watchdog();
        watchdog.turned(at(0));
        manager.heard();
        // One bus alone goes on.
        for second in (20..400).step_by(20) {
            watchdog.heard("a", at(second));
            watchdog.turned(at(second));
        }
        assert_eq!(
            manager.heard().len(),
            9,
            "until three minutes and three polls"
        );
        watchdog.heard("b", at(400));
        watchdog.turned(at(400));
        assert_eq!(manager.heard(), ["WATCHDOG=1"]);
    }

    #[test]
    fn a_socket_without_a_name_in_the_file_system_is_found() {
        let name = format!("solthrive-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        let systemd =
            Systemd::new(|var| (var == "NOTIFY_SOCKET").then(|| format!("@{name}").into()));
        systemd.ready();
        let mut bytes = [0; 100];
        assert_eq!(socket.recv(&mut bytes).unwrap(), 7);
    }

    #[test]
    fn without_systemd_nothing_is_sent_and_nothing_breaks() {
        let systemd = Systemd::new(|_| None);
        systemd.ready();
        Watchdog::new(systemd, [], Duration::from_secs(1), Mono::ZERO).turned(at(9));
        let gone = Systemd::new(|var| (var == "NOTIFY_SOCKET").then(|| "/nowhere/notify".into()));
        gone.ready();
    }
}

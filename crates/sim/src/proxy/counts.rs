//! What the proxy did so far.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::fault::Kind;

/// Sums over all connections since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Of these, still there.
    pub open: u64,
    /// Connections that the server did not take.
    pub unreachable: u64,
    /// Connections that [`Handle::cut_all`](super::Handle::cut_all) reset.
    pub cut: u64,
    /// Bytes forwarded to the server.
    pub up: u64,
    /// Bytes forwarded to the client.
    pub down: u64,
    /// Bytes that black holes and half-open connections swallowed.
    pub discarded: u64,
    faults: [u64; Kind::ALL.len()],
}

impl Counts {
    /// How often this happened: once a connection for what lasts, else each time it struck.
    #[must_use]
    pub const fn faults(&self, kind: Kind) -> u64 {
        self.faults[kind as usize]
    }
}

/// As one line.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} connections, {} open, {} cut, {} unreachable; {} bytes up, {} down, {} discarded; faults:",
            self.connections,
            self.open,
            self.cut,
            self.unreachable,
            self.up,
            self.down,
            self.discarded,
        )?;
        let mut separator = " ";
        for kind in Kind::ALL.into_iter().filter(|kind| self.faults(*kind) > 0) {
            write!(f, "{separator}{} {}", self.faults(kind), kind.name())?;
            separator = ", ";
        }
        if separator == " " {
            f.write_str(" none")?;
        }
        Ok(())
    }
}

/// [`Counts`] that many connections add to.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Counts>);

impl Ledger {
    pub(super) fn add(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn struck(&self, kind: Kind) {
        self.add(|counts| counts.faults[kind as usize] += 1);
    }

    pub(super) fn discarded(&self, bytes: usize) {
        self.add(|counts| counts.discarded += bytes as u64);
    }

    pub(super) fn counts(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a connection as open until it is dropped, however its task ends.
#[derive(Debug)]
pub(super) struct Open(Arc<Ledger>);

impl Open {
    pub(super) fn count(ledger: Arc<Ledger>) -> Self {
        ledger.add(|counts| {
            counts.connections += 1;
            counts.open += 1;
        });
        Self(ledger)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.add(|counts| counts.open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_what_happened_and_nothing_else() {
        let ledger = Arc::new(Ledger::default());
        let open = Open::count(Arc::clone(&ledger));
        assert_eq!(
            ledger.counts().to_string(),
            "1 connections, 1 open, 0 cut, 0 unreachable; 0 bytes up, 0 down, 0 discarded; faults: none"
        );
        drop(open);
        ledger.struck(Kind::Refuse);
        ledger.struck(Kind::Latency);
        ledger.struck(Kind::Latency);
        ledger.discarded(5);
        assert_eq!(
            ledger.counts().to_string(),
            "1 connections, 0 open, 0 cut, 0 unreachable; 0 bytes up, 0 down, 5 discarded; faults: 2 latency, 1 refuse"
        );
    }

    #[test]
    fn each_kind_has_a_place_of_its_own() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind:?}");
        }
    }
}

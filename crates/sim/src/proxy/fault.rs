//! What a connection can suffer.

use std::time::Duration;

/// Which bytes a fault concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
    /// Each of the two, counted apart.
    Both,
}

impl Direction {
    /// Whether a fault with this direction concerns bytes on their way `up` or down.
    pub(super) const fn covers(self, way: Self) -> bool {
        matches!(
            (self, way),
            (Self::Both, _) | (Self::Up, Self::Up) | (Self::Down, Self::Down)
        )
    }
}

/// One thing that goes wrong. A connection may suffer several at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Bytes and the end of the stream arrive later, in order and without loss of throughput.
    Latency {
        /// Of which bytes.
        direction: Direction,
        /// How much later.
        delay: Duration,
        /// At most so much earlier or later than `delay`, drawn for each chunk.
        jitter: Duration,
    },
    /// No more than so many bytes pass in a second.
    RateLimit {
        /// Of which bytes.
        direction: Direction,
        /// 0 counts as 1.
        bytes_per_second: u64,
    },
    /// One byte at a time.
    Slowloris {
        /// Of which bytes.
        direction: Direction,
        /// Between two bytes.
        pause: Duration,
    },
    /// Both sides see the end of the stream (FIN) when so many bytes were forwarded.
    Drop {
        /// Which bytes count.
        direction: Direction,
        /// How many pass before.
        after: u64,
    },
    /// Both sides see a reset (RST) when so many bytes were forwarded.
    Reset {
        /// Which bytes count.
        direction: Direction,
        /// How many pass before.
        after: u64,
    },
    /// Bytes, and the end of the stream, vanish after so many: their sender believes them delivered, their
    /// receiver waits.
    HalfOpen {
        /// Which bytes count and vanish.
        direction: Direction,
        /// How many pass before.
        after: u64,
    },
    /// A bit of one byte flips, once in each `every` bytes.
    Corrupt {
        /// Of which bytes.
        direction: Direction,
        /// 0 counts as 1.
        every: u64,
    },
    /// A run of bytes comes twice, once in each `every` bytes.
    Duplicate {
        /// Of which bytes.
        direction: Direction,
        /// 0 counts as 1.
        every: u64,
    },
    /// Two runs of bytes change places, once in each `every` bytes.
    Reorder {
        /// Of which bytes.
        direction: Direction,
        /// 0 counts as 1.
        every: u64,
    },
    /// The connection is accepted and what it says swallowed; nobody answers, the server is not told.
    BlackHole,
    /// The connection is reset as soon as it was made; the server is not told.
    Refuse,
}

/// [`Fault`] without its numbers, to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is explained at the fault of its name")]
pub enum Kind {
    Latency,
    RateLimit,
    Slowloris,
    Drop,
    Reset,
    HalfOpen,
    Corrupt,
    Duplicate,
    Reorder,
    BlackHole,
    Refuse,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 11] = [
        Self::Latency,
        Self::RateLimit,
        Self::Slowloris,
        Self::Drop,
        Self::Reset,
        Self::HalfOpen,
        Self::Corrupt,
        Self::Duplicate,
        Self::Reorder,
        Self::BlackHole,
        Self::Refuse,
    ];

    /// As it is written on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::RateLimit => "rate_limit",
            Self::Slowloris => "slowloris",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::HalfOpen => "half_open",
            Self::Corrupt => "corrupt",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::BlackHole => "black_hole",
            Self::Refuse => "refuse",
        }
    }

    /// At work from the first byte on, so that it counts once for a connection; others count when they strike.
    pub(super) const fn lasts(self) -> bool {
        matches!(
            self,
            Self::Latency | Self::RateLimit | Self::Slowloris | Self::BlackHole | Self::Refuse
        )
    }
}

impl Fault {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Latency { .. } => Kind::Latency,
            Self::RateLimit { .. } => Kind::RateLimit,
            Self::Slowloris { .. } => Kind::Slowloris,
            Self::Drop { .. } => Kind::Drop,
            Self::Reset { .. } => Kind::Reset,
            Self::HalfOpen { .. } => Kind::HalfOpen,
            Self::Corrupt { .. } => Kind::Corrupt,
            Self::Duplicate { .. } => Kind::Duplicate,
            Self::Reorder { .. } => Kind::Reorder,
            Self::BlackHole => Kind::BlackHole,
            Self::Refuse => Kind::Refuse,
        }
    }

    /// Whether it concerns bytes on their way up, or down.
    pub(super) const fn covers(&self, way: Direction) -> bool {
        match *self {
            Self::Latency { direction, .. }
            | Self::RateLimit { direction, .. }
            | Self::Slowloris { direction, .. }
            | Self::Drop { direction, .. }
            | Self::Reset { direction, .. }
            | Self::HalfOpen { direction, .. }
            | Self::Corrupt { direction, .. }
            | Self::Duplicate { direction, .. }
            | Self::Reorder { direction, .. } => direction.covers(way),
            Self::BlackHole | Self::Refuse => false,
        }
    }
}

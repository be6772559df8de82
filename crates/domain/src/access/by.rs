//! Who did something, for the audit log.

use std::fmt;

use crate::{ClientId, UserId};

/// Who did something. Ids only: the audit log is never deleted, names and addresses can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Somebody at the machine that holds the database.
    Console,
    /// A person.
    User(UserId),
    /// A partner's program.
    Client(ClientId),
    /// An appliance.
    Device,
    /// The service itself, by rule.
    Service,
}

impl By {
    /// The person, if it is one.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Console | Self::Client(_) | Self::Device | Self::Service => None,
        }
    }
}

/// As it stands in the audit log: `console`, `user:<id>`, `client:<id>`, `device`, `service`.
impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console => f.write_str("console"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Client(id) => write!(f, "client:{id}"),
            Self::Device => f.write_str("device"),
            Self::Service => f.write_str("service"),
        }
    }
}

//! Identities as types: a ledger's id where a device's belongs does not compile.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this value.
            #[must_use]
            pub const fn from_uuid(value: Uuid) -> Self {
                Self(value)
            }

            /// The value, for a database or a wire.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// One run of ever-growing totals. A new SD card starts a new ledger.
    LedgerId;
    /// One start of the daemon: rows of one run share one monotonic clock.
    RunId;
    /// One appliance.
    DeviceId;
    /// One home.
    SiteId;
    /// A household, an installer's company, or who runs the platform.
    OrgId;
    /// One person.
    UserId;
    /// One right of somebody at a site.
    GrantId;
    /// One partner's program.
    ClientId;
    /// One visit of an admin to a site.
    SupportId;
    /// One command to an appliance, by which it is executed once.
    CommandId;
}

//! What the cloud answers.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `"status":"ok"`: everything that was accepted is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename = "ok")]
pub struct Receipt {
    /// Elements that are new.
    pub accepted: u32,
    /// Elements that were there already, exactly so.
    pub duplicates: u32,
    /// Elements of a time that had another content already: the first one stays.
    pub conflicts: u32,
    /// Elements that cannot be taken, and why. Sending them again does not help.
    pub rejected: Vec<Refused>,
    /// The cloud's clock, for a device without one.
    pub server_time: Timestamp,
    /// Seconds after which the next call is welcome.
    pub next_after_s: u32,
    /// Snapshots a second that the backfill lane may send.
    pub backfill_rows_per_s: u32,
    /// Version of the configuration that the cloud holds for the device.
    pub config_version: u64,
    /// Whether commands wait on the channel.
    pub commands_pending: bool,
    /// The token that shall take over from the one that this call came with; absent as long as none shall.
    /// The same one is said in every answer until the device comes with it, so a lost answer costs nothing.
    ///
    /// A device first keeps it durably, beside the old one, and only then calls with it. From the first call
    /// with it that is answered with 200 the old one is over, within seconds on every node; until then both
    /// work. A device keeps its last two tokens until the next rotation, and when one is answered with 401
    /// it tries the other: an offer can be taken back, and a cloud that was restored from a backup may know
    /// the older one only. It logs neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<NextToken>,
}

/// A device's token in the clear, on its way to the device. It is not printed and not logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, examples("std_…"))]
pub struct NextToken(String);

impl NextToken {
    /// The token in this text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the header of the next call and for the device's own file.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Never the token itself.
impl fmt::Debug for NextToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextToken(…)")
    }
}

/// One element that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// Its place in the call, from 0.
    pub index: u32,
    /// Why.
    pub code: RefusedCode,
    /// For a person.
    pub detail: String,
}

/// Why an element cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCode {
    /// Not of the shape that the contract gives.
    Malformed,
    /// A number that no home has.
    OutOfRange,
    /// More than five minutes ahead of the cloud.
    ClockSkew,
    /// Older than what is kept.
    TooOld,
    /// A code that a newer cloud says.
    #[serde(other)]
    Other,
}

/// `"status":"error"`: nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename = "error")]
pub struct Failure {
    /// Why.
    pub code: FailureCode,
    /// For a person.
    pub detail: String,
}

macro_rules! failures {
    ($($(#[$doc:meta])* $variant:ident = $status:literal;)*) => {
        /// Why a call was not taken. The HTTP status says what to do about it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum FailureCode {
            $($(#[$doc])* $variant,)*
            /// A code that a newer cloud says.
            #[serde(other)]
            Other,
        }

        impl FailureCode {
            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                    Self::Other => 500,
                }
            }
        }
    };
}

failures! {
    /// No token, or one that nobody has.
    UnknownToken = 401;
    /// The token of another device.
    WrongDevice = 403;
    /// The device is not bound to a site yet: register first.
    NotRegistered = 403;
    /// Serial, token and installer code do not go together.
    RegistrationRefused = 403;
    /// The device is bound to another site.
    AlreadyBound = 409;
    /// The device was deactivated: stop sending, stay local.
    Deactivated = 410;
    /// Too large or too many elements: send half.
    TooLarge = 413;
    /// A content encoding other than zstd, gzip or none.
    UnsupportedEncoding = 415;
    /// Nothing of it can be taken.
    NothingAcceptable = 422;
    /// More than the device's share: wait for as long as `Retry-After` says.
    TooManyRequests = 429;
    /// The cloud broke; try again later.
    Internal = 500;
    /// The cloud cannot store now: wait for as long as `Retry-After` says.
    Unavailable = 503;
}

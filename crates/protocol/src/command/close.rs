//! Why the cloud closes a channel.

/// The codes of close frames, beside those that every WebSocket has. What HTTP says with 4xx and 5xx is said with 44xx and
/// 45xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// The service ends: come again at once, with jitter.
    Restart,
    /// The token is not known any more: try the other one, if there is one.
    UnknownToken,
    /// The device belongs to no site any more: register.
    NotRegistered,
    /// The device was deactivated: do not come again.
    Deactivated,
    /// The same device opened another channel here.
    Replaced,
    /// Nothing was heard for a minute.
    Silent,
    /// More messages than a device may send, or messages that are none: wait for some minutes.
    TooMuch,
    /// Nothing can be stored now: come again, with backoff.
    Unavailable,
}

impl Close {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Restart,
        Self::UnknownToken,
        Self::NotRegistered,
        Self::Deactivated,
        Self::Replaced,
        Self::Silent,
        Self::TooMuch,
        Self::Unavailable,
    ];

    /// As it is said.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::UnknownToken => 4401,
            Self::NotRegistered => 4403,
            Self::Deactivated => 4410,
            Self::Replaced => 4409,
            Self::Silent => 4408,
            Self::TooMuch => 4429,
            Self::Unavailable => 4503,
        }
    }

    /// For a person.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Restart => "the service ends; come again",
            Self::UnknownToken => "this token is not known any more",
            Self::NotRegistered => "this device belongs to no site any more",
            Self::Deactivated => "this device was deactivated",
            Self::Replaced => "this device opened another channel",
            Self::Silent => "nothing was heard for a minute",
            Self::TooMuch => "more than this device's share",
            Self::Unavailable => "nothing can be stored now; come again later",
        }
    }

    /// What a code means; `None` for one that is not ours.
    #[must_use]
    pub fn of(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|close| close.code() == code)
    }
}

//! What can be asked of an appliance.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::access::Scope;

/// For how long a command waits for its appliance if nobody says.
pub const USUAL: Duration = Duration::from_mins(10);
/// For how long one can wait.
pub const LONGEST: Duration = Duration::from_hours(7 * 24);
/// For how long [`Kind::Live`] can wait: somebody watches now, not tomorrow.
pub const LONGEST_LIVE: Duration = Duration::from_mins(5);
/// For how long it waits if nobody says.
const USUAL_LIVE: Duration = Duration::from_mins(1);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A snapshot each second for some time, while somebody watches.
    Live,
    /// How the machine, its meters and its store are.
    Diagnostics,
    /// Whether the wiring is right, by what is measured.
    Validate,
    /// The last lines of the log.
    LogsTail,
    /// The configuration.
    ConfigGet,
    /// Another configuration.
    ConfigSet,
    /// Another version of the software.
    Update,
    /// Start anew.
    Restart,
    /// A way in for who helps, for some time.
    TunnelOpen,
    /// Another token for calls to the cloud.
    TokenRotate,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Live,
        Self::Diagnostics,
        Self::Validate,
        Self::LogsTail,
        Self::ConfigGet,
        Self::ConfigSet,
        Self::Update,
        Self::Restart,
        Self::TunnelOpen,
        Self::TokenRotate,
    ];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Diagnostics => "diagnostics",
            Self::Validate => "validate",
            Self::LogsTail => "logs_tail",
            Self::ConfigGet => "config_get",
            Self::ConfigSet => "config_set",
            Self::Update => "update",
            Self::Restart => "restart",
            Self::TunnelOpen => "tunnel_open",
            Self::TokenRotate => "token_rotate",
        }
    }

    /// What somebody must be allowed at the site to ask it, and to see what came of it.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Live => Scope::Live,
            Self::LogsTail => Scope::Logs,
            Self::ConfigGet => Scope::ConfigRead,
            Self::ConfigSet => Scope::ConfigWrite,
            Self::Diagnostics
            | Self::Validate
            | Self::Update
            | Self::Restart
            | Self::TunnelOpen
            | Self::TokenRotate => Scope::Commands,
        }
    }

    /// For how long one waits at most.
    #[must_use]
    pub const fn longest(self) -> Duration {
        match self {
            Self::Live => LONGEST_LIVE,
            _ => LONGEST,
        }
    }

    /// For how long one waits that shall wait for so many seconds.
    ///
    /// # Errors
    /// [`BadExpiry`].
    pub fn waits(self, asked_s: Option<u32>) -> Result<Duration, BadExpiry> {
        let usual = match self {
            Self::Live => USUAL_LIVE,
            _ => USUAL,
        };
        let Some(seconds) = asked_s else {
            return Ok(usual);
        };
        let (waits, most) = (Duration::from_secs(seconds.into()), self.longest());
        if waits.is_zero() || waits > most {
            let most_s = most.as_secs();
            return Err(BadExpiry { kind: self, most_s });
        }
        Ok(waits)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind that is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no command of the kind `{0}`")]
pub struct NoKind(pub String);

impl FromStr for Kind {
    type Err = NoKind;

    fn from_str(text: &str) -> Result<Self, NoKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| NoKind(text.to_owned()))
    }
}

/// A command cannot wait for so long, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a command `{kind}` waits for 1 to {most_s} seconds")]
pub struct BadExpiry {
    /// Of which kind.
    pub kind: Kind,
    /// The most seconds.
    pub most_s: u64,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_kind_is_read_back_as_it_was_written() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        let unknown = "self_destruct".parse::<Kind>();
        assert_eq!(unknown, Err(NoKind("self_destruct".to_owned())));
    }

    #[rstest]
    #[case::nobody_said(Kind::Restart, None, Some(600))]
    #[case::nobody_said_of_the_present(Kind::Live, None, Some(60))]
    #[case::a_week(Kind::Update, Some(604_800), Some(604_800))]
    #[case::more_than_a_week(Kind::Update, Some(604_801), None)]
    #[case::not_at_all(Kind::Update, Some(0), None)]
    #[case::the_present_is_short(Kind::Live, Some(300), Some(300))]
    #[case::and_no_longer(Kind::Live, Some(301), None)]
    fn waiting(#[case] kind: Kind, #[case] asked: Option<u32>, #[case] expected: Option<u64>) {
        let waits = kind.waits(asked).ok().map(|waits| waits.as_secs());
        assert_eq!(waits, expected);
    }
}

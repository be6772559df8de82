//! What of a site somebody may see or do, apart from owning it.

use std::fmt;
use std::str::FromStr;

/// One right at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// What the array makes and what goes to the grid of it: `solar_*`.
    Production,
    /// What the home uses: `home_*`, `grid_*`, voltages and currents of the mains.
    Consumption,
    /// The stream of the present moment.
    Live,
    /// Alerts and events.
    Alerts,
    /// Meters, clamps, tariff, devices.
    ConfigRead,
    /// The same, to be changed.
    ConfigWrite,
    /// Commands to the appliance.
    Commands,
    /// The appliance's logs.
    Logs,
    /// Everything of the site in files.
    Export,
}

impl Scope {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Production,
        Self::Consumption,
        Self::Live,
        Self::Alerts,
        Self::ConfigRead,
        Self::ConfigWrite,
        Self::Commands,
        Self::Logs,
        Self::Export,
    ];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Consumption => "consumption",
            Self::Live => "live",
            Self::Alerts => "alerts",
            Self::ConfigRead => "config.read",
            Self::ConfigWrite => "config.write",
            Self::Commands => "commands",
            Self::Logs => "logs",
            Self::Export => "export",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no scope; scopes are production, consumption, live, alerts, config.read, config.write, commands, logs, export"
)]
pub struct NoScope(String);

impl FromStr for Scope {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| NoScope(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// Every right but those of an owner.
    pub const ALL: Self = Self::of(&Scope::ALL);
    /// What an installer keeps once commissioning is over.
    pub const AFTER_COMMISSIONING: Self = Self::of(&[
        Scope::Production,
        Scope::Alerts,
        Scope::ConfigRead,
        Scope::Logs,
    ]);
    /// What somebody who only looks may.
    pub const LOOKING: Self = Self::of(&[
        Scope::Production,
        Scope::Consumption,
        Scope::Live,
        Scope::Alerts,
        Scope::ConfigRead,
        Scope::Logs,
    ]);

    /// These.
    #[must_use]
    pub const fn of(scopes: &[Scope]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < scopes.len() {
            bits |= scopes[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// By their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        let all = Scope::ALL.into_iter();
        all.filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let bits = scopes.into_iter().fold(0, |bits, scope| bits | scope.bit());
        Self(bits)
    }
}

/// Names with a space between, as OAuth writes them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.iter().enumerate() {
            let space = if n > 0 { " " } else { "" };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

/// A scope that nobody knows is an error, not a right less: who stored it meant something.
impl FromStr for Scopes {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        text.split_ascii_whitespace().map(Scope::from_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_back_as_it_was_written() {
        for bits in 0..1u16 << Scope::ALL.len() {
            let scopes = Scopes(bits);
            assert_eq!(scopes.to_string().parse(), Ok(scopes));
        }
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error() {
        let wrong = "production Alerts".parse::<Scopes>();
        assert_eq!(wrong, Err(NoScope("Alerts".to_owned())));
    }
}

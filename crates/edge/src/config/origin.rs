//! Where a value comes from: named in every message and in `config show --origin`.

use std::fmt;
use std::sync::Arc;

/// A position in a text: 1-based line, 1-based column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// Where a value comes from. Ordered as the layers are: a later one wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Built in.
    Default,
    /// The meter's profile, which knows its factory settings.
    Profile(Arc<str>),
    /// A file of the configuration folder.
    File(Arc<str>, Option<Position>),
    /// The override file.
    Override(Arc<str>, Option<Position>),
    /// An environment variable.
    Env(Arc<str>),
}

impl Origin {
    /// The file, for messages about it.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::File(file, _) | Self::Override(file, _) => Some(file),
            Self::Default | Self::Profile(_) | Self::Env(_) => None,
        }
    }

    /// The position in that file.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::File(_, at) | Self::Override(_, at) => *at,
            Self::Default | Self::Profile(_) | Self::Env(_) => None,
        }
    }

    /// The same source at another position.
    pub(crate) fn at(&self, position: Position) -> Self {
        match self {
            Self::File(file, _) => Self::File(file.clone(), Some(position)),
            Self::Override(file, _) => Self::Override(file.clone(), Some(position)),
            Self::Default | Self::Profile(_) | Self::Env(_) => self.clone(),
        }
    }
}

/// `default`, `profile ID`, `FILE:LINE`, `override FILE:LINE`, `env NAME`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(id) => write!(f, "profile {id}"),
            Self::File(file, None) => f.write_str(file),
            Self::File(file, Some(at)) => write!(f, "{file}:{}", at.line),
            Self::Override(file, None) => write!(f, "override {file}"),
            Self::Override(file, Some(at)) => write!(f, "override {file}:{}", at.line),
            Self::Env(name) => write!(f, "env {name}"),
        }
    }
}

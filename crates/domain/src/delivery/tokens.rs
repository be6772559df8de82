//! A device's own tokens, and how one takes over from another.

/// The token that a device calls with, and the one before or beside it.
///
/// Both are kept until the next rotation: an offer can be taken back, and a cloud that was restored
/// from a backup may know only the older one. Whoever holds this keeps it durably *before* the first
/// call with a new token, so that a crash at any instant leaves one that works.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    current: String,
    other: Option<String>,
}

impl Tokens {
    /// The token that the device was made with, or that was kept.
    #[must_use]
    pub const fn new(current: String, other: Option<String>) -> Self {
        Self { current, other }
    }

    /// The one to call with.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// The one to fall back to.
    #[must_use]
    pub fn other(&self) -> Option<&str> {
        self.other.as_deref()
    }

    /// What is to be kept, and then called with, after an offer; `None` when it is the one in use.
    #[must_use]
    pub fn after_offer(&self, next: &str) -> Option<Self> {
        (next != self.current).then(|| Self::new(next.to_owned(), Some(self.current.clone())))
    }

    /// What to call with after the token `used` was answered with "unknown"; `None` when there is nothing
    /// else to try. A call that was begun with a token that is no longer the current one says nothing.
    #[must_use]
    pub fn after_refusal(&self, used: &str) -> Option<Self> {
        if used != self.current {
            return Some(self.clone());
        }
        let other = self.other.clone()?;
        Some(Self::new(other, Some(self.current.clone())))
    }
}

/// Without what lets somebody in.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens(…, other: {})", self.other.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(current: &str, other: Option<&str>) -> Tokens {
        Tokens::new(current.to_owned(), other.map(str::to_owned))
    }

    #[test]
    fn an_offered_token_takes_over_and_the_last_one_stays_beside_it() {
        let first = tokens("a", None);
        let second = first.after_offer("b").unwrap();
        assert_eq!(second, tokens("b", Some("a")));
        assert_eq!(
            second.after_offer("b"),
            None,
            "an answer that was lost is said again"
        );
        assert_eq!(second.after_offer("c").unwrap(), tokens("c", Some("b")));
    }

    #[test]
    fn who_is_refused_tries_the_other_token() {
        let both = tokens("b", Some("a"));
        assert_eq!(both.after_refusal("b").unwrap(), tokens("a", Some("b")));
        assert_eq!(
            both.after_refusal("a").unwrap(),
            both,
            "it was called with before the change"
        );
        assert_eq!(tokens("a", None).after_refusal("a"), None);
    }

    #[test]
    fn no_token_is_printed() {
        assert_eq!(
            format!("{:?}", tokens("secret", Some("older"))),
            "Tokens(…, other: true)"
        );
    }
}

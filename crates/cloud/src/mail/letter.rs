//! What letters say.

/// A letter, before it has an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Without the link in it.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

impl Letter {
    /// Somebody, perhaps himself, asked for a new password.
    #[must_use]
    pub fn reset(name: &str, link: &str) -> Self {
        let name = one_line(name);
        Self {
            subject: "Set a new SolThrive password".to_owned(),
            text: format!(
                "Hello {name},\n\nsomebody asked for a new password for this address. If that was you, set it here within one hour:\n\n{link}\n\n\
                 It works once, and signs every browser out. If it was not you, nothing has changed and there is nothing to do.\n"
            ),
        }
    }

    /// Somebody is asked to join an org.
    #[must_use]
    pub fn invitation(org: &str, role: &str, link: &str) -> Self {
        let org = one_line(org);
        Self {
            subject: format!("Join {org} at SolThrive"),
            text: format!(
                "Hello,\n\n{org} asks you to join as {role}. Accept within seven days here:\n\n{link}\n\n\
                 It works once, and for this address only. If you do not know {org}, leave it.\n"
            ),
        }
    }

    /// Somebody is offered a home.
    #[must_use]
    pub fn transfer(site: &str, from: &str, link: &str) -> Self {
        let (site, from) = (one_line(site), one_line(from));
        Self {
            subject: format!("{site} is to be yours at SolThrive"),
            text: format!(
                "Hello,\n\n{from} hands \"{site}\" over to you. Take it within fourteen days here:\n\n{link}\n\n\
                 From then on it is yours: its data, and who sees them. If you know nothing of it, leave it.\n"
            ),
        }
    }
}

/// About the end of homes.
impl Letter {
    /// Somebody, perhaps himself, asked for the end of his home.
    #[must_use]
    pub fn erasure_asked(site: &str, until: jiff::Timestamp) -> Self {
        let site = one_line(site);
        Self {
            subject: format!("{site} is to be deleted at SolThrive"),
            text: format!(
                "Hello,\n\nyou asked for \"{site}\" to be deleted with everything that was measured there. Until {until} you can take \
                 that back where you asked for it; from then on it cannot be undone. If it was not you, take it back and change your \
                 password at once.\n"
            ),
        }
    }

    /// A home is gone. Its name, too.
    #[must_use]
    pub fn erased(receipt: &str) -> Self {
        Self {
            subject: "Your home is deleted at SolThrive".to_owned(),
            text: format!(
                "Hello,\n\nthe home that you asked us to delete is deleted. This is the receipt; it says what was deleted, and which \
                 backups hold it until when. Whoever runs the service can check it.\n\n{receipt}\n"
            ),
        }
    }
}

/// A name that somebody chose, as part of a line.
fn one_line(name: &str) -> String {
    name.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(100)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_write_lines_of_its_own() {
        let letter = Letter::invitation("Evil\r\nBcc: x@example.org\n\nClick here", "viewer", "L");
        assert_eq!(letter.subject.lines().count(), 1);
        assert!(
            letter
                .text
                .contains("Evil  Bcc: x@example.org  Click here asks you")
        );
        assert!(!format!("{letter:?}").contains("asks you"));
    }
}

//! `solthrive-cli token show|rotate`.

use anyhow::bail;
use serde_json::json;

use super::Verdict;
use super::screen::Screen;
use super::site::Site;
use crate::config::token::{self, TokenError};

/// The token that history, settings and debug pages ask for.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the token.
    ///
    /// Standard output holds the token and nothing else:
    ///   curl -H "Authorization: Bearer $(sudo solthrive-cli token show)" http://…
    #[command(verbatim_doc_comment)]
    Show,
    /// Put a new token in the place of the old one.
    ///
    /// The daemon takes it at its next start, which also ends every browser session.
    Rotate,
}

pub(super) fn run(command: &Command, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let file = site.config()?.api.token_file;
    let (token, exposed) = match command {
        Command::Show => match token::read(&file) {
            Ok(found) => (found.token, found.exposed),
            Err(TokenError::Read { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                bail!(
                    "there is no token yet at {}: solthrived makes it at its first start, or `token rotate` now",
                    file.display()
                );
            }
            Err(TokenError::Read { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                bail!(
                    "only its owner may read {}; try again with sudo",
                    file.display()
                );
            }
            Err(error) => return Err(error.into()),
        },
        Command::Rotate => (token::rotate(&file)?, false),
    };
    if screen.json() {
        screen.value(&json!({"token": token.reveal(), "file": file, "exposed": exposed}))?;
    } else {
        screen.line(token.reveal())?;
    }
    if matches!(command, Command::Rotate) {
        eprintln!(
            "{} holds a new token. It counts after: sudo systemctl restart solthrived",
            file.display()
        );
    }
    if exposed {
        eprintln!(
            "Every user of this machine can read {}. Close it: sudo chmod 600 {0}",
            file.display()
        );
    }
    Ok(Verdict::of(!exposed))
}

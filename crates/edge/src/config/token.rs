//! The bearer token of the local API: made on first start, kept in a file of its own.
//!
//! A file that everybody on the machine may read is still used, since refusing it would lock the
//! owner out; it is reported ([`TokenFile::exposed`]) so that the daemon warns and
//! `solthrive-cli check` fails until it is closed or rotated.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::files::write_private;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;
const LONGEST: usize = 512;

/// A bearer token. Printed as `***`; [`Token::reveal`] is the one way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The text, to be compared with what a client sent or shown to its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A token and the state of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    /// The token.
    pub token: Token,
    /// It was made just now.
    pub created: bool,
    /// Every user of this machine may read or change it.
    pub exposed: bool,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is there, but cannot be read.
    #[error("the token file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// It could not be made.
    #[error("the token file {} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// What stands in it is no token.
    #[error("the token file {} holds no usable token: one line of {SHORTEST} to {LONGEST} visible ASCII characters is needed; remove the file to get a new one", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the token.
///
/// # Errors
/// See [`TokenError`]; a missing file is [`TokenError::Read`].
pub fn read(path: &Path) -> Result<TokenFile, TokenError> {
    let failed = |source| TokenError::Read {
        path: path.to_owned(),
        source,
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    let mut text = String::new();
    // One byte more than the longest token and its line ending tells that it is too long.
    File::open(path)
        .and_then(|file| file.take(LONGEST as u64 + 3).read_to_string(&mut text))
        .map_err(failed)?;
    let token = text.trim();
    let fits = (SHORTEST..=LONGEST).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        return Err(TokenError::Unusable {
            path: path.to_owned(),
        });
    }
    Ok(TokenFile {
        token: Token(token.to_owned()),
        created: false,
        exposed: mode & 0o006 != 0,
    })
}

/// Reads the token, or makes one where there is none.
///
/// # Errors
/// See [`TokenError`]. A file that holds no usable token is never replaced without being asked.
pub fn read_or_create(path: &Path) -> Result<TokenFile, TokenError> {
    match read(path) {
        Err(TokenError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            rotate(path).map(|token| TokenFile {
                token,
                created: true,
                exposed: false,
            })
        }
        other => other,
    }
}

/// Makes a new token in the place of whatever is there. The daemon takes it at its next start,
/// which also ends every browser session.
///
/// # Errors
/// [`TokenError::Write`].
pub fn rotate(path: &Path) -> Result<Token, TokenError> {
    let failed = |source| TokenError::Write {
        path: path.to_owned(),
        source,
    };
    let token: String = random()
        .map_err(failed)?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    write_private(path, format!("{token}\n").as_bytes()).map_err(failed)?;
    Ok(Token(token))
}

/// 256 bits from the system; the one place of the appliance that asks for randomness.
///
/// # Errors
/// What the system says.
pub fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn the_first_start_makes_a_token_and_the_next_one_finds_it() {
        let folder = folder();
        let path = folder.path().join("etc/token");
        let first = read_or_create(&path).unwrap();
        assert!(first.created && first.token.reveal().len() == 64);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let again = read_or_create(&path).unwrap();
        assert_eq!(
            again,
            TokenFile {
                created: false,
                ..first
            }
        );
    }

    #[test]
    fn a_rotated_token_is_another_one() {
        let folder = folder();
        let path = folder.path().join("token");
        assert_ne!(rotate(&path).unwrap(), rotate(&path).unwrap());
    }

    #[test]
    fn a_token_for_everybody_to_read_is_used_and_reported() {
        let folder = folder();
        let path = folder.path().join("token");
        let token = rotate(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(
            read(&path).unwrap(),
            TokenFile {
                token: token.clone(),
                created: false,
                exposed: true
            }
        );
        // A group that the installer chose is not everybody.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(!read(&path).unwrap().exposed);
    }

    #[test]
    fn a_file_without_a_usable_token_is_refused_and_left_alone() {
        let folder = folder();
        let path = folder.path().join("token");
        for useless in [
            "",
            "short",
            "two words that are long enough",
            &"x".repeat(600),
        ] {
            fs::write(&path, useless).unwrap();
            assert!(
                matches!(read_or_create(&path), Err(TokenError::Unusable { .. })),
                "{useless}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), useless);
        }
    }

    #[test]
    fn a_token_is_never_printed_by_accident() {
        let folder = folder();
        let token = rotate(&folder.path().join("token")).unwrap();
        assert_eq!(format!("{token:?}"), "***");
    }
}

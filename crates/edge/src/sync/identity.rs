//! Who this appliance is to the cloud: `device_id` and `device_token` in the configuration folder.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use solthrive_courier::Vault;
use solthrive_domain::DeviceId;
use solthrive_domain::delivery::Tokens;

use crate::config::files::write_private;

/// The longest file that is read.
const MOST: u64 = 4096;

/// Who this appliance is, and where that stands.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The device.
    pub device: DeviceId,
    /// The number on its case, where `device_serial` says it.
    pub serial: Option<String>,
    /// Its tokens.
    pub tokens: Tokens,
    /// Their file.
    pub files: TokenFiles,
    /// Everybody on this machine may read the token.
    pub exposed: bool,
}

/// Why the appliance does not know who it is.
#[derive(Debug, thiserror::Error)]
pub enum BadIdentity {
    /// It was never given an identity. Nothing is wrong with that.
    #[error("this appliance has no identity: {} is not there", .0.display())]
    None(PathBuf),
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// What stands there is not what should.
    #[error("{} should hold {expected}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What should stand there.
        expected: &'static str,
    },
}

/// The file with the device's tokens: the one in use in the first line, the one before it in the second.
///
/// It is replaced as a whole, so that a crash at any instant leaves the old content or the new one; both
/// have a token that the cloud knows.
#[derive(Debug, Clone)]
pub struct TokenFiles(PathBuf);

impl Identity {
    /// Reads it.
    ///
    /// # Errors
    /// [`BadIdentity`].
    pub fn read(folder: &Path) -> Result<Self, BadIdentity> {
        let path = folder.join("device_id");
        let id = text(&path)?;
        let device = id.trim().parse().map_err(|_| BadIdentity::Unusable {
            path,
            expected: "the device's id, such as 6f1c0d6e-8f53-4f0e-9a51-2f3d1c6b7a80",
        })?;
        let path = folder.join("device_token");
        let tokens = text(&path)?;
        let mode = fs::metadata(&path).map_or(0, |file| file.permissions().mode());
        let mut lines = tokens
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let sound = |line: &str| {
            (16..=512).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let current = lines.next().filter(|line| sound(line));
        let current = current.ok_or_else(|| BadIdentity::Unusable {
            path: path.clone(),
            expected: "the token that the device was made with",
        })?;
        let other = lines.next().filter(|line| sound(line)).map(str::to_owned);
        Ok(Self {
            device,
            serial: serial(folder),
            tokens: Tokens::new(current.to_owned(), other),
            files: TokenFiles(path),
            exposed: mode & 0o006 != 0,
        })
    }
}

impl Vault for TokenFiles {
    fn keep(&self, tokens: &Tokens) -> io::Result<()> {
        let other = tokens.other().map(|other| format!("{other}\n"));
        let text = format!("{}\n{}", tokens.current(), other.unwrap_or_default());
        write_private(&self.0, text.as_bytes())
    }
}

/// The number on the case, as the factory wrote it down.
pub(crate) fn serial(folder: &Path) -> Option<String> {
    let text = text(&folder.join("device_serial")).ok()?;
    let serial = text.trim();
    (!serial.is_empty()).then(|| serial.to_owned())
}

fn text(path: &Path) -> Result<String, BadIdentity> {
    use std::io::Read as _;
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => BadIdentity::None(path.to_owned()),
        _ => BadIdentity::Read {
            path: path.to_owned(),
            source,
        },
    };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MOST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f1c0d6e-8f53-4f0e-9a51-2f3d1c6b7a80";

    fn folder(id: &str, token: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("device_id"), id).unwrap();
        fs::write(folder.path().join("device_token"), token).unwrap();
        folder
    }

    #[test]
    fn what_is_kept_is_found_again_and_private() {
        let folder = folder(&format!("{ID}\n"), "std_0123456789abcdef\n");
        let identity = Identity::read(folder.path()).unwrap();
        assert_eq!(
            (
                identity.device.to_string().as_str(),
                identity.tokens.other()
            ),
            (ID, None)
        );
        let next = identity.tokens.after_offer("std_fedcba9876543210").unwrap();
        identity.files.keep(&next).unwrap();
        let again = Identity::read(folder.path()).unwrap();
        assert_eq!((again.tokens, again.exposed), (next, false));
        let mode = fs::metadata(folder.path().join("device_token"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn without_an_identity_or_with_nonsense_the_reason_is_said() {
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(
            Identity::read(empty.path()),
            Err(BadIdentity::None(_))
        ));
        for (id, token) in [
            ("me", "std_0123456789abcdef"),
            (ID, ""),
            (ID, "short"),
            (ID, "std 0123456789 abcdef"),
        ] {
            let wrong = Identity::read(folder(id, token).path()).unwrap_err();
            assert!(
                matches!(wrong, BadIdentity::Unusable { .. }),
                "{id} {token}: {wrong}"
            );
        }
    }
}

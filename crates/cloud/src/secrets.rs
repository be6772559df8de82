//! Tokens and codes: how they look, and what is stored of them.

use std::fmt;

use aws_lc_rs::{digest, hmac, rand};
use solthrive_cloud_store::meta::{CodeHash, TokenHash};
use solthrive_domain::DeviceId;

/// Letters of Crockford's base 32: no I, L, O, U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code that are drawn; one more checks them.
const DRAWN: usize = 9;
/// What every device token begins with, so that a leaked one is recognised for what it is.
const PREFIX: &str = "std_";

/// In hexadecimal, small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Randomness is not to be had, which no program can go on from.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system has no random numbers")]
pub struct NoRandomness;

/// A device's token in the clear. Shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken(String);

impl DeviceToken {
    /// 256 random bits.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn draw() -> Result<Self, NoRandomness> {
        let mut bytes = [0u8; 32];
        rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self::of(&bytes))
    }

    /// The token that takes over from `current` in the device's rotation of this number. Any node derives
    /// it anew, so it is stored nowhere; and since `current` is stored nowhere either, database and
    /// pepper together do not give it away.
    #[must_use]
    pub fn after(current: &str, device: DeviceId, rotation: i64, pepper: &Pepper) -> Self {
        let mut tag = hmac::Context::with_key(&pepper.0);
        // Longer than any code, which the same key hashes.
        tag.update(b"solthrive next device token 1");
        tag.update(device.as_uuid().as_bytes());
        tag.update(&rotation.to_be_bytes());
        tag.update(current.as_bytes());
        Self::of(tag.sign().as_ref())
    }

    fn of(bytes: &[u8]) -> Self {
        Self(format!("{PREFIX}{}", hex(bytes)))
    }

    /// The text, for the device and its label.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        hash_token(&self.0)
    }
}

/// Never the token itself.
impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken(…)")
    }
}

/// A token that somebody else made, as it travels in a header; `None` when it cannot, or could be guessed.
#[must_use]
pub fn given_token(text: &str) -> Option<&str> {
    let token = text.trim();
    let sound = (32..=512).contains(&token.len()) && token.bytes().all(|it| it.is_ascii_graphic());
    sound.then_some(token)
}

/// SHA-256: 256 random bits cannot be guessed, so nothing slower is needed.
#[must_use]
pub fn hash_token(token: &str) -> TokenHash {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut hash = [0u8; 32];
    hash.copy_from_slice(digest.as_ref());
    TokenHash(hash)
}

/// A code that an installer types: nine random letters and one that checks them.
#[derive(Clone, PartialEq, Eq)]
pub struct InstallerCode([u8; DRAWN + 1]);

/// Why a text is no code. Says nothing about whether it would be a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has 10 letters and digits; this one was mistyped")]
pub struct NotACode;

impl InstallerCode {
    /// 45 random bits.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn draw() -> Result<Self, NoRandomness> {
        let mut bytes = [0u8; DRAWN];
        rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        let mut places = [0u8; DRAWN + 1];
        for (place, byte) in places.iter_mut().zip(bytes) {
            *place = byte % 32;
        }
        places[DRAWN] = check_of(&places[..DRAWN]);
        Ok(Self(places))
    }

    /// As a person types it: small letters, spaces and hyphens do not matter, nor O for 0 and I or L for 1.
    ///
    /// # Errors
    /// [`NotACode`] when it cannot be one.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let mut places = [0u8; DRAWN + 1];
        let mut typed = text
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '-'))
            .map(|letter| place_of(letter).ok_or(NotACode));
        for place in &mut places {
            *place = typed.next().ok_or(NotACode)??;
        }
        if typed.next().is_some() || check_of(&places[..DRAWN]) != places[DRAWN] {
            return Err(NotACode);
        }
        Ok(Self(places))
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper) -> CodeHash {
        let tag = hmac::sign(&pepper.0, &self.0);
        let mut hash = [0u8; 32];
        hash.copy_from_slice(tag.as_ref());
        CodeHash(hash)
    }
}

/// In two halves, as it is printed.
impl fmt::Display for InstallerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, place) in self.0.iter().enumerate() {
            if at == 5 {
                f.write_str("-")?;
            }
            write!(f, "{}", LETTERS[usize::from(*place)] as char)?;
        }
        Ok(())
    }
}

/// Never the code itself.
impl fmt::Debug for InstallerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallerCode(…)")
    }
}

fn place_of(letter: char) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        letter => letter,
    };
    let place = LETTERS
        .iter()
        .position(|known| char::from(*known) == letter);
    place.and_then(|place| u8::try_from(place).ok())
}

/// A weighted sum: one wrong letter and two exchanged neighbours both change it.
fn check_of(places: &[u8]) -> u8 {
    // Odd weights have an inverse modulo 32, and neighbours differ by 2: an exchange is found unless
    // the letters are 16 places apart.
    let weights = (1u32..).step_by(2);
    let sum: u32 = places
        .iter()
        .zip(weights)
        .map(|(place, weight)| u32::from(*place) * weight)
        .sum();
    u8::try_from(sum % 32).unwrap_or(0)
}

/// The key of the codes' hashes. It lies in a file beside the configuration, not in the database.
#[derive(Clone)]
pub struct Pepper(hmac::Key);

impl Pepper {
    /// Bytes of a pepper file.
    pub const LEN: usize = 32;

    /// Of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; Self::LEN]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Fresh bytes for a file.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn draw() -> Result<[u8; Self::LEN], NoRandomness> {
        let mut bytes = [0u8; Self::LEN];
        rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let code = InstallerCode::draw().unwrap();
        let shown = code.to_string();
        assert_eq!(shown.len(), 11);
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            shown.replace('0', "o").replace('1', "l"),
        ] {
            assert_eq!(InstallerCode::parse(&typed), Ok(code.clone()), "{typed}");
        }
    }

    #[test]
    fn any_one_wrong_letter_is_noticed() {
        let code = InstallerCode::draw().unwrap();
        for at in 0..10 {
            for change in 1..32 {
                let mut wrong = code.clone();
                wrong.0[at] = (wrong.0[at] + change) % 32;
                assert_eq!(InstallerCode::parse(&wrong.to_string()), Err(NotACode));
            }
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for typed in [
            "",
            "0",
            "00000-0000",
            "00000-000000",
            "0000U-00000",
            "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
        ] {
            assert_eq!(InstallerCode::parse(typed), Err(NotACode), "{typed}");
        }
    }

    #[test]
    fn a_next_token_is_the_same_on_every_node_and_depends_on_everything() {
        let id = |number| DeviceId::from_uuid(uuid::Uuid::from_u128(number));
        let pepper = Pepper::new(&[1; 32]);
        let next = |current: &str, device, rotation, pepper: &Pepper| {
            DeviceToken::after(current, id(device), rotation, pepper)
        };
        let one = next("std_a", 1, 1, &pepper);
        assert_eq!(one, next("std_a", 1, 1, &Pepper::new(&[1; 32])));
        assert!(one.reveal().starts_with("std_") && one.reveal().len() == 68);
        let others = [
            next("std_b", 1, 1, &pepper),
            next("std_a", 2, 1, &pepper),
            next("std_a", 1, 2, &pepper),
            next("std_a", 1, 1, &Pepper::new(&[2; 32])),
        ];
        for other in others {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn hashes_depend_on_the_key_and_secrets_are_not_printed() {
        let code = InstallerCode::draw().unwrap();
        let (one, other) = (Pepper::new(&[1; 32]), Pepper::new(&[2; 32]));
        assert_eq!(code.hash(&one), code.hash(&one));
        assert_ne!(code.hash(&one), code.hash(&other));
        let token = DeviceToken::draw().unwrap();
        assert_eq!(token.hash(), hash_token(token.reveal()));
        let said = format!("{code:?} {token:?} {one:?}");
        assert!(!said.contains(token.reveal()) && !said.contains(&code.to_string()));
    }
}

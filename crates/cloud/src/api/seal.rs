//! Secrets that have to be read again, kept so that the database alone gives them to nobody.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;

/// The format's version, in the first byte: AES-256-GCM, a nonce of chance, then the sealed bytes.
const VERSION: u8 = 1;

/// The key of the seals.
pub(super) struct Seals(RandomizedNonceKey);

/// A secret could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sealed secret cannot be opened with this key: is `pepper` the one that belongs to the database?"
)]
pub(super) struct NotOpened;

/// A key for one purpose, of one that has several.
pub(super) fn derived(key: &[u8], purpose: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), purpose)
}

impl Seals {
    pub(super) fn new(key: &[u8]) -> Result<Self, NotOpened> {
        let key = derived(key, b"seals of second factors");
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref());
        Ok(Self(key.map_err(|_| NotOpened)?))
    }

    /// `whose` is sealed with it: what is moved to somebody else's row does not open.
    pub(super) fn seal(&self, whose: &[u8], secret: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let mut sealed = secret.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(whose), &mut sealed);
        let nonce = nonce.map_err(|_| NotOpened)?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(nonce.as_ref());
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// What was sealed.
    pub(super) fn open(&self, whose: &[u8], bytes: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let sealed = bytes.strip_prefix(&[VERSION]).ok_or(NotOpened)?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(NotOpened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened)?;
        let mut sealed = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(whose), &mut sealed);
        opened.map(|opened| opened.to_vec()).map_err(|_| NotOpened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_for_its_owner_with_its_key_and_as_it_was_made() {
        let seals = Seals::new(b"key").unwrap();
        let sealed = seals.seal(b"ada", b"secret").unwrap();
        assert_eq!(seals.open(b"ada", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(seals.open(b"eve", &sealed), Err(NotOpened));
        assert_eq!(
            Seals::new(b"other").unwrap().open(b"ada", &sealed),
            Err(NotOpened)
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seals.open(b"ada", &changed), Err(NotOpened), "{at}");
            assert_eq!(seals.open(b"ada", &sealed[..at]), Err(NotOpened), "{at}");
        }
        assert_ne!(seals.seal(b"ada", b"secret").unwrap(), sealed);
    }
}

//! Receipts of erased homes: JWS (RFC 7515) with Ed25519, by a key that is derived from the pepper and signs nothing else.
//!
//! It is the same on every node for as long as the pepper is, so a receipt can be checked years later.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::secrets::{Pepper, hex};

const ALG: &str = "EdDSA";
const TYP: &str = "solthrive-erasure+jwt";
/// The longest text that is taken for a receipt, in bytes.
const LONGEST: usize = 256 << 10;

/// Why the key of receipts cannot be made.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the key of receipts cannot be made")]
pub struct NoKey;

/// What is said of a home that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The service that says so.
    pub issuer: String,
    /// The erasure's id.
    pub erasure: Uuid,
    /// The id that the home had.
    pub site: Uuid,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Since when nobody reached it.
    pub closed_at: Timestamp,
    /// When every table and chunk was searched, and nothing was found but `kept`.
    pub searched_at: Timestamp,
    /// Rows that were deleted, by table.
    pub deleted: BTreeMap<String, u64>,
    /// Rows with its id that stay.
    pub kept: Vec<Kept>,
    /// Backups of before, which hold it until they are deleted.
    pub backups: Vec<Holds>,
}

/// Rows that stay, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
    /// Why.
    pub why: String,
}

/// A backup that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// The backup's id.
    pub backup: Uuid,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it is deleted at the latest, as was planned when it was made.
    pub kept_until: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
}

/// By which the audit log knows a receipt: its SHA-256, hexadecimal.
#[must_use]
pub fn fingerprint(receipt: &str) -> String {
    hex(digest(&SHA256, receipt.as_bytes()).as_ref())
}

/// Writes and checks receipts.
pub struct Receipts(Ed25519KeyPair);

impl Receipts {
    /// With the key that this pepper gives.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn new(pepper: &[u8; Pepper::LEN]) -> Result<Self, NoKey> {
        let seed = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, pepper),
            b"solthrive key of receipts 1",
        );
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref());
        pair.map(Self).map_err(|_| NoKey)
    }

    /// The public half, for who wants to check a receipt without us.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The receipt, signed: three parts in base64 with dots between.
    ///
    /// # Errors
    /// [`NoKey`] when it cannot be signed.
    pub fn write(&self, receipt: &Receipt) -> Result<String, NoKey> {
        let header = json!({ "alg": ALG, "typ": TYP }).to_string();
        let payload = serde_json::to_vec(receipt).map_err(|_| NoKey)?;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(&payload));
        let signature = self.0.try_sign(signed.as_bytes()).map_err(|_| NoKey)?;
        Ok(format!("{signed}.{}", encode(signature.as_ref())))
    }

    /// What a receipt says; `None` for one that this service did not write.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Receipt> {
        let text = text.trim();
        if text.len() > LONGEST {
            return None;
        }
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        if header.alg != ALG || header.typ != TYP {
            return None;
        }
        let key = UnparsedPublicKey::new(&ED25519, self.public());
        key.verify(signed.as_bytes(), &decode(signature)?).ok()?;
        serde_json::from_slice(&decode(payload)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            issuer: "https://solthrive.example".to_owned(),
            erasure: Uuid::from_u128(1),
            site: Uuid::from_u128(2),
            asked_at: Timestamp::UNIX_EPOCH,
            closed_at: Timestamp::UNIX_EPOCH,
            searched_at: Timestamp::UNIX_EPOCH,
            deleted: BTreeMap::from([("chunk".to_owned(), 7)]),
            kept: Vec::new(),
            backups: Vec::new(),
        }
    }

    #[test]
    fn a_receipt_is_believed_as_it_was_written_by_this_service_and_not_otherwise() {
        let receipts = Receipts::new(&[7; Pepper::LEN]).unwrap();
        let text = receipts.write(&receipt()).unwrap();
        assert_eq!(receipts.read(&text), Some(receipt()));
        assert_eq!(receipts.read(&format!("{text}\n")), Some(receipt()));
        let another = Receipts::new(&[8; Pepper::LEN]).unwrap();
        assert_eq!(another.read(&text), None);
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            assert_eq!(receipts.read(&altered), None, "byte {place}");
        }
        for odd in ["", ".", "..", "a.b.c", &"a.".repeat(200_000)] {
            assert_eq!(receipts.read(odd), None);
        }
    }
}

//! Public keys of identity providers (RFC 7517): which algorithm a signature is made by is the key's to say.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use super::super::jwt::decode;

/// Keys of a provider that are looked at.
const KEYS: usize = 100;

/// A public key of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    kid: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// RS256.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// ES256, as an uncompressed point.
    P256(Vec<u8>),
    /// `EdDSA`.
    Ed25519(Vec<u8>),
}

/// RFC 7517, as far as it is used.
#[derive(Deserialize)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// What it is called, if it has a name.
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Those of a key set that sign tokens here; a key that is not known is passed over. `None` for what is no key set.
    pub(super) fn all(jwks: &[u8]) -> Option<Vec<Self>> {
        let jwks: Jwks = serde_json::from_slice(jwks).ok()?;
        let keys = jwks.keys.into_iter().take(KEYS);
        Some(keys.filter_map(Self::of).collect())
    }

    fn of(jwk: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if jwk
            .purpose
            .as_deref()
            .is_some_and(|purpose| purpose != "sig")
        {
            return None;
        }
        let bytes = |text: &Option<String>| decode(text.as_deref()?);
        let kind = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => Kind::Rsa {
                n: bytes(&jwk.n)?,
                e: bytes(&jwk.e)?,
            },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
                let fits = x.len() == 32 && y.len() == 32;
                fits.then(|| Kind::P256([&[4], &x[..], &y[..]].concat()))?
            }
            ("OKP", Some("Ed25519")) => Kind::Ed25519(bytes(&jwk.x)?),
            _ => return None,
        };
        let key = Self { kid: jwk.kid, kind };
        jwk.alg.is_none_or(|alg| alg == key.alg()).then_some(key)
    }

    /// The one algorithm of such a key.
    pub(super) const fn alg(&self) -> &'static str {
        match self.kind {
            Kind::Rsa { .. } => "RS256",
            Kind::P256(_) => "ES256",
            Kind::Ed25519(_) => "EdDSA",
        }
    }

    /// Whether it signed this.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let by = match &self.kind {
            Kind::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                return key
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                    .is_ok();
            }
            Kind::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Kind::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        by.is_ok()
    }
}

//! Access tokens as RFC 9068 has them: JWTs signed with Ed25519, and nothing else.
//!
//! What a token says about how it is to be checked chooses nothing: its `alg` and `typ` are compared with the
//! one that we write, any further field of its header is refused, and `kid` is looked up among our own keys.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use solthrive_domain::access::Scopes;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

const ALG: &str = "EdDSA";
const TYP: &str = "at+jwt";
/// How long a token counts, ms.
pub(super) const LASTS_MS: i64 = 15 * 60_000;
/// So long before it was made it counts already: clocks of nodes differ a little.
const EARLY_S: i64 = 5;
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 4_096;

/// For whom a token speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claims {
    /// The person, or the program that speaks for itself.
    pub(super) sub: Uuid,
    /// The program.
    pub(super) client_id: Uuid,
    /// By which a person let it in; `None` where it speaks for itself.
    pub(super) consent: Option<Uuid>,
    /// What it may at most.
    pub(super) scopes: Scopes,
}

/// Who writes tokens, and for which service they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Realm {
    /// The issuer's URL.
    pub(super) issuer: String,
    /// The service's.
    pub(super) audience: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: Uuid,
    client_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent: Option<Uuid>,
    scope: String,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// A token that says it is one of ours, before anything of it is believed.
#[derive(Debug)]
pub(super) struct Unproven<'a> {
    /// The key that it names.
    pub(super) kid: Uuid,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unproven<'a> {
    /// `None` for what is not written as our tokens are.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let kid = Uuid::try_parse(&header.kid).ok()?;
        let ours = header.alg == ALG && header.typ == TYP && kid.to_string() == header.kid;
        ours.then_some(Self {
            kid,
            signed,
            payload,
            signature: decode(signature)?,
        })
    }

    /// What it says, if this key signed it for this realm and it counts now.
    pub(super) fn proven(&self, key: &[u8], realm: &Realm, now: UnixMillis) -> Option<Claims> {
        let key = UnparsedPublicKey::new(&ED25519, key);
        key.verify(self.signed.as_bytes(), &self.signature).ok()?;
        let payload: Payload = serde_json::from_slice(&decode(self.payload)?).ok()?;
        let now = now.get();
        let counts =
            payload.nbf.checked_mul(1_000)? <= now && now < payload.exp.checked_mul(1_000)?;
        let here = payload.iss == realm.issuer && payload.aud == realm.audience;
        (counts && here).then_some(Claims {
            sub: payload.sub,
            client_id: payload.client_id,
            consent: payload.consent,
            scopes: payload.scope.parse().ok()?,
        })
    }
}

/// A token that counts from now on for [`LASTS_MS`]; `id` is its own. `None` when it cannot be written.
pub(super) fn write(
    (kid, key): (Uuid, &Ed25519KeyPair),
    realm: &Realm,
    claims: &Claims,
    id: Uuid,
    now: UnixMillis,
) -> Option<String> {
    let iat = now.get().div_euclid(1_000);
    let payload = Payload {
        iss: realm.issuer.clone(),
        aud: realm.audience.clone(),
        sub: claims.sub,
        client_id: claims.client_id,
        consent: claims.consent,
        scope: claims.scopes.to_string(),
        jti: id,
        iat,
        nbf: iat - EARLY_S,
        exp: iat + LASTS_MS / 1_000,
    };
    let header = json!({ "alg": ALG, "typ": TYP, "kid": kid });
    let payload = serde_json::to_vec(&payload).ok()?;
    let signed = format!("{}.{}", encode(header.to_string()), encode(payload));
    let signature = key.try_sign(signed.as_bytes()).ok()?;
    Some(format!("{signed}.{}", encode(signature)))
}

/// Base64 for URLs, without padding.
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What [`encode`] wrote, in that one form.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::KeyPair as _;

    use super::*;

    fn at(ms: i64) -> UnixMillis {
        UnixMillis::try_from(ms).unwrap()
    }

    fn realm(issuer: &str) -> Realm {
        Realm {
            issuer: issuer.to_owned(),
            audience: "https://cloud.example/api/v1".to_owned(),
        }
    }

    const CLAIMS: Claims = Claims {
        sub: Uuid::from_u128(1),
        client_id: Uuid::from_u128(2),
        consent: Some(Uuid::from_u128(3)),
        scopes: Scopes::LOOKING,
    };
    const KID: Uuid = Uuid::from_u128(4);
    const NOW: i64 = 1_800_000_000_000;

    fn token(key: &Ed25519KeyPair) -> String {
        let id = Uuid::from_u128(5);
        write((KID, key), &realm("https://a"), &CLAIMS, id, at(NOW)).unwrap()
    }

    #[test]
    fn a_token_says_what_it_was_made_with_from_its_beginning_to_its_end() {
        let key = Ed25519KeyPair::generate().unwrap();
        let token = token(&key);
        let read = Unproven::read(&token).unwrap();
        assert_eq!(read.kid, KID);
        let public = key.public_key().as_ref();
        let said = |issuer: &str, now| read.proven(public, &realm(issuer), at(now));
        for (now, counts) in [
            (NOW - 5_001, false),
            (NOW - 5_000, true),
            (NOW, true),
            (NOW + LASTS_MS - 1, true),
            (NOW + LASTS_MS, false),
        ] {
            assert_eq!(said("https://a", now), counts.then_some(CLAIMS), "{now}");
        }
        assert_eq!(said("https://b", NOW), None);
        let other = Ed25519KeyPair::generate().unwrap();
        let other = other.public_key().as_ref();
        assert_eq!(read.proven(other, &realm("https://a"), at(NOW)), None);
    }

    #[test]
    fn a_token_of_which_any_letter_was_changed_or_left_out_is_worth_nothing() {
        let key = Ed25519KeyPair::generate().unwrap();
        let (token, public) = (token(&key), key.public_key().as_ref());
        let counts = |token: &str| {
            let read = Unproven::read(token)?;
            read.proven(public, &realm("https://a"), at(NOW))
        };
        assert_eq!(counts(&token), Some(CLAIMS));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(counts(&changed), None, "{at}");
            assert_eq!(counts(&token[..at]), None, "{at}");
        }
        assert_eq!(counts(&format!("{token}=")), None);
        assert_eq!(counts(&format!("{token}.")), None);
    }
}

//! What a provider says of who came, as OpenID Connect Core 1.0 section 3.1.3.7 has it judged.
//!
//! A token says by itself how it is to be checked; that chooses nothing here. The key is one of the provider's own, by its
//! `kid`, and says which algorithm is its; `none` and secrets in common are no algorithms of a key.

use serde::Deserialize;

use super::super::jwt::decode;
use super::keys::Key;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 64 << 10;
/// Clocks of providers may be so wrong, s.
pub(super) const TOLERATED_S: i64 = 120;
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(all) => all,
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
}

/// What a token has to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The provider.
    pub(super) issuer: &'a str,
    /// We, there.
    pub(super) client: &'a str,
    /// Of this very sign-in.
    pub(super) nonce: &'a str,
    /// When it was begun, s since the Unix epoch: the token is made after that.
    pub(super) begun: i64,
    /// Now, s since the Unix epoch.
    pub(super) now: i64,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotBelieved {
    /// None of the keys that are known has its `kid`: there may be a newer one.
    NoKey,
    /// It is not what a provider's token is.
    Shape,
    /// The provider did not sign it.
    Signature,
    /// It is of another provider.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It is of another sign-in.
    Nonce,
    /// It is right, but not by our clock: one of the two clocks is wrong.
    Clock,
}

impl NotBelieved {
    /// For the audit log.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no-key",
            Self::Shape => "shape",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::Clock => "clock",
        }
    }
}

/// Who it is at the provider, if all of it is right.
pub(super) fn subject(
    token: &str,
    keys: &[Key],
    expected: Expected<'_>,
) -> Result<String, NotBelieved> {
    let shape = NotBelieved::Shape;
    if token.len() > LONGEST {
        return Err(shape);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(shape)?;
    let (header, payload) = signed.split_once('.').ok_or(shape)?;
    let header: Header = read(header)?;
    if header.crit.is_some() {
        return Err(shape);
    }
    let known = keys.iter().filter(|key| match (&header.kid, key.kid()) {
        (Some(said), Some(kid)) => said == kid,
        // Who has one key need not name it.
        (None, _) => keys.len() == 1,
        (Some(_), None) => false,
    });
    let known: Vec<&Key> = known.collect();
    if known.is_empty() {
        return Err(NotBelieved::NoKey);
    }
    let signature = decode(signature).ok_or(shape)?;
    // Two may have one name while one takes over from the other.
    let signs = |key: &&Key| header.alg == key.alg() && key.signed(signed.as_bytes(), &signature);
    if !known.iter().any(signs) {
        return Err(NotBelieved::Signature);
    }
    let claims: Claims = read(payload)?;
    judged(&claims, expected)?;
    Ok(claims.sub)
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, NotBelieved> {
    let bytes = decode(part).ok_or(NotBelieved::Shape)?;
    serde_json::from_slice(&bytes).map_err(|_| NotBelieved::Shape)
}

fn judged(claims: &Claims, expected: Expected<'_>) -> Result<(), NotBelieved> {
    if claims.iss != expected.issuer {
        return Err(NotBelieved::Issuer);
    }
    let all = claims.aud.all();
    let ours = all.iter().any(|one| one == expected.client);
    let by_us = match &claims.azp {
        Some(azp) => azp == expected.client,
        None => all.len() == 1,
    };
    if !ours || !by_us {
        return Err(NotBelieved::Audience);
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(NotBelieved::Nonce);
    }
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err(NotBelieved::Shape);
    }
    // Last: what is wrong by the clock only is told apart from what is wrong.
    let now = expected.now;
    let over = claims.exp.saturating_add(TOLERATED_S) <= now;
    let early = claims.iat.max(claims.nbf.unwrap_or(i64::MIN)) > now.saturating_add(TOLERATED_S);
    let late = claims.iat.saturating_add(TOLERATED_S) < expected.begun;
    if over || early || late {
        return Err(NotBelieved::Clock);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::super::jwt::encode;
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    fn jwks(pair: &Ed25519KeyPair) -> Vec<Key> {
        let x = encode(pair.public_key().as_ref());
        let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "x": x }] });
        Key::all(jwks.to_string().as_bytes()).unwrap()
    }

    fn token(pair: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
        let signed = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = pair.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.as_ref()))
    }

    fn header() -> Value {
        json!({ "alg": "EdDSA", "kid": "k1" })
    }

    fn claims() -> Value {
        json!({
            "iss": "https://id.example", "sub": "s1", "aud": "us", "nonce": "n",
            "exp": NOW + 300, "iat": NOW,
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn judge(token: &str, keys: &[Key]) -> Result<String, NotBelieved> {
        let expected = Expected {
            issuer: "https://id.example",
            client: "us",
            nonce: "n",
            begun: NOW - 5,
            now: NOW,
        };
        subject(token, keys, expected)
    }

    fn of(claims: &Value) -> Result<String, NotBelieved> {
        let pair = pair(1);
        judge(&token(&pair, &header(), claims), &jwks(&pair))
    }

    #[test]
    fn what_the_provider_signed_for_us_now_is_believed() {
        assert_eq!(of(&claims()), Ok("s1".to_owned()));
        assert_eq!(of(&with("aud", json!(["us"]))), Ok("s1".to_owned()));
        let mut several = with("aud", json!(["us", "them"]));
        several["azp"] = json!("us");
        assert_eq!(of(&several), Ok("s1".to_owned()));
        assert_eq!(
            of(&with("exp", json!(NOW - TOLERATED_S + 1))),
            Ok("s1".to_owned())
        );
        assert_eq!(
            of(&with("iat", json!(NOW + TOLERATED_S))),
            Ok("s1".to_owned())
        );
    }

    #[test]
    fn what_is_of_somebody_else_or_for_somebody_else_is_not() {
        use NotBelieved::*;
        for (name, value, why) in [
            ("iss", json!("https://id.example/"), Issuer),
            ("iss", json!("https://evil.example"), Issuer),
            ("aud", json!("them"), Audience),
            ("aud", json!(["us", "them"]), Audience),
            ("aud", json!([]), Audience),
            ("azp", json!("them"), Audience),
            ("nonce", json!("another"), Nonce),
            ("nonce", Value::Null, Nonce),
            ("sub", json!(""), Shape),
            ("sub", json!("s".repeat(256)), Shape),
            ("sub", Value::Null, Shape),
            ("exp", Value::Null, Shape),
            ("exp", json!(NOW - TOLERATED_S), Clock),
            ("iat", json!(NOW + TOLERATED_S + 1), Clock),
            ("iat", json!(NOW - 5 - TOLERATED_S - 1), Clock),
            ("nbf", json!(NOW + TOLERATED_S + 1), Clock),
            ("exp", json!(i64::MIN), Clock),
            ("iat", json!(i64::MAX), Clock),
        ] {
            assert_eq!(of(&with(name, value.clone())), Err(why), "{name} {value}");
        }
    }

    #[test]
    fn a_token_does_not_choose_how_it_is_checked() {
        let pair = pair(1);
        let keys = jwks(&pair);
        let unsigned = format!(
            "{}.{}.",
            encode(json!({ "alg": "none", "kid": "k1" }).to_string()),
            encode(claims().to_string())
        );
        assert_eq!(judge(&unsigned, &keys), Err(NotBelieved::Signature));
        // The public key as a secret in common.
        let secret =
            aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, pair.public_key().as_ref());
        let signed = format!(
            "{}.{}",
            encode(json!({ "alg": "HS256", "kid": "k1" }).to_string()),
            encode(claims().to_string())
        );
        let tag = aws_lc_rs::hmac::sign(&secret, signed.as_bytes());
        let common = format!("{signed}.{}", encode(tag.as_ref()));
        assert_eq!(judge(&common, &keys), Err(NotBelieved::Signature));
        for (header, why) in [
            (
                json!({ "alg": "RS256", "kid": "k1" }),
                NotBelieved::Signature,
            ),
            (json!({ "alg": "EdDSA", "kid": "k2" }), NotBelieved::NoKey),
            (
                json!({ "alg": "EdDSA", "kid": "k1", "crit": ["x"] }),
                NotBelieved::Shape,
            ),
            (json!({ "kid": "k1" }), NotBelieved::Shape),
        ] {
            assert_eq!(
                judge(&token(&pair, &header, &claims()), &keys),
                Err(why),
                "{header}"
            );
        }
        let another = self::pair(2);
        let forged = token(&another, &header(), &claims());
        assert_eq!(judge(&forged, &keys), Err(NotBelieved::Signature));
        // Its own key comes along; it is not looked at.
        let x = encode(another.public_key().as_ref());
        let brought = json!({ "alg": "EdDSA", "kid": "k1", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x } });
        assert_eq!(
            judge(&token(&another, &brought, &claims()), &keys),
            Err(NotBelieved::Signature)
        );
    }

    #[test]
    fn a_key_without_a_name_is_taken_where_there_is_one_key_only() {
        let pair = pair(1);
        let keys = jwks(&pair);
        let unnamed = token(&pair, &json!({ "alg": "EdDSA" }), &claims());
        assert_eq!(judge(&unnamed, &keys), Ok("s1".to_owned()));
        let two = [keys.clone(), jwks(&self::pair(2))].concat();
        assert_eq!(judge(&unnamed, &two), Err(NotBelieved::NoKey));
    }

    #[test]
    fn keys_on_a_curve_are_known_and_keys_for_other_purposes_are_not() {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = |purpose: &str| {
            json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "e1", "use": purpose,
            "x": encode(&point[1..33]), "y": encode(&point[33..]) }, { "kty": "oct", "k": "c2VjcmV0" }, 7] })
        };
        let keys = Key::all(jwk("sig").to_string().as_bytes()).unwrap();
        assert_eq!(keys.len(), 1);
        let signed = format!(
            "{}.{}",
            encode(json!({ "alg": "ES256", "kid": "e1" }).to_string()),
            encode(claims().to_string())
        );
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", encode(signature.as_ref()));
        assert_eq!(judge(&token, &keys), Ok("s1".to_owned()));
        assert_eq!(Key::all(jwk("enc").to_string().as_bytes()).unwrap(), []);
        assert_eq!(Key::all(b"[]"), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_judged(token in ".{0,200}", dots in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}") {
            let keys = jwks(&pair(1));
            prop_assert!(judge(&token, &keys).is_err());
            prop_assert!(judge(&dots, &keys).is_err());
        }
    }
}

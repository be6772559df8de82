//! Access tokens that nobody should believe.

use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use solthrive_cloud::clock::{Clock, new_id};
use solthrive_cloud_store::people::{Programs as _, SigningKey};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::super::{Who, World};
use super::{Program, partner};
use crate::service::{now, run};

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(key: &Ed25519KeyPair, header: &Value, payload: &Value) -> String {
    let text = format!("{}.{}", part(header), part(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// A key of the service's whose private half the test knows.
async fn known_key(world: &World) -> (Uuid, Ed25519KeyPair) {
    let (key, id) = (Ed25519KeyPair::generate().unwrap(), new_id());
    let row = SigningKey {
        id,
        public: key.public_key().as_ref().to_vec(),
        sealed: Vec::new(),
        // It signs no more, and what it signed still counts.
        retires_at: UnixMillis::try_from(now().get() - 60_000).unwrap(),
    };
    let added = world
        .store
        .add_signing_key(&row, UnixMillis::EPOCH, now())
        .await;
    added.unwrap();
    (id, key)
}

/// What a token of this program says.
fn payload(program: &Program) -> Value {
    let seconds = now().get() / 1_000;
    json!({
        "iss": "https://localhost:8443", "aud": "https://localhost:8443/api/v1", "sub": program.id,
        "client_id": program.id, "scope": "production", "jti": new_id(),
        "iat": seconds, "nbf": seconds - 5, "exp": seconds + 900,
    })
}

async fn status(world: &World, token: &str) -> u16 {
    let who = Who::Token(token.to_owned());
    world.get(&who, "/api/v1/sites").await.status
}

#[test]
fn a_header_chooses_nothing() {
    run(async {
        let world = World::new().await;
        let program = partner(&world).await.program(&["production"]).await;
        let (kid, key) = known_key(&world).await;
        let payload = payload(&program);
        let right = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid });
        assert_eq!(status(&world, &signed(&key, &right, &payload)).await, 200);
        let public = key.public_key().as_ref();
        for (name, value) in [
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("ES256")),
            ("alg", json!("eddsa")),
            ("alg", Value::Null),
            ("typ", json!("JWT")),
            ("kid", json!(new_id())),
            ("kid", json!("../../etc/passwd")),
            ("kid", json!(format!("{kid}'--"))),
            ("kid", json!(format!("{{{kid}}}"))),
            ("kid", json!(kid.simple())),
            ("kid", json!(kid.to_string().to_uppercase())),
            ("kid", json!("")),
            ("jku", json!("https://evil.example/jwks.json")),
            ("x5u", json!("https://evil.example/cert.pem")),
            (
                "jwk",
                json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(public) }),
            ),
            ("crit", json!(["exp"])),
            ("b64", json!(false)),
        ] {
            let mut header = right.clone();
            header[name] = value;
            // An id of digits alone has no capitals, one in a million.
            if header == right {
                continue;
            }
            let token = signed(&key, &header, &payload);
            assert_eq!(status(&world, &token).await, 401, "{header}");
            let bare = format!("{}.{}.", part(&header), part(&payload));
            assert_eq!(status(&world, &bare).await, 401, "{header}");
            // The public half as a secret that both share.
            let text = bare.trim_end_matches('.');
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public), text.as_bytes());
            let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert_eq!(status(&world, &token).await, 401, "{header}");
        }
        world.stop().await;
    });
}

#[test]
fn another_key_another_service_and_other_words_are_not_believed() {
    run(async {
        let world = World::new().await;
        let partner = partner(&world).await;
        let program = partner.program(&["production"]).await;
        let other = partner.program(&["production"]).await;
        let app = partner.app(&["production"]).await;
        let (kid, key) = known_key(&world).await;
        let (header, right) = (
            json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }),
            payload(&program),
        );
        assert_eq!(status(&world, &signed(&key, &header, &right)).await, 200);
        let stranger = Ed25519KeyPair::generate().unwrap();
        let token = signed(&stranger, &header, &right);
        assert_eq!(status(&world, &token).await, 401, "another key");
        let seconds = now().get() / 1_000;
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("iss", json!("https://localhost:8443/")),
            ("aud", json!("https://other.example/api/v1")),
            ("aud", json!(["https://localhost:8443/api/v1"])),
            ("aud", Value::Null),
            ("exp", json!(seconds - 1)),
            ("exp", json!(i64::MAX)),
            ("exp", Value::Null),
            ("nbf", json!(seconds + 60)),
            ("nbf", Value::Null),
            ("sub", json!(other.id)),
            ("client_id", json!(other.id)),
            ("client_id", json!(new_id())),
            ("consent", json!(new_id())),
            ("scope", json!("everything")),
        ] {
            let mut payload = right.clone();
            payload[name] = value;
            let token = signed(&key, &header, &payload);
            assert_eq!(status(&world, &token).await, 401, "{payload}");
        }
        // An app acts for people only, also where a token says otherwise.
        let token = signed(&key, &header, &payload(&app));
        assert_eq!(status(&world, &token).await, 401);
        // A payload under the signature of another.
        let Who::Token(token) = program.token(&world).await else {
            unreachable!()
        };
        let parts: Vec<_> = token.split('.').collect();
        let changed = format!("{}.{}.{}", parts[0], part(&right), parts[2]);
        assert_eq!(status(&world, &token).await, 200);
        assert_eq!(status(&world, &changed).await, 401);
        world.stop().await;
    });
}

#[test]
fn a_token_gives_no_more_than_its_program_has_now() {
    run(async {
        let world = World::new().await;
        let (site, ada) = super::ada(&world).await;
        let partner = partner(&world).await;
        let program = partner.program(&["production"]).await;
        let asked = json!({ "org": partner.org.as_uuid(), "scopes": ["production", "commands"] });
        let path = format!("/api/v1/sites/{site}");
        let made = world
            .call(&ada, "POST", &format!("{path}/grants"), Some(asked))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let (kid, key) = known_key(&world).await;
        let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid });
        let mut wide = payload(&program);
        wide["scope"] = json!("production commands export");
        let wide = Who::Token(signed(&key, &header, &wide));
        let seen = world.get(&wide, &path).await;
        assert_eq!(seen.json()["scopes"], json!(["production"]), "{seen:?}");
        world.stop().await;
    });
}

/// How far the service's clock is ahead, ms. Only one test moves it.
static LEAP: AtomicI64 = AtomicI64::new(0);

fn leap(minutes: i64) {
    LEAP.store(minutes * 60_000, Ordering::Relaxed);
}

#[test]
fn a_token_ends_after_a_quarter_of_an_hour_and_a_key_when_its_last_token_has() {
    run(async {
        let world = World::telling(Clock::ahead(&LEAP), &["--no-second-factor"]).await;
        let program = partner(&world).await.program(&["production"]).await;
        let text = |who| match who {
            Who::Token(token) => token,
            Who::Nobody | Who::Cookie(_) => unreachable!(),
        };
        let kid = |token: &str| token.split('.').next().unwrap().to_owned();
        let keys = async || {
            let keys = world.client.get("/oauth/jwks.json").await.json();
            keys["keys"].as_array().unwrap().len()
        };
        let first = text(program.token(&world).await);
        for (minutes, told) in [(-1, 401), (0, 200), (14, 200), (16, 401)] {
            leap(minutes);
            assert_eq!(status(&world, &first).await, told, "{minutes}");
        }
        let month = 30 * 24 * 60;
        leap(month - 1);
        let last = text(program.token(&world).await);
        assert_eq!(kid(&last), kid(&first));
        leap(month + 2);
        let next = text(program.token(&world).await);
        assert_ne!(kid(&next), kid(&first));
        assert_eq!(status(&world, &last).await, 200);
        assert_eq!(status(&world, &next).await, 200);
        assert_eq!(keys().await, 2);
        leap(month + 16);
        assert_eq!(status(&world, &last).await, 401);
        assert_eq!(status(&world, &next).await, 200);
        assert_eq!(keys().await, 1);
        world.stop().await;
    });
}

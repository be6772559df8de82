//! An identity provider that can be told to lie.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub(super) const CLIENT: &str = "solthrive";
pub(super) const SECRET: &str = "s3cret & more";

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key, and its name.
pub(super) enum Signs {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signs {
    pub(super) fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub(super) fn p256() -> Self {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref());
        Self::P256(pair.unwrap())
    }

    pub(super) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                // RFC 8017, A.1.1, of a key of 2,048 bits: the modulus after its sign byte, then the exponent.
                let public = pair.public_key().as_ref();
                let (n, e) = (&public[9..265], &public[267..]);
                json!({ "kty": "RSA", "kid": kid, "use": "sig",
                    "n": encode(n), "e": encode(e) })
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(pair.public_key()) })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// What it says and does otherwise than it should.
#[derive(Default)]
pub(super) struct Lies {
    /// In place of what a token would say.
    pub(super) claims: HashMap<&'static str, Value>,
    /// In place of the token's header.
    pub(super) header: Option<Value>,
    /// Signs, where the key that is shown does not.
    pub(super) signs: Option<Signs>,
    /// How far its clock is ahead, s.
    pub(super) ahead: i64,
    /// In place of its answers at a path.
    pub(super) answers: HashMap<&'static str, Answers>,
    /// Only a form takes the client's secret.
    pub(super) by_form: bool,
    /// It says that it names itself in each answer.
    pub(super) names_itself: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Answers {
    Status(u16),
    Huge,
    Text(&'static str),
    Redirect,
}

struct Code {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    subject: String,
}

pub(super) struct Inner {
    issuer: String,
    pub(super) keys: Vec<(String, Signs)>,
    pub(super) lies: Lies,
    codes: HashMap<String, Code>,
    pub(super) fetched: HashMap<&'static str, u32>,
}

#[derive(Clone)]
pub(super) struct Liar(pub(super) Arc<Mutex<Inner>>);

impl Liar {
    /// Until the test's runtime ends.
    pub(super) async fn start(key: Signs) -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = socket.local_addr().unwrap();
        let inner = Inner {
            issuer: format!("http://{address}/realm"),
            keys: vec![("k1".to_owned(), key)],
            lies: Lies::default(),
            codes: HashMap::new(),
            fetched: HashMap::new(),
        };
        let liar = Self(Arc::new(Mutex::new(inner)));
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(discovery))
            .route("/realm/keys", get(keys))
            .route("/realm/token", post(token))
            .with_state(liar.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        liar
    }

    pub(super) fn issuer(&self) -> String {
        self.0.lock().unwrap().issuer.clone()
    }

    pub(super) fn lie(&self, lies: Lies) {
        self.0.lock().unwrap().lies = lies;
    }

    pub(super) fn fetched(&self, what: &'static str) -> u32 {
        self.0
            .lock()
            .unwrap()
            .fetched
            .get(what)
            .copied()
            .unwrap_or(0)
    }

    /// Somebody signed in there; the code with which he is sent back.
    pub(super) fn code(&self, asked: &HashMap<String, String>, subject: &str) -> String {
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["scope"], "openid", "no address, no name");
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["code_challenge_method"], "S256");
        let code = encode(solthrive_cloud::clock::new_id().as_bytes());
        let of = |name: &str| asked[name].clone();
        let known = Code {
            nonce: of("nonce"),
            challenge: of("code_challenge"),
            redirect_uri: of("redirect_uri"),
            subject: subject.to_owned(),
        };
        self.0.lock().unwrap().codes.insert(code.clone(), known);
        code
    }

    /// What it is told to answer there instead.
    fn instead(&self, path: &'static str) -> Option<Response> {
        let mut inner = self.0.lock().unwrap();
        *inner.fetched.entry(path).or_default() += 1;
        let answers = inner.lies.answers.get(path).copied()?;
        Some(match answers {
            Answers::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Answers::Huge => "x".repeat(1 << 20).into_response(),
            Answers::Text(text) => text.into_response(),
            Answers::Redirect => {
                let there = format!("{}/keys", inner.issuer);
                (StatusCode::FOUND, [(header::LOCATION, there)]).into_response()
            }
        })
    }
}

async fn discovery(State(liar): State<Liar>) -> Response {
    if let Some(instead) = liar.instead("discovery") {
        return instead;
    }
    let inner = liar.0.lock().unwrap();
    let issuer = &inner.issuer;
    let ways = if inner.lies.by_form {
        json!(["client_secret_post"])
    } else {
        json!(["client_secret_basic", "client_secret_post"])
    };
    Json(json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "token_endpoint_auth_methods_supported": ways,
        "authorization_response_iss_parameter_supported": inner.lies.names_itself,
    }))
    .into_response()
}

async fn keys(State(liar): State<Liar>) -> Response {
    if let Some(instead) = liar.instead("keys") {
        return instead;
    }
    let inner = liar.0.lock().unwrap();
    let keys: Vec<Value> = inner.keys.iter().map(|(kid, key)| key.jwk(kid)).collect();
    Json(json!({ "keys": keys })).into_response()
}

fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

async fn token(State(liar): State<Liar>, headers: HeaderMap, body: String) -> Response {
    if let Some(instead) = liar.instead("token") {
        return instead;
    }
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let mut inner = liar.0.lock().unwrap();
    let basic = format!("{CLIENT}:s3cret+%26+more");
    let basic = format!("Basic {}", STANDARD.encode(basic));
    let by_header = headers
        .get("authorization")
        .is_some_and(|said| *said == basic.as_str());
    let by_form = form.get("client_secret").is_some_and(|said| said == SECRET);
    if by_header == inner.lies.by_form || by_form != inner.lies.by_form {
        return refused("invalid_client");
    }
    let Some(code) = inner.codes.remove(&form["code"]) else {
        return refused("invalid_grant");
    };
    let challenge = encode(digest(&SHA256, form["code_verifier"].as_bytes()));
    if challenge != code.challenge || form["redirect_uri"] != code.redirect_uri {
        return refused("invalid_grant");
    }
    let now = crate::service::now().get() / 1_000 + inner.lies.ahead;
    let mut claims = json!({
        "iss": inner.issuer, "sub": code.subject, "aud": CLIENT, "nonce": code.nonce, "iat": now, "exp": now + 300,
        // Which nobody is to believe.
        "email": "ada@example.org", "email_verified": true,
    });
    for (name, value) in &inner.lies.claims {
        claims[*name] = value.clone();
    }
    let (kid, shown) = &inner.keys[0];
    let signs = inner.lies.signs.as_ref().unwrap_or(shown);
    let header = inner.lies.header.clone();
    let header = header.unwrap_or_else(|| json!({ "alg": signs.alg(), "kid": kid, "typ": "JWT" }));
    let signed = format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    );
    let signature = signs.sign(signed.as_bytes());
    let id_token = format!("{signed}.{}", encode(signature));
    Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token }))
        .into_response()
}

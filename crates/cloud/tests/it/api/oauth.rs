//! Partners' programs, and apps that people let in: as they call, and as they are attacked.

mod codes;
mod forged;
mod programs;

use aws_lc_rs::digest;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::Method;
use serde_json::{Value, json};
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::{Role, Scope};
use solthrive_domain::{OrgId, SiteId};

use super::{Who, World};
use crate::service::Answer;

/// Where the app of these tests waits for its people.
const BACK: &str = "http://127.0.0.1:4711/cb?app=1";
/// What the app of these tests shows; any 43 letters.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A partner with an admin who is signed in.
struct Partner<'a> {
    world: &'a World,
    org: OrgId,
    admin: Who,
}

/// A program of the partner.
struct Program {
    id: String,
    secret: Option<String>,
}

/// What came of letting an app in.
struct Tokens {
    access: Who,
    refresh: String,
}

async fn partner(world: &World) -> Partner<'_> {
    let org = world.org(OrgKind::Partner, "Heat pumps").await;
    world
        .user("pat@partner.example", &[(org, Role::Admin)])
        .await;
    Partner {
        world,
        org,
        admin: world.session("pat@partner.example").await,
    }
}

impl Partner<'_> {
    async fn add(&self, asked: Value) -> Program {
        let path = format!("/api/v1/orgs/{}/clients", self.org);
        let made = self
            .world
            .call(&self.admin, "POST", &path, Some(asked))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let text = |name: &str| made.json()[name].as_str().map(str::to_owned);
        Program {
            id: text("id").unwrap(),
            secret: text("secret"),
        }
    }

    async fn program(&self, scopes: &[&str]) -> Program {
        let asked = json!({ "name": "Nightly", "confidential": true, "scopes": scopes });
        self.add(asked).await
    }

    async fn app(&self, scopes: &[&str]) -> Program {
        self.add(json!({
            "name": "Heat app", "confidential": false, "scopes": scopes, "redirect_uris": [BACK],
        }))
        .await
    }

    async fn revoke(&self, program: &Program) {
        let path = format!("/api/v1/orgs/{}/clients/{}", self.org, program.id);
        let gone = self.world.call(&self.admin, "DELETE", &path, None).await;
        assert_eq!(gone.status, 204, "{gone:?}");
    }
}

/// Sends a form.
async fn form(
    world: &World,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Answer {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(fields);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let headers = [&[kind], headers].concat();
    let body = Body::from(text.finish());
    world
        .client
        .call(Method::POST, path, "", &headers, body)
        .await
}

/// Status and `error` of an answer of the token endpoint.
fn refusal(answer: &Answer) -> (u16, String) {
    let error = answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (answer.status, error)
}

fn challenge(verifier: &str) -> String {
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

impl Program {
    fn basic(&self) -> String {
        let secret = self.secret.as_deref().unwrap_or_default();
        let text = format!("{}:{secret}", self.id);
        format!("Basic {}", STANDARD.encode(text))
    }

    /// Asks for a token, saying who it is.
    async fn ask(&self, world: &World, fields: &[(&str, &str)]) -> Answer {
        let basic = self.basic();
        let (headers, own);
        if self.secret.is_some() {
            (headers, own) = (vec![("authorization", basic.as_str())], Vec::new());
        } else {
            (headers, own) = (Vec::new(), vec![("client_id", self.id.as_str())]);
        }
        let fields = [&own[..], fields].concat();
        form(world, "/oauth/token", &headers, &fields).await
    }

    /// A token for itself.
    async fn token(&self, world: &World) -> Who {
        let answer = self
            .ask(world, &[("grant_type", "client_credentials")])
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let answer = answer.json();
        assert_eq!(
            (&answer["token_type"], &answer["expires_in"]),
            (&json!("Bearer"), &json!(900))
        );
        assert_eq!(answer["refresh_token"], Value::Null);
        Who::Token(answer["access_token"].as_str().unwrap().to_owned())
    }

    /// What the page sends when a person agreed; `more` are scopes and sites.
    async fn agree(&self, world: &World, person: &Who, more: Value) -> Answer {
        let mut asked = json!({
            "client_id": self.id, "redirect_uri": BACK, "state": "a b&c",
            "code_challenge": challenge(VERIFIER), "code_challenge_method": "S256",
        });
        let both = asked.as_object_mut().unwrap();
        both.extend(more.as_object().unwrap().clone());
        let path = "/api/v1/oauth/consents";
        world.call(person, "POST", path, Some(asked)).await
    }

    /// The code that the app is sent.
    async fn code(&self, world: &World, person: &Who, more: Value) -> String {
        let made = self.agree(world, person, more).await;
        assert_eq!(made.status, 201, "{made:?}");
        let redirect = made.json()["redirect"].as_str().unwrap().to_owned();
        let query = redirect.strip_prefix(&format!("{BACK}&")).unwrap();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let issuer = "https://localhost:8443";
        assert_eq!(pairs[1], ("state".into(), "a b&c".into()));
        assert_eq!(pairs[2], ("iss".into(), issuer.into()));
        assert_eq!(pairs[0].0, "code");
        pairs[0].1.clone().into_owned()
    }

    async fn redeem(&self, world: &World, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.ask(world, &fields).await
    }

    async fn refresh(&self, world: &World, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask(world, &fields).await
    }

    /// The whole way in.
    async fn let_in(&self, world: &World, person: &Who, more: Value) -> Tokens {
        let code = self.code(world, person, more).await;
        tokens(&self.redeem(world, &code).await)
    }
}

fn tokens(answer: &Answer) -> Tokens {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
    Tokens {
        access: Who::Token(text("access_token")),
        refresh: text("refresh_token"),
    }
}

/// A home and its owner, signed in.
async fn ada(world: &World) -> (SiteId, Who) {
    let home = world.org(OrgKind::Household, "Ada").await;
    let site = world.site(home, "Ada's house").await;
    world.user("ada@example.org", &[(home, Role::Admin)]).await;
    (site, world.session("ada@example.org").await)
}

/// A partner's program, and apps that this owner of `a` let in there and at `b`: what they should have at `a`.
pub(super) async fn callers(
    world: &World,
    owner: &Who,
    a: SiteId,
    b: SiteId,
) -> [(&'static str, Who, &'static [Scope]); 3] {
    let partner = partner(world).await;
    let path = format!("/api/v1/sites/{a}/grants");
    let asked = json!({ "org": partner.org.as_uuid(), "scopes": ["consumption", "live"] });
    let made = world.call(owner, "POST", &path, Some(asked)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let own = partner.program(&["production", "consumption"]).await;
    let app = partner.app(&["production", "alerts", "commands"]).await;
    let here = json!({ "scopes": ["production", "alerts"], "sites": [a.as_uuid()] });
    let there = json!({ "scopes": ["production"], "sites": [b.as_uuid()] });
    [
        (
            "program of a partner",
            own.token(world).await,
            &[Scope::Consumption],
        ),
        (
            "program that the owner let in",
            app.let_in(world, owner, here).await.access,
            &[Scope::Production, Scope::Alerts],
        ),
        (
            "program that the owner let in elsewhere",
            app.let_in(world, owner, there).await.access,
            &[],
        ),
    ]
}

//! Signing in at an identity provider, and what providers and strangers might try.

mod liar;

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::{OrgKind, Registry as _};
use solthrive_cloud_store::people::{Office as _, ShutOut};
use solthrive_domain::UserId;
use solthrive_domain::access::{Operator, Role};
use tempfile::TempDir;

use self::liar::{Answers, CLIENT, Liar, Lies, SECRET, Signs};
use super::{Who, World};
use crate::service::{Answer, run};

struct Town {
    world: World,
    liar: Liar,
    leap: &'static AtomicI64,
    ada: Who,
    ada_id: UserId,
    _folder: TempDir,
}

/// A browser on its way: where it was sent, and the cookie that it keeps.
struct Away {
    asked: HashMap<String, String>,
    cookie: String,
}

async fn town(key: Signs) -> Town {
    town_with(key, &["--no-second-factor"]).await
}

async fn town_with(key: Signs, more: &[&str]) -> Town {
    let (liar, folder) = (Liar::start(key).await, tempfile::tempdir().unwrap());
    let (secret, file) = (
        folder.path().join("secret"),
        folder.path().join("providers.json"),
    );
    fs::write(&secret, SECRET).unwrap();
    let setting = json!({ "providers": [{ "id": "work", "name": "Work", "issuer": liar.issuer(), "client_id": CLIENT,
        "client_secret_file": secret }] });
    fs::write(&file, setting.to_string()).unwrap();
    let leap: &'static AtomicI64 = Box::leak(Box::default());
    let words = [
        "--oidc",
        file.to_str().unwrap(),
        "--public-url",
        "https://solthrive.example",
    ];
    let world = World::telling(Clock::ahead(leap), &[&words[..], more].concat()).await;
    let household = world.org(OrgKind::Household, "Ada").await;
    let ada_id = world
        .user("ada@example.org", &[(household, Role::Admin)])
        .await;
    world.user("bo@example.org", &[]).await;
    Town {
        ada: world.session("ada@example.org").await,
        ada_id,
        world,
        liar,
        leap,
        _folder: folder,
    }
}

fn cookies(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    let mut all = all.map(|cookie| cookie.to_str().unwrap());
    let found = all.find(|cookie| cookie.starts_with(&format!("{name}=")))?;
    let pair = found.split(';').next().unwrap();
    (!pair.ends_with('=')).then(|| pair.to_owned())
}

impl Town {
    async fn leaves(&self, who: &Who, path: &str, body: Value) -> Away {
        let begun = self.world.call(who, "POST", path, Some(body)).await;
        assert_eq!(begun.status, 201, "{begun:?}");
        let url = begun.json()["url"].as_str().unwrap().to_owned();
        let (door, query) = url.split_once('?').unwrap();
        assert_eq!(door, format!("{}/authorize", self.liar.issuer()));
        let asked = form_urlencoded::parse(query.as_bytes()).into_owned();
        Away {
            asked: asked.collect(),
            cookie: cookies(&begun, "__Host-solthrive-trip").unwrap(),
        }
    }

    async fn to_sign_in(&self) -> Away {
        let path = "/api/v1/auth/providers/work/trips";
        self.leaves(&Who::Nobody, path, json!({ "return_to": "/sites" }))
            .await
    }

    async fn to_link(&self, who: &Who) -> Away {
        self.leaves(who, "/api/v1/me/identities/work/trips", json!({}))
            .await
    }

    /// Comes back with these cookies and this query.
    async fn comes(&self, cookie: &str, query: &[(&str, &str)]) -> Answer {
        self.comes_asking(cookie, query, "application/json").await
    }

    async fn comes_asking(&self, cookie: &str, query: &[(&str, &str)], accept: &str) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let path = format!("/oauth/callback?{query}");
        let headers = [
            ("cookie", cookie),
            ("accept", accept),
            ("sec-fetch-site", "cross-site"),
        ];
        let client = &self.world.client;
        client
            .call(
                hyper::Method::GET,
                &path,
                "",
                &headers,
                axum::body::Body::empty(),
            )
            .await
    }

    /// The provider has signed him in, and he comes back as he should.
    async fn comes_back(&self, away: &Away, subject: &str, session: Option<&Who>) -> Answer {
        let code = self.liar.code(&away.asked, subject);
        let cookie = match session {
            Some(Who::Cookie(session)) => format!("{session}; {}", away.cookie),
            _ => away.cookie.clone(),
        };
        let iss = self.liar.issuer();
        let query = [
            ("state", away.asked["state"].as_str()),
            ("code", &code),
            ("iss", &iss),
        ];
        self.comes(&cookie, &query).await
    }

    async fn links(&self, who: &Who, subject: &str) {
        let away = self.to_link(who).await;
        let back = self.comes_back(&away, subject, Some(who)).await;
        assert_eq!(
            (back.status, back.header("location")),
            (303, Some("/")),
            "{back:?}"
        );
    }

    async fn signs_in(&self, subject: &str) -> Answer {
        let away = self.to_sign_in().await;
        self.comes_back(&away, subject, None).await
    }

    /// Nobody was let in, and this is why.
    async fn is_refused(&self, answer: &Answer, status: u16, code: &str) {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{answer:?}"
        );
        assert_eq!(cookies(answer, "__Host-solthrive"), None, "{answer:?}");
    }

    async fn acts(&self) -> Vec<(String, String)> {
        let rows = self
            .world
            .store
            .audit(&Operator::at_the_console(), None, 20)
            .await;
        let rows = rows.unwrap().into_iter();
        rows.map(|row| (row.action, row.details.unwrap_or_default()))
            .collect()
    }
}

#[test]
fn who_linked_an_identity_signs_in_by_it_with_keys_of_every_kind() {
    run(async {
        for key in [Signs::rsa(), Signs::p256(), Signs::ed25519(1)] {
            let town = town(key).await;
            let offered = town.world.get(&Who::Nobody, "/api/v1/auth/providers").await;
            assert_eq!(
                offered.json(),
                json!({ "items": [{ "id": "work", "name": "Work" }] })
            );
            town.links(&town.ada, "s1").await;
            let back = town.signs_in("s1").await;
            assert_eq!(
                (back.status, back.header("location")),
                (303, Some("/sites")),
                "{back:?}"
            );
            let session = Who::Cookie(cookies(&back, "__Host-solthrive").unwrap());
            let me = town.world.get(&session, "/api/v1/me").await.json();
            assert_eq!(me["id"], json!(town.ada_id.as_uuid()));
            let acts = town.acts().await;
            assert_eq!(acts[0].0, "identity.signed_in");
            assert!(
                acts.iter().all(|(_, details)| !details.contains("s1")),
                "{acts:?}"
            );
            let list = town
                .world
                .get(&session, "/api/v1/me/identities")
                .await
                .json();
            assert_eq!(list["items"][0]["provider"], "Work");
            let id = list["items"][0]["id"].as_str().unwrap();
            let path = format!("/api/v1/me/identities/{id}");
            let gone = town.world.call(&town.ada, "DELETE", &path, None).await;
            assert_eq!(gone.status, 204, "{gone:?}");
            town.is_refused(&town.signs_in("s1").await, 403, "identity-unknown")
                .await;
            let still = town.world.get(&session, "/api/v1/me").await;
            assert_eq!(still.status, 200, "a session goes on");
            town.world.stop().await;
        }
    });
}

#[test]
fn an_address_that_a_provider_names_opens_nobodys_account() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        // Its tokens say that they are of ada@example.org, and that this was proven.
        town.is_refused(&town.signs_in("s1").await, 403, "identity-unknown")
            .await;
        town.links(&town.ada, "s1").await;
        let bo = town.world.session("bo@example.org").await;
        let away = town.to_link(&bo).await;
        let taken = town.comes_back(&away, "s1", Some(&bo)).await;
        town.is_refused(&taken, 409, "identity-taken").await;
        town.world.stop().await;
    });
}

#[test]
fn a_person_who_was_shut_out_is_not_let_in_by_another_door() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.links(&town.ada, "s1").await;
        // Somebody has to run the platform.
        let platform = town.world.org(OrgKind::Platform, "Platform").await;
        let runs_it = [(platform, Role::Admin)];
        town.world.user("op@example.org", &runs_it).await;
        let (operator, now) = (Operator::at_the_console(), Clock::system().now());
        let shut = town.world.store.shut_out(&operator, town.ada_id, now).await;
        assert_eq!(shut.unwrap(), ShutOut::Done);
        town.is_refused(&town.signs_in("s1").await, 403, "identity-unknown")
            .await;
        town.world.stop().await;
    });
}

#[test]
fn a_second_factor_is_asked_for_whichever_door_somebody_took() {
    run(async {
        let town = town_with(Signs::ed25519(1), &[]).await;
        town.links(&town.ada, "s1").await;
        let begun = town
            .world
            .call(&town.ada, "POST", "/api/v1/me/factor", Some(json!({})))
            .await;
        assert_eq!(begun.status, 201, "{begun:?}");
        let secret = begun.json()["secret"].as_str().unwrap().to_owned();
        let code = super::people::code(&secret, 0);
        let proof = Some(json!({ "code": code }));
        let proven = town
            .world
            .call(&town.ada, "POST", "/api/v1/me/factor/proof", proof)
            .await;
        assert_eq!(proven.status, 200, "{proven:?}");
        let back = town.signs_in("s1").await;
        let half = Who::Cookie(cookies(&back, "__Host-solthrive").unwrap());
        let refused = town.world.get(&half, "/api/v1/sites").await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "second-factor")
        );
        town.world.stop().await;
    });
}

/// Lies, and what gives each away.
fn lies() -> Vec<(&'static str, Lies)> {
    let claim = |name: &'static str, value: Value| Lies {
        claims: [(name, value)].into(),
        ..Lies::default()
    };
    let header = |header: Value| Lies {
        header: Some(header),
        ..Lies::default()
    };
    let mut lies = vec![
        ("issuer", claim("iss", json!("https://other.example"))),
        ("audience", claim("aud", json!("another"))),
        ("audience", claim("aud", json!([CLIENT, "another"]))),
        ("nonce", claim("nonce", json!("another"))),
        ("shape", claim("sub", json!(""))),
        ("signature", header(json!({ "alg": "none", "kid": "k1" }))),
        ("signature", header(json!({ "alg": "HS256", "kid": "k1" }))),
        (
            "shape",
            header(json!({ "alg": "EdDSA", "kid": "k1", "crit": ["b64"], "b64": false })),
        ),
        (
            "no-key",
            header(json!({ "alg": "EdDSA", "kid": "../../k1" })),
        ),
    ];
    lies.push((
        "signature",
        Lies {
            signs: Some(Signs::ed25519(2)),
            ..Lies::default()
        },
    ));
    lies
}

#[test]
fn what_a_provider_must_not_say_lets_nobody_in() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.links(&town.ada, "s1").await;
        for (why, lie) in lies() {
            town.liar.lie(lie);
            town.is_refused(&town.signs_in("s1").await, 502, "identity-answer")
                .await;
            let acts = town.acts().await;
            assert_eq!(acts[0].0, "identity.refused", "{why}");
            assert!(
                acts[0].1.contains(&format!("\"why\":\"{why}\"")),
                "{why}: {acts:?}"
            );
        }
        for hours in [-1, 1] {
            town.liar.lie(Lies {
                ahead: hours * 3_600,
                ..Lies::default()
            });
            town.is_refused(&town.signs_in("s1").await, 502, "identity-provider-clock")
                .await;
            assert!(town.acts().await[0].1.contains("\"why\":\"clock\""));
        }
        town.liar.lie(Lies {
            ahead: 90,
            by_form: false,
            ..Lies::default()
        });
        assert_eq!(
            town.signs_in("s1").await.status,
            303,
            "a minute and a half is nothing"
        );
        town.world.stop().await;
    });
}

#[test]
fn a_provider_that_is_of_no_use_is_told_from_a_person_who_is_not_let_in() {
    run(async {
        for (path, answers, status, code) in [
            ("discovery", Answers::Status(500), 502, "identity-answer"),
            ("discovery", Answers::Huge, 503, "identity-provider-away"),
            ("discovery", Answers::Redirect, 502, "identity-answer"),
            (
                "discovery",
                Answers::Text("{\"issuer\":1}"),
                502,
                "identity-answer",
            ),
        ] {
            let town = town(Signs::ed25519(1)).await;
            town.liar.lie(Lies {
                answers: [(path, answers)].into(),
                ..Lies::default()
            });
            let path = "/api/v1/auth/providers/work/trips";
            let begun = town
                .world
                .call(&Who::Nobody, "POST", path, Some(json!({})))
                .await;
            town.is_refused(&begun, status, code).await;
            town.world.stop().await;
        }
    });
}

#[test]
fn a_provider_that_does_not_take_the_code_lets_nobody_in() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.links(&town.ada, "s1").await;
        for (answers, status, code) in [
            (Answers::Status(500), 502, "identity-answer"),
            (Answers::Status(400), 502, "identity-answer"),
            (Answers::Huge, 503, "identity-provider-away"),
            (Answers::Redirect, 502, "identity-answer"),
            (Answers::Text("{}"), 502, "identity-answer"),
            (
                Answers::Text("{\"id_token\":\"a.b.c\"}"),
                502,
                "identity-answer",
            ),
        ] {
            town.liar.lie(Lies {
                answers: [("token", answers)].into(),
                ..Lies::default()
            });
            town.is_refused(&town.signs_in("s1").await, status, code)
                .await;
        }
        town.liar.lie(Lies::default());
        let away = town.to_sign_in().await;
        let query = [
            ("state", away.asked["state"].as_str()),
            ("error", "access_denied"),
        ];
        town.is_refused(
            &town.comes(&away.cookie, &query).await,
            403,
            "identity-refused",
        )
        .await;
        let away = town.to_sign_in().await;
        let query = [("state", away.asked["state"].as_str()), ("code", "made-up")];
        town.is_refused(
            &town.comes(&away.cookie, &query).await,
            403,
            "identity-refused",
        )
        .await;
        town.world.stop().await;
    });
}

#[test]
fn keys_that_a_provider_changed_are_asked_for_but_not_again_and_again() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.links(&town.ada, "s1").await;
        assert_eq!(town.liar.fetched("keys"), 1);
        town.liar.0.lock().unwrap().keys = vec![("k2".to_owned(), Signs::p256())];
        assert_eq!(town.signs_in("s1").await.status, 303);
        assert_eq!(town.liar.fetched("keys"), 2);
        town.liar.0.lock().unwrap().keys = vec![("k3".to_owned(), Signs::p256())];
        for _ in 0..3 {
            town.is_refused(&town.signs_in("s1").await, 502, "identity-answer")
                .await;
        }
        assert_eq!(town.liar.fetched("keys"), 2, "once a minute");
        assert_eq!(town.liar.fetched("discovery"), 1);
        town.world.stop().await;
    });
}

#[test]
fn a_sign_in_comes_back_to_the_browser_that_it_left_once_and_in_time() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.links(&town.ada, "s1").await;
        let query = |away: &Away| {
            let code = town.liar.code(&away.asked, "s1");
            [("state", away.asked["state"].clone()), ("code", code)]
        };
        let come = async |cookie: &str, query: &[(&str, String)]| {
            let query: Vec<(&str, &str)> = query
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            town.comes(cookie, &query).await
        };
        // In another browser: without the cookie, or with one of another sign-in.
        let (away, other) = (town.to_sign_in().await, town.to_sign_in().await);
        town.is_refused(&come("", &query(&away)).await, 403, "no-trip")
            .await;
        town.is_refused(&come(&other.cookie, &query(&away)).await, 403, "no-trip")
            .await;
        // It is over for the other one, whose browser came with a strange state.
        town.is_refused(&come(&other.cookie, &query(&other)).await, 403, "no-trip")
            .await;
        let asked = query(&away);
        assert_eq!(come(&away.cookie, &asked).await.status, 303);
        town.is_refused(&come(&away.cookie, &asked).await, 403, "no-trip")
            .await;
        town.is_refused(&come(&away.cookie, &query(&away)).await, 403, "no-trip")
            .await;
        let away = town.to_sign_in().await;
        let mut elsewhere = query(&away).to_vec();
        elsewhere.push(("iss", "https://other.example".to_owned()));
        town.is_refused(&come(&away.cookie, &elsewhere).await, 403, "no-trip")
            .await;
        let away = town.to_sign_in().await;
        town.leap.store(11 * 60_000, Ordering::Relaxed);
        town.is_refused(&come(&away.cookie, &query(&away)).await, 403, "no-trip")
            .await;
        town.world.stop().await;
    });
}

#[test]
fn an_answer_without_its_issuer_is_not_taken_where_the_provider_names_itself() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.liar.lie(Lies {
            names_itself: true,
            ..Lies::default()
        });
        town.links(&town.ada, "s1").await;
        let away = town.to_sign_in().await;
        let code = town.liar.code(&away.asked, "s1");
        let state = away.asked["state"].as_str();
        let query = [("state", state), ("code", code.as_str())];
        let back = town.comes(&away.cookie, &query).await;
        town.is_refused(&back, 403, "no-trip").await;
        assert_eq!(town.signs_in("s1").await.status, 303);
        town.world.stop().await;
    });
}

#[test]
fn a_clock_that_is_an_hour_slow_shows_however_long_tokens_last() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.links(&town.ada, "s1").await;
        let tomorrow = crate::service::now().get() / 1_000 + 86_400;
        town.liar.lie(Lies {
            ahead: -3_600,
            claims: [("exp", json!(tomorrow))].into(),
            ..Lies::default()
        });
        let back = town.signs_in("s1").await;
        town.is_refused(&back, 502, "identity-provider-clock").await;
        town.world.stop().await;
    });
}

#[test]
fn linking_ends_in_the_session_that_it_began_in() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        let second = town.world.session("ada@example.org").await;
        let away = town.to_link(&town.ada).await;
        let back = town.comes_back(&away, "s1", Some(&second)).await;
        town.is_refused(&back, 403, "no-trip").await;
        let away = town.to_link(&second).await;
        let path = "/api/v1/auth/session";
        let out = town.world.call(&second, "DELETE", path, None).await;
        assert_eq!(out.status, 204, "{out:?}");
        let back = town.comes_back(&away, "s1", Some(&second)).await;
        town.is_refused(&back, 401, "not-signed-in").await;
        town.world.stop().await;
    });
}

#[test]
fn an_office_with_one_address_is_not_kept_waiting_by_its_own_sign_ins() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        town.links(&town.ada, "s1").await;
        for n in 0..70 {
            let back = town.signs_in("s1").await;
            assert_eq!(back.status, 303, "{n}: {back:?}");
        }
        town.world.stop().await;
    });
}

#[test]
fn a_provider_that_is_away_is_told_so() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("providers.json");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/", free.local_addr().unwrap());
        drop(free);
        let setting = json!({ "providers": [
            { "id": "work", "name": "Work", "issuer": issuer, "client_id": CLIENT }] });
        fs::write(&file, setting.to_string()).unwrap();
        let words = ["--no-second-factor", "--oidc", file.to_str().unwrap()];
        let world = World::telling(Clock::system(), &words).await;
        let path = "/api/v1/auth/providers/work/trips";
        let begun = world
            .call(&Who::Nobody, "POST", path, Some(json!({})))
            .await;
        assert_eq!(
            (begun.status, begun.code().as_str()),
            (503, "identity-provider-away")
        );
        world.stop().await;
    });
}

#[test]
fn nobodys_account_gets_an_identity_by_a_link_that_he_was_sent() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        let bo = town.world.session("bo@example.org").await;
        // Bo begins, and has Ada's browser end it with his cookie and hers.
        let away = town.to_link(&bo).await;
        let back = town.comes_back(&away, "bos", Some(&town.ada)).await;
        town.is_refused(&back, 403, "no-trip").await;
        let away = town.to_link(&bo).await;
        let back = town.comes_back(&away, "bos", None).await;
        town.is_refused(&back, 401, "not-signed-in").await;
        town.is_refused(&town.signs_in("bos").await, 403, "identity-unknown")
            .await;
        let token = town
            .world
            .token(&town.ada, json!({ "name": "x", "scopes": ["production"] }))
            .await;
        let path = "/api/v1/me/identities/work/trips";
        let refused = town.world.call(&token, "POST", path, Some(json!({}))).await;
        town.is_refused(&refused, 403, "session-needed").await;
        town.world.stop().await;
    });
}

#[test]
fn a_browser_is_led_to_the_page_of_the_problem_and_never_to_somebody_elses() {
    run(async {
        let town = town(Signs::ed25519(1)).await;
        let away = town.to_sign_in().await;
        let code = town.liar.code(&away.asked, "s1");
        let query = [
            ("state", away.asked["state"].as_str()),
            ("code", code.as_str()),
        ];
        let led = town
            .comes_asking(&away.cookie, &query, "text/html,*/*")
            .await;
        assert_eq!(
            (led.status, led.header("location")),
            (303, Some("/problems/identity-unknown"))
        );
        let page = town.world.client.get("/problems/identity-unknown").await;
        assert_eq!(page.status, 200, "{page:?}");
        let path = "/api/v1/auth/providers/work/trips";
        for evil in [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "sites",
        ] {
            let asked = Some(json!({ "return_to": evil }));
            let begun = town.world.call(&Who::Nobody, "POST", path, asked).await;
            town.is_refused(&begun, 422, "invalid").await;
        }
        let foreign = [
            ("content-type", "application/json"),
            ("sec-fetch-site", "cross-site"),
        ];
        let body = axum::body::Body::from("{}");
        let begun = town
            .world
            .client
            .call(hyper::Method::POST, path, "", &foreign, body)
            .await;
        town.is_refused(&begun, 403, "foreign-page").await;
        let mut wait = None;
        for _ in 0..80 {
            let begun = town
                .world
                .call(&Who::Nobody, "POST", path, Some(json!({})))
                .await;
            if begun.status == 429 {
                wait = begun.header("retry-after").map(str::to_owned);
                break;
            }
        }
        assert!(wait.is_some(), "whoever begins without end waits");
        town.world.stop().await;
    });
}

#[test]
fn a_provider_that_wants_the_secret_in_the_form_gets_it_there() {
    run(async {
        let town = town(Signs::rsa()).await;
        town.liar.lie(Lies {
            by_form: true,
            ..Lies::default()
        });
        town.links(&town.ada, "s1").await;
        assert_eq!(town.signs_in("s1").await.status, 303);
        town.world.stop().await;
    });
}

//! What strangers, foreign pages and leaked tokens try.

use axum::body::Body;
use hyper::Method;
use serde_json::{Value, json};
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;

use super::{PASSWORD, Who, World};
use crate::service::{Answer, run};

async fn ada(world: &World) -> Who {
    let home = world.org(OrgKind::Household, "Ada").await;
    world.user("ada@example.org", &[(home, Role::Admin)]).await;
    world.session("ada@example.org").await
}

/// What an answer says, but for the call's own id.
fn said(answer: &Answer) -> Value {
    let mut said = answer.json();
    let id = said.as_object_mut().unwrap().remove("request_id");
    assert_eq!(id.unwrap().as_str(), answer.header("x-request-id"));
    said
}

#[test]
fn who_is_not_known_and_who_mistypes_get_the_same_answer_and_then_have_to_wait() {
    run(async {
        let world = World::new().await;
        ada(&world).await;
        let wrong = world
            .sign_in("ada@example.org", "wrong horse battery")
            .await;
        let unknown = world.sign_in("eve@example.org", PASSWORD).await;
        let nonsense = world.sign_in("no address", PASSWORD).await;
        assert_eq!((wrong.status, said(&wrong)), (401, said(&unknown)));
        assert_eq!(said(&wrong), said(&nonsense));
        for _ in 0..4 {
            assert_eq!(world.sign_in("ada@example.org", "x").await.status, 401);
        }
        let waits = world.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!((waits.status, waits.code().as_str()), (429, "too-many"));
        assert!(waits.header("retry-after").is_some());
        // Nobody else's account is locked by it, and a session goes on.
        let home = world.org(OrgKind::Household, "Bob").await;
        world.user("bob@example.org", &[(home, Role::Admin)]).await;
        assert_eq!(world.sign_in("bob@example.org", PASSWORD).await.status, 200);
        world.stop().await;
    });
}

#[test]
fn the_cookie_is_for_this_host_over_tls_and_for_no_script() {
    run(async {
        let world = World::new().await;
        ada(&world).await;
        let answer = world.sign_in("ada@example.org", PASSWORD).await;
        let cookie = answer.header("set-cookie").unwrap().to_owned();
        assert!(cookie.starts_with("__Host-solthrive="), "{cookie}");
        for word in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(word), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        world.stop().await;
    });
}

#[test]
fn a_foreign_page_changes_nothing_and_signs_nobody_in() {
    run(async {
        let world = World::new().await;
        let Who::Cookie(cookie) = ada(&world).await else {
            panic!("a session has a cookie");
        };
        let asked = json!({ "name": "x", "scopes": ["production"] }).to_string();
        let json = ("content-type", "application/json");
        let mine = ("cookie", cookie.as_str());
        let post = |path: &'static str, headers: Vec<(&'static str, String)>, body: String| {
            let client = &world.client;
            async move {
                let headers: Vec<(&str, &str)> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                client
                    .call(Method::POST, path, "", &headers, Body::from(body))
                    .await
            }
        };
        for page in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("x-nothing", "at all"),
        ] {
            let headers = [json, mine, page].map(|(name, value)| (name, value.to_owned()));
            let answer = post("/api/v1/me/tokens", headers.to_vec(), asked.clone()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "foreign-page"),
                "{page:?}"
            );
        }
        let form = [
            ("content-type", "text/plain"),
            mine,
            ("sec-fetch-site", "same-origin"),
        ];
        let form = form.map(|(name, value)| (name, value.to_owned()));
        let answer = post("/api/v1/me/tokens", form.to_vec(), asked).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "invalid-body")
        );
        let login = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
        let foreign = [json, ("sec-fetch-site", "cross-site")];
        let foreign = foreign.map(|(name, value)| (name, value.to_owned()));
        let answer = post("/api/v1/auth/session", foreign.to_vec(), login).await;
        assert_eq!(answer.status, 403);
        assert!(answer.header("set-cookie").is_none());
        world.stop().await;
    });
}

#[test]
fn a_token_makes_no_other_and_what_is_no_token_opens_nothing() {
    run(async {
        let world = World::new().await;
        let ada = ada(&world).await;
        let all = json!({ "name": "x", "scopes": ["production", "config.write", "export"] });
        let script = world.token(&ada, all.clone()).await;
        let more = world
            .call(&script, "POST", "/api/v1/me/tokens", Some(all))
            .await;
        assert_eq!((more.status, more.code().as_str()), (403, "session-needed"));
        let Who::Token(token) = &script else {
            panic!("a script has a token");
        };
        let cut = &token[..token.len() - 1];
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.";
        for wrong in [cut, none, "stp_", "", "null", "Bearer", "stp_\u{e4}"] {
            let answer = world.get(&Who::Token(wrong.to_owned()), "/api/v1/me").await;
            assert_eq!(answer.status, 401, "{wrong}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        let cookie = Who::Cookie(format!("__Host-solthrive={token}"));
        assert_eq!(world.get(&cookie, "/api/v1/me").await.status, 401);
        world.stop().await;
    });
}

#[test]
fn fields_that_nobody_asked_for_and_bodies_that_are_none_are_refused() {
    run(async {
        let world = World::new().await;
        let ada = ada(&world).await;
        let path = "/api/v1/me/tokens";
        for body in [
            json!({ "name": "x", "scopes": ["production"], "user": "somebody" }),
            json!({ "name": "x", "scopes": ["everything"] }),
            json!({ "name": "x", "scopes": [] }),
            json!({ "name": "", "scopes": ["production"] }),
            json!({ "name": "a\nb", "scopes": ["production"] }),
            json!({ "name": "x", "scopes": ["production"], "expires_at": "2001-01-01T00:00:00Z" }),
            json!({ "name": "x", "scopes": ["production"], "expires_at": "tomorrow" }),
            json!({ "name": "x".repeat(20_000), "scopes": ["production"] }),
            json!([]),
        ] {
            let answer = world.call(&ada, "POST", path, Some(body)).await;
            assert_eq!(answer.status, 422, "{answer:?}");
        }
        for path in [
            "/api/v1/sites/1",
            "/api/v1/sites/%00",
            "/api/v1/sites/..%2f..%2fetc",
            "/api/v1/sites/00000000-0000-0000-0000-000000000000",
            "/api/v1/sites/00000000-0000-0000-0000-000000000000/daily?from=x&to=y",
        ] {
            let answer = world.get(&ada, path).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (404, "not-found"),
                "{path}"
            );
        }
        world.stop().await;
    });
}

#[test]
fn stretches_of_time_that_cannot_be_are_explained() {
    run(async {
        let world = World::new().await;
        let home = world.org(OrgKind::Household, "Ada").await;
        let site = world.site(home, "House").await;
        world.user("ada@example.org", &[(home, Role::Admin)]).await;
        let ada = world.session("ada@example.org").await;
        let of = |what: &str| format!("/api/v1/sites/{site}/{what}");
        for wrong in [
            "telemetry",
            "telemetry?from=2026-06-21T00:00:00&to=2026-06-22T00:00:00",
            "telemetry?from=2026-06-22T00:00:00Z&to=2026-06-21T00:00:00Z",
            "telemetry?from=1926-06-22T00:00:00Z&to=2026-06-21T00:00:00Z",
            "telemetry?from=2026-06-21T00:00:00Z&to=2026-06-22T00:00:00Z&points=0",
            "telemetry?from=2026-06-21T00:00:00Z&to=2026-06-22T00:00:00Z&points=99999",
            "daily?from=2026-06-22&to=2026-06-21",
            "daily?from=2026-02-30&to=2026-03-02",
            "daily?from=0001-01-01&to=9999-12-31",
            "monthly?from=2026-06&to=2026-07",
            "events?limit=100000",
        ] {
            let answer = world.get(&ada, &of(wrong)).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (422, "invalid"),
                "{wrong}"
            );
            assert!(
                !answer.json()["errors"][0]["detail"].is_null(),
                "{answer:?}"
            );
        }
        for right in [
            "telemetry?from=2026-06-21T00:00:00Z&to=2026-06-22T00:00:00Z",
            "telemetry?from=2026-10-25T02:30:00%2B02:00&to=2026-10-25T02:30:00%2B01:00",
            "daily?from=2026-06-21&to=2026-06-22",
            "monthly?from=2026-06-01&to=2026-07-01",
        ] {
            assert_eq!(world.get(&ada, &of(right)).await.status, 200, "{right}");
        }
        world.stop().await;
    });
}

#[test]
fn who_calls_too_often_is_told_to_wait_before_he_has_to_and_keeps_nobody_else_out() {
    run(async {
        let world = World::with(&["--no-second-factor", "--api-calls-per-min", "20"]).await;
        world.user("ada@example.org", &[]).await;
        let ada = world.session("ada@example.org").await;
        let left = |answer: &Answer| answer.header("ratelimit").unwrap().to_owned();
        let first = world.get(&ada, "/api/v1/me").await;
        assert_eq!(
            first.header("ratelimit-policy"),
            Some("\"calls\";q=20;w=60")
        );
        assert!(
            left(&first).starts_with("\"calls\";r=19;"),
            "{}",
            left(&first)
        );
        let mut last = first;
        // However slow the machine is: a call comes back every three seconds, and calls take less.
        for _ in 0..500 {
            if last.status == 429 {
                break;
            }
            last = world.get(&ada, "/api/v1/me").await;
        }
        assert_eq!((last.status, last.code().as_str()), (429, "too-many"));
        let wait: u64 = last.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=4).contains(&wait), "{wait}");
        assert!(left(&last).starts_with("\"calls\";r=0;"));
        let other = world.session("ada@example.org").await;
        assert_eq!(world.get(&other, "/api/v1/me").await.status, 200);
        world.stop().await;
    });
}

//! Token and session.

use std::time::Duration;

use rstest::rstest;

use super::{TOKEN, TestApp, schema};

const GUARDED: [&str; 8] = [
    "/api/history?hours=1",
    "/api/daily_summary",
    "/api/monthly_summary",
    "/api/days?from=2026-06-01",
    "/api/device",
    "/api/debug",
    "/api/events",
    "/metrics",
];

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn what_is_private_needs_the_token() {
    let app = TestApp::start().await;
    for path in GUARDED {
        let answer = app.get(path).await;
        assert_eq!(
            answer.problem(),
            (401, "/problems/unauthorized".to_owned()),
            "{path}"
        );
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"solthrive\""),
            "{path}"
        );
        assert_eq!(app.get_as_owner(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_document_says_what_needs_the_token() {
    let paths = schema::document()["paths"].as_object().unwrap();
    let secured = paths
        .iter()
        .filter(|(_, path)| path["get"].get("security").is_some())
        .map(|(path, _)| path.as_str());
    let guarded = GUARDED.iter().map(|path| path.split('?').next().unwrap());
    let sorted = |mut list: Vec<&'static str>| {
        list.sort_unstable();
        list
    };
    assert_eq!(sorted(secured.collect()), sorted(guarded.collect()));
}

#[rstest]
#[case::wrong("Bearer 1123456789abcdef0123456789abcdef")]
#[case::shorter("Bearer 0123456789abcdef")]
#[case::longer("Bearer 0123456789abcdef0123456789abcdef0")]
#[case::empty("Bearer ")]
#[case::another_scheme("Basic 0123456789abcdef0123456789abcdef")]
#[case::no_scheme("0123456789abcdef0123456789abcdef")]
#[tokio::test]
async fn anything_but_the_token_is_refused(#[case] authorization: &str) {
    let app = TestApp::start().await;
    let answer = app
        .send(
            "GET",
            "/api/device",
            &[("authorization", authorization)],
            "",
        )
        .await;
    assert_eq!(answer.problem().0, 401);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_forgiven() {
    let app = TestApp::start().await;
    let wrong = bearer("wrong");
    for _ in 0..10 {
        assert_eq!(
            app.send("GET", "/api/device", &[("authorization", &wrong)], "")
                .await
                .status,
            401
        );
    }
    let answer = app
        .send("GET", "/api/device", &[("authorization", &wrong)], "")
        .await;
    assert_eq!(
        answer.problem(),
        (429, "/problems/too-many-guesses".to_owned())
    );
    assert_eq!(answer.header("retry-after"), Some("61"));
    assert_eq!(
        app.get_as_owner("/api/device").await.status,
        429,
        "a right guess must not be told from a wrong one"
    );
    assert_eq!(
        app.get("/api/health").await.status,
        200,
        "what is open stays open"
    );
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.get_as_owner("/api/device").await.status, 200);
}

#[tokio::test]
async fn a_cookie_stands_for_the_token_until_the_session_ends() {
    let app = TestApp::start().await;
    let json = ("content-type", "application/json");
    let answer = app
        .send(
            "POST",
            "/api/session",
            &[json],
            &format!("{{\"token\":\"{TOKEN}\"}}"),
        )
        .await;
    assert_eq!(answer.status, 204);
    let cookie = answer.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(
        attributes,
        "Path=/; Max-Age=86400; HttpOnly; SameSite=Strict"
    );

    let with = [("cookie", format!("theme=dark; {pair}"))];
    let with = with
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect::<Vec<_>>();
    assert_eq!(app.send("GET", "/api/device", &with, "").await.status, 200);
    assert_eq!(
        app.send("GET", "/api/session", &with, "").await.json()["signed_in"],
        true
    );

    let ended = app.send("DELETE", "/api/session", &with, "").await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(
        app.send("GET", "/api/device", &with, "").await.status,
        401,
        "ended on the server too"
    );
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let app = TestApp::start().await;
    let answer = app
        .send(
            "POST",
            "/api/session",
            &[("content-type", "application/json")],
            &format!("{{\"token\":\"{TOKEN}\"}}"),
        )
        .await;
    let cookie = answer
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(
        app.send("GET", "/api/device", &[("cookie", &cookie)], "")
            .await
            .status,
        401
    );
}

#[rstest]
#[case::not_json("text/plain", "{\"token\":\"x\"}", 415, "/problems/not-json")]
#[case::no_object("application/json", "\"x\"", 400, "/problems/bad-body")]
#[case::no_token("application/json", "{}", 400, "/problems/bad-body")]
#[case::a_wrong_token(
    "application/json; charset=utf-8",
    "{\"token\":\"x\"}",
    401,
    "/problems/unauthorized"
)]
#[tokio::test]
async fn a_session_is_refused(
    #[case] kind: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] problem: &str,
) {
    let app = TestApp::start().await;
    let answer = app
        .send("POST", "/api/session", &[("content-type", kind)], body)
        .await;
    assert_eq!(answer.problem(), (status, problem.to_owned()));
    assert_eq!(answer.header("set-cookie"), None);
}

//! What is refused, and how.

use std::time::Duration;

use rstest::rstest;
use solthrive_edge::http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::home::snapshot;
use super::{Shelf, TestApp};

#[tokio::test]
async fn a_path_that_does_not_exist_is_a_problem() {
    let app = TestApp::start().await;
    for path in [
        "/nothing",
        "/api/nothing",
        "/api/",
        "/assets/old-4f1d.js",
        "/index.html",
        "/dashboard.html",
        "/../etc/passwd",
    ] {
        assert_eq!(
            app.get(path).await.problem(),
            (404, "/problems/not-found".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_right_ones() {
    let app = TestApp::start().await;
    let answer = app.send("DELETE", "/api/latest", &[], "").await;
    assert_eq!(answer.problem(), (405, "/problems/method".to_owned()));
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    assert_eq!(app.send("POST", "/nothing", &[], "").await.problem().0, 404);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = TestApp::start().await;
    app.publish(snapshot(7));
    let answer = app.send("HEAD", "/api/latest", &[], "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(
        answer
            .header("content-length")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 300
    );
}

#[rstest]
#[case::a_name_made_to_point_here("evil.example", 421)]
#[case::the_same_with_our_port("evil.example:8080", 421)]
#[case::none("", 421)]
#[case::an_address_of_ours("192.168.1.20:8080", 200)]
#[case::this_machine("localhost", 200)]
#[case::a_configured_name("SolThrive.local:8080", 200)]
#[tokio::test]
async fn only_our_own_names_are_answered(#[case] host: &str, #[case] status: u16) {
    let app = TestApp::start().await;
    let answer = app.send("GET", "/api/health", &[("host", host)], "").await;
    assert_eq!(answer.status, status);
    if status != 200 {
        assert_eq!(answer.problem().1, "/problems/unknown-host");
    }
}

#[tokio::test]
async fn a_request_that_names_two_hosts_is_for_nobody() {
    let app = TestApp::start().await;
    let absolute = "GET http://evil.example/api/health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    assert_eq!(app.raw(absolute.as_bytes()).await.problem().0, 421);
    let twice = "GET /api/health HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(app.raw(twice.as_bytes()).await.problem().0, 421);
}

#[tokio::test]
async fn a_page_of_somebody_else_changes_nothing_and_watches_nothing() {
    let app = TestApp::start().await;
    let own = format!("http://{}", app.address);
    for origin in [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "file://",
    ] {
        for (method, path) in [
            ("POST", "/api/session"),
            ("DELETE", "/api/session"),
            ("GET", "/ws"),
        ] {
            let answer = app.send(method, path, &[("origin", origin)], "").await;
            assert_eq!(
                answer.problem(),
                (403, "/problems/foreign-origin".to_owned()),
                "{origin} {method} {path}"
            );
        }
    }
    assert_eq!(
        app.send("DELETE", "/api/session", &[("origin", &own)], "")
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_request_of_a_hundred_megabytes_is_refused_unread() {
    let app = TestApp::start().await;
    for path in ["/api/session", "/api/latest"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n"
        );
        // Only the head is sent: an answer means that the body was not waited for.
        let answer = app.raw(head.as_bytes()).await;
        assert_eq!(answer.problem(), (413, "/problems/too-large".to_owned()));
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_its_length_is_cut_off() {
    let app = TestApp::start().await;
    let head = "POST /api/session HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let answer = app.raw(format!("{head}{chunk}{chunk}").as_bytes()).await;
    assert_eq!(answer.problem(), (413, "/problems/too-large".to_owned()));
}

#[tokio::test]
async fn a_head_that_does_not_fit_is_refused() {
    let app = TestApp::start().await;
    let long = "x".repeat(64 * 1024);
    let answer = app
        .raw(format!("GET /api/latest?{long} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").as_bytes())
        .await;
    assert!([414, 431].contains(&answer.status), "{}", answer.status);
}

#[tokio::test]
async fn a_client_that_dawdles_is_closed() {
    let limits = Limits {
        head: Duration::from_millis(150),
        request: Duration::from_millis(150),
        ..Limits::default()
    };
    let app = TestApp::with(limits, Shelf::default()).await;
    let mut rest = Vec::new();

    // Half a head.
    let mut slow = TcpStream::connect(app.address).await.unwrap();
    slow.write_all(b"GET /api/latest HTTP/1.1\r\nhost: 127")
        .await
        .unwrap();
    slow.read_to_end(&mut rest).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&rest), "", "closed without a word");

    // No head at all.
    let mut idle = TcpStream::connect(app.address).await.unwrap();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap(), 0);

    // Half a body.
    let half = "POST /api/session HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    assert_eq!(
        app.raw(half.as_bytes()).await.problem(),
        (408, "/problems/too-slow".to_owned())
    );
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let app = TestApp::with(
        Limits {
            connections: 2,
            ..Limits::default()
        },
        Shelf::default(),
    )
    .await;
    let held = [
        TcpStream::connect(app.address).await.unwrap(),
        TcpStream::connect(app.address).await.unwrap(),
    ];
    let mut third = TcpStream::connect(app.address).await.unwrap();
    let mut told = String::new();
    third.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    assert_eq!(
        super::Answer::parse(told.as_bytes()).problem(),
        (503, "/problems/too-many-connections".to_owned())
    );
    drop(held);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_closed() {
    let mut minutes = Vec::new();
    for minute in 0..20_000_i64 {
        minutes.push(super::home::minute(
            jiff::Timestamp::from_second(1_780_000_020 + minute * 60).unwrap(),
            1000.0,
        ));
    }
    let shelf = Shelf {
        minutes,
        ..Shelf::default()
    };
    let app = TestApp::with(
        Limits {
            write: Duration::from_millis(200),
            ..Limits::default()
        },
        shelf,
    )
    .await;
    let mut deaf = TcpStream::connect(app.address).await.unwrap();
    let request = format!(
        "GET /api/history?from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z&resolution=1m HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        app.address,
        super::TOKEN
    );
    deaf.write_all(request.as_bytes()).await.unwrap();
    // The server alone can end this: it stops, although the client has neither read nor gone.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut taken = Vec::new();
    let _reset_or_end = deaf.read_to_end(&mut taken).await;
    let whole = app
        .get_as_owner(
            "/api/history?from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z&resolution=1m",
        )
        .await;
    assert!(
        taken.len() < whole.body.len() / 2,
        "{} of {}",
        taken.len(),
        whole.body.len()
    );
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_strict() {
    let app = TestApp::start().await;
    for path in ["/dashboard", "/api/health", "/nothing", "/api/history"] {
        let answer = app.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self' ws:",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {part}");
        }
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
    assert_eq!(
        app.get("/api/health").await.header("cache-control"),
        Some("no-store")
    );
}

#[tokio::test]
async fn the_end_of_the_service_is_waited_for_but_not_for_long() {
    let app = TestApp::start().await;
    let _idle = TcpStream::connect(app.address).await.unwrap();
    app.get("/api/health").await;
    app.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), app.server)
        .await
        .unwrap()
        .unwrap();
}

//! What the live stream refuses, bounds and ends.

use std::time::Duration;

use futures_util::SinkExt;
use solthrive_domain::FlagCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::home::{NOW, flag, later};
use super::ws::{Client, PATIENCE, quiet};
use super::{Limits, Shelf, TestApp};

#[tokio::test]
async fn a_client_that_vanished_is_noticed() {
    let limits = Limits {
        heartbeat: Duration::from_millis(20),
        // A busy machine may keep even a good client waiting for a while.
        silence: Duration::from_secs(1),
        ..Limits::default()
    };
    let app = TestApp::with(limits, Shelf::default()).await;
    // Speaks WebSocket just enough to be let in, and never again.
    let mut deaf = TcpStream::connect(app.address).await.unwrap();
    deaf.write_all(handshake(&app).as_bytes()).await.unwrap();
    let mut all = Vec::new();
    tokio::time::timeout(PATIENCE, deaf.read_to_end(&mut all))
        .await
        .unwrap()
        .unwrap();
    assert!(String::from_utf8_lossy(&all).contains("nothing was heard from you"));

    let mut answering = Client::greeted(&app).await;
    for _ in 0..75 {
        assert_eq!(
            answering.next().await["type"],
            "heartbeat",
            "who answers pings stays"
        );
    }
}

#[tokio::test]
async fn one_stream_too_many_is_refused_until_a_place_is_free() {
    let app = TestApp::with(
        Limits {
            streams: 2,
            ..quiet()
        },
        Shelf::default(),
    )
    .await;
    let first = Client::greeted(&app).await;
    let _second = Client::greeted(&app).await;
    let answer = app.raw(handshake(&app).as_bytes()).await;
    assert_eq!(
        answer.problem(),
        (503, "/problems/too-many-streams".to_owned())
    );
    assert_eq!(
        (answer.header("retry-after"), answer.header("connection")),
        (Some("30"), Some("close"))
    );
    drop(first);
    while app.live.listeners() > 1 {
        tokio::task::yield_now().await;
    }
    Client::greeted(&app).await;
}

#[tokio::test]
async fn a_thousand_clients_do_not_hold_up_the_publisher() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    app.publish(later(0));
    let live = std::sync::Arc::clone(&app.live);
    let publisher = std::thread::spawn(move || {
        // What the core thread does, as fast as it can, from outside of the runtime.
        for n in 1..=2_000 {
            live.publish(
                std::sync::Arc::new(later(n)),
                std::sync::Arc::new(super::home::today()),
            );
        }
    });
    let (mut watching, mut refused) = (Vec::new(), 0);
    for _ in 0..1_000 {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(handshake(&app).as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        match &first {
            b"HTTP/1.1 101" => watching.push(stream),
            b"HTTP/1.1 503" => refused += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    publisher.join().unwrap();
    assert_eq!((watching.len(), refused), (64, 936));
    assert_eq!(
        app.get("/api/latest").await.json()["seq"],
        2_007,
        "the rest of the interface still answers"
    );
}

#[tokio::test]
async fn a_plain_request_is_told_to_upgrade() {
    let app = TestApp::start().await;
    let answer = app.get("/ws").await;
    assert_eq!(
        answer.problem(),
        (426, "/problems/upgrade-required".to_owned())
    );
    assert_eq!(answer.header("upgrade"), Some("websocket"));
}

#[tokio::test]
async fn what_a_client_says_is_ignored_within_limits() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    let mut client = Client::greeted(&app).await;
    client
        .0
        .send(Message::Text("{\"type\":\"subscribe\"}".into()))
        .await
        .unwrap();
    app.publish(later(1));
    assert_eq!(client.next().await["type"], "snapshot", "a word is ignored");

    for _ in 0..64 {
        let _the_server_may_have_closed = client.0.send(Message::Text("noise".into())).await;
    }
    assert_eq!(
        client.close().await,
        (1008, "this stream takes no messages".to_owned())
    );

    let mut client = Client::greeted(&app).await;
    let _closed_meanwhile = client
        .0
        .send(Message::Binary(vec![0; 1 << 20].into()))
        .await;
    while client.any().await.is_some() {}
    assert_eq!(app.get("/api/health").await.status, 200);
}

#[tokio::test]
async fn the_end_of_the_service_is_a_close() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    let mut client = Client::greeted(&app).await;
    app.shutdown.cancel();
    assert_eq!(
        client.close().await,
        (1001, "the appliance stops".to_owned())
    );
    tokio::time::timeout(Duration::from_secs(5), app.server)
        .await
        .unwrap()
        .unwrap();
}

#[test]
fn publishing_wakes_nobody_while_nobody_listens() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let app = runtime.block_on(TestApp::start());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let live = std::sync::Arc::clone(&app.live);
    let (told, thread) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        told.send(std::fs::read_link("/proc/thread-self").unwrap())
            .unwrap();
        runtime.block_on(async { stopped.await.unwrap() });
    });
    let status = std::path::Path::new("/proc")
        .join(thread.recv().unwrap())
        .join("status");
    let switches = || {
        let text = std::fs::read_to_string(&status).unwrap();
        text.lines()
            .filter(|line| line.contains("ctxt_switches"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // Until the thread sleeps: twice the same count.
    let mut before = switches();
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let now = switches();
        if now == before {
            break;
        }
        before = now;
    }
    for n in 0..1_000 {
        live.publish(
            std::sync::Arc::new(later(n)),
            std::sync::Arc::new(super::home::today()),
        );
        live.set_flags(
            &[flag(FlagCode::PollDrift, &n.to_string())],
            NOW.parse().unwrap(),
        );
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(
        switches(),
        before,
        "the server's thread slept through a thousand publications"
    );
    stop.send(()).unwrap();
    server.join().unwrap();
}

fn handshake(app: &TestApp) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        app.address
    )
}

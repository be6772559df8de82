//! What strangers send: a clear answer or a closed connection, and others are not harmed.

#![expect(
    clippy::disallowed_methods,
    reason = "how long an answer took is what is promised"
)]

use std::time::{Duration, Instant};

use axum::body::Body;
use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::Answer;
use super::deliveries::gzip;
use super::fleet::{Device, ago, snapshot};
use super::{World, run};

const TELEMETRY: &str = "/v1/ingest/telemetry";

async fn send(world: &World, device: &Device, packing: &str, body: Vec<u8>) -> Answer {
    let headers: &[(&str, &str)] = if packing.is_empty() {
        &[]
    } else {
        &[("content-encoding", packing)]
    };
    world
        .client
        .call(
            Method::POST,
            TELEMETRY,
            &device.token,
            headers,
            Body::from(body),
        )
        .await
}

#[test]
fn bombs_are_refused_without_being_blown_up() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let before = resident_kb();
        let zeros = vec![0u8; 200 << 20];
        let bombs = [
            ("gzip", gzip(&zeros)),
            ("zstd", zstd::encode_all(zeros.as_slice(), 1).unwrap()),
        ];
        drop(zeros);
        for (packing, bomb) in bombs {
            assert!(bomb.len() < 1 << 20);
            let began = Instant::now();
            let answer = send(&world, &device, packing, bomb).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (413, "too_large"),
                "{packing}"
            );
            assert!(began.elapsed() < Duration::from_secs(20));
        }
        assert!(
            resident_kb().saturating_sub(before) < 300_000,
            "{before} kB before"
        );
        assert_eq!(
            device
                .deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .counts(),
            [1, 0, 0]
        );
        world.running.stop().await;
    });
}

/// Of this process.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn garbage_is_answered_and_changes_nothing() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let good = device.body("live", &[snapshot(60, 2.0)]);
        let deep = "[".repeat(100_000);
        let cut = &good[..good.len() - 5];
        let not_a_number = good.replace("1.5", "NaN");
        let infinite = good.replace("1.5", "1e999");
        let twice = good.replace("\"solar_kw\":1.5", "\"solar_kw\":1.5,\"solar_kw\":1.6");
        for wrong in [
            "",
            "null",
            "[]",
            "{}",
            "\u{0}",
            "\"\\ud800\"",
            &deep,
            cut,
            &not_a_number,
            &infinite,
            &twice,
        ] {
            let answer = send(&world, &device, "", wrong.as_bytes().to_vec()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (422, "nothing_acceptable"),
                "{wrong:.60}"
            );
            assert!(answer.text.len() < 1_000, "{answer:?}");
        }
        for broken in ["gzip", "zstd"] {
            assert_eq!(
                send(&world, &device, broken, good.clone().into_bytes())
                    .await
                    .status,
                422
            );
        }
        assert_eq!(
            send(&world, &device, "br", good.clone().into_bytes())
                .await
                .status,
            415
        );
        assert_eq!(
            send(&world, &device, "", good.into_bytes()).await.counts(),
            [1, 0, 0]
        );
        world.running.stop().await;
    });
}

#[test]
fn too_many_and_too_large_is_said_as_such() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let million = format!(
            "{{\"device_id\":\"{0}\",\"firmware\":\"2\",\"sent_at\":\"{1}\",\"ledger_id\":\"{0}\",\"snapshots\":[{2}7]}}",
            device.id,
            ago(0),
            "7,".repeat(999_999),
        );
        let answer = send(&world, &device, "gzip", gzip(million.as_bytes())).await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
        assert!(answer.text.contains("1000000"), "{answer:?}");
        // Said in the head, and found out on the way.
        assert_eq!(
            send(&world, &device, "", vec![b' '; (1 << 20) + 1])
                .await
                .status,
            413
        );
        let (mut stream, mut text) = (
            TcpStream::connect(world.running.address).await.unwrap(),
            Vec::new(),
        );
        let head = format!(
            "POST {TELEMETRY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            device.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..40 {
            let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut text)).await;
        assert!(
            text.starts_with(b"HTTP/1.1 413"),
            "{}",
            String::from_utf8_lossy(&text)
        );
        world.running.stop().await;
    });
}

#[test]
fn a_stranger_is_refused_before_his_body_is_read() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        for head in [
            "",
            "Authorization: Basic eDp5\r\n",
            "Authorization: Bearer std_wrong\r\n",
            "Authorization: Bearer \r\n",
        ] {
            let mut stream = TcpStream::connect(world.running.address).await.unwrap();
            let request = format!(
                "POST {TELEMETRY} HTTP/1.1\r\nHost: h\r\n{head}Content-Length: 1000000\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = [0; 12];
            tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut text))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(&text, b"HTTP/1.1 401");
        }
        let other = world.fleet.at_home(&world.client).await;
        let answer = world
            .client
            .post(
                TELEMETRY,
                &other.token,
                device.body("live", &[snapshot(60, 2.0)]),
            )
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "wrong_device")
        );
        assert!(
            world
                .client
                .post(TELEMETRY, "std_wrong", "{}")
                .await
                .header("www-authenticate")
                .is_some()
        );
        world.running.stop().await;
    });
}

#[test]
fn slow_and_deaf_clients_take_their_own_places_only() {
    run(async {
        let world = World::with(&["--connections", "50"]).await;
        let device = world.fleet.at_home(&world.client).await;
        let mut held = Vec::new();
        for n in 0..49 {
            let mut stream = TcpStream::connect(world.running.address).await.unwrap();
            // Some never end their head, some never read what they asked for.
            let text: &[u8] = if n % 2 == 0 {
                b"POST /v1/ingest"
            } else {
                b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
            };
            for _ in 0..50 {
                if tokio::time::timeout(Duration::from_millis(5), stream.write_all(text))
                    .await
                    .is_err()
                    || n % 2 == 0
                {
                    break;
                }
            }
            held.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        assert_eq!(
            device
                .deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .counts(),
            [1, 0, 0]
        );
        assert!(began.elapsed() < Duration::from_secs(3));
        // What goes beyond fifty is closed at once, and there is room again when some go.
        let fiftieth = a_place(&world).await;
        let mut more = Vec::new();
        for _ in 0..4 {
            more.push(TcpStream::connect(world.running.address).await.unwrap());
        }
        assert_eq!(closed_of(&mut more).await, 4);
        drop((more, held, fiftieth));
        drop(a_place(&world).await);
        let body = device.body("live", &[snapshot(50, 2.0)]);
        let mut answer = None;
        for _ in 0..100 {
            answer = world
                .client
                .try_post(TELEMETRY, &device.token, body.clone())
                .await;
            if answer.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(answer.unwrap().counts(), [1, 0, 0]);
        world.running.stop().await;
    });
}

/// A connection that the service keeps: who went before gives his place back in a moment.
async fn a_place(world: &World) -> TcpStream {
    for _ in 0..100 {
        let mut one = vec![TcpStream::connect(world.running.address).await.unwrap()];
        if closed_of(&mut one).await == 0 {
            return one.remove(0);
        }
    }
    panic!("nobody is let in any more");
}

/// How many of these the service has closed.
async fn closed_of(streams: &mut [TcpStream]) -> usize {
    let mut closed = 0;
    for stream in streams {
        let mut nothing = [0; 16];
        let end = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut nothing));
        closed += usize::from(matches!(end.await, Ok(Ok(0) | Err(_))));
    }
    closed
}

#[test]
fn one_address_does_not_take_all_places() {
    run(async {
        let world = World::with(&["--tls", "--connections-per-ip", "3"]).await;
        let mut streams = Vec::new();
        for _ in 0..5 {
            streams.push(TcpStream::connect(world.running.address).await.unwrap());
        }
        assert_eq!(closed_of(&mut streams).await, 2);
        world.running.stop().await;
    });
}

#[test]
fn heads_without_end_and_other_protocols_are_closed() {
    run(async {
        let world = World::with(&["--tls"]).await;
        let plain = World::new().await;
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(100_000));
        for (address, text) in [
            (plain.running.address, long.as_str()),
            (plain.running.address, "\u{16}\u{3}\u{1}garbage\r\n\r\n"),
            (world.running.address, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _ = stream.write_all(text.as_bytes()).await;
            let mut said = Vec::new();
            let ended =
                tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut said)).await;
            assert!(ended.is_ok(), "{text:.40}");
            assert!(
                !said.starts_with(b"HTTP/1.1 200"),
                "{}",
                String::from_utf8_lossy(&said)
            );
        }
        world.running.stop().await;
        plain.running.stop().await;
    });
}

#[test]
fn every_answer_has_an_id_and_unknown_paths_say_so() {
    run(async {
        let world = World::new().await;
        let answer = world.client.get("/nothing/here").await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("application/problem+json"))
        );
        assert!(answer.header("x-request-id").is_some());
        assert_eq!(world.client.get(TELEMETRY).await.status, 405);
        let named = [("x-request-id", "from-the-proxy-1")];
        let answer = world
            .client
            .call(Method::GET, "/healthz", "", &named, Body::empty())
            .await;
        assert_eq!(
            (answer.status, answer.header("x-request-id")),
            (200, Some("from-the-proxy-1"))
        );
        assert_eq!(world.client.get("/readyz").await.status, 200);
        assert!(
            world
                .client
                .get("/metrics")
                .await
                .text
                .contains("solthrive_cloud_calls_total{route=\"/healthz\",status=\"200\"} 1")
        );
        assert_eq!(
            json!(world.client.get("/api/v1/openapi.json").await.json())["openapi"],
            "3.1.0"
        );
        world.running.stop().await;
    });
}

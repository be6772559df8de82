//! The live stream.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use solthrive_domain::{Cadence, FlagCode};
use solthrive_edge::live::{DayPoint, Gap, GapCause};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::home::{NOW, flag, later, snapshot};
use super::{Limits, Shelf, TestApp, schema};

/// Longer than anything here takes; a test that waits this long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Client(pub(super) WebSocketStream<TcpStream>);

impl Client {
    pub(super) async fn connect(app: &TestApp) -> Self {
        Self::over(TcpStream::connect(app.address).await.unwrap(), app).await
    }

    async fn over(stream: TcpStream, app: &TestApp) -> Self {
        let request = format!("ws://{}/ws", app.address)
            .into_client_request()
            .unwrap();
        Self(client_async(request, stream).await.unwrap().0)
    }

    /// A client that has heard `hello`.
    pub(super) async fn greeted(app: &TestApp) -> Self {
        let mut client = Self::connect(app).await;
        assert_eq!(client.next().await["type"], "hello");
        client
    }

    /// The next message, which is one of the document's.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match self.any().await {
                Some(Message::Text(text)) => {
                    let message = serde_json::from_str(&text).unwrap();
                    schema::check("LiveMessage", &message);
                    return message;
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(super) async fn any(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.0.next())
            .await
            .expect("a message in time");
        next.and_then(Result::ok)
    }

    /// Code and reason of the close that ends the stream.
    pub(super) async fn close(&mut self) -> (u16, String) {
        loop {
            match self.any().await {
                Some(Message::Close(Some(frame))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(_) => {}
                None => panic!("ended without a close"),
            }
        }
    }
}

pub(super) fn quiet() -> Limits {
    // No heartbeat falls into a test that does not wait for one.
    Limits {
        heartbeat: Duration::from_mins(10),
        silence: Duration::from_mins(20),
        ..Limits::default()
    }
}

#[tokio::test]
async fn hello_brings_everything_a_page_needs() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    let minute = |solar| DayPoint {
        solar: Some(solar),
        home: Some(500.0),
        grid: None,
        battery: None,
    };
    app.live.seed_day([
        ("2026-06-21T18:50:00Z".parse().unwrap(), minute(1000.0)),
        ("2026-06-21T18:52:00Z".parse().unwrap(), minute(3000.0)),
    ]);
    app.live
        .set_flags(&[flag(FlagCode::CtReversed, "pv")], NOW.parse().unwrap());
    app.publish(snapshot(7));
    let hello = Client::connect(&app).await.next().await;
    assert_eq!(
        (&hello["type"], &hello["seq"], &hello["api"]),
        (&"hello".into(), &0.into(), &1.into())
    );
    assert_eq!(
        (&hello["ts"], &hello["version"]),
        (&NOW.into(), &"2.0.0-test".into())
    );
    assert_eq!(
        hello["site"]["has"],
        serde_json::json!({"solar": true, "battery": false, "ev": false})
    );
    assert_eq!(hello["snapshot"], app.get("/api/latest").await.json());
    assert_eq!(hello["errors"][0]["code"], "ct_reversed");
    assert_eq!(hello["today"]["solar_kwh"], 24.0);
    let day = &hello["day"];
    assert_eq!(
        (&day["from"], &day["step_s"]),
        (&"2026-06-20T19:05:00Z".into(), &300.into())
    );
    let solar = day["solar_kw"].as_array().unwrap();
    assert_eq!(solar.len(), 288);
    assert_eq!(
        solar[284..],
        [Value::Null, 2.0.into(), 3.52.into(), Value::Null][..]
    );
    assert!(day.get("battery_kw").is_none());
}

#[tokio::test]
async fn every_snapshot_is_sent_and_numbered() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    let mut clients = [Client::greeted(&app).await, Client::greeted(&app).await];
    for n in 1..=3 {
        app.publish(later(n));
        for client in &mut clients {
            let message = client.next().await;
            assert_eq!(
                (&message["type"], &message["seq"]),
                (&"snapshot".into(), &n.into())
            );
            assert_eq!(
                (&message["snapshot"]["seq"], &message["ts"]),
                (&(7 + n).into(), &message["snapshot"]["timestamp"])
            );
            assert_eq!(message["today"]["date"], "2026-06-21");
        }
    }
}

#[tokio::test]
async fn flags_are_sent_when_they_change_and_only_then() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    let mut client = Client::greeted(&app).await;
    let now = NOW.parse().unwrap();
    app.live
        .set_flags(&[flag(FlagCode::MeterNotResponding, "main")], now);
    let raised = client.next().await;
    assert_eq!(
        (&raised["type"], &raised["errors"][0]["subject"]),
        (&"errors".into(), &"main".into())
    );
    app.live
        .set_flags(&[flag(FlagCode::MeterNotResponding, "main")], now);
    app.live.set_flags(&[], now);
    let cleared = client.next().await;
    assert_eq!(
        (&cleared["type"], &cleared["seq"], &cleared["errors"]),
        (&"errors".into(), &2.into(), &serde_json::json!([]))
    );
    let events = app.get_as_owner("/api/events").await.json();
    schema::check("Events", &events);
    let states: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["cleared", "raised"]);
}

#[tokio::test]
async fn who_comes_back_after_a_restart_is_told_of_it_and_who_comes_later_is_not() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    app.live.note_gap(Gap {
        from: "2026-06-21T18:50:00Z".parse().unwrap(),
        to: snapshot(0).ts,
        cause: GapCause::Restart,
    });
    app.publish(snapshot(0));
    let mut client = Client::greeted(&app).await;
    app.publish(later(1));
    let gap = client.next().await;
    assert_eq!(
        (&gap["type"], &gap["reason"], &gap["from"]),
        (
            &"gap".into(),
            &"restart".into(),
            &"2026-06-21T18:50:00Z".into()
        )
    );
    assert_eq!(client.next().await["type"], "snapshot");
    for second in 2..61 {
        app.publish(later(second));
    }
    let mut late = Client::greeted(&app).await;
    app.publish(later(61));
    assert_eq!(late.next().await["type"], "snapshot");
}

#[tokio::test]
async fn a_gap_of_the_meter_is_told_before_the_snapshot_after_it() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    app.publish(snapshot(7));
    let mut client = Client::greeted(&app).await;
    let after = later(30);
    app.live.note_gap(Gap {
        from: snapshot(7).ts,
        to: after.ts,
        cause: GapCause::MeterNotResponding,
    });
    app.publish(after);
    let gap = client.next().await;
    assert_eq!(
        (&gap["type"], &gap["reason"]),
        (&"gap".into(), &"meter_not_responding".into())
    );
    assert_eq!(
        (&gap["from"], &gap["to"]),
        (
            &"2026-06-21T18:59:58.25Z".into(),
            &"2026-06-21T19:00:28.25Z".into()
        )
    );
    assert_eq!(client.next().await["type"], "snapshot");
}

#[tokio::test]
async fn a_slow_client_misses_snapshots_and_is_told_which() {
    let app = TestApp::with(quiet(), Shelf::default()).await;
    app.publish(later(0));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = Client::over(socket.connect(app.address).await.unwrap(), &app).await;
    assert_eq!(slow.next().await["type"], "hello");
    let mut quick = Client::greeted(&app).await;
    let count = 3_000;
    for n in 1..=count {
        app.publish(later(n));
        // A client that reads keeps up with every one of them: the slow one holds nobody back.
        assert_eq!(quick.next().await["snapshot"]["seq"], 7 + n);
    }
    let (mut number, mut seen, mut missed) = (0, 7, 0);
    while seen < 7 + count {
        let message = slow.next().await;
        number += 1;
        assert_eq!(
            message["seq"], number,
            "messages are numbered without holes"
        );
        if message["type"] == "gap" {
            assert_eq!(message["reason"], "slow_client");
            assert_eq!(
                message["from"],
                later(seen - 7).ts.to_string(),
                "from the last one it has"
            );
            let next = slow.next().await;
            number += 1;
            assert_eq!(message["to"], next["ts"], "to the first one it gets");
            missed += next["snapshot"]["seq"].as_u64().unwrap() - seen - 1;
            seen = next["snapshot"]["seq"].as_u64().unwrap();
        } else {
            seen += 1;
            assert_eq!(
                message["snapshot"]["seq"], seen,
                "nothing is missing without a gap"
            );
        }
    }
    assert!(missed > 0, "the test must outrun the buffers");
}

#[tokio::test]
async fn a_client_is_told_how_often_to_expect_a_snapshot_and_when_that_changes() {
    let often = Limits {
        heartbeat: Duration::from_millis(50),
        ..Limits::default()
    };
    let app = TestApp::with(often, Shelf::default()).await;
    app.live
        .expect_every(Cadence::every(Duration::from_secs(5)));
    let mut client = Client::connect(&app).await;
    assert_eq!(client.next().await["snapshot_every_ms"], 5000);
    app.live
        .expect_every(Cadence::every(Duration::from_secs(7)));
    while client.next().await["snapshot_every_ms"] != 7000 {}
}

#[tokio::test]
async fn a_heartbeat_comes_without_data() {
    let app = TestApp::with(
        Limits {
            heartbeat: Duration::from_millis(50),
            ..Limits::default()
        },
        Shelf::default(),
    )
    .await;
    let mut client = Client::greeted(&app).await;
    let beat = client.next().await;
    assert_eq!(
        (
            &beat["type"],
            &beat["uptime_s"],
            &beat["last_snapshot_age_sec"]
        ),
        (&"heartbeat".into(), &900.into(), &Value::Null)
    );
    app.publish(snapshot(7));
    app.clock.advance(Duration::from_secs(5));
    loop {
        let beat = client.next().await;
        if beat["type"] == "heartbeat" {
            assert_eq!(
                (&beat["version"], &beat["last_snapshot_age_sec"]),
                (&"2.0.0-test".into(), &7.0.into())
            );
            break;
        }
    }
}

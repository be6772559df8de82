//! Calls that take their time: what happens meanwhile counts, and what they began is brought to its end.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use hyper::Method;
use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::letters::world_with_letters;
use super::{Who, World};
use crate::service::{Answer, run};

/// A call whose body comes in two halves, the second when it is let go.
async fn held(
    world: &World,
    who: &Who,
    path: &str,
    body: Value,
    go: oneshot::Receiver<()>,
) -> Answer {
    let Who::Cookie(cookie) = who else {
        panic!("a session");
    };
    let text = body.to_string();
    let (first, second) = text.split_at(text.len() / 2);
    let halves = [first, second].map(|half| Bytes::copy_from_slice(half.as_bytes()));
    let [first, second] = halves;
    let begin = stream::once(async move { Ok::<_, std::io::Error>(first) });
    let rest = stream::once(async move {
        go.await.unwrap();
        Ok(second)
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(begin, rest));
    let headers = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
    ];
    world
        .client
        .call(Method::POST, path, "", &headers, body)
        .await
}

/// Enough for the head of a call to be read.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[test]
fn who_sold_a_home_while_his_call_was_under_way_gives_nothing_of_it_away() {
    run(async {
        let (world, letters, _folder) = world_with_letters(Clock::system()).await;
        let household = world.org(OrgKind::Household, "Ada").await;
        let solar = world.org(OrgKind::Installer, "Solar").await;
        let site = world.site(household, "Ada's house").await;
        let admin = [(household, Role::Admin)];
        world.user("ada@example.org", &admin).await;
        world.user("bo@example.org", &[]).await;
        let owner = world.session("ada@example.org").await;
        let buyer = world.session("bo@example.org").await;
        let path = |rest: &str| format!("/api/v1/sites/{site}{rest}");
        let asked = json!({ "email": "bo@example.org", "history": "all" });
        let (grants, transfers) = (path("/grants"), path("/transfers"));
        let offered = world.call(&owner, "POST", &transfers, Some(asked)).await;
        assert_eq!(offered.status, 201);
        let token = letters.secret("bo@example.org").await;

        let (give, given) = oneshot::channel();
        let (sell, sold) = oneshot::channel();
        let grant = json!({ "org": solar.as_uuid(), "scopes": ["production"] });
        let again = json!({ "email": "mallory@example.org", "history": "all" });
        let calls = async {
            tokio::join!(
                held(&world, &owner, &grants, grant, given),
                held(&world, &owner, &transfers, again, sold),
            )
        };
        let sale = async {
            moment().await;
            let taken = json!({ "token": token });
            let taken = world.call(&buyer, "POST", "/api/v1/transfers/accept", Some(taken));
            assert_eq!(taken.await.status, 200);
            give.send(()).unwrap();
            sell.send(()).unwrap();
        };
        let ((granted, offered), ()) = tokio::join!(calls, sale);
        assert_eq!((granted.status, offered.status), (404, 404));
        let after = world.get(&buyer, &grants).await.json();
        assert_eq!(after["items"], json!([]));
        let after = world.get(&buyer, &transfers).await.json();
        assert_eq!(after["items"], json!([]));
        assert_eq!(letters.to("mallory@example.org"), [""; 0]);
        world.stop().await;
    });
}

#[test]
fn a_body_that_comes_late_is_judged_by_the_rights_of_then() {
    run(async {
        let world = World::new().await;
        world.user("ada@example.org", &[]).await;
        let me = world.session("ada@example.org").await;
        let asked = json!({ "name": "mine", "scopes": ["production"] });
        let (go, gone) = oneshot::channel();
        let sign_out = async {
            moment().await;
            let out = world
                .call(&me, "DELETE", "/api/v1/auth/session", None)
                .await;
            assert_eq!(out.status, 204, "{out:?}");
            go.send(()).unwrap();
        };
        let (made, ()) = tokio::join!(
            held(&world, &me, "/api/v1/me/tokens", asked, gone),
            sign_out
        );
        assert_eq!(made.status, 401, "{made:?}");
        world.stop().await;
    });
}

/// Greets, and reads what comes until it is dropped.
async fn greeted(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"220 mail.example\r\n").await.unwrap();
    let mut line = [0; 64];
    assert!(stream.read(&mut line).await.unwrap() > 0, "it says hello");
    stream
}

#[test]
fn an_offer_whose_letter_did_not_go_out_is_none_also_when_nobody_waits_any_more() {
    run(async {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let mail = format!("smtp://{address}");
        let world = World::with(&["--no-second-factor", "--mail", &mail]).await;
        let household = world.org(OrgKind::Household, "Ada").await;
        let site = world.site(household, "Ada's house").await;
        let admin = [(household, Role::Admin)];
        world.user("ada@example.org", &admin).await;
        let owner = world.session("ada@example.org").await;
        let path = format!("/api/v1/sites/{site}/transfers");
        let asked = json!({ "email": "bo@example.org", "history": "all" });
        let offer = world.call(&owner, "POST", &path, Some(asked));
        let letter = tokio::select! {
            answer = offer => panic!("before the letter is out: {answer:?}"),
            stream = greeted(&server) => stream,
        };
        // The caller hung up: the call above is dropped. Then the mail server breaks off.
        let open = async || {
            let listed = world.get(&owner, &path).await.json();
            listed["items"][0]["ended_at"].is_null()
        };
        assert!(open().await, "it waits for the letter");
        moment().await;
        drop((letter, server));
        for _ in 0..100 {
            if !open().await {
                world.stop().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the offer stays, and nobody can take it");
    });
}

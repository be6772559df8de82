//! Homes that change, and that change hands, as their people see it.

use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use hyper::Method;
use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;
use solthrive_domain::{OrgId, SiteId};
use tempfile::TempDir;

use super::letters::{Letters, world_with_letters};
use super::{Who, World};
use crate::service::{Answer, Device, Open, run, snapshot};

/// A home with a device, its owner and who would like to have it.
struct Town {
    world: World,
    site: SiteId,
    solar: OrgId,
    owner: Who,
    buyer: Who,
    device: Device,
    /// How far the service's clock is ahead, ms.
    leap: &'static AtomicI64,
    letters: Letters,
    _folder: TempDir,
}

async fn town() -> Town {
    // Of this world alone: tests may share a process.
    let leap: &'static AtomicI64 = Box::leak(Box::default());
    let (world, letters, folder) = world_with_letters(Clock::ahead(leap)).await;
    let household = world.org(OrgKind::Household, "Ada").await;
    let solar = world.org(OrgKind::Installer, "Solar").await;
    let site = world.site(household, "Ada's house").await;
    world
        .user("ada@example.org", &[(household, Role::Admin)])
        .await;
    world.user("bo@example.org", &[]).await;
    Town {
        owner: world.session("ada@example.org").await,
        buyer: world.session("bo@example.org").await,
        device: world.device(site, solar).await,
        leap,
        site,
        solar,
        letters,
        world,
        _folder: folder,
    }
}

impl Town {
    fn path(&self, rest: &str) -> String {
        format!("/api/v1/sites/{}{rest}", self.site)
    }

    async fn post(&self, who: &Who, path: &str, body: Value) -> Answer {
        self.world.call(who, "POST", path, Some(body)).await
    }

    async fn offer(&self, history: &str) -> Answer {
        let asked = json!({ "email": "bo@example.org", "history": history });
        self.post(&self.owner, &self.path("/transfers"), asked)
            .await
    }

    async fn take(&self, who: &Who, token: &str) -> Answer {
        self.post(who, "/api/v1/transfers/accept", json!({ "token": token }))
            .await
    }

    async fn edit(&self, version: Option<&str>, body: Value) -> Answer {
        let Who::Cookie(cookie) = &self.owner else {
            panic!("a session");
        };
        let mut headers = vec![
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
        ];
        headers.extend(version.map(|version| ("if-match", version)));
        let body = Body::from(body.to_string());
        let client = &self.world.client;
        client
            .call(Method::PATCH, &self.path(""), "", &headers, body)
            .await
    }

    /// Why there are the grants that count.
    async fn open_grants(&self, who: &Who) -> Vec<Value> {
        let grants = self.world.get(who, &self.path("/grants")).await.json();
        let all = grants["items"].as_array().unwrap().iter();
        let open = all.filter(|grant| grant["revoked_at"].is_null());
        open.map(|grant| grant["basis"].clone()).collect()
    }

    /// How many rows somebody sees of the last hour, or from so many seconds ago to so many, once the newest are there.
    async fn rows(&self, who: &Who) -> usize {
        self.rows_within(who, 3_600, -600).await
    }

    async fn rows_within(&self, who: &Who, from: i64, to: i64) -> usize {
        tokio::time::sleep(Duration::from_millis(900)).await;
        let at = |seconds: i64| crate::service::ago(seconds);
        let query = format!("/telemetry?from={}&to={}&resolution=raw", at(from), at(to));
        let answer = self.world.get(who, &self.path(&query)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["t"].as_array().unwrap().len()
    }
}

/// The last event of a stream, which has to come within five seconds.
async fn end_of(stream: &mut Open) -> Vec<String> {
    let end = async {
        while let Some(event) = stream.event().await {
            if event.iter().any(|line| line == "event: end") {
                return event;
            }
        }
        Vec::new()
    };
    let end = tokio::time::timeout(Duration::from_secs(5), end).await;
    end.expect("within five seconds")
}

#[test]
fn an_edit_says_what_it_saw_and_overwrites_nothing_else() {
    run(async {
        let town = town().await;
        let seen = town.world.get(&town.owner, &town.path("")).await.json();
        let version = format!("\"{}\"", seen["version"]);
        let name = |name: &str| json!({ "name": name });
        let unsaid = town.edit(None, name("x")).await;
        assert_eq!((unsaid.status, unsaid.code().as_str()), (428, "no-version"));
        assert_eq!(town.edit(Some(&version), name("Seaside")).await.status, 200);
        let stale = town.edit(Some(&version), name("Lakeside")).await;
        assert_eq!((stale.status, stale.code().as_str()), (412, "stale"));
        let after = town.world.get(&town.owner, &town.path("")).await.json();
        assert_eq!(after["name"], "Seaside");
        let version = format!("\"{}\"", after["version"]);
        for wrong in [
            json!({ "size_kw": -1 }),
            json!({ "name": "" }),
            json!({ "name": "a\nb" }),
        ] {
            assert_eq!(town.edit(Some(&version), wrong).await.status, 422);
        }
        let nothing = town.edit(Some(&version), json!({})).await;
        assert_eq!(nothing.status, 422);
        for tag in ["", "*", after["version"].to_string().as_str()] {
            let untagged = town.edit(Some(tag), name("Lakeside")).await;
            assert_eq!(untagged.status, 412, "{tag}");
        }
        let doubled = format!("\"{version}\"");
        let doubled = town.edit(Some(&doubled), name("Lakeside")).await;
        assert_eq!(doubled.status, 412);
        let foreign = town.edit(Some(&version), json!({ "owner": "me" })).await;
        assert_eq!(foreign.code(), "invalid-body");
        town.world.stop().await;
    });
}

#[test]
fn a_home_changes_hands_at_once_and_an_open_stream_of_the_last_owner_ends() {
    run(async {
        let town = town().await;
        town.device
            .deliver(&town.world.client, &[snapshot(60, 1.0)])
            .await;
        let given = json!({ "org": town.solar.as_uuid(), "scopes": ["production", "consumption"] });
        assert_eq!(
            town.post(&town.owner, &town.path("/grants"), given)
                .await
                .status,
            201
        );
        assert_eq!(town.offer("none").await.status, 201);
        let token = town.letters.secret("bo@example.org").await;
        let look = town
            .post(
                &Who::Nobody,
                "/api/v1/transfers/look",
                json!({ "token": token }),
            )
            .await;
        assert_eq!(
            (&look.json()["site"], &look.json()["from"]),
            (&json!("Ada's house"), &json!("Ada"))
        );
        let not_yet = town.world.get(&town.buyer, &town.path("")).await;
        assert_eq!(not_yet.status, 404, "nothing changes before it is taken");

        let Who::Cookie(cookie) = &town.owner else {
            panic!("a session");
        };
        let mut stream = town
            .world
            .client
            .open(&town.path("/live"), &[("cookie", cookie)])
            .await;
        assert_eq!(stream.status, 200);
        let taken = town.take(&town.buyer, &token).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        assert_eq!(
            town.world.get(&town.owner, &town.path("")).await.status,
            404
        );
        let end = end_of(&mut stream).await;
        assert!(
            end.iter().any(|line| line.ends_with("not-allowed")),
            "{end:?}"
        );

        // Nothing that was before is the buyer's; what comes is.
        assert_eq!(town.rows(&town.buyer).await, 0);
        town.device
            .deliver(&town.world.client, &[snapshot(0, 2.0)])
            .await;
        let late = snapshot(-2, 3.0);
        town.device.deliver(&town.world.client, &[late]).await;
        assert!(town.rows(&town.buyer).await >= 1);
        let open = town.open_grants(&town.buyer).await;
        assert_eq!(open, ["commissioning"], "the last owner's consent is over");
        town.world.stop().await;
    });
}

#[test]
fn with_all_of_its_past_the_buyer_sees_what_was() {
    run(async {
        let town = town().await;
        town.device
            .deliver(&town.world.client, &[snapshot(600, 1.0), snapshot(60, 2.0)])
            .await;
        assert_eq!(town.rows(&town.owner).await, 2);
        assert_eq!(town.offer("all").await.status, 201);
        let token = town.letters.secret("bo@example.org").await;
        assert_eq!(town.take(&town.buyer, &token).await.status, 200);
        assert_eq!(town.rows(&town.buyer).await, 2);
        town.world.stop().await;
    });
}

#[test]
fn from_a_day_on_the_buyer_sees_what_was_since_its_local_midnight() {
    run(async {
        let town = town().await;
        // The site is in Berlin; a day that is over, whatever the time is now.
        let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let now = jiff::Timestamp::from(Clock::system().now());
        let day = berlin.to_datetime(now).date().yesterday().unwrap();
        let midnight = day.to_zoned(berlin).unwrap().timestamp();
        let since = now.duration_since(midnight).as_secs();
        let rows = [snapshot(since + 60, 1.0), snapshot(since - 60, 2.0)];
        town.device.deliver(&town.world.client, &rows).await;
        let asked = json!({ "email": "bo@example.org", "history": "from_date", "date": day });
        let transfers = town.path("/transfers");
        let offered = town.post(&town.owner, &transfers, asked).await;
        assert_eq!(offered.status, 201);
        let token = town.letters.secret("bo@example.org").await;
        let seen = async |who: &Who| town.rows_within(who, since + 3_600, since - 3_600).await;
        assert_eq!(seen(&town.owner).await, 2);
        assert_eq!(town.take(&town.buyer, &token).await.status, 200);
        assert_eq!(seen(&town.buyer).await, 1);
        town.world.stop().await;
    });
}

#[test]
fn an_offer_is_good_for_one_person_for_one_time_and_for_a_fortnight() {
    run(async {
        let town = town().await;
        for (asked, field) in [
            (json!({ "email": "x", "history": "all" }), "email"),
            (
                json!({ "email": "bo@example.org", "history": "some" }),
                "history",
            ),
            (
                json!({ "email": "bo@example.org", "history": "from_date" }),
                "date",
            ),
            (
                json!({ "email": "bo@example.org", "history": "all", "date": "2026-06-01" }),
                "date",
            ),
        ] {
            let refused = town
                .post(&town.owner, &town.path("/transfers"), asked)
                .await;
            assert_eq!(
                (refused.status, &refused.json()["errors"][0]["field"]),
                (422, &json!(field))
            );
        }
        assert_eq!(town.offer("all").await.status, 201);
        let token = town.letters.secret("bo@example.org").await;
        let second = town.offer("all").await;
        assert_eq!(
            (second.status, second.code().as_str()),
            (409, "offered-already")
        );
        let wrong = town.take(&town.owner, &token).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (403, "not-yours"));
        assert_eq!(town.take(&Who::Nobody, &token).await.status, 401);
        town.leap.store(14 * 86_400_000 + 1, Ordering::Relaxed);
        let buyer = town.world.session("bo@example.org").await;
        assert_eq!(town.take(&buyer, &token).await.status, 404, "after its end");
        town.leap.store(0, Ordering::Relaxed);
        assert_eq!(town.take(&town.buyer, &token).await.status, 200);
        assert_eq!(town.take(&town.buyer, &token).await.status, 404, "twice");
        town.world.stop().await;
    });
}

#[test]
fn an_offer_whose_letter_did_not_go_out_is_none() {
    run(async {
        let town = town().await;
        fs::remove_dir_all(&town.letters.0).unwrap();
        let away = town.offer("all").await;
        assert_eq!((away.status, away.code().as_str()), (503, "mail-away"));
        fs::create_dir_all(&town.letters.0).unwrap();
        assert_eq!(town.offer("none").await.status, 201, "the next one is free");
        let listed = town
            .world
            .get(&town.owner, &town.path("/transfers"))
            .await
            .json();
        let ended: Vec<_> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["ended_at"].is_null())
            .collect();
        assert_eq!(ended, [true, false]);
        town.world.stop().await;
    });
}

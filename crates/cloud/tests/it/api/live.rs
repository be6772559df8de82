//! The present, as it comes.

use std::time::Duration;

use serde_json::{Value, json};
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;
use solthrive_domain::{OrgId, SiteId};

use super::{Who, World};
use crate::service::{Device, Open, now, run, snapshot};

/// Time within which everything has to come.
const SOON: Duration = Duration::from_secs(5);

struct Town {
    world: World,
    site: SiteId,
    solar: OrgId,
    owner: Who,
    device: Device,
}

async fn town() -> Town {
    let world = World::new().await;
    let household = world.org(OrgKind::Household, "Ada").await;
    let solar = world.org(OrgKind::Installer, "Solar").await;
    let site = world.site(household, "Ada's house").await;
    world
        .user("ada@example.org", &[(household, Role::Admin)])
        .await;
    world
        .user("ines@example.org", &[(solar, Role::Technician)])
        .await;
    Town {
        owner: world.session("ada@example.org").await,
        device: world.device(site, solar).await,
        site,
        solar,
        world,
    }
}

impl Town {
    async fn listen(&self, who: &Who, more: &[(&str, &str)]) -> Open {
        let path = format!("/api/v1/sites/{}/live", self.site);
        let mut headers = more.to_vec();
        if let Who::Cookie(cookie) = who {
            headers.push(("cookie", cookie));
        }
        self.world.client.open(&path, &headers).await
    }

    async fn deliver(&self, rows: &[Value]) {
        let answer = self.device.deliver(&self.world.client, rows).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Kind, id and content of the next event.
async fn next(stream: &mut Open) -> (String, String, String) {
    let lines = tokio::time::timeout(SOON, stream.event()).await;
    let lines = lines.expect("an event in time").expect("an event");
    let of = |name: &str| {
        let found = lines.iter().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_default().trim().to_owned()
    };
    (of("event:"), of("id:"), of("data:"))
}

#[test]
fn a_row_is_told_within_two_seconds_of_its_acknowledgement() {
    run(async {
        let town = town().await;
        let mut stream = town.listen(&town.owner, &[]).await;
        assert_eq!(stream.status, 200);
        town.deliver(&[snapshot(3, 2.5)]).await;
        let acknowledged = now().get();
        let (kind, id, data) = next(&mut stream).await;
        assert!(now().get() - acknowledged < 2_000);
        assert_eq!(kind, "snapshot");
        let data: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(
            (&data["home_kw"], &data["quality"]),
            (&json!(2.5), &json!("ok"))
        );
        let told: jiff::Timestamp = data["t"].as_str().unwrap().parse().unwrap();
        assert_eq!(id, told.as_millisecond().to_string());
        // What comes late is history, not the present.
        town.deliver(&[snapshot(900, 9.9)]).await;
        town.deliver(&[snapshot(1, 3.5)]).await;
        let (_, _, data) = next(&mut stream).await;
        assert!(data.contains("3.5") && !data.contains("9.9"), "{data}");
        drop(stream);
        town.world.stop().await;
    });
}

#[test]
fn whoever_comes_again_hears_first_what_he_missed_and_each_row_once() {
    run(async {
        let town = town().await;
        town.deliver(&[snapshot(60, 1.0), snapshot(45, 2.0)]).await;
        let mut stream = town.listen(&town.owner, &[]).await;
        // What was acknowledged a moment ago may be read in two parts.
        let mut first = next(&mut stream).await;
        if first.2.contains("\"home_kw\":1.0") {
            first = next(&mut stream).await;
        }
        assert!(first.2.contains("\"home_kw\":2.0"), "{first:?}");
        drop(stream);
        town.deliver(&[snapshot(30, 3.0), snapshot(15, 4.0)]).await;
        let seen = [("last-event-id", first.1.as_str())];
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut stream = town.listen(&town.owner, &seen).await;
        town.deliver(&[snapshot(1, 5.0)]).await;
        for kw in ["3.0", "4.0", "5.0"] {
            let (_, _, data) = next(&mut stream).await;
            assert!(data.contains(&format!("\"home_kw\":{kw}")), "{data}");
        }
        drop(stream);
        // An id that is none is as good as none.
        let mut stream = town.listen(&town.owner, &[("last-event-id", "x")]).await;
        assert!(next(&mut stream).await.2.contains("5.0"));
        drop(stream);
        town.world.stop().await;
    });
}

#[test]
fn a_right_that_ends_closes_open_streams_within_five_seconds() {
    run(async {
        let town = town().await;
        let path = format!("/api/v1/sites/{}/grants", town.site);
        // The installer's right of commissioning would show it all the same.
        for grant in town.world.get(&town.owner, &path).await.json()["items"]
            .as_array()
            .unwrap()
        {
            let path = format!("{path}/{}", grant["id"].as_str().unwrap());
            assert_eq!(
                town.world
                    .call(&town.owner, "DELETE", &path, None)
                    .await
                    .status,
                204
            );
        }
        let asked = json!({ "org": town.solar.as_uuid(), "scopes": ["production", "live"] });
        let made = town
            .world
            .call(&town.owner, "POST", &path, Some(asked))
            .await;
        let grant = made.json()["id"].as_str().unwrap().to_owned();
        let installer = town.world.session("ines@example.org").await;
        let mut stream = town.listen(&installer, &[]).await;
        assert_eq!(stream.status, 200);
        town.deliver(&[snapshot(3, 2.5)]).await;
        let (_, _, data) = next(&mut stream).await;
        assert!(
            data.contains("solar_kw") && !data.contains("home_kw"),
            "{data}"
        );
        let path = format!("{path}/{grant}");
        assert_eq!(
            town.world
                .call(&town.owner, "DELETE", &path, None)
                .await
                .status,
            204
        );
        let (kind, _, why) = next(&mut stream).await;
        assert_eq!((kind.as_str(), why.as_str()), ("end", "not-allowed"));
        assert_eq!(tokio::time::timeout(SOON, stream.event()).await, Ok(None));
        let again = town.listen(&installer, &[]).await;
        assert_eq!(again.status, 404);
        town.world.stop().await;
    });
}

#[test]
fn signing_out_ends_the_sessions_streams_and_the_services_end_ends_all() {
    run(async {
        let town = town().await;
        let other = town.world.session("ada@example.org").await;
        let (mut mine, mut others) = (
            town.listen(&town.owner, &[]).await,
            town.listen(&other, &[]).await,
        );
        let out = town
            .world
            .call(&town.owner, "DELETE", "/api/v1/auth/session", None)
            .await;
        assert_eq!(out.status, 204);
        let (kind, _, why) = next(&mut mine).await;
        assert_eq!((kind.as_str(), why.as_str()), ("end", "not-allowed"));
        town.deliver(&[snapshot(1, 2.5)]).await;
        assert_eq!(next(&mut others).await.0, "snapshot");
        let began = now().get();
        town.world.stop().await;
        assert_eq!(next(&mut others).await.2, "restart");
        assert!(
            now().get() - began < 5_000,
            "an open stream holds nobody up"
        );
    });
}

#[test]
fn a_home_without_a_device_is_waited_for_and_the_stream_begins_anew_when_there_is_one() {
    run(async {
        let town = town().await;
        let household = town.world.org(OrgKind::Household, "Bo").await;
        let site = town.world.site(household, "Bo's house").await;
        town.world
            .user("bo@example.org", &[(household, Role::Admin)])
            .await;
        let town = Town {
            owner: town.world.session("bo@example.org").await,
            site,
            ..town
        };
        let mut stream = town.listen(&town.owner, &[]).await;
        let nothing = tokio::time::timeout(Duration::from_secs(1), stream.event()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        let _bound = town.world.device(site, town.solar).await;
        assert_eq!(next(&mut stream).await.2, "moved");
        town.world.stop().await;
    });
}

#[test]
fn a_stranger_hears_nothing() {
    run(async {
        let town = town().await;
        let household = town.world.org(OrgKind::Household, "Bo").await;
        town.world
            .user("bo@example.org", &[(household, Role::Admin)])
            .await;
        let bo = town.world.session("bo@example.org").await;
        assert_eq!(town.listen(&bo, &[]).await.status, 404);
        assert_eq!(town.listen(&Who::Nobody, &[]).await.status, 401);
        town.world.stop().await;
    });
}

//! Signing in, tokens, homes, grants: as people use them.

use serde_json::json;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::SiteId;
use solthrive_domain::access::Role;

use super::{Who, World};
use crate::service::{Answer, run};

#[test]
fn an_owner_reads_his_home_with_a_session_and_with_a_token_and_not_after_signing_out() {
    run(async {
        let world = World::new().await;
        let home = world.org(OrgKind::Household, "Ada").await;
        let site = world.site(home, "Ada's house").await;
        world.user("ada@example.org", &[(home, Role::Admin)]).await;
        let ada = world.session(" ADA@example.org").await;
        let me = world.get(&ada, "/api/v1/me").await;
        assert_eq!(
            (me.status, &me.json()["orgs"][0]["role"]),
            (200, &json!("admin"))
        );
        let sites = world.get(&ada, "/api/v1/sites").await.json();
        assert_eq!(sites["items"][0]["id"], json!(site.to_string()));
        assert_eq!(sites["items"][0]["reach"], "owner");
        assert_eq!(sites["next_cursor"], json!(null));
        let asked = json!({ "name": "plots", "scopes": ["production"] });
        let script = world.token(&ada, asked).await;
        let one = world.get(&script, &format!("/api/v1/sites/{site}")).await;
        assert_eq!(one.json()["scopes"], json!(["production"]), "{one:?}");
        let tokens = world.get(&ada, "/api/v1/me/tokens").await.json();
        let id = tokens["items"][0]["id"].as_str().unwrap().to_owned();
        assert!(!tokens.to_string().contains("stp_"), "{tokens}");
        let gone = format!("/api/v1/me/tokens/{id}");
        assert_eq!(world.call(&ada, "DELETE", &gone, None).await.status, 204);
        assert_eq!(world.get(&script, "/api/v1/me").await.status, 401);
        let out = world
            .call(&ada, "DELETE", "/api/v1/auth/session", None)
            .await;
        assert_eq!(out.status, 204);
        assert_eq!(world.get(&ada, "/api/v1/me").await.status, 401);
        world.stop().await;
    });
}

#[test]
fn a_grant_shows_what_it_says_from_then_on_and_nothing_once_it_is_revoked() {
    run(async {
        let world = World::new().await;
        let home = world.org(OrgKind::Household, "Ada").await;
        let solar = world.org(OrgKind::Installer, "Sunrise").await;
        let site = world.site(home, "Ada's house").await;
        world.user("ada@example.org", &[(home, Role::Admin)]).await;
        world
            .user("bob@example.org", &[(solar, Role::Technician)])
            .await;
        let (ada, bob) = (
            world.session("ada@example.org").await,
            world.session("bob@example.org").await,
        );
        let path = format!("/api/v1/sites/{site}");
        assert_eq!(world.get(&bob, &path).await.status, 404);
        let asked = json!({ "org": solar.as_uuid(), "scopes": ["production", "alerts"] });
        let made = world
            .call(&ada, "POST", &format!("{path}/grants"), Some(asked))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let seen = world.get(&bob, &path).await;
        assert_eq!(seen.json()["scopes"], json!(["production", "alerts"]));
        assert_eq!(seen.json()["reach"], "grant");
        assert_eq!(world.get(&bob, &format!("{path}/events")).await.status, 200);
        assert_eq!(
            world.get(&bob, &format!("{path}/devices")).await.status,
            403
        );
        assert_eq!(world.get(&bob, &format!("{path}/grants")).await.status, 403);
        let listed = world.get(&ada, &format!("{path}/grants")).await.json();
        assert_eq!(listed["items"][0]["grantee"], "Sunrise");
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let ended = world
            .call(&ada, "DELETE", &format!("{path}/grants/{id}"), None)
            .await;
        assert_eq!(ended.status, 204, "{ended:?}");
        assert_eq!(world.get(&bob, &path).await.status, 404);
        let again = world
            .call(&ada, "DELETE", &format!("{path}/grants/{id}"), None)
            .await;
        assert_eq!(again.status, 404);
        world.stop().await;
    });
}

#[test]
fn an_owner_ends_nobody_elses_grants_and_tokens_by_their_ids() {
    run(async {
        let world = World::new().await;
        let (home, other) = (
            world.org(OrgKind::Household, "Ada").await,
            world.org(OrgKind::Household, "Eve").await,
        );
        let solar = world.org(OrgKind::Installer, "Sunrise").await;
        let (site, theirs) = (
            world.site(home, "Ada's").await,
            world.site(other, "Eve's").await,
        );
        world.user("ada@example.org", &[(home, Role::Admin)]).await;
        world.user("eve@example.org", &[(other, Role::Admin)]).await;
        let (ada, eve) = (
            world.session("ada@example.org").await,
            world.session("eve@example.org").await,
        );
        let asked = json!({ "org": solar.as_uuid(), "scopes": ["production"] });
        let path = format!("/api/v1/sites/{site}/grants");
        let made = world.call(&ada, "POST", &path, Some(asked)).await.json();
        let grant = made["id"].as_str().unwrap();
        let script = world
            .token(&ada, json!({ "name": "x", "scopes": ["production"] }))
            .await;
        let tokens = world.get(&ada, "/api/v1/me/tokens").await.json();
        let token = tokens["items"][0]["id"].as_str().unwrap();
        let sessions = world.get(&ada, "/api/v1/me/sessions").await.json();
        let session = sessions["items"][0]["id"].as_str().unwrap();
        for path in [
            format!("/api/v1/sites/{theirs}/grants/{grant}"),
            format!("/api/v1/sites/{site}/grants/{grant}"),
            format!("/api/v1/me/tokens/{token}"),
            format!("/api/v1/me/sessions/{session}"),
        ] {
            let answer = world.call(&eve, "DELETE", &path, None).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
        let grants = world.get(&ada, &path).await.json();
        assert_eq!(grants["items"][0]["revoked_at"], json!(null));
        assert_eq!(world.get(&script, "/api/v1/me").await.status, 200);
        assert_eq!(world.get(&ada, "/api/v1/me").await.status, 200);
        world.stop().await;
    });
}

#[test]
fn pages_of_a_list_hold_every_site_once_and_a_cursor_is_good_for_its_owner_only() {
    run(async {
        let world = World::new().await;
        let (home, other) = (
            world.org(OrgKind::Household, "Ada").await,
            world.org(OrgKind::Household, "Eve").await,
        );
        for n in 0..7 {
            world.site(home, &format!("House {}", n / 2)).await;
            world.site(other, &format!("House {}", n / 2)).await;
        }
        world.user("ada@example.org", &[(home, Role::Admin)]).await;
        world.user("eve@example.org", &[(other, Role::Admin)]).await;
        let (ada, eve) = (
            world.session("ada@example.org").await,
            world.session("eve@example.org").await,
        );
        let (mut found, mut cursor, mut last) = (Vec::new(), String::new(), String::new());
        loop {
            let page = world
                .get(&ada, &format!("/api/v1/sites?limit=3{cursor}"))
                .await
                .json();
            for item in page["items"].as_array().unwrap() {
                found.push(item["id"].as_str().unwrap().to_owned());
            }
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            last = next.to_owned();
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found.len(), 7);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 7);
        for (who, path) in [
            (&eve, format!("/api/v1/sites?cursor={last}")),
            (&ada, format!("/api/v1/sites?cursor={last}&name=x")),
            (
                &ada,
                format!("/api/v1/sites?cursor={}", last.replace(&last[..2], "00")),
            ),
            (&ada, "/api/v1/sites?limit=0".to_owned()),
            (&ada, "/api/v1/sites?limit=501".to_owned()),
            (&ada, "/api/v1/sites?unknown=1".to_owned()),
        ] {
            assert_eq!(world.get(who, &path).await.status, 422, "{path}");
        }
        world.stop().await;
    });
}

#[test]
fn what_is_asked_again_unchanged_is_not_sent_again_and_never_to_another() {
    run(async {
        let world = World::new().await;
        let home = world.org(OrgKind::Household, "Ada").await;
        world.site(home, "House").await;
        world.user("ada@example.org", &[(home, Role::Admin)]).await;
        let ada = world.session("ada@example.org").await;
        let first = world.get(&ada, "/api/v1/sites").await;
        let tag = first.header("etag").unwrap().to_owned();
        assert_eq!(first.header("cache-control"), Some("private, no-cache"));
        let Who::Cookie(cookie) = &ada else {
            panic!("a session has a cookie");
        };
        let asked = [("cookie", cookie.as_str()), ("if-none-match", tag.as_str())];
        let path = "/api/v1/sites";
        let call = |headers: Vec<(&'static str, String)>| {
            let client = &world.client;
            async move {
                let headers: Vec<(&str, &str)> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                client
                    .call(
                        hyper::Method::GET,
                        path,
                        "",
                        &headers,
                        axum::body::Body::empty(),
                    )
                    .await
            }
        };
        let with = asked.map(|(name, value)| (name, value.to_owned())).to_vec();
        let again = call(with.clone()).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        let stranger = call(vec![with[1].clone()]).await;
        assert_eq!(stranger.status, 401, "a tag is no right");
        world.stop().await;
    });
}

#[test]
fn staff_without_a_second_factor_is_good_for_nothing_where_the_platform_asks_for_one() {
    run(async {
        let world = World::with(&[]).await;
        let solar = world.org(OrgKind::Installer, "Sunrise").await;
        let home = world.org(OrgKind::Household, "Ada").await;
        world.user("bob@example.org", &[(solar, Role::Admin)]).await;
        world.user("ada@example.org", &[(home, Role::Admin)]).await;
        let told = world
            .sign_in("bob@example.org", super::PASSWORD)
            .await
            .json();
        assert_eq!(told["second_factor"], "missing");
        let bob = world.session("bob@example.org").await;
        for path in ["/api/v1/me", "/api/v1/sites", "/api/v1/me/tokens"] {
            let answer = world.get(&bob, path).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "second-factor")
            );
        }
        assert_eq!(world.get(&bob, "/api/v1/me/sessions").await.status, 200);
        let ada = world.session("ada@example.org").await;
        assert_eq!(world.get(&ada, "/api/v1/me").await.status, 200);
        world.stop().await;
    });
}

/// The code of this secret so many seconds from now.
pub(super) fn code(secret: &str, seconds: u64) -> String {
    let mut bits = 0_u64;
    let (mut count, mut bytes) = (0, Vec::new());
    for letter in secret.chars() {
        let place = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        (bits, count) = (bits << 5 | place as u64, count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    let totp = totp_rs::Builder::new().with_secret(bytes).build().unwrap();
    let now = u64::try_from(solthrive_cloud::clock::Clock::system().now().get() / 1000).unwrap();
    totp.generate(now + seconds).to_string()
}

#[test]
fn a_second_factor_is_set_up_asked_for_and_replaced_by_a_recovery_code_once() {
    run(async {
        let world = World::with(&[]).await;
        let solar = world.org(OrgKind::Installer, "Sunrise").await;
        world.user("bob@example.org", &[(solar, Role::Admin)]).await;
        let bob = world.session("bob@example.org").await;
        let begun = world.call(&bob, "POST", "/api/v1/me/factor", None).await;
        assert_eq!(begun.status, 201, "{begun:?}");
        let secret = begun.json()["secret"].as_str().unwrap().to_owned();
        assert!(
            begun.json()["link"]
                .as_str()
                .unwrap()
                .starts_with("otpauth://totp/SolThrive:bob@example.org?secret=")
        );
        let prove = |who: Who, path: &'static str, code: String| {
            let world = &world;
            async move {
                world
                    .call(&who, "POST", path, Some(json!({ "code": code })))
                    .await
            }
        };
        let wrong = prove(bob.clone(), "/api/v1/me/factor/proof", "000000".to_owned()).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (403, "wrong-code"));
        assert_eq!(world.get(&bob, "/api/v1/me").await.status, 403);
        let first = code(&secret, 0);
        let proven = prove(bob.clone(), "/api/v1/me/factor/proof", first.clone()).await;
        assert_eq!(proven.status, 200, "{proven:?}");
        assert_eq!(world.get(&bob, "/api/v1/me").await.status, 200);
        let codes = proven.json()["recovery_codes"].clone();
        assert_eq!(codes.as_array().unwrap().len(), 10);
        let again = world.call(&bob, "POST", "/api/v1/me/factor", None).await;
        assert_eq!((again.status, again.code().as_str()), (409, "set-up"));

        let other = world.session("bob@example.org").await;
        assert_eq!(world.get(&other, "/api/v1/me").await.status, 403);
        let used = prove(other.clone(), "/api/v1/auth/factor", first).await;
        assert_eq!(used.status, 403, "the code was used before");
        let next = prove(other.clone(), "/api/v1/auth/factor", code(&secret, 30)).await;
        assert_eq!(next.status, 204, "{next:?}");
        assert_eq!(world.get(&other, "/api/v1/me").await.status, 200);

        let lost = world.session("bob@example.org").await;
        let recovery = codes[0].as_str().unwrap().to_uppercase();
        let passed = prove(lost.clone(), "/api/v1/auth/factor", recovery.clone()).await;
        assert_eq!(passed.status, 204, "{passed:?}");
        let last = world.session("bob@example.org").await;
        assert_eq!(
            prove(last.clone(), "/api/v1/auth/factor", recovery)
                .await
                .status,
            403
        );
        for _ in 0..4 {
            prove(last.clone(), "/api/v1/auth/factor", "111111".to_owned()).await;
        }
        let waits = prove(last.clone(), "/api/v1/auth/factor", code(&secret, 30)).await;
        assert_eq!((waits.status, waits.code().as_str()), (429, "too-many"));
        world.stop().await;
    });
}

/// Opens a visit.
async fn visit(world: &World, who: &Who, site: SiteId, reason: &str, minutes: u32) -> Answer {
    let asked = json!({ "site": site.as_uuid(), "reason": reason, "minutes": minutes });
    let path = "/api/v1/admin/support";
    world.call(who, "POST", path, Some(asked)).await
}

/// Ada's home, Ada, and an admin of the platform.
async fn home_and_admin(world: &World) -> (SiteId, Who, Who) {
    let home = world.org(OrgKind::Household, "Ada").await;
    let platform = world.org(OrgKind::Platform, "Platform").await;
    let site = world.site(home, "Ada's house").await;
    world.user("ada@example.org", &[(home, Role::Admin)]).await;
    world
        .user("ops@example.org", &[(platform, Role::Admin)])
        .await;
    let ada = world.session("ada@example.org").await;
    (site, ada, world.session("ops@example.org").await)
}

#[test]
fn a_visit_without_a_reason_or_an_end_is_refused_and_one_of_others_too() {
    run(async {
        let world = World::new().await;
        let (site, ada, ops) = home_and_admin(&world).await;
        for (reason, minutes) in [
            ("", 30),
            ("short", 30),
            ("a long\nreason", 30),
            ("the owner called", 0),
            ("the owner called", 481),
        ] {
            assert_eq!(
                visit(&world, &ops, site, reason, minutes).await.status,
                422,
                "{reason:?}"
            );
        }
        let other = visit(&world, &ada, site, "the owner called", 30).await;
        assert_eq!(other.status, 404);
        world.stop().await;
    });
}

#[test]
fn an_admin_looks_into_a_home_with_a_reason_for_a_time_and_in_sight_of_its_owner() {
    run(async {
        let world = World::new().await;
        let (site, ada, ops) = home_and_admin(&world).await;
        let path = format!("/api/v1/sites/{site}");
        assert_eq!(world.get(&ops, &path).await.status, 404);
        let opened = visit(&world, &ops, site, "the owner called", 30).await;
        assert_eq!(opened.status, 201, "{opened:?}");
        let seen = world.get(&ops, &path).await;
        assert_eq!(seen.json()["reach"], "support");
        let grants = world.get(&ops, &format!("{path}/grants")).await;
        assert_eq!(grants.status, 403, "help is no ownership");
        let visits = world.get(&ada, &format!("{path}/support")).await.json();
        assert_eq!(visits["items"][0]["reason"], "the owner called");
        let id = opened.json()["id"].as_str().unwrap().to_owned();
        let ended = world
            .call(&ada, "DELETE", &format!("{path}/support/{id}"), None)
            .await;
        assert_eq!(ended.status, 204, "{ended:?}");
        assert_eq!(world.get(&ops, &path).await.status, 404);
        let own = format!("/api/v1/admin/support/{id}");
        assert_eq!(
            world.call(&ops, "DELETE", &own, None).await.status,
            404,
            "it is over"
        );
        let again = visit(&world, &ops, site, "the owner called again", 30)
            .await
            .json();
        let own = format!("/api/v1/admin/support/{}", again["id"].as_str().unwrap());
        assert_eq!(world.call(&ops, "DELETE", &own, None).await.status, 204);
        assert_eq!(world.get(&ops, &path).await.status, 404);
        world.stop().await;
    });
}

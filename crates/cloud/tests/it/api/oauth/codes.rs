//! Apps that people let in: codes, refresh tokens, consents.

use serde_json::json;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;

use super::super::{Who, World};
use super::{BACK, Program, VERIFIER, ada, form, partner, refusal, tokens};
use crate::service::run;

const REFUSED: (u16, &str) = (400, "invalid_grant");

async fn status(world: &World, who: &Who) -> u16 {
    world.get(who, "/api/v1/sites").await.status
}

fn told(answer: &crate::service::Answer) -> (u16, String) {
    refusal(answer)
}

#[test]
fn an_app_sees_what_its_person_agreed_to_until_he_ends_it() {
    run(async {
        let world = World::new().await;
        let (site, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let app = partner.app(&["production", "alerts"]).await;
        let shown = format!("/api/v1/oauth/clients/{}", app.id);
        let shown = world.get(&ada, &shown).await.json();
        assert_eq!(
            (&shown["name"], &shown["org"]),
            (&json!("Heat app"), &json!("Heat pumps"))
        );
        let here = json!({ "scopes": ["production"], "sites": [site.as_uuid()] });
        let got = app.let_in(&world, &ada, here).await;
        let seen = world
            .get(&got.access, &format!("/api/v1/sites/{site}"))
            .await;
        assert_eq!(seen.json()["scopes"], json!(["production"]), "{seen:?}");
        let listed = world.get(&ada, "/api/v1/me/consents").await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(listed["items"][0]["sites"], json!([site.as_uuid()]));
        let id = listed["items"][0]["id"].as_str().unwrap();
        let path = format!("/api/v1/me/consents/{id}");
        // Not for anybody else to end.
        let home = world.org(OrgKind::Household, "Eve").await;
        world.user("eve@example.org", &[(home, Role::Admin)]).await;
        let eve = world.session("eve@example.org").await;
        assert_eq!(world.call(&eve, "DELETE", &path, None).await.status, 404);
        assert_eq!(status(&world, &got.access).await, 200);
        assert_eq!(world.call(&ada, "DELETE", &path, None).await.status, 204);
        assert_eq!(status(&world, &got.access).await, 401);
        let again = app.refresh(&world, &got.refresh).await;
        assert_eq!(told(&again), (400, "invalid_grant".to_owned()));
        let listed = world.get(&ada, "/api/v1/me/consents").await.json();
        assert_eq!(listed["items"], json!([]));
        world.stop().await;
    });
}

#[test]
fn a_code_that_comes_twice_ends_what_came_of_it() {
    run(async {
        let world = World::new().await;
        let (_, ada) = ada(&world).await;
        let app = partner(&world).await.app(&["production"]).await;
        let scopes = json!({ "scopes": ["production"] });
        let code = app.code(&world, &ada, scopes.clone()).await;
        let got = tokens(&app.redeem(&world, &code).await);
        let other = app.let_in(&world, &ada, scopes).await;
        assert_eq!(status(&world, &got.access).await, 200);
        let again = app.redeem(&world, &code).await;
        assert_eq!(told(&again), (REFUSED.0, REFUSED.1.to_owned()));
        assert_eq!(status(&world, &got.access).await, 401);
        let refreshed = app.refresh(&world, &got.refresh).await;
        assert_eq!(told(&refreshed), (REFUSED.0, REFUSED.1.to_owned()));
        // The app on the person's other device goes on.
        assert_eq!(status(&world, &other.access).await, 200);
        world.stop().await;
    });
}

#[test]
fn each_refresh_token_is_good_once_and_one_that_comes_again_ends_them_all() {
    run(async {
        let world = World::new().await;
        let (_, ada) = ada(&world).await;
        let app = partner(&world).await.app(&["production"]).await;
        let scopes = json!({ "scopes": ["production"] });
        let first = app.let_in(&world, &ada, scopes).await;
        let second = tokens(&app.refresh(&world, &first.refresh).await);
        assert_ne!(first.refresh, second.refresh);
        let third = tokens(&app.refresh(&world, &second.refresh).await);
        for token in [&first, &second, &third] {
            assert_eq!(status(&world, &token.access).await, 200);
        }
        let stolen = app.refresh(&world, &first.refresh).await;
        assert_eq!(told(&stolen), (REFUSED.0, REFUSED.1.to_owned()));
        for token in [&first, &second, &third] {
            assert_eq!(status(&world, &token.access).await, 401);
            let refreshed = app.refresh(&world, &token.refresh).await;
            assert_eq!(told(&refreshed), (REFUSED.0, REFUSED.1.to_owned()));
        }
        world.stop().await;
    });
}

async fn bring(
    world: &World,
    app: &Program,
    code: &str,
    changed: (&'static str, &str),
) -> (u16, String) {
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    fields.retain(|(name, _)| *name != changed.0);
    if !changed.1.is_empty() {
        fields.push(changed);
    }
    told(&app.ask(world, &fields).await)
}

#[test]
fn a_code_is_good_for_its_app_its_address_and_its_proof() {
    run(async {
        let world = World::new().await;
        let (_, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let (app, other) = (
            partner.app(&["production"]).await,
            partner.app(&["production"]).await,
        );
        let scopes = || json!({ "scopes": ["production"] });
        let challenge = super::challenge(VERIFIER);
        for (who, name, value, error) in [
            (&app, "code_verifier", "a".repeat(43), "invalid_grant"),
            (&app, "code_verifier", challenge, "invalid_grant"),
            (&app, "code_verifier", String::new(), "invalid_request"),
            (&app, "code_verifier", "short".to_owned(), "invalid_request"),
            (
                &app,
                "redirect_uri",
                "http://127.0.0.1:4711/cb".to_owned(),
                "invalid_grant",
            ),
            (
                &app,
                "redirect_uri",
                "https://evil.example/".to_owned(),
                "invalid_grant",
            ),
            (&app, "redirect_uri", String::new(), "invalid_request"),
            (&app, "code", "0".repeat(64), "invalid_grant"),
            (&other, "client_id", other.id.clone(), "invalid_grant"),
        ] {
            let code = app.code(&world, &ada, scopes()).await;
            let changed = if name == "client_id" {
                ("", "")
            } else {
                (name, value.as_str())
            };
            let answer = bring(&world, who, &code, changed).await;
            assert_eq!(answer, (400, error.to_owned()), "{name} {value}");
            // Who brought it wrongly used it up, if it came as far as that.
            if error == "invalid_grant" && name != "code" {
                let late = app.redeem(&world, &code).await;
                assert_eq!(
                    told(&late),
                    (REFUSED.0, REFUSED.1.to_owned()),
                    "{name} {value}"
                );
            }
        }
        world.stop().await;
    });
}

#[test]
fn an_app_is_let_in_as_it_was_made_and_with_a_proof_of_the_strong_kind() {
    run(async {
        let world = World::new().await;
        let (_, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let app = partner.app(&["production"]).await;
        let ended = partner.app(&["production"]).await;
        partner.revoke(&ended).await;
        let long = "a".repeat(1_001);
        for (field, more) in [
            (
                "code_challenge_method",
                json!({ "code_challenge_method": "plain" }),
            ),
            (
                "code_challenge_method",
                json!({ "code_challenge_method": "s256" }),
            ),
            ("code_challenge", json!({ "code_challenge": VERIFIER[1..] })),
            ("code_challenge", json!({ "code_challenge": "" })),
            (
                "redirect_uri",
                json!({ "redirect_uri": "https://evil.example/cb" }),
            ),
            (
                "redirect_uri",
                json!({ "redirect_uri": format!("{BACK}&x=1") }),
            ),
            (
                "redirect_uri",
                json!({ "redirect_uri": BACK.replace("127", "128") }),
            ),
            ("scopes", json!({ "scopes": ["production", "commands"] })),
            ("scopes", json!({ "scopes": [] })),
            ("sites", json!({ "sites": [] })),
            ("state", json!({ "state": long })),
            ("client_id", json!({ "client_id": ended.id })),
        ] {
            let mut asked = json!({ "scopes": ["production"] });
            let both = asked.as_object_mut().unwrap();
            both.extend(more.as_object().unwrap().clone());
            let answer = app.agree(&world, &ada, asked).await;
            assert_eq!(answer.status, 422, "{more}: {answer:?}");
            assert_eq!(answer.json()["errors"][0]["field"], field, "{more}");
        }
        world.stop().await;
    });
}

#[test]
fn a_refresh_token_asks_for_less_never_for_more_and_for_its_own_app_only() {
    run(async {
        let world = World::new().await;
        let (site, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let (app, other) = (
            partner.app(&["production", "alerts", "commands"]).await,
            partner.app(&["production", "alerts", "commands"]).await,
        );
        let scopes = json!({ "scopes": ["production", "alerts"] });
        let first = app.let_in(&world, &ada, scopes).await;
        let ask = async |app: &Program, scope: &str| {
            let fields = [
                ("grant_type", "refresh_token"),
                ("refresh_token", first.refresh.as_str()),
                ("scope", scope),
            ];
            app.ask(&world, &fields).await
        };
        for scope in ["production alerts commands", "commands"] {
            let answer = ask(&app, scope).await;
            assert_eq!(told(&answer), (400, "invalid_scope".to_owned()));
        }
        assert_eq!(
            told(&ask(&other, "").await),
            (REFUSED.0, REFUSED.1.to_owned())
        );
        let less = ask(&app, "alerts").await;
        assert_eq!(less.json()["scope"], "alerts", "{less:?}");
        let less = tokens(&less);
        let seen = world
            .get(&less.access, &format!("/api/v1/sites/{site}"))
            .await;
        assert_eq!(seen.json()["scopes"], json!(["alerts"]), "{seen:?}");
        world.stop().await;
    });
}

#[test]
fn an_app_that_signs_out_or_ends_leaves_nothing_that_counts() {
    run(async {
        let world = World::new().await;
        let (_, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let (app, other) = (
            partner.app(&["production"]).await,
            partner.app(&["production"]).await,
        );
        let scopes = || json!({ "scopes": ["production"] });
        let got = app.let_in(&world, &ada, scopes()).await;
        let revoke = async |app: &Program, token: &str| {
            let fields = [("client_id", app.id.as_str()), ("token", token)];
            form(&world, "/oauth/revoke", &[], &fields).await
        };
        assert_eq!(revoke(&other, &got.refresh).await.status, 200);
        assert_eq!(revoke(&app, "str_unknown").await.status, 200);
        let Who::Token(access) = &got.access else {
            unreachable!()
        };
        let answer = revoke(&app, access).await;
        assert_eq!(told(&answer), (400, "unsupported_token_type".to_owned()));
        assert_eq!(status(&world, &got.access).await, 200);
        assert_eq!(revoke(&app, &got.refresh).await.status, 200);
        assert_eq!(status(&world, &got.access).await, 401);
        let refreshed = app.refresh(&world, &got.refresh).await;
        assert_eq!(told(&refreshed), (REFUSED.0, REFUSED.1.to_owned()));
        let got = other.let_in(&world, &ada, scopes()).await;
        let waiting = other.code(&world, &ada, scopes()).await;
        partner.revoke(&other).await;
        assert_eq!(status(&world, &got.access).await, 401);
        for answer in [
            other.refresh(&world, &got.refresh).await,
            other.redeem(&world, &waiting).await,
        ] {
            assert_eq!(told(&answer), (401, "invalid_client".to_owned()));
        }
        world.stop().await;
    });
}

#[test]
fn a_program_with_a_secret_shows_it_beside_its_proof() {
    run(async {
        let world = World::new().await;
        let (_, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let web = partner.add(json!({
            "name": "Web", "confidential": true, "scopes": ["production"], "redirect_uris": [BACK],
        }));
        let web = web.await;
        let scopes = json!({ "scopes": ["production"] });
        let code = web.code(&world, &ada, scopes).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
            ("client_id", web.id.as_str()),
        ];
        let bare = form(&world, "/oauth/token", &[], &fields).await;
        assert_eq!(told(&bare), (401, "invalid_client".to_owned()));
        let got = tokens(&web.redeem(&world, &code).await);
        assert_eq!(status(&world, &got.access).await, 200);
        let bare = &[("client_id", web.id.as_str()), ("token", &got.refresh)];
        let bare = form(&world, "/oauth/revoke", &[], bare).await;
        assert_eq!(told(&bare), (401, "invalid_client".to_owned()));
        assert_eq!(status(&world, &got.access).await, 200);
        world.stop().await;
    });
}

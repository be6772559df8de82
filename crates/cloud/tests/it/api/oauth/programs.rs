//! Programs that act for their org, and how an org manages them.

use serde_json::json;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;

use super::super::{Who, World};
use super::{BACK, ada, form, partner, refusal};
use crate::service::run;

#[test]
fn a_program_reads_what_owners_granted_its_org_and_nothing_once_grant_or_program_ended() {
    run(async {
        let world = World::new().await;
        let (site, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let program = partner.program(&["production", "alerts"]).await;
        let token = program.token(&world).await;
        let path = format!("/api/v1/sites/{site}");
        assert_eq!(world.get(&token, &path).await.status, 404);
        let asked =
            json!({ "org": partner.org.as_uuid(), "scopes": ["production", "consumption"] });
        let grants = format!("{path}/grants");
        let made = world.call(&ada, "POST", &grants, Some(asked)).await;
        assert_eq!(made.status, 201, "{made:?}");
        let seen = world.get(&token, &path).await;
        assert_eq!(seen.json()["scopes"], json!(["production"]), "{seen:?}");
        let sites = world.get(&token, "/api/v1/sites").await.json();
        assert_eq!(sites["items"][0]["id"], json!(site.to_string()));
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let ended = format!("{grants}/{id}");
        assert_eq!(world.call(&ada, "DELETE", &ended, None).await.status, 204);
        assert_eq!(world.get(&token, &path).await.status, 404);
        assert_eq!(world.get(&token, "/api/v1/sites").await.status, 200);
        partner.revoke(&program).await;
        assert_eq!(world.get(&token, "/api/v1/sites").await.status, 401);
        let again = program
            .ask(&world, &[("grant_type", "client_credentials")])
            .await;
        assert_eq!(refusal(&again), (401, "invalid_client".to_owned()));
        world.stop().await;
    });
}

#[test]
fn a_program_sees_no_accounts_and_makes_no_rights() {
    run(async {
        let world = World::new().await;
        let (site, ada) = ada(&world).await;
        let partner = partner(&world).await;
        let asked = json!({ "org": partner.org.as_uuid(), "scopes": ["production"] });
        let grants = format!("/api/v1/sites/{site}/grants");
        let made = world.call(&ada, "POST", &grants, Some(asked.clone())).await;
        assert_eq!(made.status, 201, "{made:?}");
        let own = partner.program(&["production"]).await.token(&world).await;
        let app = partner.app(&["production"]).await;
        let scopes = json!({ "scopes": ["production"] });
        let for_ada = app.let_in(&world, &ada, scopes.clone()).await.access;
        let clients = format!("/api/v1/orgs/{}/clients", partner.org);
        for token in [own, for_ada] {
            assert_eq!(
                world
                    .get(&token, &format!("/api/v1/sites/{site}"))
                    .await
                    .status,
                200
            );
            for (method, path, body) in [
                ("POST", grants.as_str(), Some(asked.clone())),
                (
                    "POST",
                    "/api/v1/me/tokens",
                    Some(json!({ "name": "x", "scopes": ["production"] })),
                ),
                ("POST", "/api/v1/oauth/consents", Some(scopes.clone())),
                ("POST", clients.as_str(), Some(scopes.clone())),
                ("GET", "/api/v1/me", None),
                ("GET", "/api/v1/me/tokens", None),
                ("GET", "/api/v1/me/consents", None),
                ("GET", "/api/v1/orgs", None),
            ] {
                let answer = world.call(&token, method, path, body).await;
                assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
            }
        }
        world.stop().await;
    });
}

#[test]
fn who_guesses_a_secret_waits_and_no_other_program_does() {
    run(async {
        let world = World::new().await;
        let partner = partner(&world).await;
        let (program, other) = (
            partner.program(&["production"]).await,
            partner.program(&["production"]).await,
        );
        let grant = ("grant_type", "client_credentials");
        let id = ("client_id", program.id.as_str());
        for secret in ["", "stc_", "a", "b", other.secret.as_deref().unwrap()] {
            let fields = [grant, id, ("client_secret", secret)];
            let answer = form(&world, "/oauth/token", &[], &fields).await;
            assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()));
            assert!(
                answer
                    .header("www-authenticate")
                    .unwrap()
                    .starts_with("Basic")
            );
        }
        let waits = program.ask(&world, &[grant]).await;
        assert_eq!(waits.status, 429, "{waits:?}");
        assert!(waits.header("retry-after").is_some());
        other.token(&world).await;
        let unknown = [grant, ("client_id", "nobody"), ("client_secret", "x")];
        let unknown = form(&world, "/oauth/token", &[], &unknown).await;
        assert_eq!(refusal(&unknown), (401, "invalid_client".to_owned()));
        world.stop().await;
    });
}

#[test]
fn what_is_asked_wrongly_is_refused_as_the_standard_says() {
    run(async {
        let world = World::new().await;
        let partner = partner(&world).await;
        let program = partner.program(&["production", "alerts"]).await;
        let app = partner.app(&["production"]).await;
        let grant = ("grant_type", "client_credentials");
        let kind = |kind| vec![("grant_type", kind)];
        for (who, fields, error) in [
            (&program, vec![], "invalid_request"),
            (&program, kind("password"), "unsupported_grant_type"),
            (&program, kind("implicit"), "unsupported_grant_type"),
            (&program, kind("authorization_code"), "invalid_request"),
            (&program, kind("refresh_token"), "invalid_request"),
            (&program, vec![grant, grant], "invalid_request"),
            (
                &program,
                vec![grant, ("client_secret", "x")],
                "invalid_request",
            ),
            (
                &program,
                vec![grant, ("client_id", &app.id)],
                "invalid_request",
            ),
            (&app, vec![grant], "unauthorized_client"),
        ] {
            let answer = who.ask(&world, &fields).await;
            assert_eq!(refusal(&answer), (400, error.to_owned()), "{fields:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        let json = world.call(&Who::Nobody, "POST", "/oauth/token", Some(json!({})));
        let json = refusal(&json.await);
        assert_eq!(json, (400, "invalid_request".to_owned()));
        world.stop().await;
    });
}

#[test]
fn a_program_gets_the_scopes_that_it_asks_for_and_has() {
    run(async {
        let world = World::new().await;
        let partner = partner(&world).await;
        let program = partner.program(&["production", "alerts"]).await;
        let grant = ("grant_type", "client_credentials");
        for scope in ["production commands", "everything", " "] {
            let answer = program.ask(&world, &[grant, ("scope", scope)]).await;
            let expected = (400, "invalid_scope".to_owned());
            assert_eq!(refusal(&answer), expected, "{scope:?}");
        }
        for (scope, got) in [("alerts", "alerts"), ("", "production alerts")] {
            let answer = program.ask(&world, &[grant, ("scope", scope)]).await;
            assert_eq!(answer.json()["scope"], got, "{answer:?}");
        }
        world.stop().await;
    });
}

#[test]
fn an_org_has_the_programs_of_its_kind_and_sees_their_secrets_never_again() {
    run(async {
        let world = World::new().await;
        let partner = partner(&world).await;
        let program = partner.program(&["production"]).await;
        let clients = format!("/api/v1/orgs/{}/clients", partner.org);
        let listed = world.get(&partner.admin, &clients).await;
        assert_eq!(listed.json()["items"][0]["id"], json!(program.id));
        assert!(!listed.text.contains("stc_"), "{listed:?}");
        for (kind, confidential, made) in [
            (OrgKind::Household, true, 422),
            (OrgKind::Household, false, 422),
            (OrgKind::Installer, true, 422),
            (OrgKind::Installer, false, 201),
        ] {
            let org = world.org(kind, "Other").await;
            let email = format!("{}{confidential}@example.org", kind.as_str());
            world.user(&email, &[(org, Role::Admin)]).await;
            let admin = world.session(&email).await;
            let asked = json!({
                "name": "x", "confidential": confidential, "scopes": ["production"], "redirect_uris": [BACK],
            });
            let path = format!("/api/v1/orgs/{org}/clients");
            let answer = world.call(&admin, "POST", &path, Some(asked)).await;
            assert_eq!(answer.status, made, "{answer:?}");
            // Nobody ends a program of another org, by either org's path.
            for path in [&path, &clients] {
                let path = format!("{path}/{}", program.id);
                assert_eq!(world.call(&admin, "DELETE", &path, None).await.status, 404);
            }
        }
        program.token(&world).await;
        for wrong in [
            json!({ "name": "x", "confidential": false, "scopes": ["production"] }),
            json!({ "name": "x", "confidential": true, "scopes": [] }),
            json!({ "name": "x", "confidential": true, "scopes": ["production"], "redirect_uris": ["http://a.example/"] }),
            json!({ "name": "x", "confidential": true, "scopes": ["production"], "secret": "mine" }),
        ] {
            let answer = world
                .call(&partner.admin, "POST", &clients, Some(wrong))
                .await;
            assert_eq!(answer.status, 422, "{answer:?}");
        }
        world.stop().await;
    });
}

#[test]
fn the_metadata_says_where_everything_is_and_that_there_is_nothing_weaker() {
    run(async {
        let world =
            World::with(&["--no-second-factor", "--public-url", "https://sun.example/"]).await;
        let path = "/.well-known/oauth-authorization-server";
        let told = world.client.get(path).await.json();
        assert_eq!(told["issuer"], "https://sun.example");
        assert_eq!(told["token_endpoint"], "https://sun.example/oauth/token");
        assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(told["response_types_supported"], json!(["code"]));
        let partner = partner(&world).await;
        let _ = partner.program(&["production"]).await.token(&world).await;
        let keys = world.client.get("/oauth/jwks.json").await.json();
        let key = &keys["keys"][0];
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"]),
            (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"))
        );
        assert_eq!(key.get("d"), None);
        world.stop().await;
    });
}

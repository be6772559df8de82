//! Letters, and what comes of them.

use std::fs;

use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::OrgId;
use solthrive_domain::access::Role;
use tempfile::TempDir;

use super::letters::{Letters, world_with_letters};
use super::{PASSWORD, Who, World};
use crate::service::{Answer, run};

const NEW: &str = "another horse battery";

/// An org with its admin, and a letter box.
struct Town {
    world: World,
    org: OrgId,
    admin: Who,
    letters: Letters,
    _folder: TempDir,
}

async fn town() -> Town {
    let (world, letters, folder) = world_with_letters(Clock::system()).await;
    let org = world.org(OrgKind::Installer, "Sunrise").await;
    world.user("ines@example.org", &[(org, Role::Admin)]).await;
    Town {
        admin: world.session("ines@example.org").await,
        world,
        org,
        letters,
        _folder: folder,
    }
}

impl Town {
    async fn post(&self, who: &Who, path: &str, body: Value) -> Answer {
        self.world.call(who, "POST", path, Some(body)).await
    }

    async fn invite(&self, email: &str, role: &str) -> Answer {
        let path = format!("/api/v1/orgs/{}/invitations", self.org);
        let asked = json!({ "email": email, "role": role });
        self.post(&self.admin, &path, asked).await
    }

    async fn accept(&self, asked: Value) -> Answer {
        self.post(&Who::Nobody, "/api/v1/invitations/accept", asked)
            .await
    }

    async fn refuses_nonsense(&self, token: &str) {
        for (name, password, field) in [
            ("", PASSWORD, "name"),
            ("B\nob", PASSWORD, "name"),
            ("Bob", "short", "password"),
        ] {
            let asked = json!({ "token": token, "name": name, "password": password });
            let refused = self.accept(asked).await;
            let error = refused.json()["errors"][0]["field"].clone();
            assert_eq!((refused.status, error), (422, json!(field)));
        }
        // A foreign field gives nobody another role.
        let asked = json!({ "token": token, "name": "Bob", "password": PASSWORD, "role": "admin" });
        assert_eq!(self.accept(asked).await.code(), "invalid-body");
    }
}

#[test]
fn a_new_person_joins_by_the_letter_and_signs_in() {
    run(async {
        let town = town().await;
        let sent = town.invite("Bob@example.org", "technician").await;
        assert_eq!(sent.status, 201, "{sent:?}");
        let token = town.letters.secret("Bob@example.org").await;
        let look = town
            .post(
                &Who::Nobody,
                "/api/v1/invitations/look",
                json!({ "token": token }),
            )
            .await;
        let expected = json!({ "org": "Sunrise", "kind": "installer", "role": "technician", "email": "Bob@example.org", "known": false });
        assert_eq!(look.json(), expected);
        town.refuses_nonsense(&token).await;
        let accept = json!({ "token": token, "name": "Bob", "password": PASSWORD });
        let joined = town.accept(accept.clone()).await;
        assert_eq!(joined.status, 200, "{joined:?}");
        assert_eq!(town.accept(accept).await.status, 404, "used twice");
        let bob = town.world.session("bob@example.org").await;
        let orgs = town.world.get(&bob, "/api/v1/orgs").await.json();
        assert_eq!(orgs["items"][0]["name"], "Sunrise");
        let members = format!("/api/v1/orgs/{}/members", town.org);
        let listed = town.world.get(&bob, &members).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        let waiting = format!("/api/v1/orgs/{}/invitations", town.org);
        assert_eq!(
            town.world.get(&town.admin, &waiting).await.json()["items"],
            json!([])
        );
        assert_eq!(
            town.world.get(&bob, &waiting).await.status,
            403,
            "a technician manages nobody"
        );
        town.world.stop().await;
    });
}

#[test]
fn whoever_has_an_account_joins_signed_in_and_nobody_joins_for_another() {
    run(async {
        let town = town().await;
        let home = town.world.org(OrgKind::Household, "Ada's").await;
        for email in ["ada@example.org", "eve@example.org"] {
            town.world.user(email, &[(home, Role::Viewer)]).await;
        }
        assert_eq!(town.invite("ada@example.org", "viewer").await.status, 201);
        let token = town.letters.secret("ada@example.org").await;
        let asked = json!({ "token": token });
        let path = "/api/v1/invitations/accept";
        let new = json!({ "token": token, "name": "Mallory", "password": PASSWORD });
        let refused = town.post(&Who::Nobody, path, new).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "known"));
        let eve = town.world.session("eve@example.org").await;
        let refused = town.post(&eve, path, asked.clone()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "not-yours")
        );
        let ada = town.world.session("ada@example.org").await;
        assert_eq!(town.post(&ada, path, asked.clone()).await.status, 200);
        assert_eq!(town.post(&ada, path, asked).await.status, 404);
        let again = town.invite("ada@example.org", "admin").await;
        assert_eq!(
            (again.status, again.code().as_str()),
            (409, "belongs-already")
        );
        town.world.stop().await;
    });
}

#[test]
fn who_is_taken_out_sees_nothing_of_the_org_from_then_on_and_the_last_admin_stays() {
    run(async {
        let town = town().await;
        let bob = town
            .world
            .user("bob@example.org", &[(town.org, Role::Admin)])
            .await;
        let session = town.world.session("bob@example.org").await;
        let members = format!("/api/v1/orgs/{}/members", town.org);
        assert_eq!(town.world.get(&session, &members).await.status, 200);
        let path = format!("{members}/{bob}");
        let down = town
            .world
            .call(
                &town.admin,
                "PATCH",
                &path,
                Some(json!({ "role": "viewer" })),
            )
            .await;
        assert_eq!(down.status, 204, "{down:?}");
        let up = town
            .world
            .call(&session, "PATCH", &path, Some(json!({ "role": "admin" })))
            .await;
        assert_eq!(up.status, 403, "nobody lifts himself");
        assert_eq!(
            town.world
                .call(&town.admin, "DELETE", &path, None)
                .await
                .status,
            204
        );
        assert_eq!(town.world.get(&session, &members).await.status, 404);
        let me = town.world.get(&town.admin, "/api/v1/me").await.json();
        let path = format!("{members}/{}", me["id"].as_str().unwrap());
        let last = town.world.call(&town.admin, "DELETE", &path, None).await;
        assert_eq!((last.status, last.code().as_str()), (409, "last-admin"));
        town.world.stop().await;
    });
}

#[test]
fn a_forgotten_password_is_set_by_the_link_once_and_every_session_is_over() {
    run(async {
        let town = town().await;
        let forgotten = |email: &str| json!({ "email": email });
        let nobody = town
            .post(
                &Who::Nobody,
                "/api/v1/auth/reset",
                forgotten("nobody@example.org"),
            )
            .await;
        let known = town
            .post(
                &Who::Nobody,
                "/api/v1/auth/reset",
                forgotten("INES@example.org"),
            )
            .await;
        assert_eq!((nobody.status, &nobody.text), (202, &known.text));
        assert_eq!(known.status, 202);
        let token = town.letters.secret("ines@example.org").await;
        let set = |token: &str, password: &str| json!({ "token": token, "password": password });
        let path = "/api/v1/auth/password";
        let short = town.post(&Who::Nobody, path, set(&token, "short")).await;
        assert_eq!(short.status, 422, "and the link still works");
        assert_eq!(
            town.post(&Who::Nobody, path, set("0000", NEW)).await.status,
            404
        );
        assert_eq!(
            town.post(&Who::Nobody, path, set(&token, NEW)).await.status,
            204
        );
        assert_eq!(
            town.post(&Who::Nobody, path, set(&token, PASSWORD))
                .await
                .status,
            404
        );
        assert_eq!(town.world.get(&town.admin, "/api/v1/me").await.status, 401);
        assert_eq!(
            town.world
                .sign_in("ines@example.org", PASSWORD)
                .await
                .status,
            401
        );
        assert_eq!(
            town.world.sign_in("ines@example.org", NEW).await.status,
            200
        );
        assert!(town.letters.to("nobody@example.org").is_empty());
        town.world.stop().await;
    });
}

#[test]
fn a_password_is_changed_by_who_knows_it_and_the_other_sessions_are_over() {
    run(async {
        let town = town().await;
        let other = town.world.session("ines@example.org").await;
        let change = |old: &str| json!({ "password": old, "new_password": NEW });
        let wrong = town
            .post(
                &town.admin,
                "/api/v1/me/password",
                change("guess guess guess"),
            )
            .await;
        assert_eq!(
            (wrong.status, wrong.code().as_str()),
            (403, "wrong-password")
        );
        assert_eq!(
            town.post(&town.admin, "/api/v1/me/password", change(PASSWORD))
                .await
                .status,
            204
        );
        assert_eq!(town.world.get(&town.admin, "/api/v1/me").await.status, 200);
        assert_eq!(town.world.get(&other, "/api/v1/me").await.status, 401);
        assert_eq!(
            town.world.sign_in("ines@example.org", NEW).await.status,
            200
        );
        town.world.stop().await;
    });
}

#[test]
fn without_a_mail_server_nothing_is_promised_and_nobody_waits_for_a_letter() {
    run(async {
        let town = town().await;
        fs::remove_dir_all(&town.letters.0).unwrap();
        let away = town.invite("bob@example.org", "viewer").await;
        assert_eq!((away.status, away.code().as_str()), (503, "mail-away"));
        assert!(away.header("retry-after").is_some());
        let waiting = format!("/api/v1/orgs/{}/invitations", town.org);
        assert_eq!(
            town.world.get(&town.admin, &waiting).await.json()["items"],
            json!([])
        );
        town.world.stop().await;

        let world = World::new().await;
        let asked = json!({ "email": "bob@example.org" });
        let none = world
            .call(&Who::Nobody, "POST", "/api/v1/auth/reset", Some(asked))
            .await;
        assert_eq!((none.status, none.code().as_str()), (503, "no-mail"));
        world.stop().await;
    });
}

//! The API for people, called as browsers and scripts call it.

mod attacks;
mod channel;
mod commands;
mod commissioning;
mod erasures;
mod exports;
mod fuzzed;
mod health;
mod identity;
mod joining;
mod letters;
mod live;
mod matrix;
mod measured;
mod oauth;
mod office;
mod overtaken;
mod pages;
mod people;
mod setup;
mod transfers;

use std::sync::Arc;

use axum::body::Body;
use hyper::Method;
use serde_json::{Value, json};
use solthrive_cloud::api::{Cost, Passwords};
use solthrive_cloud::app::Running;
use solthrive_cloud::clock::{Clock, new_id};
use solthrive_cloud::config::Place;
use solthrive_cloud_store::meta::{Org, OrgKind, Registry as _, Site};
use solthrive_cloud_store::people::{Accounts as _, Added, EmailKey, NewUser};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::access::{By, Operator, Role};
use solthrive_domain::{OrgId, SiteId, UserId};
use solthrive_testkit::Database;
use tempfile::TempDir;

use crate::service::{Answer, Client, Device, Fleet, serve};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A service with the API, and its store beside it.
struct World {
    running: Running,
    client: Client,
    store: SqlStore,
    fleet: Fleet,
    folder: Arc<TempDir>,
    database: Option<Database>,
}

impl World {
    async fn new() -> Self {
        Self::with(&["--no-second-factor"]).await
    }

    async fn with(settings: &[&str]) -> Self {
        Self::telling(Clock::system(), settings).await
    }

    /// With a service that takes this for the time.
    async fn telling(clock: Clock, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = serve(folder.path(), "sqlite:", settings);
        let running = Running::start(&settings, clock).await.unwrap();
        let database = Place::database(folder.path());
        let store = SqlStore::sqlite_beside(&database).await.unwrap();
        Self::of(running, store, folder, None)
    }

    /// With everything in PostgreSQL.
    async fn on_postgres() -> Self {
        Self::on_postgres_telling(Clock::system(), &["--no-second-factor"]).await
    }

    async fn on_postgres_telling(clock: Clock, settings: &[&str]) -> Self {
        let (folder, database) = (tempfile::tempdir().unwrap(), Database::fresh().unwrap());
        let settings = serve(folder.path(), database.url(), settings);
        let running = Running::start(&settings, clock).await.unwrap();
        let store = SqlStore::postgres(database.url()).await.unwrap();
        Self::of(running, store, folder, Some(database))
    }

    fn of(running: Running, store: SqlStore, folder: TempDir, database: Option<Database>) -> Self {
        Self {
            client: Client::plain(running.address),
            fleet: Fleet::new(Arc::clone(&running.registry), folder.path()),
            running,
            store,
            folder: Arc::new(folder),
            database,
        }
    }

    /// Another node on the same database.
    async fn another_node(&self) -> Running {
        let database = self.database.as_ref().unwrap();
        let settings = serve(self.folder.path(), database.url(), &["--no-second-factor"]);
        Running::start(&settings, Clock::system()).await.unwrap()
    }

    async fn org(&self, kind: OrgKind, name: &str) -> OrgId {
        let id = OrgId::from_uuid(new_id());
        let org = Org {
            id,
            kind,
            name: name.to_owned(),
            contact: None,
        };
        let now = Clock::system().now();
        self.store
            .add_org(&Operator::at_the_console(), &org, now)
            .await
            .unwrap();
        id
    }

    async fn site(&self, owner: OrgId, name: &str) -> SiteId {
        let id = SiteId::from_uuid(new_id());
        let site = Site {
            id,
            owner,
            name: name.to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            size_w: Some(6_000),
            place: None,
        };
        let now = Clock::system().now();
        let added = self
            .store
            .add_site(&Operator::at_the_console(), &site, now)
            .await;
        assert!(added.unwrap());
        id
    }

    async fn user(&self, email: &str, member_of: &[(OrgId, Role)]) -> UserId {
        let passwords = Passwords::new(Cost::Least).unwrap();
        let user = NewUser {
            id: UserId::from_uuid(new_id()),
            email: email.to_owned(),
            key: EmailKey::of(email).unwrap(),
            name: "Ada".to_owned(),
            locale: "en".to_owned(),
            password: Some(passwords.hash(PASSWORD.to_owned()).await.unwrap()),
            proven: true,
            member_of: member_of.to_vec(),
        };
        let added = self
            .store
            .add_user(By::Console, &user, Clock::system().now())
            .await;
        assert_eq!(added.unwrap(), Added::Done);
        user.id
    }

    /// A device at a site, bound by this installer.
    async fn device(&self, site: SiteId, installer: OrgId) -> Device {
        let device = self.fleet.device().await;
        let code = self.fleet.code_for(site, installer, 3_600_000, 1).await;
        let answer = device.register(&self.client, &code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        device
    }

    /// Signs in; the cookie.
    async fn session(&self, email: &str) -> Who {
        let answer = self.sign_in(email, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap();
        Who::Cookie(cookie.split(';').next().unwrap().to_owned())
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.call(&Who::Nobody, "POST", "/api/v1/auth/session", Some(body))
            .await
    }

    /// A token of the session's person.
    async fn token(&self, who: &Who, asked: Value) -> Who {
        let answer = self
            .call(who, "POST", "/api/v1/me/tokens", Some(asked))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Who::Token(answer.json()["token"].as_str().unwrap().to_owned())
    }

    async fn get(&self, who: &Who, path: &str) -> Answer {
        self.call(who, "GET", path, None).await
    }

    async fn call(&self, who: &Who, method: &str, path: &str, body: Option<Value>) -> Answer {
        let bearer;
        let mut headers = vec![("content-type", "application/json")];
        match who {
            Who::Nobody => {}
            Who::Cookie(cookie) => {
                headers.push(("cookie", cookie.as_str()));
                headers.push(("sec-fetch-site", "same-origin"));
            }
            Who::Token(token) => {
                bearer = format!("Bearer {token}");
                headers.push(("authorization", bearer.as_str()));
            }
        }
        if path.ends_with("/live") {
            return self.client.open(path, &headers).await.begin().await;
        }
        let method = method.parse::<Method>().unwrap();
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.client.call(method, path, "", &headers, body).await
    }

    async fn stop(self) {
        self.store.close().await;
        self.running.stop().await;
    }
}

/// How a call says who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Nobody,
    Cookie(String),
    Token(String),
}

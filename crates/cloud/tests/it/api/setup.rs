//! The first admin.

use serde_json::json;
use solthrive_cloud::app::Running;
use solthrive_cloud::clock::Clock;

use super::{PASSWORD, Who, World};
use crate::service::{Client, run, serve};

#[test]
fn the_first_admin_is_whoever_reads_what_the_service_prints_and_there_is_one() {
    run(async {
        let world = World::new().await;
        let link = world.running.setup.clone().unwrap();
        let (page, code) = link.split_once('#').unwrap();
        assert_eq!(page, "https://localhost:8443/setup");
        let needed = world.get(&Who::Nobody, "/api/v1/setup").await;
        assert_eq!(needed.json(), json!({ "needed": true }));
        let first = |code: &str| json!({ "code": code, "email": "root@example.org", "name": "Root", "password": PASSWORD });
        let set_up = |code: String| {
            let world = &world;
            async move {
                world
                    .call(&Who::Nobody, "POST", "/api/v1/setup", Some(first(&code)))
                    .await
            }
        };
        assert_eq!(set_up("0".repeat(64)).await.status, 404);
        assert_eq!(set_up(code.to_owned()).await.status, 201);
        assert_eq!(set_up(code.to_owned()).await.status, 404, "once");
        let needed = world.get(&Who::Nobody, "/api/v1/setup").await;
        assert_eq!(needed.json(), json!({ "needed": false }));
        let root = world.session("root@example.org").await;
        let me = world.get(&root, "/api/v1/me").await.json();
        assert_eq!(
            (&me["orgs"][0]["kind"], &me["orgs"][0]["role"]),
            (&json!("platform"), &json!("admin"))
        );
        world.stop().await;
    });
}

#[test]
fn a_service_with_people_prints_no_link() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let settings = serve(folder.path(), "sqlite:", &["--no-second-factor"]);
        let running = Running::start(&settings, Clock::system()).await.unwrap();
        let old = running.setup.clone().unwrap();
        running.stop().await;
        let running = Running::start(&settings, Clock::system()).await.unwrap();
        let new = running.setup.clone().unwrap();
        assert_ne!(old, new, "a link that was printed before is worth nothing");
        let client = Client::plain(running.address);
        for (link, status) in [(old, 404), (new, 201)] {
            let code = link.split_once('#').unwrap().1.to_owned();
            let body = json!({ "code": code, "email": "root@example.org", "name": "Root", "password": PASSWORD });
            let headers = [("content-type", "application/json")];
            let body = body.to_string().into();
            let answer = client
                .call(hyper::Method::POST, "/api/v1/setup", "", &headers, body)
                .await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
        running.stop().await;
        let running = Running::start(&settings, Clock::system()).await.unwrap();
        assert_eq!(running.setup, None);
        running.stop().await;
    });
}

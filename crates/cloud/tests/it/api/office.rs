//! The platform's office.

use serde_json::json;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;

use super::{Who, World};
use crate::service::{run, snapshot};

/// A world with an admin of the platform, and an owner with a device.
async fn world() -> (World, Who) {
    let world = World::new().await;
    let platform = world.org(OrgKind::Platform, "Platform").await;
    world
        .user("olga@example.org", &[(platform, Role::Admin)])
        .await;
    let olga = world.session("olga@example.org").await;
    (world, olga)
}

#[test]
fn a_device_is_found_by_its_number_and_shut_out_by_who_types_it_again() {
    run(async {
        let (world, olga) = world().await;
        let household = world.org(OrgKind::Household, "Ada").await;
        let solar = world.org(OrgKind::Installer, "Solar").await;
        let site = world.site(household, "Ada's house").await;
        let device = world.device(site, solar).await;
        let letters = device.serial.to_lowercase();
        let search = format!("/api/v1/admin/search?q={letters}");
        let found = world.get(&olga, &search).await.json();
        assert_eq!(found["devices"][0]["id"], json!(device.id.to_string()));
        assert_eq!(found["devices"][0]["site"], json!(site.to_string()));
        assert_eq!(found["sites"], json!([]));
        for wrong in ["", "?q=", "?q=x", "?q=ab&more=1"] {
            let refused = world
                .get(&olga, &format!("/api/v1/admin/search{wrong}"))
                .await;
            assert_eq!(refused.status, 422, "{wrong}");
        }

        let path = format!("/api/v1/admin/devices/{}", device.id);
        let rotated = world
            .call(&olga, "POST", &format!("{path}/rotation"), None)
            .await;
        assert_eq!(
            (rotated.status, &rotated.json()["state"]),
            (202, &json!("begun"))
        );
        let off = format!("{path}/deactivation");
        let wrong = world
            .call(&olga, "POST", &off, Some(json!({ "serial": "another" })))
            .await;
        assert_eq!(wrong.status, 422);
        let delivers = async || {
            let rows = [snapshot(60, 1.0)];
            device.deliver(&world.client, &rows).await.status
        };
        assert_eq!(delivers().await, 200);
        let right = world.call(
            &olga,
            "POST",
            &off,
            Some(json!({ "serial": device.serial })),
        );
        assert_eq!(right.await.status, 204);
        let stands = world.get(&olga, &path).await.json();
        assert_eq!(stands["state"], "deactivated");
        // Nodes hear of it with their next look at the registry.
        for _ in 0..100 {
            if delivers().await == 410 {
                world.stop().await;
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("it sends on");
    });
}

#[test]
fn who_is_shut_out_is_out_with_the_next_call_and_it_is_written_down() {
    run(async {
        let (world, olga) = world().await;
        let household = world.org(OrgKind::Household, "Ada").await;
        let user = world
            .user("ada@example.org", &[(household, Role::Admin)])
            .await;
        let ada = world.session("ada@example.org").await;
        let asked = json!({ "name": "script", "scopes": ["production"] });
        let script = world.token(&ada, asked).await;
        let path = format!("/api/v1/admin/users/{user}");
        let seen = world.get(&olga, &path).await.json();
        assert_eq!(seen["orgs"][0]["role"], "admin");
        assert_eq!(seen["person"]["email"], "ada@example.org");

        let off = format!("{path}/deactivation");
        assert_eq!(world.call(&olga, "POST", &off, None).await.status, 204);
        for who in [&ada, &script] {
            assert_eq!(world.get(who, "/api/v1/sites").await.status, 401);
        }
        let refused = world.sign_in("ada@example.org", super::PASSWORD).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (401, "wrong-sign-in")
        );
        assert_eq!(world.call(&olga, "POST", &off, None).await.status, 404);
        assert_eq!(world.call(&olga, "DELETE", &off, None).await.status, 204);
        assert_eq!(world.get(&ada, "/api/v1/sites").await.status, 401, "anew");
        assert_eq!(
            world.get(&script, "/api/v1/sites").await.status,
            401,
            "for good"
        );
        let again = world.session("ada@example.org").await;
        assert_eq!(world.get(&again, "/api/v1/sites").await.status, 200);

        let me = world.get(&olga, "/api/v1/me").await.json();
        let me = format!(
            "/api/v1/admin/users/{}/deactivation",
            me["id"].as_str().unwrap()
        );
        let last = world.call(&olga, "POST", &me, None).await;
        assert_eq!((last.status, last.code().as_str()), (409, "last-admin"));

        let acts = world
            .get(&olga, "/api/v1/admin/audit?action=user.&limit=2")
            .await
            .json();
        let names = [&acts["items"][0]["action"], &acts["items"][1]["action"]];
        assert_eq!(names, ["user.reactivated", "user.deactivated"]);
        let next = acts["next_cursor"].as_i64().unwrap();
        let more = format!("/api/v1/admin/audit?action=user.&limit=2&cursor={next}");
        let more = world.get(&olga, &more).await.json();
        assert!(more["items"][0]["seq"].as_i64().unwrap() < next);
        world.stop().await;
    });
}

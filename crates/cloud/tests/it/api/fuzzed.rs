//! An independent fuzzer, driven by the document: no failure of ours, no answer that is not documented.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;
use solthrive_domain::{OrgId, SiteId};

use super::{Who, World};
use crate::service::run;

/// What a run must not end by itself, nor wait for: sessions, second factors, the stream.
const LEFT_OUT: &str = "(live|auth/session|me/sessions/.*|me/password|factor|factor/proof)$";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// With the tools of `xtask/python-requirements.txt`.
pub(super) fn interpreter() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    std::env::var_os("SOLTHRIVE_PYTHON").map_or_else(
        || home().join(".cache/solthrive/venv/bin/python"),
        PathBuf::from,
    )
}

/// The fuzzer's settings: whose session, and ids that lead somewhere.
fn settings(session: &Who, site: SiteId, org: OrgId) -> String {
    let Who::Cookie(cookie) = session else {
        panic!("a session");
    };
    let (_, value) = cookie.split_once('=').unwrap();
    let mut text = format!("[auth.openapi.session]\napi_key = {value:?}\n[parameters]\n");
    for (name, id) in [
        ("site", site.as_uuid()),
        ("org", org.as_uuid()),
        ("installer", org.as_uuid()),
    ] {
        writeln!(text, "\"path.{name}\" = \"{id}\"").unwrap();
    }
    text
}

#[test]
fn no_call_that_the_document_allows_breaks_it_or_gets_an_answer_that_it_does_not_name() {
    run(async {
        let letters = tempfile::tempdir().unwrap();
        let mail = format!("folder:{}", letters.path().display());
        let flags = [
            "--no-second-factor",
            "--mail",
            &mail,
            "--api-calls-per-min",
            "1000000",
        ];
        let world = World::with(&flags).await;
        let home = world.org(OrgKind::Household, "Ada").await;
        let solar = world.org(OrgKind::Installer, "Solar").await;
        let platform = world.org(OrgKind::Platform, "Platform").await;
        let site = world.site(home, "Ada's house").await;
        let device = world.device(site, solar).await;
        let rows: Vec<_> = (0..40)
            .map(|n| crate::service::snapshot(900 - n * 15, 1.0))
            .collect();
        assert_eq!(device.deliver(&world.client, &rows).await.status, 200);
        for (email, org, at_org) in [
            ("owner@example.org", home, home),
            ("installer@example.org", solar, solar),
            ("admin@example.org", platform, platform),
        ] {
            world.user(email, &[(org, Role::Admin)]).await;
            let session = world.session(email).await;
            if org == platform {
                let asked =
                    json!({ "site": site.as_uuid(), "reason": "the owner called", "minutes": 30 });
                let visit = world
                    .call(&session, "POST", "/api/v1/admin/support", Some(asked))
                    .await;
                assert_eq!(visit.status, 201, "{visit:?}");
            }
            fuzz(&world, email, settings(&session, site, at_org)).await;
            assert_eq!(
                world.get(&session, "/api/v1/me").await.status,
                200,
                "still signed in"
            );
        }
        world.stop().await;
    });
}

/// Runs the fuzzer to its end; what it found is the failure's text.
async fn fuzz(world: &World, who: &str, settings: String) {
    let folder = world.folder.path().join(who);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, settings).unwrap();
    let url = format!("http://{}/api/v1/openapi.json", world.running.address);
    let args: [OsString; 20] = [
        "-m".into(),
        "schemathesis.cli".into(),
        "--config-file".into(),
        file.into(),
        "run".into(),
        url.into(),
        "--include-path-regex".into(),
        "^/api/".into(),
        "--exclude-path-regex".into(),
        LEFT_OUT.into(),
        "-H".into(),
        "sec-fetch-site: same-origin".into(),
        "--checks".into(),
        CHECKS.into(),
        "--max-examples".into(),
        "15".into(),
        "--phases".into(),
        "coverage,fuzzing".into(),
        "--continue-on-failure".into(),
        "--seed=1".into(),
    ];
    let output = tokio::task::spawn_blocking(move || {
        Command::new(interpreter())
            .args(args)
            .current_dir(folder)
            .output()
    });
    let output = output.await.unwrap();
    let output = output.expect("the fuzzer is missing: run `cargo xtask setup`");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "as {who}:\n{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("passed") && !said.contains("401 Unauthorized ("),
        "as {who}:\n{said}"
    );
}

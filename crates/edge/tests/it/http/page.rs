//! The dashboard's page and files.

use std::time::Duration;

use solthrive_domain::{Cadence, FlagCode};

use super::home::{flag, snapshot};
use super::{TestApp, schema};

/// The first data in the page.
fn boot(html: &str) -> serde_json::Value {
    let start = html
        .find("<script id=\"boot\" type=\"application/json\">")
        .unwrap();
    let rest = &html[start..];
    let json = &rest[rest.find('>').unwrap() + 1..rest.find("</script>").unwrap()];
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn the_root_leads_to_the_dashboard() {
    let app = TestApp::start().await;
    let answer = app.get("/").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (307, Some("/dashboard"))
    );
}

#[tokio::test]
async fn the_page_carries_the_first_data() {
    let app = TestApp::start().await;
    app.publish(snapshot(7));
    app.live
        .expect_every(Cadence::every(Duration::from_secs(5)));
    let answer = app.get("/dashboard").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert!(!answer.text().contains("<!--boot-->"));
    let boot = boot(answer.text());
    schema::check("Boot", &boot);
    assert_eq!(boot["snapshot"]["solar_kw"], 3.52);
    assert_eq!(boot["snapshot_every_ms"], 5000);
    assert_eq!(boot["today"]["date"], "2026-06-21");
    assert_eq!(boot["ts"], "2026-06-21T19:00:00Z");
}

#[tokio::test]
async fn the_page_works_before_the_first_snapshot() {
    let app = TestApp::start().await;
    let boot = boot(app.get("/dashboard").await.text());
    schema::check("Boot", &boot);
    assert!(boot.get("snapshot").is_none());
    assert_eq!(
        (&boot["today"]["date"], &boot["today"]["coverage"]),
        (&"2026-06-21".into(), &0.0.into())
    );
}

#[tokio::test]
async fn no_text_of_ours_can_end_the_data() {
    let app = TestApp::start().await;
    let mut evil = flag(
        FlagCode::ConfigInvalid,
        "</script><script>alert(1)</script>",
    );
    evil.message = "<!--".to_owned();
    app.live
        .set_flags(&[evil], super::home::NOW.parse().unwrap());
    let answer = app.get("/dashboard").await;
    assert!(!answer.text().contains("alert(1)</script>") && !answer.text().contains("<!--"));
    assert_eq!(boot(answer.text())["errors"][0]["message"], "<!--");
}

#[tokio::test]
async fn addresses_below_the_dashboard_are_pages_for_people_only() {
    let app = TestApp::start().await;
    let as_browser = [("sec-fetch-mode", "navigate"), ("accept", "text/html,*/*")];
    let page = app
        .send("GET", "/dashboard/history?range=day", &as_browser, "")
        .await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_eq!(
        app.send("GET", "/dashboard/history", &[("accept", "text/html")], "")
            .await
            .status,
        200
    );
    for headers in [
        &[("sec-fetch-mode", "no-cors"), ("accept", "*/*")][..],
        &[("accept", "application/json")],
        &[],
    ] {
        assert_eq!(
            app.send("GET", "/dashboard/app.js", headers, "")
                .await
                .problem()
                .0,
            404
        );
    }
}

#[tokio::test]
async fn a_file_of_the_build_is_served_compressed_and_for_ever() {
    let app = TestApp::start().await;
    let html = app.get("/dashboard").await;
    // A checkout without a web build has no files to serve; the rest of this test has then no object.
    let Some(at) = html.text().find("/assets/") else {
        return;
    };
    let path = html.text()[at..].split('"').next().unwrap();
    let plain = app.get(path).await;
    assert_eq!(plain.status, 200, "{path}");
    assert_eq!(
        plain.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    let packed = app
        .send("GET", path, &[("accept-encoding", "gzip, deflate, br")], "")
        .await;
    if let Some(encoding) = packed.header("content-encoding") {
        assert_eq!(encoding, "br");
        assert!(packed.body.len() < plain.body.len());
    }
    let etag = plain.header("etag").unwrap().to_owned();
    let again = app
        .send("GET", path, &[("if-none-match", &format!("W/{etag}"))], "")
        .await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

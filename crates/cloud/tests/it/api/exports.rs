//! Everything of a home in one file, from the question to the last byte.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::body::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud::config::Place;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::access::Role;
use solthrive_domain::{OrgId, SiteId};
use tokio::net::TcpStream;

use super::{Who, World};
use crate::service::{Answer, ago, run, snapshot};

struct Town {
    world: World,
    site: SiteId,
    solar: OrgId,
    ada: Who,
    ines: Who,
    leap: &'static AtomicI64,
}

async fn town() -> Town {
    let leap: &'static AtomicI64 = Box::leak(Box::default());
    let world = World::telling(Clock::ahead(leap), &["--no-second-factor"]).await;
    town_of(world, leap).await
}

async fn town_of(world: World, leap: &'static AtomicI64) -> Town {
    let household = world.org(OrgKind::Household, "Ada").await;
    let solar = world.org(OrgKind::Installer, "Solar").await;
    let wirer = world.org(OrgKind::Installer, "Wirer").await;
    let site = world.site(household, "=Ada's house").await;
    world
        .user("ada@example.org", &[(household, Role::Admin)])
        .await;
    world
        .user("ines@example.org", &[(solar, Role::Admin)])
        .await;
    let device = world.device(site, wirer).await;
    let rows: Vec<Value> = (1..=120)
        .rev()
        .map(|n| snapshot(n * 15, 0.5 + 0.01 * n as f64))
        .collect();
    let delivered = device.deliver(&world.client, &rows).await;
    assert_eq!(delivered.status, 200, "{delivered:?}");
    // The node has to have heard of them.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Town {
        ada: world.session("ada@example.org").await,
        ines: world.session("ines@example.org").await,
        site,
        solar,
        leap,
        world,
    }
}

impl Town {
    fn path(&self) -> String {
        format!("/api/v1/sites/{}/exports", self.site)
    }

    async fn ask(&self, who: &Who, body: Value) -> Answer {
        self.world.call(who, "POST", &self.path(), Some(body)).await
    }

    /// Asks, and waits until it is done; how it ended.
    async fn made(&self, who: &Who, body: Value) -> Value {
        let asked = self.ask(who, body).await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let there = asked.header("location").unwrap().to_owned();
        self.ended(who, &there).await
    }

    async fn ended(&self, who: &Who, there: &str) -> Value {
        for _ in 0..600 {
            let told = self.world.get(who, there).await;
            assert_eq!(told.status, 200, "{told:?}");
            let told = told.json();
            if told["state"] != "waiting" && told["state"] != "running" {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it takes too long");
    }

    /// Files of an export, by name.
    async fn files(&self, who: &Who, body: Value) -> BTreeMap<String, Vec<u8>> {
        let told = self.made(who, body).await;
        assert_eq!(told["state"], "done", "{told}");
        let (status, bytes) = self.fetch(told["link"].as_str().unwrap()).await;
        assert_eq!(
            (status, bytes.len() as u64),
            (200, told["bytes"].as_u64().unwrap())
        );
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut files = BTreeMap::new();
        for n in 0..zip.len() {
            let mut file = zip.by_index(n).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            let name = file.name().unwrap().into_owned();
            files.insert(name, bytes);
        }
        files
    }

    /// Without any session.
    async fn fetch(&self, path: &str) -> (u16, Bytes) {
        let stream = TcpStream::connect(self.world.running.address)
            .await
            .unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::get(path).header("host", "localhost");
        let response = sender
            .send_request(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        connection.abort();
        (status, bytes)
    }

    async fn grant(&self, scopes: &[&str]) -> String {
        let asked = json!({ "org": self.solar.as_uuid(), "scopes": scopes });
        let path = format!("/api/v1/sites/{}/grants", self.site);
        let made = self.world.call(&self.ada, "POST", &path, Some(asked)).await;
        assert_eq!(made.status, 201, "{made:?}");
        format!("{path}/{}", made.json()["id"].as_str().unwrap())
    }
}

fn text(files: &BTreeMap<String, Vec<u8>>, start: &str) -> String {
    let (_, bytes) = files
        .iter()
        .find(|(name, _)| name.starts_with(start))
        .unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn a_file_holds_what_the_site_answers_and_its_manifest_holds_it_to_that() {
    run(async {
        let town = town().await;
        let files = town.files(&town.ada, json!({ "format": "csv" })).await;
        let rows = text(&files, "rows/");
        let query = format!(
            "/api/v1/sites/{}/telemetry?from={}&to={}&resolution=raw&format=csv",
            town.site,
            ago(7_200),
            ago(0)
        );
        let answered = town.world.get(&town.ada, &query).await.text;
        assert_eq!(rows, answered);
        assert_eq!(rows.lines().count(), 121);
        let site: Value = serde_json::from_str(&text(&files, "site.json")).unwrap();
        assert_eq!(site["name"], "=Ada's house");
        for name in [
            "README.txt",
            "quarters.csv",
            "points-by-day.csv",
            "days.ndjson",
            "months.ndjson",
            "events.ndjson",
            "alerts.ndjson",
            "devices.json",
            "configurations.ndjson",
            "grants.ndjson",
            "support-visits.ndjson",
            "days-by-device.ndjson",
        ] {
            assert!(files.contains_key(name), "{name} of {:?}", files.keys());
        }
        let manifest: Value = serde_json::from_str(&text(&files, "manifest.json")).unwrap();
        let listed = manifest["files"].as_array().unwrap();
        assert_eq!(listed.len(), files.len() - 1, "all but itself");
        for line in listed {
            let bytes = &files[line["name"].as_str().unwrap()];
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
            let hex: String = hash
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(
                (&line["sha256"], &line["bytes"]),
                (&json!(hex), &json!(bytes.len()))
            );
        }
        town.world.stop().await;
    });
}

/// Count, sum of `home_kw`, first time (ms) and qualities, as a reader that is not ours finds them.
fn read_by_another(parquet: &[u8]) -> Value {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), parquet).unwrap();
    let script = "import duckdb, json, sys\n\
        rows = duckdb.sql(f\"SELECT count(*), sum(home_kw), epoch_ms(min(time)), list(DISTINCT quality) FROM read_parquet('{sys.argv[1]}')\").fetchall()[0]\n\
        print(json.dumps(rows))";
    let said = std::process::Command::new(super::fuzzed::interpreter())
        .args(["-c", script])
        .arg(file.path())
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn every_format_tells_the_same_numbers() {
    run(async {
        let town = town().await;
        let csv = text(
            &town.files(&town.ada, json!({ "format": "csv" })).await,
            "rows/",
        );
        let (head, first) = csv.split_once('\n').unwrap();
        let names: Vec<&str> = head.split(',').collect();
        let values: Vec<&str> = first.lines().next().unwrap().split(',').collect();
        let home = names.iter().position(|name| *name == "home_kw").unwrap();
        let expected: f64 = values[home].parse().unwrap();
        let time: jiff::Timestamp = values[0].parse().unwrap();

        let lines = text(
            &town.files(&town.ada, json!({ "format": "ndjson" })).await,
            "rows/",
        );
        let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(
            (&line["home_kw"], &line["t"]),
            (&json!(expected), &json!(time))
        );
        assert_eq!(lines.lines().count(), 120);

        let files = town.files(&town.ada, json!({ "format": "parquet" })).await;
        let (_, bytes) = files
            .iter()
            .find(|(name, _)| name.starts_with("rows/"))
            .unwrap();
        let units = SerializedFileReader::new(Bytes::from(bytes.clone())).unwrap();
        let units = units
            .metadata()
            .file_metadata()
            .key_value_metadata()
            .unwrap()
            .clone();
        assert!(
            units
                .iter()
                .any(|unit| unit.key == "unit:home_kw" && unit.value.as_deref() == Some("kW"))
        );
        let all: Vec<f64> = csv
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(home).unwrap().parse().unwrap())
            .collect();
        let read = read_by_another(bytes);
        assert_eq!(
            (&read[0], &read[2], &read[3]),
            (&json!(120), &json!(time.as_millisecond()), &json!(["ok"]))
        );
        assert!(
            (read[1].as_f64().unwrap() - all.iter().sum::<f64>()).abs() < 1e-9,
            "{read}"
        );
        town.world.stop().await;
    });
}

/// Events are read a month at a time; none is left out, not even one of a clock that is wrong.
#[test]
fn every_event_is_in_the_file_and_none_of_before_it_was_asked_for() {
    run(async {
        let town = town().await;
        let path = Place::database(town.world.folder.path());
        let beside = rusqlite::Connection::open(&path).unwrap();
        beside.busy_timeout(Duration::from_secs(5)).unwrap();
        let now = crate::service::now().get();
        let hours = (1..=2_000).map(|n| now - n * 3_600_000);
        let times: Vec<i64> = hours.chain([now + 900 * 86_400_000]).collect();
        beside.execute_batch("BEGIN").unwrap();
        for at in &times {
            let added = beside.execute(
                "INSERT INTO event (site, at, received_at, code, subject, state, severity, message)
                 VALUES (?1, ?2, ?2, 'seen', '', 'happened', 'info', 'Something was seen')",
                rusqlite::params![town.site.as_uuid().as_bytes(), at],
            );
            assert_eq!(added.unwrap(), 1);
        }
        beside.execute_batch("COMMIT").unwrap();
        let count = async |asked: Value| {
            let files = town.files(&town.ada, asked).await;
            text(&files, "events").lines().count()
        };
        assert_eq!(count(json!({ "format": "csv" })).await, 2_001);
        let from = jiff::Timestamp::from_millisecond(now - 100 * 3_600_000).unwrap();
        assert_eq!(count(json!({ "format": "csv", "from": from })).await, 101);
        town.world.stop().await;
    });
}

#[test]
fn with_postgresql_the_file_is_the_same() {
    run(async {
        let town = town_of(World::on_postgres().await, Box::leak(Box::default())).await;
        let files = town.files(&town.ada, json!({ "format": "csv" })).await;
        assert_eq!(text(&files, "rows/").lines().count(), 121);
        assert!(files.contains_key("grants.ndjson"));
        town.world.stop().await;
    });
}

#[test]
fn who_was_given_production_gets_a_file_of_production() {
    run(async {
        let town = town().await;
        town.grant(&["production"]).await;
        let asked = json!({ "format": "csv" });
        assert_eq!(
            town.ask(&town.ines, asked.clone()).await.status,
            403,
            "no export"
        );
        town.grant(&["production", "export"]).await;
        let files = town.files(&town.ines, asked).await;
        let head = text(&files, "rows/");
        let head = head.lines().next().unwrap();
        let shown = [
            "time",
            "solar_kw",
            "solar_kwh_total",
            "current_pv",
            "quality",
        ];
        assert!(head.contains("solar_kw"), "{head}");
        assert!(head.split(',').all(|name| shown.contains(&name)), "{head}");
        for hidden in ["home_kw", "grid_kw", "import"] {
            assert!(!text(&files, "quarters").contains(hidden));
        }
        for hidden in [
            "grants.ndjson",
            "support-visits.ndjson",
            "events.ndjson",
            "devices.json",
            "configurations.ndjson",
            "days-by-device.ndjson",
        ] {
            assert!(!files.contains_key(hidden), "{hidden}");
        }
        let days = text(&files, "days.ndjson");
        assert!(
            !days.contains("home_kwh") && !days.contains("import_kwh"),
            "{days}"
        );
        town.world.stop().await;
    });
}

#[test]
fn a_right_that_ended_ends_the_links_that_it_gave() {
    run(async {
        let town = town().await;
        let grant = town.grant(&["production", "export"]).await;
        let asked = json!({ "format": "csv" });
        let told = town.made(&town.ines, asked.clone()).await;
        let link = told["link"].as_str().unwrap().to_owned();
        assert_eq!(town.fetch(&link).await.0, 200);
        let ended = town.world.call(&town.ada, "DELETE", &grant, None).await;
        assert_eq!(ended.status, 204);
        assert_eq!(town.fetch(&link).await.0, 404);
        let there = format!("/api/v1/exports/{}", told["id"].as_str().unwrap());
        assert_eq!(town.world.get(&town.ines, &there).await.status, 404);
        assert_eq!(town.ask(&town.ines, asked).await.status, 404);
        // A smaller right does not do for a file of the larger one.
        let again = town.grant(&["production", "consumption", "export"]).await;
        let wide = town.made(&town.ines, json!({ "format": "csv" })).await;
        let wide = wide["link"].as_str().unwrap().to_owned();
        let narrow = town.grant(&["production", "export"]).await;
        assert_eq!(town.fetch(&wide).await.0, 200);
        let ended = town.world.call(&town.ada, "DELETE", &again, None).await;
        assert_eq!(ended.status, 204);
        assert_eq!(town.fetch(&wide).await.0, 404);
        assert_eq!(town.fetch(&link).await.0, 200, "what is still his");
        // Who may look and take nothing along any more fetches nothing, either.
        town.grant(&["production", "consumption"]).await;
        let ended = town.world.call(&town.ada, "DELETE", &narrow, None).await;
        assert_eq!(ended.status, 204);
        assert_eq!(town.fetch(&link).await.0, 404);
        town.world.stop().await;
    });
}

#[test]
fn a_link_is_good_for_its_file_and_its_time_and_nobody_learns_why_not() {
    run(async {
        let town = town().await;
        let told = town.made(&town.ada, json!({ "format": "ndjson" })).await;
        let link = told["link"].as_str().unwrap().to_owned();
        assert_eq!(town.fetch(&link).await.0, 200);
        let id = told["id"].as_str().unwrap();
        let other = town.made(&town.ada, json!({ "format": "csv" })).await;
        let other = other["id"].as_str().unwrap();
        let (front, signature) = link.rsplit_once('=').unwrap();
        for forged in [
            link.replace(id, other),
            format!("{front}={}", "0".repeat(signature.len())),
            format!("{front}="),
            link.replace("until=", "until=9"),
            format!("/api/v1/exports/{id}/file"),
            format!("/api/v1/exports/{id}/file?until=x&signature=y"),
            format!("{link}&more=1"),
        ] {
            assert_eq!(town.fetch(&forged).await.0, 404, "{forged}");
        }
        let there = format!("/api/v1/exports/{id}");
        assert_eq!(
            town.world.get(&town.ines, &there).await.status,
            404,
            "somebody else's"
        );
        assert_eq!(
            town.world
                .call(&town.ines, "DELETE", &there, None)
                .await
                .status,
            404
        );
        town.leap.store(16 * 60_000, Ordering::Relaxed);
        assert_eq!(town.fetch(&link).await.0, 404, "too late");
        let again = town.world.get(&town.ada, &there).await.json();
        assert_eq!(
            town.fetch(again["link"].as_str().unwrap()).await.0,
            200,
            "each answer has a new one"
        );
        assert_eq!(
            town.world
                .call(&town.ada, "DELETE", &there, None)
                .await
                .status,
            204
        );
        assert_eq!(
            town.fetch(again["link"].as_str().unwrap()).await.0,
            404,
            "deleted"
        );
        let gone = town.world.get(&town.ada, &there).await.json();
        assert_eq!(gone["state"], "cancelled");
        let listed = town.world.get(&town.ada, &town.path()).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        town.world.stop().await;
    });
}

#[test]
fn a_token_of_the_person_gets_no_more_of_a_file_than_it_may_see() {
    run(async {
        let town = town().await;
        let told = town.made(&town.ada, json!({ "format": "csv" })).await;
        let there = format!("/api/v1/exports/{}", told["id"].as_str().unwrap());
        let token = async |scopes: &[&str]| {
            let asked = json!({ "name": "script", "scopes": scopes });
            town.world.token(&town.ada, asked).await
        };
        let looks = token(&["production", "consumption"]).await;
        for method in ["GET", "DELETE"] {
            let refused = town.world.call(&looks, method, &there, None).await;
            assert_eq!(refused.status, 404, "no export");
        }
        let narrow = token(&["production", "export"]).await;
        let seen = town.world.get(&narrow, &there).await.json();
        assert_eq!(
            (&seen["state"], &seen["link"]),
            (&json!("done"), &Value::Null)
        );
        let all: Vec<&str> = solthrive_domain::access::Scope::ALL
            .iter()
            .map(|scope| scope.as_str())
            .collect();
        let wide = token(&all).await;
        let own = town.made(&wide, json!({ "format": "csv" })).await;
        assert!(own["link"].is_string(), "{own}");
        // Nor does another person who may have exports of the home see hers.
        town.grant(&["production", "export"]).await;
        let mine = town.ask(&town.ines, json!({ "format": "csv" })).await;
        assert_eq!(mine.status, 202, "{mine:?}");
        assert_eq!(town.world.get(&town.ines, &there).await.status, 404);
        town.world.stop().await;
    });
}

#[test]
fn what_cannot_be_is_refused_and_a_stretch_is_kept_to() {
    run(async {
        let town = town().await;
        let (early, late) = (ago(600), ago(300));
        for (field, wrong) in [
            ("format", json!({ "format": "xlsx" })),
            ("to", json!({ "format": "csv", "from": late, "to": early })),
        ] {
            let refused = town.ask(&town.ada, wrong).await;
            let said = &refused.json()["errors"][0]["field"];
            assert_eq!((refused.status, said), (422, &json!(field)), "{refused:?}");
        }
        let part = json!({ "format": "csv", "from": early, "to": late });
        let rows = text(&town.files(&town.ada, part).await, "rows/");
        let times: Vec<jiff::Timestamp> = rows
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(times.len(), 20);
        assert!(times.iter().all(|at| (early..late).contains(at)));
        town.world.stop().await;
    });
}

#[test]
fn a_file_that_a_node_did_not_finish_is_made_by_the_next() {
    run(async {
        let town = town().await;
        let done = town.made(&town.ada, json!({ "format": "csv" })).await;
        let database = Place::database(town.world.folder.path());
        let db = rusqlite::Connection::open(database).unwrap();
        // As a node leaves it that was killed at work, minutes ago.
        let left = uuid::Uuid::from_u128(77);
        let copied = db.execute(
            "INSERT INTO site_job (id, site, kind, format, asked_by, created_at, state, asked, changed_at)
             SELECT ?1, site, kind, format, asked_by, created_at, 'running', asked, 1 FROM site_job",
            [left.into_bytes()],
        );
        assert_eq!(copied.unwrap(), 1);
        let told = town
            .ended(&town.ada, &format!("/api/v1/exports/{left}"))
            .await;
        assert_eq!(
            (&told["state"], &told["format"]),
            (&json!("done"), &done["format"])
        );
        town.world.stop().await;
    });
}

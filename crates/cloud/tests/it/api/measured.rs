//! What was measured, as people ask for it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};
use solthrive_cloud::clock::Clock;
use solthrive_cloud_store::meta::OrgKind;
use solthrive_domain::SiteId;
use solthrive_domain::access::Role;

use super::{Who, World};
use crate::service::{Answer, Device, ago, now, run};

/// A home with a device, its owner signed in.
struct Town {
    world: World,
    site: SiteId,
    owner: Who,
    device: Device,
    /// How far the service's clock is ahead, ms.
    leap: &'static AtomicI64,
}

async fn town() -> Town {
    // Of this world alone: tests may share a process.
    let leap: &'static AtomicI64 = Box::leak(Box::default());
    let settings = ["--no-second-factor", "--checkpoint-s", "1"];
    let world = World::telling(Clock::ahead(leap), &settings).await;
    let household = world.org(OrgKind::Household, "Ada").await;
    let solar = world.org(OrgKind::Installer, "Solar").await;
    let site = world.site(household, "Ada's house").await;
    world
        .user("ada@example.org", &[(household, Role::Admin)])
        .await;
    Town {
        owner: world.session("ada@example.org").await,
        device: world.device(site, solar).await,
        leap,
        site,
        world,
    }
}

/// A row of so many seconds ago, told by no other.
fn row(seconds: i64) -> Value {
    let kw = |of: i64| (seconds * 7 % of) as f64 / 1000.0;
    json!({
        "ts": ago(seconds), "solar_kw": kw(5_000), "home_kw": kw(5_000) + kw(900), "grid_kw": kw(900),
        "voltage_l1": 120.5, "solar_kwh_total": 17.25, "quality": "ok",
        "channels": { "ev": { "kw": kw(300), "a": 1.5 } },
    })
}

impl Town {
    async fn deliver(&self, rows: &[Value]) {
        let counts = self.device.deliver(&self.world.client, rows).await.counts();
        assert_eq!(counts, [rows.len() as u64, 0, 0]);
    }

    async fn ask(&self, who: &Who, query: &str) -> Answer {
        let path = format!("/api/v1/sites/{}/telemetry?{query}", self.site);
        self.world.get(who, &path).await
    }

    /// Of the last so many seconds.
    async fn last(&self, who: &Who, seconds: i64, more: &str) -> Answer {
        let query = format!("from={}&to={}&{more}", ago(seconds), ago(-60));
        self.ask(who, &query).await
    }

    /// Hours pass, and what waits is sealed.
    async fn seal(&self) {
        self.leap.fetch_add(2 * 3_600_000, Ordering::Relaxed);
        let database = self.world.folder.path().join("solthrive.db");
        for _ in 0..300 {
            let found: i64 = Connection::open(&database)
                .unwrap()
                .query_row("SELECT count(*) FROM chunk", [], |row| row.get(0))
                .unwrap_or(0);
            if found > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nothing was sealed");
    }

    /// Asks until so many rows are told: the newest ones are there within moments.
    async fn until(&self, rows: usize, seconds: i64) -> Value {
        for _ in 0..50 {
            let answer = self.last(&self.owner, seconds, "resolution=raw").await;
            if answer.status == 200 && answer.json()["t"].as_array().unwrap().len() == rows {
                return answer.json();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never {rows} rows");
    }
}

/// Time and values of these rows as a raw answer should tell them, by time.
fn expected(rows: &[Value], name: &str) -> Vec<(Timestamp, f64)> {
    let of = |row: &Value| {
        (
            row["ts"].as_str().unwrap().parse().unwrap(),
            row[name].as_f64().unwrap(),
        )
    };
    let mut all: Vec<_> = rows.iter().map(of).collect();
    all.sort_by_key(|(at, _)| *at);
    all
}

fn told(answer: &Value, name: &str) -> Vec<(Timestamp, f64)> {
    let t = answer["t"].as_array().unwrap().iter();
    let values = answer["series"][name].as_array().unwrap().iter();
    let of = |(at, value): (&Value, &Value)| {
        (
            at.as_str().unwrap().parse().unwrap(),
            value.as_f64().unwrap(),
        )
    };
    t.zip(values).map(of).collect()
}

#[test]
fn rows_are_told_bit_for_bit_and_once_whether_they_are_sealed_or_not() {
    run(async {
        let town = town().await;
        let mut rows: Vec<Value> = (0..40).map(|n| row(3_600 - n * 15)).collect();
        town.deliver(&rows).await;
        let before = town.until(40, 4_000).await;
        assert_eq!(told(&before, "solar_kw"), expected(&rows, "solar_kw"));
        town.seal().await;
        let sealed = town.until(40, 4_000).await;
        assert_eq!(sealed, before, "sealing changes nothing that is seen");
        let more: Vec<Value> = (0..10).map(|n| row(600 - n * 15)).collect();
        town.deliver(&more).await;
        rows.extend(more);
        let both = town.until(50, 4_000).await;
        for name in ["solar_kw", "home_kw", "grid_kw"] {
            assert_eq!(told(&both, name), expected(&rows, name), "{name}");
        }
        let fields: Vec<_> = both["fields"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(
            fields.contains(&"channels.ev.kw") && !fields.contains(&"ledger"),
            "{fields:?}"
        );
        assert_eq!(both["unit"]["channels.ev.kw"], "kW");
        assert!(
            both["quality"]
                .as_array()
                .unwrap()
                .iter()
                .all(|word| word == "ok")
        );
        town.world.stop().await;
    });
}

#[test]
fn lines_tell_the_same_as_columns() {
    run(async {
        let town = town().await;
        let rows: Vec<Value> = (0..40).map(|n| row(900 - n * 15)).collect();
        town.deliver(&rows).await;
        let columns = town.until(40, 1_000).await;
        for resolution in ["raw", "1m"] {
            let said = format!("resolution={resolution}");
            let columns = town.last(&town.owner, 1_000, &said).await.json();
            let csv = town
                .last(&town.owner, 1_000, &format!("{said}&format=csv"))
                .await;
            assert_eq!(csv.status, 200, "{csv:?}");
            assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
            let mut reader = csv::Reader::from_reader(csv.text.as_bytes());
            let names = reader.headers().unwrap().clone();
            let at = names.iter().position(|name| name == "solar_kw").unwrap();
            let of_csv: Vec<(Timestamp, f64)> = reader
                .records()
                .map(|line| {
                    let line = line.unwrap();
                    (line[0].parse().unwrap(), line[at].parse().unwrap())
                })
                .collect();
            assert_eq!(of_csv, told(&columns, "solar_kw"));
            let lines = town
                .last(&town.owner, 1_000, &format!("{said}&format=ndjson"))
                .await;
            let of_lines: Vec<(Timestamp, f64)> = lines
                .text
                .lines()
                .map(|line| {
                    let line: Value = serde_json::from_str(line).unwrap();
                    (
                        line["t"].as_str().unwrap().parse().unwrap(),
                        line["solar_kw"].as_f64().unwrap(),
                    )
                })
                .collect();
            assert_eq!(of_lines, of_csv);
        }
        assert_eq!(columns["resolution"], "raw");
        town.world.stop().await;
    });
}

#[test]
fn a_minute_is_the_mean_of_its_rows_over_time() {
    run(async {
        let town = town().await;
        // Ten minutes at 2 kW, at whole minutes of the clock.
        let begin = now().get() / 60_000 * 60 - 1_200;
        let row = |n: i64| {
            let at = Timestamp::from_second(begin + n * 15).unwrap();
            json!({ "ts": at, "solar_kw": 2.0, "home_kw": 3.0, "grid_kw": 1.0, "quality": "ok" })
        };
        let rows: Vec<Value> = (0..=40).map(row).collect();
        town.deliver(&rows).await;
        let _ = town.until(41, 1_500).await;
        let (from, to) = (
            Timestamp::from_second(begin).unwrap(),
            Timestamp::from_second(begin + 600).unwrap(),
        );
        let answer = town
            .ask(&town.owner, &format!("from={from}&to={to}&resolution=5m"))
            .await
            .json();
        assert_eq!(
            answer["series"]["solar_kw"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|kw| **kw == 2.0)
                .count(),
            answer["t"].as_array().unwrap().len()
        );
        let minutes = town
            .ask(
                &town.owner,
                &format!("from={from}&to={to}&resolution=1m&fields=solar_kwh,home_kw_max"),
            )
            .await
            .json();
        assert_eq!(minutes["fields"], json!(["solar_kwh", "home_kw_max"]));
        let energy: f64 = minutes["series"]["solar_kwh"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .sum();
        assert!((energy - 2.0 / 6.0).abs() < 0.01, "{energy}");
        assert_eq!(minutes["coverage"].as_array().unwrap().len(), 10);
        assert!(
            minutes["coverage"]
                .as_array()
                .unwrap()
                .iter()
                .all(|share| *share == 1.0)
        );
        town.world.stop().await;
    });
}

#[test]
fn who_may_see_production_only_sees_no_other_column_at_any_resolution() {
    run(async {
        let town = town().await;
        town.deliver(&(0..40).map(|n| row(900 - n * 15)).collect::<Vec<_>>())
            .await;
        let _ = town.until(40, 1_000).await;
        let asked = json!({ "name": "x", "scopes": ["production"] });
        let script = town.world.token(&town.owner, asked).await;
        for resolution in ["raw", "1m", "5m", "15m", "1h", "1d", "auto"] {
            for format in ["json", "csv", "ndjson"] {
                let said = format!("resolution={resolution}&format={format}");
                let answer = town.last(&script, 1_000, &said).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                for hidden in ["home", "grid", "voltage", "import", "channels", "ev"] {
                    assert!(!answer.text.contains(hidden), "{said}: {answer:?}");
                }
            }
            let said = format!("resolution={resolution}&fields=home_kw");
            let answer = town.last(&script, 1_000, &said).await;
            assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"));
        }
        town.world.stop().await;
    });
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_what_can() {
    run(async {
        let town = town().await;
        let day = "from=2026-06-21T00:00:00Z&to=2026-06-22T00:00:00Z";
        let years = "from=2016-06-21T00:00:00Z&to=2026-06-22T00:00:00Z";
        let month = "from=2026-06-01T00:00:00Z&to=2026-07-01T00:00:00Z";
        for (query, field, said) in [
            (
                format!("{day}&resolution=7m"),
                "resolution",
                "one of auto, raw, 1m",
            ),
            (
                format!("{day}&format=xlsx"),
                "format",
                "one of json, csv, ndjson",
            ),
            (
                format!("{day}&fields=solar_kw,nonsense"),
                "fields",
                "no field `nonsense`",
            ),
            (format!("{day}&points=0"), "points", "1 to 5,000"),
            (format!("{years}&resolution=1d"), "to", "five years"),
            (format!("{month}&resolution=raw"), "to", "format=csv"),
            (
                "from=2026-06-22T00:00:00Z&to=2026-06-21T00:00:00Z".to_owned(),
                "to",
                "later",
            ),
            (
                "from=2026-06-21T00:00:00&to=2026-06-22T00:00:00".to_owned(),
                "from",
                "offset",
            ),
        ] {
            let answer = town.ask(&town.owner, &query).await;
            assert_eq!(answer.status, 422, "{query}: {answer:?}");
            let error = &answer.json()["errors"][0];
            assert_eq!(error["field"], field, "{query}");
            assert!(
                error["detail"].as_str().unwrap().contains(said),
                "{query}: {error}"
            );
        }
        // A year of nothing is an answer without points.
        let empty = town
            .ask(&town.owner, &format!("{month}&resolution=raw&format=csv"))
            .await;
        assert_eq!(
            (empty.status, empty.text.lines().count()),
            (200, 1),
            "{empty:?}"
        );
        town.world.stop().await;
    });
}

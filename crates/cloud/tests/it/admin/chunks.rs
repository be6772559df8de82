//! Sealed days, and damage to them.

use rusqlite::Connection;
use solthrive_cloud_store::archive::{Archive as _, Checkpoint, Piece};
use solthrive_cloud_store::chunk::{Codec, Finite, Known, Table};
use solthrive_cloud_store::hot::{self, HotLog as _, Seq};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::SqliteHotLog;
use solthrive_domain::DeviceId;
use solthrive_domain::telemetry::UnixMillis;

use super::Desk;
use crate::service::run;

const DAY: i64 = 20_000;
const DAY_MS: i64 = 86_400_000;

/// A desk with one device, and a day of it that is sealed.
async fn sealed() -> (Desk, DeviceId) {
    let desk = Desk::new();
    desk.furnish();
    let device = desk.provision(&["ST-1"]).remove(0).id;
    let mut table = Table::default();
    for n in 0..500i64 {
        let value = Finite::try_from(f64::from(u32::try_from(n % 97).unwrap()) / 10.0).unwrap();
        table
            .insert(
                DAY * DAY_MS + n * 15_000,
                &[(Known::SolarKw.into(), value.into())],
            )
            .unwrap();
    }
    let piece = Piece {
        device,
        day: DAY,
        span: (DAY * DAY_MS, DAY * DAY_MS + 499 * 15_000),
        rows: 500,
        bytes: Codec::new().unwrap().encode(&table).unwrap(),
    };
    let log = SqliteHotLog::open(&desk.data().join("hot.db")).unwrap();
    for _ in 0..3 {
        let last = log.newest().await.unwrap();
        log.append(last, UnixMillis::EPOCH, hot::encode(&[]))
            .await
            .unwrap();
    }
    let archive = SqlStore::sqlite(&desk.data().join("solthrive.db"))
        .await
        .unwrap();
    let done = Checkpoint {
        folded: Seq::new(2),
        ..Checkpoint::default()
    };
    archive.checkpoint(&done).await.unwrap();
    archive
        .seal(Seq::START, Seq::new(2), &[piece])
        .await
        .unwrap();
    log.forget_through(Seq::new(2)).await.unwrap();
    archive.close().await;
    (desk, device)
}

/// Changes the store behind everybody's back.
fn change(desk: &Desk, file: &str, sql: &str) {
    let db = Connection::open(desk.data().join(file)).unwrap();
    db.execute_batch(sql).unwrap();
}

/// One bit of the chunk is another.
fn flip(desk: &Desk) {
    let db = Connection::open(desk.data().join("solthrive.db")).unwrap();
    let mut bytes: Vec<u8> = db
        .query_row("SELECT bytes FROM chunk", [], |row| row.get(0))
        .unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    db.execute("UPDATE chunk SET bytes = ?1", [bytes]).unwrap();
}

#[test]
fn a_day_is_listed_and_dumped_as_it_was_sealed() {
    run(async {
        let (desk, _) = sealed().await;
        let said = desk.run(&["chunk", "list", "ST-1"]).fine();
        assert!(
            said.contains("2024-10-04") && said.contains("500"),
            "{said}"
        );
        assert_eq!(desk.json(&["chunk", "list", "ST-1"])[0]["rows"], 500);
        let dump = ["chunk", "dump", "ST-1", "2024-10-04"];
        let head = desk.run(&dump).fine();
        assert!(
            head.lines().all(|line| line.starts_with('#')) && head.contains("solar_kw"),
            "{head}"
        );
        let csv = desk.run(&[&dump[..], &["--csv"]].concat()).fine();
        let rows: Vec<&str> = csv.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            (rows[0], rows[2], rows.len()),
            ("ts,solar_kw", "1728000015000,0.1", 501)
        );
        let json = desk.run(&[&dump[..], &["--json"]].concat()).fine();
        assert_eq!(
            json.lines().nth(1),
            Some(r#"{"ts":1728000015000,"solar_kw":0.1}"#)
        );
        let said = desk.run(&["chunk", "dump", "ST-1", "2024-10-05"]).failed();
        assert!(said.contains("no chunk of 2024-10-05"), "{said}");
    });
}

#[test]
fn a_flipped_bit_in_a_chunk_is_found_in_the_store_and_in_its_backup() {
    run(async {
        let (desk, device) = sealed().await;
        let sound = desk.json(&["verify"]);
        assert_eq!(
            (&sound["sound"], &sound["checked"]["snapshots in chunks"]),
            (&true.into(), &500.into())
        );
        desk.run(&["chunk", "check"]).fine();
        flip(&desk);
        desk.run(&["backup", "b"]).fine();
        for words in [&["verify"][..], &["chunk", "check"], &["verify", "b"]] {
            let said = desk.run(words);
            assert_eq!(said.code, 1, "{said:?}");
            let named = format!("chunk of device {device}, 2024-10-04, part 1");
            assert!(said.out.contains(&named), "{said:?}");
        }
    });
}

#[test]
fn a_log_and_followers_that_do_not_fit_are_found() {
    run(async {
        let (desk, _) = sealed().await;
        change(&desk, "hot.db", "UPDATE entry SET blob = x'00010203040506'");
        let found = desk.json(&["verify"])["problems"].to_string();
        assert!(found.contains("log entry 3"), "{found}");
        change(&desk, "hot.db", "DELETE FROM entry");
        let found = desk.json(&["verify"])["problems"].to_string();
        assert!(found.contains("entries 3 to 3 are neither"), "{found}");
        change(&desk, "solthrive.db", "UPDATE log_cursor SET folded = 9");
        let found = desk.json(&["verify"])["problems"].to_string();
        assert!(
            found.contains("followers are at entry 9, and its end is 3"),
            "{found}"
        );
    });
}

#[test]
fn damaged_buckets_are_named_by_site_and_day() {
    run(async {
        let (desk, _) = sealed().await;
        let day = "INSERT INTO bucket_day (site, day, buckets) SELECT id, 20001, x'0102030405060708' FROM site";
        change(&desk, "solthrive.db", day);
        let said = desk.run(&["verify"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("2024-10-05"), "{said:?}");
    });
}

#[test]
fn a_file_that_is_no_database_is_damaged_and_no_riddle() {
    run(async {
        let (desk, _) = sealed().await;
        desk.run(&["backup", "b"]).fine();
        std::fs::write(desk.path("b").join("hot.db"), vec![7u8; 8192]).unwrap();
        let said = desk.run(&["verify", "b"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("hot.db"), "{said:?}");
    });
}

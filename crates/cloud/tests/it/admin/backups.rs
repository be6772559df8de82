//! Backups that can be trusted.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Desk, mode};
use crate::service::{Client, Device, run, snapshot_at};

const FIRST: i64 = 1_780_000_000_000;

/// Time of the n-th snapshot.
fn time(n: usize) -> i64 {
    FIRST + i64::try_from(n).unwrap() * 15_000
}

/// Sends one snapshot after the other, and counts the acknowledged ones.
async fn send(
    address: std::net::SocketAddr,
    device: Device,
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) {
    let client = Client::plain(address);
    while !stop.load(Ordering::Relaxed) {
        let n = count.load(Ordering::Relaxed);
        let body = device.body("backfill", &[snapshot_at(time(n))]);
        let answer = client
            .try_post("/v1/ingest/telemetry", &device.token, body)
            .await;
        match answer {
            Some(answer) if answer.status == 200 => count.store(n + 1, Ordering::Relaxed),
            Some(answer) if answer.status == 429 => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            answer => panic!("{answer:?}"),
        }
    }
}

/// How many of the first `count` snapshots are known to the service at this desk.
async fn known(desk: &Desk, device: &Device, count: usize) -> u64 {
    let service = desk.serve();
    let client = Client::plain(service.address);
    let snapshots: Vec<_> = (0..count).map(|n| snapshot_at(time(n))).collect();
    let mut known = 0;
    for some in snapshots.chunks(1_000) {
        let [accepted, duplicates, conflicts] = device.deliver(&client, some).await.counts();
        assert_eq!((accepted + duplicates, conflicts), (some.len() as u64, 0));
        known += duplicates;
    }
    known
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_backup_of_a_busy_service_holds_what_was_acknowledged_before_it_began() {
    run(async {
        let desk = Desk::new();
        desk.furnish();
        let service = crate::kill::Process::start(
            &desk.data(),
            "sqlite:",
            &[
                "--device-calls-per-min",
                "100000",
                "--device-backfill-rows-per-s",
                "100000",
            ],
        );
        let device = desk.at_home(&Client::plain(service.address)).await;
        let (count, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let sender = tokio::spawn(send(
            service.address,
            device.clone(),
            Arc::clone(&count),
            Arc::clone(&stop),
        ));
        let mut backups = Vec::new();
        for round in 0..3 {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let before = count.load(Ordering::Relaxed);
            let path = desk.path(&format!("b{round}"));
            tokio::task::block_in_place(|| desk.run(&["backup", text(&path)]).fine());
            backups.push((path, before, count.load(Ordering::Relaxed)));
        }
        stop.store(true, Ordering::Relaxed);
        sender.await.unwrap();
        drop(service);
        for (path, before, after) in backups {
            assert!(after > before && before > 0, "{before} {after}");
            desk.run(&["verify", text(&path)]).fine();
            let copy = Desk::new();
            copy.run(&["restore", text(&path)]).fine();
            // Calls of the moment in which it began may be in it; none before is missing.
            let known = known(&copy, &device, after + 1).await;
            assert!(
                (before as u64..=after as u64 + 1).contains(&known),
                "{before} {known} {after}"
            );
        }
    });
}

#[test]
fn a_backup_is_for_its_owner_and_named_by_the_time_in_a_folder() {
    let desk = Desk::new();
    desk.furnish();
    desk.code();
    fs::create_dir(desk.path("all")).unwrap();
    let made = desk.json(&["backup", "all"]);
    let path = desk.path(made["backup"].as_str().unwrap());
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("solthrive-20") && name.ends_with('Z'),
        "{name}"
    );
    assert_eq!(mode(&path), 0o700);
    let mut files: Vec<_> = fs::read_dir(&path)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let names: Vec<_> = files
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["hot.db", "manifest.json", "pepper", "solthrive.db"]);
    assert!(files.iter().all(|file| mode(file) == 0o600));
    assert!(
        desk.run(&["backup", text(&path.join("pepper"))])
            .failed()
            .contains("there already")
    );
    assert!(!path.join("pepper.partial").exists());
}

#[test]
fn a_truncated_or_changed_backup_is_refused_and_nothing_is_touched() {
    let desk = Desk::new();
    desk.furnish();
    desk.code();
    desk.run(&["backup", "b"]).fine();
    let file = desk.path("b").join("solthrive.db");
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    for (bytes, why) in [
        (&whole[..whole.len() - 4096], "bytes and not"),
        (&flipped, "SHA-256"),
    ] {
        fs::write(&file, bytes).unwrap();
        let copy = Desk::new();
        let said = copy.run(&["restore", text(&desk.path("b"))]).failed();
        assert!(
            said.contains("solthrive.db is damaged") && said.contains(why),
            "{said}"
        );
        assert!(!copy.data().exists());
        let said = desk.run(&["verify", "b"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains(why), "{said:?}");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(desk.run(&["verify", "b"]).code, 1);
    fs::write(desk.path("b").join("manifest.json"), "{").unwrap();
    assert!(
        desk.run(&["verify", "b"])
            .failed()
            .contains("manifest.json")
    );
    assert!(
        desk.run(&["restore", "nowhere"])
            .failed()
            .contains("no backup")
    );
}

#[test]
fn a_manifest_cannot_lead_out_of_its_folder() {
    let desk = Desk::new();
    desk.furnish();
    desk.run(&["backup", "b"]).fine();
    let path = desk.path("b").join("manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        manifest.replace("\"hot.db\"", "\"../../etc/passwd\""),
    )
    .unwrap();
    let said = Desk::new()
        .run(&["restore", text(&desk.path("b"))])
        .failed();
    assert!(said.contains("no backup has"), "{said}");
}

#[test]
fn a_restore_waits_for_the_service_and_sets_the_old_store_aside() {
    let desk = Desk::new();
    desk.furnish();
    desk.run(&["backup", "b"]).fine();
    desk.run(&["org", "new", "Later"]).fine();
    let service = desk.serve();
    let said = desk.run(&["restore", "b", "--force"]).failed();
    assert!(said.contains("stop it first"), "{said}");
    drop(service);
    assert!(desk.run(&["restore", "b"]).failed().contains("--force"));
    assert_eq!(desk.json(&["org", "list"]).as_array().unwrap().len(), 3);
    let told = desk.json(&["restore", "b", "--force"]);
    assert_eq!(desk.json(&["org", "list"]).as_array().unwrap().len(), 2);
    let aside = Path::new(told["set_aside"][0].as_str().unwrap());
    let db = rusqlite::Connection::open(aside.join("solthrive.db")).unwrap();
    let orgs: i64 = db
        .query_row("SELECT count(*) FROM org", [], |row| row.get(0))
        .unwrap();
    assert_eq!(orgs, 3);
}

#[test]
fn half_a_restore_is_not_used_and_can_be_done_again() {
    let desk = Desk::new();
    desk.furnish();
    desk.run(&["backup", "b"]).fine();
    // As the power cut leaves it: the old files are aside, the new log is there, its database is not.
    fs::write(desk.data().join("restore.unfinished"), "").unwrap();
    fs::remove_file(desk.data().join("solthrive.db")).unwrap();
    for words in [&["org", "list"][..], &["org", "new", "X"]] {
        let said = desk.run(words).failed();
        assert!(said.contains("restore"), "{said}");
    }
    assert!(!desk.data().join("solthrive.db").exists());
    desk.run(&["restore", "b"]).fine();
    assert_eq!(desk.json(&["org", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn what_root_does_can_be_used_by_the_service() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    if !rustix::process::geteuid().is_root() {
        return;
    }
    const SERVICE: u32 = 12_345;
    let desk = Desk::new();
    desk.furnish();
    desk.code();
    desk.run(&["backup", "b"]).fine();
    let copy = Desk::new();
    fs::create_dir(copy.data()).unwrap();
    chown(copy.data(), Some(SERVICE), Some(SERVICE)).unwrap();
    copy.run(&["restore", text(&desk.path("b"))]).fine();
    for name in ["solthrive.db", "hot.db", "pepper"] {
        let file = fs::metadata(copy.data().join(name)).unwrap();
        assert_eq!((file.uid(), file.gid()), (SERVICE, SERVICE), "{name}");
    }
    let said = copy.run(&["org", "list"]).failed();
    assert!(said.contains("sudo -u '#12345'"), "{said}");
}

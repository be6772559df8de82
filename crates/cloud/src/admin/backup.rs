//! `admin backup`: everything as it was at one moment, while the service goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};

use jiff::Timestamp;
use serde_json::json;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::backup::{Exported, Snapshot, Target};
use solthrive_cloud_store::meta::{AuditCheck, Registry as _};
use solthrive_cloud_store::people::{Backup, Erasures as _};
use solthrive_cloud_store::sqlite::SqliteHotLog;
use tokio::signal::unix::{SignalKind, signal};

use super::Verdict;
use super::console::{Console, taken};
use super::folders::{self, Partial};
use super::manifest::{self, DATABASE, DUMP, Engine, LOG, Listed, Manifest, PEPPER};
use super::output::{bytes, hex, instant};
use super::postgres::Program;
use super::progress::Progress;
use super::screen::Screen;
use crate::clock::new_id;
use crate::config::{Place, StoreUrl};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The service goes on meanwhile. Everything that devices were told is stored before the backup began is in \
it. A backup is a folder with a manifest.json, which holds sizes and hashes of the other files; it appears \
under its name when it is complete. It holds the pepper, so keep it as safe as the store itself. \
With `postgres:` the program pg_dump does the work; it has to be as new as the server.

Examples:
  solthrive-cloud admin backup /var/backups/solthrive      # makes solthrive-20261126T031500Z in it
  solthrive-cloud admin backup /mnt/disk/before-upgrade    # makes this folder
  solthrive-cloud admin backups list                       # which there are, and until when")]
pub(super) struct Args {
    /// A folder that is there gets a new folder, named by the time; one that is not is made
    to: PathBuf,
    /// Days for which it is kept: receipts of homes that are erased name it until then. `backups prune` deletes it
    #[arg(long, value_name = "DAYS", default_value_t = 35, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    keep_days: u16,
}

pub(super) async fn run(args: &Args, console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let now = console.clock.now();
    let name = if args.to.is_dir() {
        let name = Timestamp::from(now).strftime("solthrive-%Y%m%dT%H%M%SZ");
        args.to.join(name.to_string())
    } else {
        args.to.clone()
    };
    let partial = Partial::begin(&name)?;
    let stop = stopped()?;
    let backup = Backup {
        id: new_id(),
        began_at: now,
        ended_at: None,
        place: std::path::absolute(&name)?.display().to_string(),
        keep_until: now.plus_ms(i64::from(args.keep_days) * 86_400_000),
        deleted_at: None,
    };
    // Before it holds anything: a receipt that is written meanwhile has to name it.
    console.sql.backup_began(&backup).await?;
    let made = make(console, partial, &backup, &stop).await;
    let ended = console.clock.now();
    match &made {
        Ok(_) => console.sql.backup_ended(backup.id, ended).await?,
        Err(_) => {
            console.sql.backup_deleted(backup.id, ended).await?;
        }
    }
    let (path, manifest) = made?;
    let facts = [
        ("backup", path.display().to_string()),
        ("size", bytes(manifest.bytes())),
        ("as of", manifest.began_at.clone()),
        ("kept until", instant(backup.keep_until)),
        ("sites", manifest.counts.sites.to_string()),
        ("devices", manifest.counts.devices.to_string()),
        ("chunks", manifest.counts.chunks.to_string()),
        ("log", format!("to entry {}", manifest.log.newest)),
    ];
    screen.facts(&facts, &json!({"backup": path, "manifest": manifest}))?;
    Ok(Verdict::Fine)
}

async fn make(
    console: &Console,
    partial: Partial,
    backup: &Backup,
    stop: &AtomicBool,
) -> Result<(PathBuf, Manifest)> {
    let began_at = instant(backup.began_at);
    let mut manifest = match &console.place.store {
        StoreUrl::Sqlite => embedded(console, &partial.path, began_at, stop)?,
        StoreUrl::Postgres(url) => exported(url, console, &partial.path, began_at, stop).await?,
    };
    if let AuditCheck::Whole { hash, .. } = console.sql.audit_check(&console.operator).await? {
        manifest.audit_hash = Some(hex(&hash));
    }
    let pepper = console.place.pepper();
    if pepper.exists() {
        folders::copy(&pepper, &partial.path.join(PEPPER))?;
        manifest.files.push(Listed::of(&partial.path, PEPPER)?);
    } else if !console.sql.codes(&console.operator).await?.is_empty() {
        eprintln!(
            "There is no {}, so it is not in the backup: without it, codes that were given out will not work after a restore. It lies in the --data of the service.",
            pepper.display()
        );
    }
    manifest.id = Some(backup.id);
    manifest.keep_until = Some(instant(backup.keep_until));
    manifest.ended_at = instant(console.clock.now());
    write(&manifest, &partial.path)?;
    Ok((partial.complete()?, manifest))
}

/// True once somebody wants this to end: then the half of a backup is taken away.
fn stopped() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stop.store(true, Ordering::Relaxed);
        }
    });
    Ok(stop)
}

fn embedded(console: &Console, to: &Path, began_at: String, stop: &AtomicBool) -> Result<Manifest> {
    let data = &console.place.data;
    let log = Place::hot_log(data);
    if !log.exists() {
        // The service has not run yet. A backup has a log all the same.
        let _ours = taken(data)?;
        drop(SqliteHotLog::open(&log)?);
    }
    let snapshot = Snapshot::take(&Place::database(data), &log)?;
    let mut progress = Progress::new(console.clock);
    let copied = snapshot.copy(&to.join(DATABASE), &to.join(LOG), &mut |copied| {
        progress.say(|| format!("{} of {} copied", bytes(copied.done), bytes(copied.total)));
        !stop.load(Ordering::Relaxed)
    });
    match copied {
        Err(StoreError::Closed) => bail!("stopped; nothing is left of the backup"),
        copied => copied.context("the store could not be copied")?,
    }
    let mut manifest = Manifest::of(Engine::Sqlite, began_at, &snapshot.held());
    // From here on the service may cut its write-ahead logs short again.
    drop(snapshot);
    for name in [DATABASE, LOG] {
        folders::secret(&to.join(name))?;
        progress.say(|| format!("hashing {name}"));
        manifest.files.push(Listed::of(to, name)?);
    }
    Ok(manifest)
}

async fn exported(
    url: &str,
    console: &Console,
    to: &Path,
    began_at: String,
    stop: &AtomicBool,
) -> Result<Manifest> {
    let program = Program::find("pg_dump")?;
    let snapshot = Exported::take(url).await?;
    let mut manifest = Manifest::of(Engine::Postgres, began_at, &snapshot.held);
    let dump = to.join(DUMP);
    fs::File::create_new(&dump)?;
    folders::secret(&dump)?;
    let mut command = program.connected(url);
    command
        .args([
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            "--no-password",
            // Policies show everything to who says nothing (0013_second_wall.sql); without this it would not try.
            "--enable-row-security",
        ])
        .arg(format!("--exclude-schema={}*", Target::ASIDE))
        .arg(format!("--snapshot={}", snapshot.id))
        .arg("--file")
        .arg(&dump);
    let mut progress = Progress::new(console.clock);
    program
        .run(command, || {
            let size = fs::metadata(&dump).map_or(0, |file| file.len());
            progress.say(|| format!("{} written", bytes(size)));
            !stop.load(Ordering::Relaxed)
        })
        .await?;
    snapshot.close().await?;
    fs::File::open(&dump)?.sync_all()?;
    progress.say(|| format!("hashing {DUMP}"));
    manifest.files.push(Listed::of(to, DUMP)?);
    Ok(manifest)
}

fn write(manifest: &Manifest, to: &Path) -> Result<()> {
    let path = to.join(manifest::NAME);
    let mut text = manifest.text()?;
    text.push(b'\n');
    fs::write(&path, text)
        .and_then(|()| fs::File::open(&path)?.sync_all())
        .with_context(|| format!("{} could not be written", path.display()))?;
    folders::secret(&path)
}

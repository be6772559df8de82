//! `admin backups`: which copies of everything there are. They hold homes that were erased since, so each has an end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use solthrive_cloud_store::people::{Backup, Erasures as _};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::Verdict;
use super::console::Console;
use super::folders;
use super::manifest::{self, Manifest};
use super::output::instant;
use super::screen::Screen;
use super::table::Cell;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Backups that were made, and how long each is kept
    List,
    /// Delete those whose time is over, as far as they lie on this machine
    #[command(
        after_help = "A folder is deleted only if its manifest says that it is this backup. One that lies elsewhere is named: \
delete it there, then say so with `backups gone`.\n\nExample, once a day:\n  solthrive-cloud admin backups prune"
    )]
    Prune,
    /// Note that a backup was deleted by hand, so that receipts of erased homes no longer name it
    Gone {
        /// The backup's id
        id: Uuid,
    },
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::List => list(console, screen).await,
        Command::Prune => prune(console, screen).await,
        Command::Gone { id } => gone(*id, console, screen).await,
    }
}

async fn list(console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let now = console.clock.now();
    let backups = console.sql.backups().await?;
    screen.list(
        &backups,
        "No backup was made yet: `solthrive-cloud admin backup FOLDER` makes one.",
        ["ID", "MADE", "KEPT UNTIL", "STATE", "WHERE"],
        |backup| {
            [
                backup.id.to_string().into(),
                instant(backup.began_at).into(),
                instant(backup.keep_until).into(),
                Cell::from(state(backup, now)),
                backup.place.as_str().into(),
            ]
        },
        |backup| json_of(backup, now),
    )?;
    Ok(Verdict::Fine)
}

fn state(backup: &Backup, now: UnixMillis) -> &'static str {
    match (backup.deleted_at, backup.ended_at) {
        (Some(_), _) => "deleted",
        (None, None) => "not ended",
        (None, Some(_)) if backup.keep_until <= now => "over its time",
        (None, Some(_)) => "kept",
    }
}

fn json_of(backup: &Backup, now: UnixMillis) -> Value {
    json!({
        "id": backup.id, "began_at": instant(backup.began_at), "ended_at": backup.ended_at.map(instant),
        "keep_until": instant(backup.keep_until), "deleted_at": backup.deleted_at.map(instant),
        "state": state(backup, now), "place": backup.place,
    })
}

async fn prune(console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let now = console.clock.now();
    let backups = console.sql.backups().await?;
    let over = backups
        .into_iter()
        .filter(|backup| backup.deleted_at.is_none() && backup.keep_until <= now);
    let mut done = Vec::new();
    for backup in over {
        let what = match delete(&backup) {
            Ok(()) => {
                console.sql.backup_deleted(backup.id, now).await?;
                "deleted".to_owned()
            }
            Err(error) => format!("{error:#}"),
        };
        done.push((backup, what));
    }
    let is_clean = done.iter().all(|(_, what)| what == "deleted");
    screen.list(
        &done,
        "No backup is over its time.",
        ["ID", "WHERE", "WHAT"],
        |(backup, what)| {
            [
                backup.id.to_string().into(),
                backup.place.as_str().into(),
                what.as_str().into(),
            ]
        },
        |(backup, what)| json!({"id": backup.id, "place": backup.place, "what": what}),
    )?;
    Ok(if is_clean {
        Verdict::Fine
    } else {
        Verdict::Problems
    })
}

/// Deletes the files that its manifest names, and nothing else.
fn delete(backup: &Backup) -> Result<()> {
    let folder = PathBuf::from(&backup.place);
    if !folder.is_absolute() || !folder.is_dir() {
        bail!("it does not lie on this machine");
    }
    let manifest = Manifest::read(&folder)?;
    if manifest.id != Some(backup.id) {
        bail!("another backup lies there");
    }
    let remove = |path: &Path| match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    for name in manifest.names() {
        let path = folder.join(name);
        remove(&path).with_context(|| format!("{} could not be deleted", path.display()))?;
    }
    // Last, so that what was begun can be ended later.
    remove(&folder.join(manifest::NAME))?;
    fs::remove_dir(&folder)
        .with_context(|| format!("{} is not empty and stays", folder.display()))?;
    folders::sync(folders::parent(&folder))
}

async fn gone(id: Uuid, console: &Console, screen: &mut Screen) -> Result<Verdict> {
    if !console.sql.backup_deleted(id, console.clock.now()).await? {
        bail!("no backup of this id is kept; `solthrive-cloud admin backups list` shows all");
    }
    let facts = [("backup", id.to_string()), ("state", "deleted".to_owned())];
    screen.facts(&facts, &json!({"id": id, "state": "deleted"}))?;
    Ok(Verdict::Fine)
}

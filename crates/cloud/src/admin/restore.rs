//! `admin restore`: a backup in the place of what is there.
//!
//! The backup is checked, copied beside the store, and then renamed into its place. What was there is
//! set aside and not deleted. While files are exchanged a mark stands in the folder, and neither service
//! nor console opens a store that has it: half of one store and half of another must not be used.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use solthrive_cloud_store::backup::Target;

use super::Verdict;
use super::afterwards::Afterwards;
use super::console::taken;
use super::folders;
use super::import::Import;
use super::manifest::{Engine, Manifest, PEPPER};
use super::output::bytes;
use super::progress::Progress;
use super::screen::Screen;
use crate::clock::Clock;
use crate::config::{Place, StoreUrl};

/// Stands in the folder while files are exchanged.
const MARK: &str = "restore.unfinished";
/// Where the copies are until all of them are there.
const BESIDE: &str = "restore.partial";
/// Files of the embedded store, with what SQLite keeps beside a file.
const STORE: [&str; 6] = [
    "solthrive.db",
    "solthrive.db-wal",
    "solthrive.db-shm",
    "hot.db",
    "hot.db-wal",
    "hot.db-shm",
];

#[derive(Debug, Args)]
#[command(after_help = "\
Stop the service first. The backup's hashes are checked before anything is changed. What was \
there is set aside and not deleted: in the folder before-restore-TIME, or in PostgreSQL in the schema \
before_restore_TIME. With `postgres:` the programs pg_restore and psql do the work, in one transaction.

Devices send again what was not acknowledged. What they were told is stored after the backup began is not \
in it, and they do not send it again.

Homes that were erased since are erased again, as far as the store in this place or --erasures tells which.

Examples:
  solthrive-cloud admin restore /var/backups/solthrive/solthrive-20261126T031500Z
  solthrive-cloud admin --store postgres://solthrive@db/new restore /mnt/disk/before-upgrade")]
pub(super) struct Restore {
    /// The backup
    pub(super) from: PathBuf,
    /// Although the place holds something already
    #[arg(long)]
    pub(super) force: bool,
    /// Homes that were erased since the backup, as `--json erasure list` told them; those that the store in this place knows of need not be named
    #[arg(long, value_name = "FILE")]
    pub(super) erasures: Option<PathBuf>,
}

pub(super) async fn run(
    args: &Restore,
    place: &Place,
    clock: Clock,
    screen: &mut Screen,
) -> Result<Verdict> {
    let manifest = Manifest::read(&args.from)?;
    match (&place.store, manifest.engine) {
        (StoreUrl::Sqlite, Engine::Postgres) => {
            bail!("this is a backup of a PostgreSQL store; restore it with `--store postgres://…`")
        }
        (StoreUrl::Postgres(_), Engine::Sqlite) => {
            bail!("this is a backup of an embedded store; restore it without --store")
        }
        _ => {}
    }
    let mut progress = Progress::new(clock);
    for file in &manifest.files {
        progress.say(|| format!("checking {}", file.name));
        if let Some(wrong) = file.wrong(&args.from) {
            bail!(
                "nothing was changed, because {} is damaged: {wrong}",
                args.from.join(&file.name).display()
            );
        }
    }
    let afterwards = Afterwards::gather(place, args.erasures.as_deref()).await?;
    let aside = Aside::at(place, clock);
    let aside = match &place.store {
        StoreUrl::Sqlite => embedded(args, &manifest, place, &aside.folder, &mut progress)?,
        StoreUrl::Postgres(url) => {
            let job = Import {
                args,
                manifest: &manifest,
                place,
                url,
                aside: &aside,
            };
            job.run(&mut progress).await?
        }
    };
    drop(progress);
    let again = afterwards.come_true(place, &aside, clock.now()).await?;
    let mut facts = vec![
        ("restored", args.from.display().to_string()),
        ("as of", manifest.began_at.clone()),
        ("size", bytes(manifest.bytes())),
        ("devices", manifest.counts.devices.to_string()),
        ("log", format!("to entry {}", manifest.log.newest)),
    ];
    if !aside.is_empty() {
        facts.push(("set aside", aside.join(", ")));
    }
    facts.push(("erased again", erased_again(again, &afterwards, &manifest)));
    let value = json!({
        "restored": args.from, "manifest": manifest, "set_aside": aside, "erased_again": again,
        "erasures_known": afterwards.is_known,
    });
    screen.facts(&facts, &value)?;
    Ok(Verdict::Fine)
}

fn erased_again(again: usize, afterwards: &Afterwards, manifest: &Manifest) -> String {
    match again {
        0 if !afterwards.is_known => format!(
            "unknown: a home that was erased after {} is back; name them with --erasures",
            manifest.began_at
        ),
        0 => "no home".to_owned(),
        1 => "one home".to_owned(),
        homes => format!("{homes} homes"),
    }
}

/// Where that goes which was in the place.
pub(super) struct Aside {
    pub(super) folder: PathBuf,
    pub(super) schema: String,
}

impl Aside {
    fn at(place: &Place, clock: Clock) -> Self {
        let now = Timestamp::from(clock.now());
        let name = now.strftime("before-restore-%Y%m%dT%H%M%SZ").to_string();
        Self {
            folder: place.data.join(name),
            schema: format!("{}{}", Target::ASIDE, now.strftime("%Y%m%dt%H%M%Sz")),
        }
    }
}

/// Refuses a folder in which a restore did not end.
///
/// # Errors
/// When there is the mark of one.
pub(crate) fn refuse_unfinished(data: &Path) -> Result<()> {
    if data.join(MARK).exists() {
        bail!(
            "a restore in {} did not end; start `solthrive-cloud admin restore` again",
            data.display()
        );
    }
    Ok(())
}

/// Returns where the old files are, if there were any.
fn embedded(
    args: &Restore,
    manifest: &Manifest,
    place: &Place,
    aside: &Path,
    progress: &mut Progress,
) -> Result<Vec<String>> {
    let data = &place.data;
    fs::create_dir_all(data)
        .with_context(|| format!("the folder {} could not be made", data.display()))?;
    let _ours = taken(data)?;
    let is_unfinished = data.join(MARK).exists();
    let names = STORE
        .into_iter()
        .chain(manifest.has(PEPPER).then_some(PEPPER));
    let old: Vec<&str> = names.filter(|name| data.join(name).exists()).collect();
    if !old.is_empty() && !args.force && !is_unfinished {
        bail!(
            "{} holds a store already; with --force it is set aside in favour of the backup",
            data.display()
        );
    }
    let beside = data.join(BESIDE);
    if beside.exists() {
        fs::remove_dir_all(&beside)?;
    }
    folders::only_ours(&beside)?;
    for file in &manifest.files {
        progress.say(|| format!("copying {}", file.name));
        let copy = beside.join(&file.name);
        folders::copy(&args.from.join(&file.name), &copy)?;
        folders::give(&copy, data)?;
    }
    folders::sync(&beside)?;
    exchange(manifest, data, &beside, &old, aside)?;
    let aside = (!old.is_empty()).then(|| aside.display().to_string());
    Ok(Vec::from_iter(aside))
}

/// Between the mark and its end the folder holds half of one store and half of another.
fn exchange(
    manifest: &Manifest,
    data: &Path,
    beside: &Path,
    old: &[&str],
    aside: &Path,
) -> Result<()> {
    let mark = data.join(MARK);
    fs::write(&mark, "half of the store may be another's\n")?;
    folders::sync(data)?;
    if !old.is_empty() {
        folders::only_ours(aside)?;
        for name in old {
            fs::rename(data.join(name), aside.join(name))?;
        }
        folders::sync(aside)?;
    }
    for file in &manifest.files {
        fs::rename(beside.join(&file.name), data.join(&file.name))?;
    }
    folders::sync(data)?;
    fs::remove_dir(beside)?;
    fs::remove_file(&mark)?;
    folders::sync(data)
}

//! `admin verify`: whether a store or a backup is sound, down to the last row.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::Archive as _;
use solthrive_cloud_store::backup::problems;
use solthrive_cloud_store::hot::{HotLog, Seq};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::SqliteHotLog;
use solthrive_domain::access::Operator;

use super::console::{Console, Missing};
use super::findings::Findings;
use super::manifest::{DATABASE, DUMP, Engine, LOG, Manifest};
use super::postgres::Program;
use super::progress::Progress;
use super::screen::Screen;
use super::{Verdict, contents};
use crate::clock::Clock;
use crate::config::{Place, StoreUrl};

#[derive(Debug, Args)]
#[command(after_help = "\
Reads everything: hashes of the files (of a backup), the database's own check, every chunk, every day of \
buckets, the log, the audit log, and whether log and chunks fit together. It changes nothing and can run \
beside the service. What is damaged is named, and the exit code is 1.

Examples:
  solthrive-cloud admin verify                                                 # the store
  solthrive-cloud admin verify /var/backups/solthrive/solthrive-20261126T031500Z")]
pub(super) struct Verify {
    /// A backup; without it the store of --data and --store
    backup: Option<PathBuf>,
}

/// A store that is looked at.
struct Looked {
    progress: Progress,
    findings: Findings,
}

pub(super) async fn run(
    args: &Verify,
    place: Place,
    clock: Clock,
    screen: &mut Screen,
) -> Result<Verdict> {
    let mut looked = Looked {
        progress: Progress::new(clock),
        findings: Findings::default(),
    };
    match &args.backup {
        Some(folder) => looked.backup(folder).await?,
        None => looked.store(place).await?,
    }
    drop(looked.progress);
    Ok(looked.findings.show(screen)?)
}

impl Looked {
    async fn store(&mut self, place: Place) -> Result<()> {
        if place.store == StoreUrl::Sqlite {
            self.files(&place.data)?;
        }
        // A store that is not there, or cannot be reached, is not damaged.
        let is_there = place.store == StoreUrl::Sqlite && Place::database(&place.data).exists();
        let console = match Console::open(place, Missing::Refuse).await {
            Err(error) if is_there => {
                self.unreadable("database", &error);
                return Ok(());
            }
            opened => opened?,
        };
        let folded = console.sql.cursors().await?.folded;
        self.archive(&console.sql).await?;
        match console.log().await {
            Ok(Some(log)) => self.log(&console.sql, log.as_ref(), folded).await?,
            Ok(None) => self
                .findings
                .note("There is no log yet: the service has not run."),
            Err(error) => self.unreadable("log", &error),
        }
        console.close().await;
        Ok(())
    }

    async fn backup(&mut self, folder: &Path) -> Result<()> {
        let manifest = Manifest::read(folder)?;
        for file in &manifest.files {
            self.progress.say(|| format!("hashing {}", file.name));
            self.findings.saw("files", 1);
            if let Some(wrong) = file.wrong(folder) {
                self.findings.problem(&file.name, wrong);
            }
        }
        match manifest.engine {
            Engine::Postgres => self.dump(folder).await,
            Engine::Sqlite => self.copies(folder).await,
        }
    }

    /// All of it can be unpacked; what it holds can be looked at once it was restored.
    async fn dump(&mut self, folder: &Path) -> Result<()> {
        let program = Program::find("pg_restore")?;
        let mut command = program.command();
        command.args(["--file", "/dev/null"]).arg(folder.join(DUMP));
        let progress = &mut self.progress;
        let read = program
            .run(command, || {
                progress.say(|| format!("unpacking {DUMP}"));
                true
            })
            .await;
        if let Err(error) = read {
            self.findings.problem(DUMP, format!("{error:#}"));
        }
        self.findings.note(
            "Of a PostgreSQL backup the files are checked. To check chunks and log, restore it into an empty database and verify that.",
        );
        Ok(())
    }

    async fn copies(&mut self, folder: &Path) -> Result<()> {
        self.files(folder)?;
        let sql = match SqlStore::sqlite_copy(&folder.join(DATABASE)).await {
            Ok(sql) => sql,
            Err(StoreError::Older { .. }) => {
                self.findings.note(
                    "An older program made it. Its content can be checked once it was restored and the service has brought it up to date.",
                );
                return Ok(());
            }
            Err(error) => {
                self.unreadable(DATABASE, &error.into());
                return Ok(());
            }
        };
        let folded = sql.cursors().await?.folded;
        self.archive(&sql).await?;
        match SqliteHotLog::open_copy(&folder.join(LOG)) {
            Ok(log) => self.log(&sql, &log, folded).await?,
            Err(error) => self.unreadable(LOG, &error.into()),
        }
        sql.close().await;
        Ok(())
    }

    /// The pages of the embedded store's two files.
    fn files(&mut self, folder: &Path) -> Result<()> {
        for path in [Place::database(folder), Place::hot_log(folder)] {
            if !path.exists() {
                continue;
            }
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            self.progress
                .say(|| format!("checking the pages of {name}"));
            self.findings.saw("databases", 1);
            for problem in problems(&path)? {
                self.findings.problem(&name, problem);
            }
        }
        Ok(())
    }

    async fn archive(&mut self, sql: &SqlStore) -> Result<()> {
        let Self { progress, findings } = self;
        let operator = Operator::at_the_console();
        let checked = contents::archive(sql, &operator, progress, findings).await;
        noted("database", checked, findings)?;
        let checked = contents::chunks(sql, progress, findings).await;
        noted("chunks", checked, findings)
    }

    /// `folded` was asked before the log was opened, so its followers cannot have been ahead of it.
    async fn log(&mut self, sql: &SqlStore, log: &dyn HotLog, folded: Seq) -> Result<()> {
        let Self { progress, findings } = self;
        let newest = log.newest().await?;
        if folded > newest {
            let (folded, newest) = (folded.get(), newest.get());
            let what = format!("its followers are at entry {folded}, and its end is {newest}");
            findings.problem("log", what);
        }
        let checked = contents::log(sql, log, newest, progress, findings).await;
        noted("log", checked, findings)
    }

    /// It cannot even be opened.
    fn unreadable(&mut self, what: &str, error: &anyhow::Error) {
        self.findings.problem(what, format!("{error:#}"));
    }
}

/// A part that cannot be read to its end is damaged, and the next one is looked at.
fn noted(what: &str, checked: Result<()>, findings: &mut Findings) -> Result<()> {
    match checked {
        Err(error) if is_damage(&error) => {
            findings.problem(what, format!("{error:#}"));
            Ok(())
        }
        checked => checked,
    }
}

fn is_damage(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Damaged(_)))
}

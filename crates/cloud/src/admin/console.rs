//! The store, opened beside the service.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::hot::HotLog;
use solthrive_cloud_store::postgres::PostgresHotLog;
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::{Folder, SqliteHotLog};
use solthrive_domain::access::Operator;

use super::restore::refuse_unfinished;
use crate::clock::Clock;
use crate::config::{Place, StoreUrl};

/// What to do where there is no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Begin one: the first org is added before the service runs.
    Begin,
    /// Say so: a mistyped folder is to be noticed.
    Refuse,
}

/// What the commands work with.
pub(super) struct Console {
    pub(super) place: Place,
    /// Registry and archive.
    pub(super) sql: SqlStore,
    /// The right to use them.
    pub(super) operator: Operator,
    pub(super) clock: Clock,
}

impl Console {
    /// Opens what the place names. The folder of the embedded store is not taken away from the service,
    /// nor is its schema touched while the service may run; only what is not there yet is begun.
    pub(super) async fn open(place: Place, missing: Missing) -> Result<Self> {
        let sql = match &place.store {
            StoreUrl::Sqlite => embedded(&place, missing).await?,
            StoreUrl::Postgres(url) => SqlStore::postgres(url)
                .await
                .context("PostgreSQL could not be opened")?,
        };
        Ok(Self {
            place,
            sql,
            operator: Operator::at_the_console(),
            clock: Clock::system(),
        })
    }

    /// The log; `None` before the service's first start.
    pub(super) async fn log(&self) -> Result<Option<Box<dyn HotLog>>> {
        match &self.place.store {
            StoreUrl::Sqlite => {
                let path = Place::hot_log(&self.place.data);
                if !path.exists() {
                    return Ok(None);
                }
                let log = SqliteHotLog::open(&path)
                    .with_context(|| format!("{} could not be opened", path.display()))?;
                Ok(Some(Box::new(log)))
            }
            StoreUrl::Postgres(url) => Ok(Some(Box::new(PostgresHotLog::open(url).await?))),
        }
    }

    /// The log, begun where there is none. Only for who has the folder.
    pub(super) async fn log_for_us(&self) -> Result<Box<dyn HotLog>> {
        if let Some(log) = self.log().await? {
            return Ok(log);
        }
        let path = Place::hot_log(&self.place.data);
        let log = SqliteHotLog::open(&path)
            .with_context(|| format!("{} could not be begun", path.display()))?;
        Ok(Box::new(log))
    }

    pub(super) async fn close(self) {
        self.sql.close().await;
    }
}

async fn embedded(place: &Place, missing: Missing) -> Result<SqlStore> {
    refuse_unfinished(&place.data)?;
    let path = Place::database(&place.data);
    let failed = || format!("{} could not be opened", path.display());
    if path.exists() {
        ours(&path)?;
        match SqlStore::sqlite_beside(&path).await {
            // Nobody else can be at it while we have the folder: bring it up to date below.
            Err(StoreError::Older { .. }) => {}
            opened => return opened.with_context(failed),
        }
    } else if missing == Missing::Refuse {
        bail!(
            "there is no store in {}; name its folder with --data, or its database with --store",
            place.data.display()
        );
    }
    fs::create_dir_all(&place.data)
        .with_context(|| format!("the folder {} could not be made", place.data.display()))?;
    let folder = taken(&place.data)?;
    let opened = SqlStore::sqlite(&path).await.with_context(failed);
    drop(folder);
    opened
}

/// What another user writes here, root before all, the service could not use afterwards.
fn ours(path: &Path) -> Result<()> {
    let owner = fs::metadata(path)?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        bail!(
            "{} belongs to user {owner}: run this as that user, such as with `sudo -u '#{owner}' …`",
            path.display()
        );
    }
    Ok(())
}

/// The folder for ourselves, for as long as it takes.
pub(super) fn taken(folder: &Path) -> Result<Folder> {
    match Folder::take(folder) {
        Err(StoreError::InUse { folder, pid }) => {
            let by = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
            bail!(
                "a service{by} runs in {}: stop it first, then try again",
                folder.display()
            );
        }
        taken => Ok(taken?),
    }
}

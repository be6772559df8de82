//! What a backup says of itself.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::backup::Held;

use super::output::hex;

/// The file that makes a folder a backup.
pub(super) const NAME: &str = "manifest.json";
/// Registry and archive of the embedded store.
pub(super) const DATABASE: &str = "solthrive.db";
/// The log of the embedded store.
pub(super) const LOG: &str = "hot.db";
/// Everything that PostgreSQL holds, for `pg_restore`.
pub(super) const DUMP: &str = "solthrive.pgdump";
/// The key of codes' hashes.
pub(super) const PEPPER: &str = "pepper";
/// The version that is written and read here.
const FORMAT: u32 = 1;

/// `manifest.json`. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Version of this format.
    pub(super) format: u32,
    /// Version of the program that made it.
    pub(super) program: String,
    pub(super) engine: Engine,
    /// Everything that was acknowledged before is in it.
    pub(super) began_at: String,
    pub(super) ended_at: String,
    /// Version of the database's schema.
    pub(super) schema: i64,
    pub(super) log: LogBounds,
    pub(super) counts: Counts,
    /// Of the last row of the audit log: whoever keeps it can tell whether rows up to there are changed later.
    pub(super) audit_hash: Option<String>,
    pub(super) files: Vec<Listed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// Numbers of the log's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogBounds {
    pub(super) forgotten: i64,
    pub(super) sealed: i64,
    pub(super) folded: i64,
    pub(super) newest: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) orgs: u64,
    pub(super) sites: u64,
    pub(super) devices: u64,
    pub(super) chunks: u64,
}

/// A file of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Manifest {
    /// Of what a snapshot held; the files and the end are told later.
    pub(super) fn of(engine: Engine, began_at: String, held: &Held) -> Self {
        Self {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            engine,
            ended_at: began_at.clone(),
            began_at,
            schema: held.schema,
            log: LogBounds {
                forgotten: held.forgotten.get(),
                sealed: held.cursors.sealed.get(),
                folded: held.cursors.folded.get(),
                newest: held.newest.get(),
            },
            counts: Counts {
                orgs: held.orgs,
                sites: held.sites,
                devices: held.devices,
                chunks: held.chunks,
            },
            audit_hash: None,
            files: Vec::new(),
        }
    }

    /// Of the backup in this folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let text = fs::read(&path).with_context(|| {
            format!(
                "{} is no backup: its {NAME} cannot be read",
                folder.display()
            )
        })?;
        let manifest: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not as it was written", path.display()))?;
        if manifest.format != FORMAT {
            bail!(
                "{} has format {}, this program knows {FORMAT}: use the newer program",
                folder.display(),
                manifest.format
            );
        }
        // A name that leads elsewhere would be copied from, and to, elsewhere.
        let known = [DATABASE, LOG, DUMP, PEPPER];
        if let Some(odd) = manifest
            .files
            .iter()
            .find(|file| !known.contains(&file.name.as_str()))
        {
            bail!(
                "{} names a file `{}` that no backup has",
                path.display(),
                odd.name
            );
        }
        let needed: &[&str] = match manifest.engine {
            Engine::Sqlite => &[DATABASE, LOG],
            Engine::Postgres => &[DUMP],
        };
        if let Some(missing) = needed.iter().find(|name| !manifest.has(name)) {
            bail!("{} does not name {missing}", path.display());
        }
        Ok(manifest)
    }

    /// Whether the backup has a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.name == name)
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl Listed {
    /// Of a file as it is.
    pub(super) fn of(folder: &Path, name: &str) -> Result<Self> {
        let (bytes, sha256) = digest(&folder.join(name))?;
        Ok(Self {
            name: name.to_owned(),
            bytes,
            sha256,
        })
    }

    /// What is wrong with the file; `None` when it is as it was written.
    pub(super) fn wrong(&self, folder: &Path) -> Option<String> {
        let path = folder.join(&self.name);
        match fs::metadata(&path) {
            Err(error) => return Some(error.to_string()),
            // Sooner known than by its hash.
            Ok(found) if found.len() != self.bytes => {
                return Some(format!(
                    "it has {} bytes and not {}",
                    found.len(),
                    self.bytes
                ));
            }
            Ok(_) => {}
        }
        match digest(&path) {
            Ok((_, sha256)) if sha256 == self.sha256 => None,
            Ok(_) => Some("it is not as it was written: its SHA-256 is another".to_owned()),
            Err(error) => Some(format!("{error:#}")),
        }
    }
}

/// Length and SHA-256.
fn digest(path: &PathBuf) -> Result<(u64, String)> {
    let failed = || format!("{} could not be read", path.display());
    let mut file = File::open(path).with_context(failed)?;
    let (mut sum, mut length) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let count = file.read(&mut buffer).with_context(failed)?;
        if count == 0 {
            break;
        }
        sum.update(&buffer[..count]);
        length += count as u64;
    }
    Ok((length, hex(sum.finish().as_ref())))
}

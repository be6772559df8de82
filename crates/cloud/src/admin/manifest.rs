//! What a backup says of itself.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::backup::Held;
use uuid::Uuid;

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
pub struct Manifest {
    /// Version of this format.
    pub(super) format: u32,
    /// Version of the program that made it.
    pub(super) program: String,
    pub(super) engine: Engine,
    /// By which the store remembers it.
    #[serde(default)]
    pub(super) id: Option<Uuid>,
    /// Until when it is kept.
    #[serde(default)]
    pub(super) keep_until: Option<String>,
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
            id: None,
            keep_until: None,
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
        Self::parse(&text).with_context(|| format!("{} cannot be used", path.display()))
    }

    /// Of the content of a `manifest.json`. It names files of a backup only, each once, and all that are
    /// needed.
    ///
    /// # Errors
    /// Why it is not the manifest of a whole backup.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let manifest: Self = serde_json::from_slice(text).context("it is not as it was written")?;
        if manifest.format != FORMAT {
            bail!(
                "it has format {}, this program knows {FORMAT}: use the newer program",
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
            bail!("it names a file `{}` that no backup has", odd.name);
        }
        if let Some(twice) = known.iter().find(|name| manifest.times(name) > 1) {
            bail!("it names {twice} more than once");
        }
        let needed: &[&str] = match manifest.engine {
            Engine::Sqlite => &[DATABASE, LOG],
            Engine::Postgres => &[DUMP],
        };
        if let Some(missing) = needed.iter().find(|name| !manifest.has(name)) {
            bail!("it does not name {missing}");
        }
        Ok(manifest)
    }

    /// As it is written.
    ///
    /// # Errors
    /// When it cannot be JSON, which none of these values can bring about.
    pub fn text(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }

    /// Whether the backup has a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.times(name) > 0
    }

    fn times(&self, name: &str) -> usize {
        self.files.iter().filter(|file| file.name == name).count()
    }

    /// Bytes of all files, as far as they can be counted: a manifest that was tampered with can say anything.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let sizes = self.files.iter().map(|file| file.bytes);
        sizes.fold(0, u64::saturating_add)
    }

    /// The names of its files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, u64)]) -> Result<Manifest, String> {
        let files: Vec<_> = files
            .iter()
            .map(|(name, bytes)| serde_json::json!({"name": name, "bytes": bytes, "sha256": ""}))
            .collect();
        let text = serde_json::json!({
            "format": 1, "program": "2.0.0", "engine": "sqlite", "began_at": "", "ended_at": "", "schema": 12,
            "log": {"forgotten": 0, "sealed": 0, "folded": 0, "newest": 0},
            "counts": {"orgs": 0, "sites": 0, "devices": 0, "chunks": 0}, "audit_hash": null, "files": files,
        });
        Manifest::parse(text.to_string().as_bytes()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let manifest = told(&[(DATABASE, 1), (LOG, 2), (PEPPER, 32)]).unwrap();
        assert_eq!(manifest.bytes(), 35);
        let again = Manifest::parse(&manifest.text().unwrap()).unwrap();
        assert_eq!(again, manifest);
    }

    #[test]
    fn sizes_that_cannot_be_do_not_come_round_to_a_small_one() {
        let manifest = told(&[(DATABASE, u64::MAX), (LOG, 2)]).unwrap();
        assert_eq!(manifest.bytes(), u64::MAX);
    }

    #[test]
    fn files_that_are_strange_missing_or_there_twice_are_named() {
        let refused = |files| told(files).unwrap_err();
        let strange = refused(&[(DATABASE, 1), (LOG, 2), ("../solthrive.db", 3)]);
        assert!(strange.contains("`../solthrive.db` that no backup has"));
        assert!(refused(&[(DATABASE, 1)]).contains("does not name hot.db"));
        let twice = refused(&[(DATABASE, 1), (LOG, 2), (LOG, 3)]);
        assert!(twice.contains("hot.db more than once"), "{twice}");
    }
}

//! Folders and files that are there as a whole or not at all.

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A folder that gets its name when it is complete, and is removed otherwise.
pub(super) struct Partial {
    pub(super) path: PathBuf,
    name: PathBuf,
    complete: bool,
}

impl Partial {
    /// Makes `NAME.partial`, for its owner only.
    pub(super) fn begin(name: &Path) -> Result<Self> {
        if name.exists() {
            bail!(
                "{} is there already; name a folder that is not",
                name.display()
            );
        }
        let mut path = name.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        if path.exists() {
            bail!(
                "{} was left by a backup that did not end, or belongs to one that goes on; remove it if none does",
                path.display()
            );
        }
        only_ours(&path)?;
        Ok(Self {
            path,
            name: name.to_owned(),
            complete: false,
        })
    }

    /// Gives it its name, durably.
    pub(super) fn complete(mut self) -> Result<PathBuf> {
        sync(&self.path)?;
        fs::rename(&self.path, &self.name)
            .with_context(|| format!("{} could not be made", self.name.display()))?;
        self.complete = true;
        sync(parent(&self.name))?;
        Ok(self.name.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.complete {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Makes a folder that only its owner can enter.
pub(super) fn only_ours(path: &Path) -> Result<()> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the folder {} could not be made", path.display()))
}

/// Makes a file readable for its owner only.
pub(super) fn secret(path: &Path) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
        .with_context(|| format!("{} could not be closed to others", path.display()))
}

/// Copies a file, for its owner only, onto the disk.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("{} could not be copied to {}", from.display(), to.display());
    fs::copy(from, to).with_context(failed)?;
    secret(to)?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .with_context(failed)
}

/// Gives a file to the owner of `like`, which root has to do for what the service is to use.
pub(super) fn give(path: &Path, like: &Path) -> Result<()> {
    let (mine, theirs) = (fs::metadata(path)?, fs::metadata(like)?);
    if mine.uid() == theirs.uid() {
        return Ok(());
    }
    chown(path, Some(theirs.uid()), Some(theirs.gid())).with_context(|| {
        format!(
            "{} could not be given to the owner of {}",
            path.display(),
            like.display()
        )
    })
}

/// Makes what was created, renamed or removed in a folder durable.
pub(super) fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("{} could not be written to the disk", folder.display()))
}

/// The folder that something is in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

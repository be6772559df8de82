//! Finds and reads the configuration files; everything about their content is in [`super::load`].

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use solthrive_meter::profile::Catalog;

use super::env::PREFIX;
use super::tree::MAX_TEXT;
use super::{ConfigErrors, Input, Layer, LayerKind, Loaded, Origin, Problem, last_good, load};

/// The layer that is set from afar, in the data folder.
pub(crate) const REMOTE: &str = "remote-config.json";

/// Where an appliance keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The configuration folder; need not exist.
    pub config_dir: PathBuf,
    /// The override file; need not exist.
    pub override_file: PathBuf,
    /// Database, logs and the last good configuration.
    pub data_dir: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            config_dir: PathBuf::from("/etc/solthrive"),
            override_file: PathBuf::from("/boot/solthrive/config.yaml"),
            data_dir: PathBuf::from("/var/solthrive"),
        }
    }
}

/// What the files hold, before anything is understood.
#[derive(Debug, Default)]
struct Found {
    layers: Vec<Layer>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// Reads files and environment, and checks them.
///
/// # Errors
/// Everything that is wrong, including files that are there but cannot be read, and files that
/// the last good configuration had and that are gone.
pub fn load_files(
    places: &Places,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigErrors> {
    let mut found = find(places);
    found
        .problems
        .extend(last_good::vanished(places, &found.layers));
    read_all(places, found, env)
}

fn read_all(
    places: &Places,
    mut found: Found,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigErrors> {
    let env = ours(env, &mut found.problems);
    let profiles = |folder: &Path| Catalog::embedded().with_folder(folder);
    let input = Input {
        layers: &found.layers,
        env: &env,
        config_dir: &places.config_dir,
        profiles: &profiles,
    };
    match load(&input) {
        Ok(mut loaded) if found.problems.is_empty() => {
            found.warnings.append(&mut loaded.warnings);
            Ok(Loaded {
                warnings: found.warnings,
                ..loaded
            })
        }
        Ok(loaded) => {
            found.warnings.extend(loaded.warnings);
            Err(ConfigErrors {
                problems: found.problems,
                warnings: found.warnings,
            })
        }
        Err(errors) => {
            found.problems.extend(errors.problems);
            found.warnings.extend(errors.warnings);
            Err(ConfigErrors {
                problems: found.problems,
                warnings: found.warnings,
            })
        }
    }
}

/// Whether the appliance would start with this text as the layer that is set from afar.
///
/// # Errors
/// Everything that is wrong.
pub(crate) fn check_remote(
    places: &Places,
    text: &str,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigErrors> {
    let mut found = find(places);
    found.layers.retain(|layer| layer.kind != LayerKind::Remote);
    found.layers.push(Layer {
        name: REMOTE.to_owned(),
        text: text.to_owned(),
        kind: LayerKind::Remote,
    });
    read_all(places, found, env)
}

/// The files that make up the configuration now, in no order.
pub(crate) fn sources(layers: &[Layer]) -> Vec<String> {
    layers.iter().map(|layer| layer.name.clone()).collect()
}

/// The files as they are now, for whoever records them.
pub(crate) fn current_sources(places: &Places) -> Vec<String> {
    sources(&find(places).layers)
}

fn find(places: &Places) -> Found {
    let mut found = Found::default();
    let entries = match fs::read_dir(&places.config_dir) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = "the configuration folder does not exist, so the built-in defaults apply";
            found
                .warnings
                .push(Problem::new(origin(&places.config_dir), "", message));
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    };
    let entries = entries.unwrap_or_else(|error| {
        let message = format!("the configuration folder cannot be read: {error}");
        found
            .problems
            .push(Problem::new(origin(&places.config_dir), "", message));
        Vec::new()
    });
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        // Editors leave hidden files behind.
        if name.starts_with('.') {
            continue;
        }
        if name.ends_with(".yml") {
            let message = format!("{name} is ignored: the files of the configuration end in .yaml");
            found.warnings.push(
                Problem::new(origin(&path), "", message).with_hint(Some("rename it".to_owned())),
            );
        }
        if name.ends_with(".yaml") {
            add(&mut found, &path, LayerKind::Section);
        }
    }
    let remote = places.data_dir.join(REMOTE);
    if remote.symlink_metadata().is_ok() {
        add(&mut found, &remote, LayerKind::Remote);
    }
    // A link that leads nowhere is there and cannot be read; only a missing name is fine.
    if places.override_file.symlink_metadata().is_ok() {
        add(&mut found, &places.override_file, LayerKind::Override);
    }
    found
}

fn add(found: &mut Found, path: &Path, kind: LayerKind) {
    match read(path) {
        Ok(text) => found.layers.push(Layer {
            name: path.display().to_string(),
            text,
            kind,
        }),
        Err(reason) => {
            let message = format!("the file cannot be used: {reason}");
            found.problems.push(Problem::new(origin(path), "", message));
        }
    }
}

fn origin(path: &Path) -> Origin {
    Origin::File(Arc::from(path.display().to_string()), None)
}

/// A text file of sensible size; never blocks on what is no file.
fn read(path: &Path) -> Result<String, String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is no ordinary file".to_owned());
    }
    if about.len() > MAX_TEXT as u64 {
        return Err(format!(
            "it has {} kB, but a configuration file has at most {} kB",
            about.len() / 1024,
            MAX_TEXT / 1024
        ));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8 text; save it as UTF-8")
    })
}

fn ours(
    env: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let mut ours = Vec::new();
    for (name, value) in env {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        match value.into_string() {
            Ok(value) => ours.push((name.to_owned(), value)),
            Err(_) => problems.push(Problem::new(
                Origin::Env(Arc::from(name)),
                "",
                format!("{name} is not UTF-8 text"),
            )),
        }
    }
    ours
}

/// Writes a file that only its owner may read, so that a power cut leaves the old or the new one.
///
/// # Errors
/// What the file system says.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = folder.join(name);
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The error that matters is the one above.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(folder)?.sync_all()
}

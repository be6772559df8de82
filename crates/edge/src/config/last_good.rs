//! The newest configuration that worked, kept so that a typo does not stop the appliance.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use solthrive_meter::profile::Catalog;

use super::files::{self, Places};
use super::problem::is_secret;
use super::{
    ConfigErrors, Effective, Input, Layer, LayerKind, Loaded, Origin, Problem, Step, load,
};

/// Where it is kept.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("last-good-config.json")
}

/// What the daemon starts with.
#[derive(Debug, Clone)]
pub struct Started {
    /// The configuration in use.
    pub loaded: Loaded,
    /// Why it is the last good one and not what the files say: reason to raise `config_invalid`.
    pub errors: Option<ConfigErrors>,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The files it was made from: one of them gone is an error, not a default.
    sources: Vec<String>,
    /// Every value that counted, defaults included, section by section.
    config: Json,
}

/// Loads the files; when they are wrong, the last configuration that was right.
///
/// A configuration that loads is kept as the new last good one. That it could not be kept is a
/// warning among [`Loaded::warnings`].
///
/// # Errors
/// When the files are wrong and no usable last good configuration exists.
pub fn load_or_last_good(
    places: &Places,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Started, ConfigErrors> {
    let mut started = peek(places, env)?;
    if started.errors.is_none()
        && let Err(error) = keep(places, &started.loaded.effective)
    {
        let message = format!("the last good configuration cannot be kept: {error}");
        let warning = Problem::new(origin(places), "", message);
        started.loaded.warnings.push(warning);
    }
    Ok(started)
}

/// As [`load_or_last_good`], for those who only look: nothing is written.
///
/// # Errors
/// When the files are wrong and no usable last good configuration exists.
pub fn peek(
    places: &Places,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Started, ConfigErrors> {
    let mut errors = match files::load_files(places, env) {
        Ok(loaded) => {
            return Ok(Started {
                loaded,
                errors: None,
            });
        }
        Err(errors) => errors,
    };
    match read(places) {
        Ok(kept) => match revive(places, &kept) {
            Ok(loaded) => Ok(Started {
                loaded,
                errors: Some(errors),
            }),
            Err(why) => {
                let message = "the last good configuration is no longer valid either";
                let first = why.problems.first().map(Problem::one_line);
                errors
                    .warnings
                    .push(Problem::new(origin(places), "", message).with_hint(first));
                Err(errors)
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(errors),
        Err(error) => {
            let message = format!("the last good configuration cannot be used either: {error}");
            errors
                .warnings
                .push(Problem::new(origin(places), "", message));
            Err(errors)
        }
    }
}

/// Findings for files that the last good configuration was made from and that are gone.
pub(crate) fn vanished(places: &Places, layers: &[Layer]) -> Vec<Problem> {
    let Ok(kept) = read(places) else {
        return Vec::new();
    };
    let is_ours = |name: &str| {
        Path::new(name).parent() == Some(&places.config_dir)
            || Path::new(name) == places.override_file
    };
    let gone = kept.sources.into_iter().filter(|name| {
        is_ours(name)
            && Path::new(name).symlink_metadata().is_err()
            && !layers.iter().any(|layer| layer.name == *name)
    });
    gone.map(|name| {
        let message = "this file belonged to the last good configuration and is gone";
        let hint =
            "restore it; if its settings shall no longer count, leave an empty file in its place"
                .to_owned();
        Problem::new(Origin::File(Arc::from(name), None), "", message).with_hint(Some(hint))
    })
    .collect()
}

fn origin(places: &Places) -> Origin {
    Origin::File(
        Arc::from(path(&places.data_dir).display().to_string()),
        None,
    )
}

fn read(places: &Places) -> io::Result<Kept> {
    let text = fs::read_to_string(path(&places.data_dir))?;
    Ok(serde_json::from_str(&text)?)
}

/// Writes only what changed: every write wears the card.
fn keep(places: &Places, effective: &[Effective]) -> io::Result<()> {
    let mut sources = files::current_sources(places);
    sources.sort();
    let kept = Kept {
        sources,
        config: tree(effective),
    };
    let mut text = serde_json::to_string_pretty(&kept)?;
    text.push('\n');
    let path = path(&places.data_dir);
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    files::write_private(&path, text.as_bytes())
}

fn revive(places: &Places, kept: &Kept) -> Result<Loaded, ConfigErrors> {
    let name = path(&places.data_dir).display().to_string();
    let text = serde_json::to_string_pretty(&kept.config).unwrap_or_default();
    let layers = [Layer {
        name,
        text,
        kind: LayerKind::Whole,
    }];
    let profiles = |folder: &Path| Catalog::embedded().with_folder(folder);
    load(&Input {
        layers: &layers,
        env: &[],
        config_dir: &places.config_dir,
        profiles: &profiles,
    })
}

/// Builds the values into the shape a file would have. Secrets are left out.
pub(crate) fn tree(effective: &[Effective]) -> Json {
    let mut root = Json::Object(Map::new());
    for value in effective.iter().filter(|value| !is_secret(&value.key())) {
        let mut place = &mut root;
        for step in &value.path {
            place = match step {
                Step::Key(key) => {
                    if !place.is_object() {
                        *place = Json::Object(Map::new());
                    }
                    // Indexing an object makes the key.
                    &mut place[key.as_str()]
                }
                Step::Index(index) => {
                    if !place.is_array() {
                        *place = Json::Array(Vec::new());
                    }
                    if let Json::Array(items) = &mut *place
                        && items.len() <= *index
                    {
                        items.resize(index + 1, Json::Null);
                    }
                    &mut place[*index]
                }
            };
        }
        *place = value.value.clone();
    }
    root
}

//! The profiles at hand: ours, which are part of the program, and custom ones from a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::closest;
use super::parse::MAX_BYTES;
use super::{Profile, ProfileError};

/// Every file of `profiles/`, by name. A test proves that none is missing.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("abb-b2x.yaml", include_str!("../../profiles/abb-b2x.yaml")),
    (
        "accuenergy-acurev1300.yaml",
        include_str!("../../profiles/accuenergy-acurev1300.yaml"),
    ),
    (
        "acrel-acr10r-1p.yaml",
        include_str!("../../profiles/acrel-acr10r-1p.yaml"),
    ),
    (
        "acrel-acr10r-3p.yaml",
        include_str!("../../profiles/acrel-acr10r-3p.yaml"),
    ),
    (
        "acrel-adl200n.yaml",
        include_str!("../../profiles/acrel-adl200n.yaml"),
    ),
    (
        "acrel-adl400-float800.yaml",
        include_str!("../../profiles/acrel-adl400-float800.yaml"),
    ),
    (
        "acrel-adl400-int.yaml",
        include_str!("../../profiles/acrel-adl400-int.yaml"),
    ),
    (
        "acrel-adl400n-ct.yaml",
        include_str!("../../profiles/acrel-adl400n-ct.yaml"),
    ),
    (
        "acrel-adw300.yaml",
        include_str!("../../profiles/acrel-adw300.yaml"),
    ),
    (
        "chint-dtsu666.yaml",
        include_str!("../../profiles/chint-dtsu666.yaml"),
    ),
    (
        "eastron-sdm120.yaml",
        include_str!("../../profiles/eastron-sdm120.yaml"),
    ),
    (
        "eastron-sdm230.yaml",
        include_str!("../../profiles/eastron-sdm230.yaml"),
    ),
    (
        "eastron-sdm630.yaml",
        include_str!("../../profiles/eastron-sdm630.yaml"),
    ),
    (
        "gavazzi-em24-ethernet.yaml",
        include_str!("../../profiles/gavazzi-em24-ethernet.yaml"),
    ),
    (
        "gavazzi-em24-rs485.yaml",
        include_str!("../../profiles/gavazzi-em24-rs485.yaml"),
    ),
    (
        "gavazzi-em340.yaml",
        include_str!("../../profiles/gavazzi-em340.yaml"),
    ),
    (
        "schneider-iem3155.yaml",
        include_str!("../../profiles/schneider-iem3155.yaml"),
    ),
    (
        "solthrive-v1.yaml",
        include_str!("../../profiles/solthrive-v1.yaml"),
    ),
    (
        "wattnode-wnc-modbus.yaml",
        include_str!("../../profiles/wattnode-wnc-modbus.yaml"),
    ),
];

/// Profiles by id.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    profiles: BTreeMap<String, Arc<Profile>>,
}

impl Catalog {
    /// The profiles that come with the program.
    #[must_use]
    pub fn embedded() -> Self {
        let parsed = EMBEDDED
            .iter()
            .filter_map(|(file, text)| Profile::parse(file, text).ok());
        Self {
            profiles: parsed
                .map(|profile| (profile.id.clone(), Arc::new(profile)))
                .collect(),
        }
    }

    /// Adds the `.yaml` and `.yml` files of a folder; a profile with the id of one of ours takes
    /// its place. A folder that does not exist has no profiles; a file that is wrong is reported
    /// and hides no other.
    #[must_use]
    pub fn with_folder(mut self, folder: &Path) -> (Self, Vec<ProfileError>) {
        let mut errors = Vec::new();
        let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in yaml_files(folder, &mut errors) {
            let file = path.display().to_string();
            match read(&path).and_then(|text| Profile::parse(&file, &text)) {
                Err(error) => errors.push(error),
                Ok(profile) => match seen.insert(profile.id.clone(), path) {
                    None => drop(self.profiles.insert(profile.id.clone(), Arc::new(profile))),
                    Some(first) => {
                        let reason = format!(
                            "the id `{}` is already used by {}",
                            profile.id,
                            first.display()
                        );
                        seen.insert(profile.id, first);
                        errors.push(ProfileError::file(&file, reason));
                    }
                },
            }
        }
        (self, errors)
    }

    /// The profile with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Profile>> {
        self.profiles.get(id).cloned()
    }

    /// All profiles, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.profiles.values()
    }

    /// The id that was probably meant.
    #[must_use]
    pub fn suggest(&self, id: &str) -> Option<&str> {
        closest(id, self.profiles.keys()).map(String::as_str)
    }
}

fn yaml_files(folder: &Path, errors: &mut Vec<ProfileError>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            errors.push(ProfileError::file(
                &folder.display().to_string(),
                format!("the folder cannot be read: {error}"),
            ));
            return Vec::new();
        }
    };
    let yaml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(yaml)
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<String, ProfileError> {
    let file = path.display().to_string();
    let wrong = |reason: String| ProfileError::file(&file, reason);
    let size = fs::metadata(path)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?
        .len();
    if size > MAX_BYTES as u64 {
        return Err(wrong(format!(
            "a profile has at most {MAX_BYTES} bytes, this one has {size}"
        )));
    }
    fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))
}

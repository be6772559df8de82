//! Which identity providers there are, as a file says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::outbound::is_address;

/// Providers that a sign-in page can offer.
const MOST: usize = 20;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    providers: Vec<Entry>,
    /// PEM with certificates of authorities that only these providers use.
    #[serde(default)]
    certificates: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    issuer: String,
    client_id: String,
    /// Without one we are a client that proves itself by PKCE alone.
    #[serde(default)]
    client_secret_file: Option<PathBuf>,
}

/// A provider as it was set up.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// In paths.
    pub(super) id: String,
    /// For people.
    pub(super) name: String,
    /// Its `iss`, and where it tells of itself.
    pub(super) issuer: String,
    /// What it calls us.
    pub(super) client: String,
    /// What it knows us by.
    pub(super) secret: Option<String>,
}

/// Without the secret.
impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting")
            .field("id", &self.id)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// All of them, and the file with further authorities.
///
/// # Errors
/// What is wrong with the file, and what to write instead.
pub(crate) fn read(path: &Path) -> Result<(Vec<Setting>, Option<PathBuf>)> {
    let text = fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
    let file: File = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not as docs/operations/cloud.md says", path.display()))?;
    if file.providers.len() > MOST {
        bail!("{} names more than {MOST} providers", path.display());
    }
    let mut all: Vec<Setting> = Vec::new();
    for entry in file.providers {
        let setting = checked(entry).with_context(|| format!("in {}", path.display()))?;
        if all
            .iter()
            .any(|other| other.id == setting.id || other.issuer == setting.issuer)
        {
            bail!(
                "{} names the provider `{}`, or its issuer, twice",
                path.display(),
                setting.id
            );
        }
        all.push(setting);
    }
    Ok((all, file.certificates))
}

fn checked(entry: Entry) -> Result<Setting> {
    let is_plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if entry.id.is_empty() || entry.id.len() > 40 || !entry.id.chars().all(is_plain) {
        bail!(
            "the id `{}` is not of small letters, digits and dashes",
            entry.id
        );
    }
    if entry.name.trim().is_empty() || entry.client_id.is_empty() {
        bail!("the provider `{}` needs a name and a client_id", entry.id);
    }
    if !is_address(&entry.issuer) || entry.issuer.contains(['?', '#']) {
        bail!(
            "the issuer `{}` is no https address, as the provider writes it in its tokens",
            entry.issuer
        );
    }
    let secret = match entry.client_secret_file {
        Some(path) => {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{} could not be read", path.display()))?;
            let text = text.trim();
            if text.is_empty() {
                bail!(
                    "{} is empty: it should have the client's secret",
                    path.display()
                );
            }
            Some(text.to_owned())
        }
        None => None,
    };
    Ok(Setting {
        id: entry.id,
        name: entry.name.trim().to_owned(),
        issuer: entry.issuer,
        client: entry.client_id,
        secret,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(file: &Value) -> Result<Vec<Setting>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("providers.json");
        fs::write(folder.path().join("secret"), " s3cret \n").unwrap();
        let text = file
            .to_string()
            .replace("FOLDER", folder.path().to_str().unwrap());
        fs::write(&path, text).unwrap();
        read(&path)
            .map(|(all, _)| all)
            .map_err(|error| format!("{error:#}"))
    }

    fn one() -> Value {
        json!({ "id": "work", "name": "Work", "issuer": "https://id.example/realm", "client_id": "solthrive",
            "client_secret_file": "FOLDER/secret" })
    }

    #[test]
    fn providers_are_read_as_they_were_written_and_secrets_are_not_shown() {
        let all = told(&json!({ "providers": [one()] })).unwrap();
        assert_eq!(all[0].secret.as_deref(), Some("s3cret"));
        assert_eq!(all[0].issuer, "https://id.example/realm", "to the letter");
        assert!(!format!("{all:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let with = |name: &str, value: Value| {
            let mut one = one();
            one[name] = value;
            told(&json!({ "providers": [one] })).unwrap_err()
        };
        assert!(with("id", json!("Work 1")).contains("small letters"));
        assert!(with("issuer", json!("http://id.example")).contains("no https address"));
        assert!(with("issuer", json!("https://id.example/?x")).contains("no https address"));
        assert!(with("client_secret_file", json!("FOLDER/none")).contains("could not be read"));
        assert!(with("secret", json!("x")).contains("not as docs"));
        let twice = told(&json!({ "providers": [one(), one()] })).unwrap_err();
        assert!(twice.contains("twice"), "{twice}");
    }
}

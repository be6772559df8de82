//! Every dependency's licence must be on the list of deny.toml.
//!
//! `cargo deny` reads the same file; this check needs nothing installed and no network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::run::{cargo, quietly, root};

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// What we build for. A crate that only another platform would need is not ours to judge.
const PLATFORMS: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
];

/// A crate that is built, for one of the platforms, in some package of ours.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

/// `cargo tree` and not `cargo metadata`: the latter names what a feature that is off would bring.
fn packages() -> Result<BTreeSet<Package>> {
    let mut tree = cargo(&[
        "tree",
        "--workspace",
        "--locked",
        "--prefix=none",
        "--edges=normal,build,dev",
        "--format={p}|{l}",
    ]);
    for platform in PLATFORMS {
        tree.args(["--target", platform]);
    }
    Ok(quietly(&mut tree)?.lines().filter_map(package_of).collect())
}

/// Of a line such as `serde v1.0.229 (proc-macro)|MIT OR Apache-2.0 (*)`.
fn package_of(line: &str) -> Option<Package> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split_whitespace();
    Some(Package {
        name: words.next()?.to_owned(),
        version: words.next()?.trim_start_matches('v').to_owned(),
        licence: licence.trim().trim_end_matches("(*)").trim().to_owned(),
    })
}

/// Fails with every crate whose licence is not allowed, and every banned crate.
pub(crate) fn check() -> Result<()> {
    let deny: Deny =
        toml::from_str(&fs::read_to_string(root().join("deny.toml"))?).context("deny.toml")?;
    let packages = packages()?;
    let mut wrong = BTreeMap::new();
    for package in &packages {
        let name = format!("{} {}", package.name, package.version);
        let licence = match package.licence.as_str() {
            "" => "none stated",
            licence => licence,
        };
        if !is_allowed(licence, &deny.licenses.allow) {
            wrong.insert(
                name.clone(),
                format!("licence {licence} is not on the list"),
            );
        }
        if let Some(ban) = deny.bans.deny.iter().find(|ban| ban.name == package.name) {
            wrong.insert(name, ban.reason.clone());
        }
    }
    if !wrong.is_empty() {
        let lines: Vec<_> = wrong
            .iter()
            .map(|(name, why)| format!("{name}: {why}"))
            .collect();
        bail!("deny.toml forbids:\n  {}", lines.join("\n  "));
    }
    println!("licences: {} crates, all allowed", packages.len());
    Ok(())
}

/// An SPDX expression without parentheses inside parentheses, which is all that crates use:
/// one of the OR alternatives must have all its AND parts allowed.
fn is_allowed(expression: &str, allow: &[String]) -> bool {
    let allowed = |licence: &str| allow.iter().any(|ok| ok == licence.trim());
    let expression = expression.replace('/', " OR ");
    if let Some((left, right)) = split_outside(&expression, " AND ") {
        return is_allowed(left, allow) && is_allowed(right, allow);
    }
    let bare = expression
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(')');
    bare.split(" OR ")
        .any(|choice| choice.split(" AND ").all(allowed))
}

/// Splits at a word that stands outside parentheses.
fn split_outside<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    if !text.contains('(') {
        return None;
    }
    text.match_indices(word)
        .find(|(at, _)| text[..*at].matches('(').count() == text[..*at].matches(')').count())
        .map(|(at, _)| (&text[..at], &text[at + word.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow() -> Vec<String> {
        ["MIT", "Apache-2.0", "Unicode-3.0"]
            .map(String::from)
            .to_vec()
    }

    #[test]
    fn one_acceptable_choice_is_enough() {
        assert!(is_allowed("GPL-3.0 OR MIT", &allow()));
        assert!(is_allowed("MIT/GPL-3.0", &allow()));
        assert!(!is_allowed("MPL-2.0", &allow()));
    }

    #[test]
    fn every_part_of_a_conjunction_counts() {
        assert!(is_allowed("(MIT OR GPL-3.0) AND Unicode-3.0", &allow()));
        assert!(!is_allowed("(MIT OR Apache-2.0) AND GPL-3.0", &allow()));
        assert!(!is_allowed("MIT AND GPL-3.0", &allow()));
    }
}

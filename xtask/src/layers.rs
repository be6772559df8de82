//! Which crate may know which: the arrows of docs/ARCHITECTURE.md, checked.

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::run::{cargo, quietly};

/// (crate, crates of ours it may use, crates of ours its tests may use besides).
const ALLOWED: &[(&str, &[&str], &[&str])] = &[
    ("solthrive-domain", &[], &[]),
    ("solthrive-meter", &["solthrive-domain"], &[]),
    (
        "solthrive-cloud-store",
        &["solthrive-domain"],
        &["solthrive-testkit"],
    ),
    (
        "solthrive-cloud",
        &[
            "solthrive-cloud-store",
            "solthrive-domain",
            "solthrive-protocol",
        ],
        &["solthrive-sim", "solthrive-testkit"],
    ),
    ("solthrive-testkit", &[], &[]),
    ("solthrive-protocol", &["solthrive-domain"], &[]),
    (
        "solthrive-courier",
        &["solthrive-domain", "solthrive-protocol"],
        &[],
    ),
    (
        "solthrive-sim",
        &[
            "solthrive-courier",
            "solthrive-domain",
            "solthrive-meter",
            "solthrive-protocol",
        ],
        &[],
    ),
    (
        "solthrive-edge",
        &[
            "solthrive-courier",
            "solthrive-domain",
            "solthrive-meter",
            "solthrive-protocol",
        ],
        &["solthrive-sim"],
    ),
    ("xtask", &["solthrive-testkit"], &[]),
];

/// The domain is pure: crates that would let it reach the world.
const NOT_IN_DOMAIN: &[&str] = &["tokio", "axum", "rusqlite", "rustix", "tracing", "anyhow"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Fails with every edge that is not allowed.
pub(crate) fn check() -> Result<()> {
    let said = quietly(&mut cargo(&[
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: Metadata = serde_json::from_str(&said)?;
    let wrong = violations(&metadata.packages);
    if !wrong.is_empty() {
        bail!(
            "edges that docs/ARCHITECTURE.md forbids:\n  {}",
            wrong.join("\n  ")
        );
    }
    println!(
        "layers: {} crates, every edge allowed",
        metadata.packages.len()
    );
    Ok(())
}

fn violations(packages: &[Package]) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| package.source.is_none()) {
        let Some((_, normal, tests)) = ALLOWED.iter().find(|(name, ..)| *name == package.name)
        else {
            wrong.push(format!(
                "{} is not in the table of xtask/src/layers.rs",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let ours = ALLOWED.iter().any(|(other, ..)| *other == name);
            let for_tests = dependency.kind.as_deref() == Some("dev") && tests.contains(&name);
            let impure = package.name == "solthrive-domain"
                && dependency.kind.is_none()
                && NOT_IN_DOMAIN.contains(&name);
            if (ours && !normal.contains(&name) && !for_tests) || impure {
                wrong.push(format!("{} -> {name}", package.name));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).into(),
                kind: kind.map(Into::into),
            })
            .collect();
        Package {
            name: name.into(),
            source: None,
            dependencies,
        }
    }

    #[test]
    fn an_arrow_that_points_up_is_named() {
        let wrong = violations(&[package(
            "solthrive-domain",
            &[("solthrive-meter", None), ("tokio", None), ("serde", None)],
        )]);
        assert_eq!(
            wrong,
            [
                "solthrive-domain -> solthrive-meter",
                "solthrive-domain -> tokio"
            ]
        );
    }

    #[test]
    fn the_simulator_is_for_the_appliances_tests_only() {
        assert!(
            violations(&[package("solthrive-edge", &[("solthrive-sim", Some("dev"))])]).is_empty()
        );
        assert_eq!(
            violations(&[package("solthrive-edge", &[("solthrive-sim", None)])]),
            ["solthrive-edge -> solthrive-sim"]
        );
    }

    #[test]
    fn a_crate_nobody_placed_is_an_error() {
        assert_eq!(violations(&[package("solthrive-new", &[])]).len(), 1);
    }
}

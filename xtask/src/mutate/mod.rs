//! Takes the walls around homes down, one at a time, and demands that a test turns red each time.
//!
//! A test that cannot fail protects nobody. The walls are listed in [`walls::WALLS`],
//! [`people::PEOPLE`] and [`programs::PROGRAMS`]: a piece of code and what stands there without the wall. It works in a copy of the last commit, with a target folder of
//! its own; what is not committed is not looked at.

mod commands;
mod ends;
mod people;
mod programs;
mod walls;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use self::commands::COMMANDS;
use self::ends::ENDS;
use self::people::PEOPLE;
use self::programs::PROGRAMS;
use self::walls::{WALLS, Wall};
use crate::run::{quietly, root};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only walls whose file or name has this in it.
    only: Option<String>,
}

/// Takes down each wall in turn.
pub(crate) fn run(args: &Args) -> Result<()> {
    let only = args.only.as_deref().unwrap_or_default();
    let walls: Vec<&Wall> = WALLS
        .iter()
        .chain(ENDS)
        .chain(COMMANDS)
        .chain(PEOPLE)
        .chain(PROGRAMS)
        .filter(|wall| wall.name.contains(only) || wall.file.contains(only))
        .collect();
    ensure!(
        !walls.is_empty(),
        "no wall has {only:?} in its name or file"
    );
    let copy = root().join("target/mutants/copy");
    prepare(&copy)?;
    let mut standing = Vec::new();
    for wall in walls {
        let fell = without(&copy, wall).with_context(|| wall.name.to_owned())?;
        println!(
            "{}  {}",
            if fell { "noticed " } else { "UNSEEN  " },
            wall.name
        );
        if !fell {
            standing.push(wall.name);
        }
    }
    if !standing.is_empty() {
        bail!("no test turned red without: {}", standing.join("; "));
    }
    Ok(())
}

/// A fresh copy of the last commit, whose tests pass.
fn prepare(copy: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    let mut clone = Command::new("git");
    clone
        .args(["clone", "--quiet", "--shared"])
        .arg(root())
        .arg(copy);
    quietly(&mut clone)?;
    println!("building (some minutes the first time) …");
    ensure!(passes(copy)?, "the tests fail without any change");
    Ok(())
}

/// Whether the tests notice that the wall is gone.
fn without(copy: &Path, wall: &Wall) -> Result<bool> {
    let file = copy.join(wall.file);
    let text = fs::read_to_string(&file)?;
    let found = text.matches(wall.stands).count();
    ensure!(
        found == 1,
        "it is {found} times in {}: bring the list up to date",
        wall.file
    );
    fs::write(&file, text.replacen(wall.stands, wall.gone, 1))?;
    let noticed = builds(copy).and_then(|builds| {
        ensure!(
            builds,
            "it does not build without: bring the list up to date"
        );
        Ok(!passes(copy)?)
    });
    fs::write(&file, &text)?;
    noticed
}

const PACKAGES: [&str; 6] = [
    "-p",
    "solthrive-domain",
    "-p",
    "solthrive-cloud-store",
    "-p",
    "solthrive-cloud",
];

fn cargo(copy: &Path, args: &[&str]) -> Result<bool> {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(copy).args(args);
    command.env("CARGO_TARGET_DIR", root().join("target/mutants/target"));
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    Ok(status.success())
}

fn builds(copy: &Path) -> Result<bool> {
    let build = ["test", "--quiet", "--locked", "--no-run", "--test", "it"];
    cargo(copy, &[&build[..], &PACKAGES].concat())
}

/// The tests of access: rules, what the store finds, what the API answers.
fn passes(copy: &Path) -> Result<bool> {
    let of = |package: &'static str, name: &'static str| {
        [
            "test", "--quiet", "--locked", "-p", package, "--test", "it", name,
        ]
    };
    Ok(cargo(copy, &of("solthrive-domain", "access"))?
        && cargo(copy, &of("solthrive-cloud-store", "people::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "joining::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "transfers::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "overtaken::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "commissioning::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "office::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "jobs::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "commands::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "erasures::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "identities::sqlite"))?
        && cargo(copy, &of("solthrive-cloud", "worker::erased::what"))?
        && cargo(copy, &of("solthrive-cloud-store", "oauth::sqlite"))?
        && cargo(copy, &of("solthrive-cloud-store", "older_than_the_right"))?
        && cargo(
            copy,
            // The fuzzer knows nothing of whose home it is.
            &[
                &of("solthrive-cloud", "api::")[..],
                &["--", "--skip", "fuzzed"],
            ]
            .concat(),
        )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wall_stands_where_the_list_says() {
        let all = WALLS.iter().chain(ENDS).chain(COMMANDS);
        for wall in all.chain(PEOPLE).chain(PROGRAMS) {
            let text = fs::read_to_string(root().join(wall.file)).unwrap();
            let found = text.matches(wall.stands).count();
            assert_eq!(found, 1, "{} in {}", wall.name, wall.file);
            assert_ne!(wall.stands, wall.gone, "{}", wall.name);
        }
    }
}

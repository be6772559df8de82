//! A year that the fleet has behind it when the demo begins.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::cloud::{Console, Fleet};

/// Days row by row; before them, quarters of an hour.
const RAW_DAYS: u16 = 30;

/// Writes the past down and takes it in, once; the homes' books at its end.
pub(super) fn bring(
    console: &Console<'_>,
    folder: &Path,
    roster: &Path,
    fleet: &Fleet,
) -> Result<Option<PathBuf>> {
    let (stream, books) = (folder.join("past.sthist"), folder.join("books.json"));
    if fleet.days == 0 {
        return Ok(None);
    }
    if books.exists() {
        return Ok(Some(books));
    }
    println!(
        "  a past of {} days for {} sites …",
        fleet.days, fleet.sites
    );
    let mut simulator = Command::new(fleet.build.program("solthrive-sim"));
    simulator
        .args(["fleet", "history", "--step-s", "60", "--roster"])
        .arg(roster);
    simulator.args(["--days", &fleet.days.to_string()]);
    simulator.args(["--raw-days", &RAW_DAYS.min(fleet.days).to_string()]);
    // Its books count only once the cloud has what they stand for.
    let draft = folder.join("books.draft.json");
    simulator
        .arg("--out")
        .arg(&stream)
        .arg("--books")
        .arg(&draft);
    loud(&mut simulator)?;
    println!("  the cloud takes it in …");
    let mut import = Command::new(&console.program);
    import.arg("admin").arg("--data").arg(console.data);
    import
        .args(["history", "import"])
        .arg(&stream)
        .arg("--roster")
        .arg(roster);
    loud(&mut import)?;
    std::fs::rename(&draft, &books)?;
    std::fs::remove_file(&stream)?;
    Ok(Some(books))
}

/// Runs it with its progress on this terminal.
fn loud(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status()?;
    if status.success() {
        return Ok(());
    }
    bail!("{command:?} ended with {status}; start with --fresh")
}

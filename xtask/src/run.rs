//! Starting other programs, with errors that say what was run and what to do.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The checkout this xtask belongs to.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// A command in the checkout's root, or in a folder below it.
pub(crate) fn command(
    program: &str,
    folder: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root().join(folder)).args(args);
    command
}

/// The cargo that started us, so that one toolchain does everything.
pub(crate) fn cargo(args: &[&str]) -> Command {
    command(
        &std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()),
        "",
        args,
    )
}

/// Runs to the end; a failure is an error that shows the command line.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command
        .status()
        .with_context(|| format!("could not start `{line}`; is it installed?"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs to the end without showing its output, which comes with the error if there is one.
pub(crate) fn quietly(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = command
        .output()
        .with_context(|| format!("could not start `{line}`; is it installed?"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "`{line}` failed ({}):\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(said)
}

/// Like [`quietly`], tried up to four times: registries have bad minutes.
pub(crate) fn patiently(make: impl Fn() -> Command) -> Result<String> {
    let mut wait = Duration::from_secs(5);
    for _ in 0..3 {
        match quietly(&mut make()) {
            Ok(said) => return Ok(said),
            Err(_) => sleep(wait),
        }
        wait *= 2;
    }
    quietly(&mut make())
}

/// Whether a program can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

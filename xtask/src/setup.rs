//! Installs what a check or the demo needs and the machine lacks, and says so while it does.
//!
//! Everything goes into the checkout (`node_modules`) or `~/.cache/solthrive`, except Chromium,
//! which only the system's package manager can install: without the rights for that, the error
//! names the package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use solthrive_testkit::Server;

use crate::run::{command, exists, patiently, quietly, root};

/// The Node.js the web toolchain was proven with, at least.
const NODE_AT_LEAST: (u32, u32) = (20, 19);

/// Everything that `cargo xtask test` needs.
pub(crate) fn everything() -> Result<()> {
    web()?;
    e2e()?;
    python()?;
    chromium()?;
    postgres()?;
    Ok(())
}

/// Node packages of the pages.
pub(crate) fn web() -> Result<()> {
    node_is_new_enough()?;
    npm_ci("web")
}

/// Node packages of the end-to-end tests.
pub(crate) fn e2e() -> Result<()> {
    npm_ci("e2e")
}

fn node_is_new_enough() -> Result<()> {
    let said = quietly(Command::new("node").arg("--version"))
        .context("Node.js 20.19 or newer is needed to build the pages: install it (Debian: apt install nodejs npm)")?;
    let mut numbers = said
        .trim()
        .trim_start_matches('v')
        .split('.')
        .filter_map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < NODE_AT_LEAST {
        bail!(
            "Node.js {} is too old: the pages need 20.19 or newer",
            said.trim()
        );
    }
    Ok(())
}

/// `npm ci`, unless `node_modules` was made from this very lock file.
fn npm_ci(folder: &str) -> Result<()> {
    let folder_path = root().join(folder);
    let lock = fs::read(folder_path.join("package-lock.json"))
        .with_context(|| format!("{folder}/package-lock.json cannot be read"))?;
    let mark = folder_path.join("node_modules/.made-from-lock");
    if fs::read(&mark).is_ok_and(|made_from| made_from == lock) {
        return Ok(());
    }
    println!("  installing npm packages of {folder}/ …");
    patiently(|| {
        command(
            "npm",
            folder,
            [
                "ci",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--loglevel=error",
            ],
        )
    })?;
    fs::write(mark, lock)?;
    Ok(())
}

/// The folder outside the checkout for what is installed once for all checkouts.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither HOME nor XDG_CACHE_HOME is set: where should caches go?")?;
    Ok(base.join("solthrive"))
}

/// The interpreter with the independent Modbus server and the fuzzer of the API, made by [`python`].
pub(crate) fn python_interpreter() -> Result<PathBuf> {
    Ok(cache()?.join("venv/bin/python"))
}

/// A Python environment with a Modbus server and a fuzzer that are not ours.
pub(crate) fn python() -> Result<()> {
    let wanted = fs::read(root().join("xtask/python-requirements.txt"))?;
    let venv = cache()?.join("venv");
    let mark = venv.join("made-from-requirements");
    if fs::read(&mark).is_ok_and(|made_from| made_from == wanted) && python_interpreter()?.exists()
    {
        return Ok(());
    }
    println!(
        "  making a Python environment with an independent Modbus server, an OpenAPI fuzzer and a reader of Parquet in {} …",
        venv.display()
    );
    if !exists("python3") {
        bail!(
            "Python 3 is needed for the independent Modbus server and the fuzzer of the API: install it (Debian: apt install python3 python3-venv)"
        );
    }
    quietly(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )
    .context("Python's venv module is needed (Debian: apt install python3-venv)")?;
    patiently(|| {
        let mut pip = command(
            "sh",
            "",
            [
                "-c",
                r#""$0" -m pip install --quiet --disable-pip-version-check -r xtask/python-requirements.txt"#,
            ],
        );
        pip.arg(venv.join("bin/python"));
        pip
    })?;
    fs::write(mark, wanted)?;
    Ok(())
}

/// Where Chromium is, if it is.
pub(crate) fn chromium_path() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let usual = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .map(PathBuf::from);
    named.into_iter().chain(usual).find(|path| path.exists())
}

/// A real browser for the end-to-end tests.
pub(crate) fn chromium() -> Result<()> {
    if chromium_path().is_some() {
        return Ok(());
    }
    let by_hand = "Chromium is needed for the end-to-end tests: install it (Debian: sudo apt install chromium), or set CHROMIUM to its path";
    apt_get("Chromium", &["chromium", "fonts-dejavu-core"], by_hand)?;
    chromium_path().map(|_| ()).context(by_hand)
}

/// A real PostgreSQL for the cloud's tests, which start it themselves.
pub(crate) fn postgres() -> Result<()> {
    if Server::is_installed() {
        return Ok(());
    }
    let by_hand = "PostgreSQL is needed for the cloud's tests: install version 15 or newer (Debian: sudo apt install postgresql)";
    apt_get("PostgreSQL", &["postgresql"], by_hand)?;
    if !Server::is_installed() {
        bail!("{by_hand}");
    }
    Ok(())
}

/// Installs packages where that is possible: as root, on Debian and its kin.
fn apt_get(what: &str, packages: &[&str], by_hand: &'static str) -> Result<()> {
    if !exists("apt-get") || !rustix::process::geteuid().is_root() {
        bail!("{by_hand}");
    }
    println!("  installing {what} with apt-get …");
    patiently(|| command("apt-get", "", ["update", "-qq"]))?;
    let install = || {
        let mut apt = command(
            "apt-get",
            "",
            ["install", "-y", "-qq", "--no-install-recommends"],
        );
        apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    patiently(install).context(by_hand)?;
    Ok(())
}

//! Every check of the project, in the order in which mistakes are cheapest to find.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use solthrive_testkit::Server;

use crate::run::{cargo, check, command, quietly};
use crate::{layers, licences, setup};

/// What to check.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only the steps whose names contain one of these words (`--list` shows the names).
    #[arg(value_name = "WORD")]
    only: Vec<String>,
    /// Show the steps and stop.
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step {
        name: "setup",
        run: setup::everything,
    },
    Step {
        name: "format",
        run: || check(&mut cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "layers",
        run: layers::check,
    },
    Step {
        name: "licences",
        run: licences::check,
    },
    Step {
        name: "web-check",
        run: web_check,
    },
    Step {
        name: "web-test",
        run: || npm("web", "test"),
    },
    Step {
        name: "web-build",
        run: web_build,
    },
    Step {
        name: "web-browser",
        run: web_browser,
    },
    Step {
        name: "clippy",
        run: clippy,
    },
    Step {
        name: "rust-test",
        run: rust_test,
    },
    Step {
        name: "end-to-end",
        run: end_to_end,
    },
];

/// Runs the steps; stops at the first that fails and says which it was.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |step: &&Step| {
        args.only.is_empty()
            || args
                .only
                .iter()
                .any(|word| step.name.contains(word.as_str()))
    };
    if args.list {
        STEPS.iter().for_each(|step| println!("{}", step.name));
        return Ok(());
    }
    let steps: Vec<_> = STEPS.iter().filter(wanted).collect();
    if steps.is_empty() {
        bail!(
            "no step is called {}; `cargo xtask test --list` shows them",
            args.only.join(" or ")
        );
    }
    let mut times = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n=== {}/{} {}", index + 1, steps.len(), step.name);
        let started = now();
        (step.run)().with_context(|| {
            format!(
                "step {} failed; run it alone with `cargo xtask test {0}`",
                step.name
            )
        })?;
        times.push((step.name, started.elapsed()));
    }
    println!("\n=== all {} steps passed", steps.len());
    for (name, time) in &times {
        println!("{name:>12} {:>7.1} s", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:>12} {:>7.1} s", "total", total.as_secs_f64());
    println!("{} passed, 0 failed", steps.len());
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer's tool that tells how long its steps took"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn npm(folder: &str, script: &str) -> Result<()> {
    check(&mut command("npm", folder, ["run", "--silent", script]))
}

/// Format, lints, types, and whether the API's types are those of the OpenAPI file.
fn web_check() -> Result<()> {
    npm("web", "gen:check")?;
    npm("web", "check")
}

/// Every page in every state, in Chromium, against a pretended appliance.
fn web_browser() -> Result<()> {
    in_chromium(command("npm", "web", ["run", "--silent", "test:browser"]))
}

fn in_chromium(mut tests: Command) -> Result<()> {
    let chromium =
        setup::chromium_path().context("Chromium is missing; run `cargo xtask setup`")?;
    check(tests.env("CHROMIUM", chromium))
}

/// The pages as the daemon embeds them, within their size budget.
pub(crate) fn web_build() -> Result<()> {
    npm("web", "build")?;
    npm("web", "size")
}

/// The programs as they are shipped, and the simulator beside them.
pub(crate) fn release() -> Result<()> {
    setup::web()?;
    web_build()?;
    let mut build = cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "solthrive-edge",
        "-p",
        "solthrive-sim",
        "--bins",
    ]);
    // No clock can show less than the sources' own date; a packager may have set it already.
    if std::env::var_os("SOURCE_DATE_EPOCH").is_none()
        && let Ok(date) = quietly(&mut command("git", "", ["log", "-1", "--format=%ct"]))
    {
        build.env("SOURCE_DATE_EPOCH", date.trim());
    }
    check(&mut build)
}

fn clippy() -> Result<()> {
    check(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

fn rust_test() -> Result<()> {
    let postgres = Server::start()?;
    let (name, socket) = postgres.env();
    check(
        cargo(&["test", "--workspace", "--locked", "--quiet"])
            .env("SOLTHRIVE_PYTHON", setup::python_interpreter()?)
            .env(name, socket),
    )
}

/// The real programs, a simulated home and a real browser.
fn end_to_end() -> Result<()> {
    check(&mut cargo(&[
        "build",
        "--locked",
        "--quiet",
        "-p",
        "solthrive-edge",
        "-p",
        "solthrive-sim",
        "-p",
        "solthrive-cloud",
        "--bins",
    ]))?;
    npm("e2e", "check")?;
    in_chromium(command("npm", "e2e", ["test", "--silent"]))
}

/// Writes `openapi/*.json` from the code and the web client's types from it.
pub(crate) fn write_openapi() -> Result<()> {
    quietly(
        cargo(&["test", "--locked", "-p", "solthrive-edge", "openapi"]).env("UPDATE_OPENAPI", "1"),
    )?;
    setup::web()?;
    npm("web", "gen")
}

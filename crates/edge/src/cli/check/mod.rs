//! `solthrive-cli check`: everything that can be looked at, and what to do about what is wrong.

mod bus;
mod daemon;
mod machine;
mod store;

use std::io;

use serde::Serialize;
use serde_json::json;

use super::Verdict;
use super::screen::{Progress, Screen, Tone};
use super::site::Site;
use super::table::{Cell, Table};
use crate::config::token::{self, TokenError};
use crate::config::{AppConfig, ConfigErrors, files};

/// Look at the whole appliance and say what to do about what is wrong.
///
/// Configuration, token, daemon, buses, meters, history, disk and clock. While solthrived runs it
/// is asked about its meters; otherwise each is polled once. Nothing is changed.
///
/// Exit code 1 when any line says PROBLEM; a note is none.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    /// Good to know.
    Note,
    Problem,
    /// Could not be looked at, because of a problem further up.
    Skipped,
}

/// One line of the answer.
#[derive(Debug, Clone, Serialize)]
struct Finding {
    check: String,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn new(check: impl Into<String>, state: State, detail: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            state,
            detail: detail.into(),
            advice: None,
        }
    }

    fn ok(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, State::Ok, detail)
    }

    fn note(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, State::Note, detail)
    }

    fn problem(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, State::Problem, detail)
    }

    fn skipped(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, State::Skipped, detail)
    }

    fn advice(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }
}

pub(super) fn run(_: &Args, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let findings = look(site, screen);
    let problems = findings
        .iter()
        .filter(|finding| finding.state == State::Problem)
        .count();
    if screen.json() {
        screen.value(&json!({"ok": problems == 0, "checks": findings}))?;
    } else {
        show(screen, &findings, problems)?;
    }
    Ok(Verdict::of(problems == 0))
}

fn look(site: &Site, screen: &Screen) -> Vec<Finding> {
    let mut progress = Progress::new(screen);
    let mut findings = vec![configuration(site)];
    let config = match site.start() {
        Ok(started) => started.loaded.config,
        Err(_) => {
            findings.push(Finding::skipped(
                "daemon, bus, meters",
                "without a configuration nobody knows where to look",
            ));
            findings.push(store::integrity(site));
            return findings;
        }
    };
    findings.push(token(&config));
    progress.say("asking solthrived …");
    let (daemon, health, up) = daemon::look(site.daemon(&config));
    findings.push(daemon);
    progress.say("asking the meters …");
    match &health {
        Some(health) => findings.extend(daemon::meters(health, site.daemon(&config))),
        None => findings.extend(bus::look(&config)),
    }
    progress.say("reading the history …");
    findings.push(store::integrity(site));
    findings.extend(store::newest(site, up));
    findings.push(machine::disk(site, &config));
    findings.push(machine::clock(site));
    if let Some(health) = &health {
        findings.extend(daemon::flags(health));
    }
    findings
}

fn configuration(site: &Site) -> Finding {
    let folder = site.places.config_dir.display();
    match files::load_files(&site.places, std::env::vars_os()) {
        Ok(loaded) if loaded.warnings.is_empty() => {
            Finding::ok("configuration", format!("{folder}"))
        }
        Ok(loaded) => {
            let first = loaded
                .warnings
                .first()
                .map(|warning| warning.message.clone())
                .unwrap_or_default();
            let more = match loaded.warnings.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            Finding::note("configuration", format!("{first}{more}"))
                .advice("solthrive-cli config check")
        }
        Err(ConfigErrors { problems, .. }) => {
            let first = problems
                .first()
                .map(crate::config::Problem::one_line)
                .unwrap_or_default();
            let count = match problems.len() {
                1 => "1 error".to_owned(),
                count => format!("{count} errors"),
            };
            Finding::problem("configuration", format!("{count}: {first}")).advice("solthrive-cli config check shows all; until then solthrived uses the last configuration that worked")
        }
    }
}

fn token(config: &AppConfig) -> Finding {
    let file = &config.api.token_file;
    let shown = file.display();
    match token::read(file) {
        Ok(found) if found.exposed => Finding::problem(
            "token",
            format!("every user of this machine can read {shown}"),
        )
        .advice(format!("sudo chmod 600 {shown}")),
        Ok(_) => Finding::ok("token", format!("{shown}, closed to others")),
        Err(TokenError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Finding::note("token", "none yet; solthrived makes it at its first start")
        }
        Err(TokenError::Read { source, .. })
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            Finding::note("token", format!("only its owner may read {shown}"))
                .advice("run this check with sudo to look at everything")
        }
        Err(error) => Finding::problem("token", error.to_string()),
    }
}

fn show(screen: &mut Screen, findings: &[Finding], problems: usize) -> io::Result<()> {
    let mut table = Table::new(&["CHECK", "STATE", "FINDING"]);
    for finding in findings {
        let (word, tone) = match finding.state {
            State::Ok => ("ok", Tone::Good),
            State::Note => ("note", Tone::Doubtful),
            State::Problem => ("PROBLEM", Tone::Bad),
            State::Skipped => ("skipped", Tone::Quiet),
        };
        table.row([
            finding.check.as_str().into(),
            Cell::new(word).tone(tone),
            finding.detail.as_str().into(),
        ]);
        if let Some(advice) = &finding.advice {
            table.row(["".into(), "".into(), format!("-> {advice}").into()]);
        }
    }
    screen.table(&table)?;
    screen.line("")?;
    let (tone, summary) = match problems {
        0 => (Tone::Good, "Everything is all right.".to_owned()),
        1 => (Tone::Bad, "1 problem was found.".to_owned()),
        count => (Tone::Bad, format!("{count} problems were found.")),
    };
    let summary = screen.paint(tone, &summary);
    screen.line(&summary)
}

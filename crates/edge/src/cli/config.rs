//! `solthrive-cli config check|show`.

use serde_json::{Value, json};

use super::Verdict;
use super::screen::{Screen, Tone};
use super::site::Site;
use super::table::{Cell, Table};
use crate::config::{Effective, Problem, files};

/// What is configured, where that comes from, and whether it is right.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Look at the files, the override and the environment as they are now.
    ///
    /// Nothing is changed: the daemon takes a new configuration at its next start.
    /// Exit code 1 when something must be mended; warnings alone are 0.
    Check,
    /// Print every value that counts.
    Show(Show),
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Say where each value comes from: default, profile, file and line, override or environment.
    #[arg(long)]
    origin: bool,
    /// Only keys that begin like this, such as `meter` or `meter.buses`.
    #[arg(value_name = "KEY")]
    only: Option<String>,
}

pub(super) fn run(command: &Command, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    match command {
        Command::Check => check(site, screen),
        Command::Show(show) => self::show(show, site, screen),
    }
}

fn check(site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let (problems, warnings) = match files::load_files(&site.places, std::env::vars_os()) {
        Ok(loaded) => (Vec::new(), loaded.warnings),
        Err(errors) => (errors.problems, errors.warnings),
    };
    let verdict = Verdict::of(problems.is_empty());
    if screen.json() {
        screen.value(
            &json!({"ok": problems.is_empty(), "problems": problems, "warnings": warnings}),
        )?;
        return Ok(verdict);
    }
    for problem in &problems {
        say(screen, "error", Tone::Bad, problem)?;
    }
    for warning in &warnings {
        say(screen, "warning", Tone::Doubtful, warning)?;
    }
    let folder = site.places.config_dir.display();
    let summary = match (problems.len(), warnings.len()) {
        (0, 0) => format!("The configuration in {folder} is right."),
        (0, 1) => format!("The configuration in {folder} can be used; 1 warning."),
        (0, count) => format!("The configuration in {folder} can be used; {count} warnings."),
        (1, _) => "1 error: solthrived would start with the last configuration that worked, if there is one.".to_owned(),
        (count, _) => format!("{count} errors: solthrived would start with the last configuration that worked, if there is one."),
    };
    let tone = if problems.is_empty() {
        Tone::Good
    } else {
        Tone::Bad
    };
    let summary = screen.paint(tone, &summary);
    screen.line(&summary)?;
    Ok(verdict)
}

fn say(screen: &mut Screen, word: &str, tone: Tone, problem: &Problem) -> std::io::Result<()> {
    let word = screen.paint(tone, word);
    screen.line(&format!("{word}: {problem}\n"))
}

fn show(show: &Show, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let started = site.start()?;
    if let Some(errors) = &started.errors {
        let count = errors.problems.len();
        eprintln!(
            "Errors in the files: {count} (solthrive-cli config check tells them). Below is the last configuration that worked, which solthrived uses."
        );
    }
    let all = &started.loaded.effective;
    let chosen: Vec<&Effective> = all
        .iter()
        .filter(|value| {
            show.only
                .as_deref()
                .is_none_or(|only| is_below(&value.key(), only))
        })
        .collect();
    if let (true, Some(only)) = (chosen.is_empty(), &show.only) {
        anyhow::bail!("no value begins with `{only}`; `solthrive-cli config show` lists them all");
    }
    if screen.json() {
        screen.value(&as_json(&chosen, show.origin))?;
        return Ok(Verdict::Fine);
    }
    let mut table = if show.origin {
        Table::new(&["KEY", "VALUE", "ORIGIN"])
    } else {
        Table::new(&[])
    };
    for value in chosen {
        let mut row = vec![Cell::new(value.key()), Cell::new(text(&value.value))];
        if show.origin {
            row.push(Cell::new(value.origin.to_string()));
        }
        table.row(row);
    }
    screen.table(&table)?;
    Ok(Verdict::Fine)
}

/// `meter.buses` is below `meter`, and `meter_x` is not.
fn is_below(key: &str, only: &str) -> bool {
    key.strip_prefix(only.trim_end_matches('.'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn as_json(values: &[&Effective], origin: bool) -> Value {
    let entry = |value: &&Effective| {
        let shown = if origin {
            json!({"value": value.value, "origin": value.origin.to_string()})
        } else {
            value.value.clone()
        };
        (value.key(), shown)
    };
    Value::Object(values.iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_below_its_table_only() {
        assert!(
            is_below("meter.buses[0].port", "meter")
                && is_below("meter.buses[0].port", "meter.buses.")
        );
        assert!(is_below("base.site_name", "base.site_name"));
        assert!(!is_below("meter_x.a", "meter") && !is_below("base.site_name", "base.site"));
    }
}

//! `solthrive-cli export`: the history as CSV or JSON lines, also while the daemon runs.

mod days;
mod minutes;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Verdict;
use super::screen::Screen;
use super::site::Site;
use super::when;
use crate::store::{Reader, StoreError};

/// Write the history as a table.
///
/// Columns have the names of the HTTP interface, units in them; a value that is not known is empty
/// (CSV) or absent (JSON). Times are UTC; days and months are the site's.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Start, included: 2026-06-01, "2026-06-01 14:30", 7d, yesterday. Everything if absent.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End, left out. Now if absent.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// One row for each minute (kept 30 days unless configured), day or month.
    #[arg(long, value_enum, default_value = "minute")]
    resolution: Resolution,
    /// A table, or one JSON object a line.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write here instead of standard output. It appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Resolution {
    Minute,
    Day,
    Month,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

pub(super) fn run(args: &Args, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let config = site.config()?;
    let (zone, now) = (&config.site.tz, site.now());
    let instant = |name: &str, text: &Option<String>, usual: Timestamp| {
        let parsed = text
            .as_deref()
            .map_or(Ok(usual), |text| when::parse(text, zone, now));
        parsed.map_err(|wrong| anyhow::anyhow!("{name}: {wrong}"))
    };
    let (from, to) = (
        instant("--from", &args.from, Timestamp::UNIX_EPOCH)?,
        instant("--to", &args.to, now)?,
    );
    if from >= to {
        bail!("--from ({from}) is not before --to ({to}), so there is nothing to export");
    }
    let reader = open(&site.places.data_dir)?;
    let format = args.format.unwrap_or(if screen.json() {
        Format::Jsonl
    } else {
        Format::Csv
    });
    let write = |out: &mut dyn Write| {
        let mut rows = Rows {
            out,
            format,
            count: 0,
        };
        match args.resolution {
            Resolution::Minute => minutes::write(&reader, from..to, &config.home, &mut rows)?,
            Resolution::Day => days::write_days(&reader, from..to, zone, now, &mut rows)?,
            Resolution::Month => days::write_months(&reader, from..to, zone, now, &mut rows)?,
        }
        Ok(rows.count)
    };
    let Some(path) = &args.output else {
        let count = write(screen.out())?;
        if count == 0 {
            eprintln!("There is nothing in that time.");
        }
        return Ok(Verdict::Fine);
    };
    let count = into_file(path, args.force, write)?;
    if screen.json() {
        screen.value(&json!({"file": path, "rows": count}))?;
    } else {
        screen.line(&format!("{count} rows in {}", path.display()))?;
    }
    Ok(Verdict::Fine)
}

fn open(data_dir: &Path) -> anyhow::Result<Reader> {
    Reader::open(data_dir).map_err(|error| match error {
        StoreError::Missing(path) => anyhow::anyhow!(
            "there is no history at {} yet: solthrived writes it when it runs",
            path.display()
        ),
        error => anyhow::Error::new(error).context(
            "the history cannot be exported; if you are not its owner, try again with sudo",
        ),
    })
}

/// All of it or nothing: a half-written export looks like a short history.
fn into_file(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<u64>,
) -> anyhow::Result<u64> {
    if path.exists() && !force {
        bail!("{} exists already; --force replaces it", path.display());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let file =
        File::create(&part).with_context(|| format!("{} cannot be written", part.display()))?;
    let mut out = BufWriter::new(file);
    let done = write(&mut out).and_then(|count| {
        out.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        fs::rename(&part, path)?;
        Ok(count)
    });
    if done.is_err() {
        // The error that matters is the one above.
        let _ = fs::remove_file(&part);
    }
    done.with_context(|| format!("{} could not be completed", path.display()))
}

/// Rows on their way out.
struct Rows<'a> {
    out: &'a mut dyn Write,
    format: Format,
    count: u64,
}

impl Rows<'_> {
    /// What the columns are called; to be said once, before the rows.
    fn heads(&mut self, names: &[String]) -> io::Result<()> {
        match self.format {
            Format::Csv => write!(self.out, "{}\r\n", names.join(",")),
            Format::Jsonl => Ok(()),
        }
    }

    /// One row; `values` are as many as `names`, null where nothing is known.
    fn row(&mut self, names: &[String], values: &[Value]) -> io::Result<()> {
        self.count += 1;
        match self.format {
            Format::Csv => write!(
                self.out,
                "{}\r\n",
                values.iter().map(field).collect::<Vec<_>>().join(",")
            ),
            Format::Jsonl => {
                let known = names
                    .iter()
                    .zip(values)
                    .filter(|(_, value)| !value.is_null());
                // Names need no quoting either, and stay in the columns' order.
                let fields: Vec<String> = known
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                writeln!(self.out, "{{{}}}", fields.join(","))
            }
        }
    }
}

/// Numbers, instants, dates and codes: none of them needs quotes.
fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

//! `solthrive-cli logs`: the daemon's log file, chosen and made readable.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Verdict;
use super::screen::{Screen, Tone};
use super::site::Site;
use super::when;
use crate::logging;

/// How soon a new line is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Print what the daemon logged.
///
/// The newest lines of logs/solthrived.jsonl in the data folder, which keeps two files of bounded
/// size. Times are the site's; with --json the lines come as they are stored.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Leave out what is less severe.
    #[arg(long, value_enum, default_value = "debug")]
    level: Level,
    /// Leave out what is older: 2h, 3d, yesterday, 2026-06-01, "2026-06-01 14:30".
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines that contain this text, whatever its case.
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// The last so many lines; 0 for all.
    #[arg(short = 'n', long, default_value = "100", value_name = "COUNT")]
    lines: usize,
    /// Wait for more, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

pub(super) fn run(args: &Args, site: &Site, screen: &mut Screen) -> anyhow::Result<Verdict> {
    let zone = site.zone();
    let since = args
        .since
        .as_deref()
        .map(|text| when::parse(text, &zone, site.now()));
    let since = since
        .transpose()
        .map_err(|wrong| anyhow::anyhow!("--since: {wrong}"))?;
    let filter = Filter {
        level: args.level,
        since,
        grep: args.grep.as_deref().map(str::to_lowercase),
    };
    let path = logging::log_file(&site.places.data_dir);
    let Some(mut current) = open(&path)? else {
        bail!(
            "there is no log at {} yet: solthrived writes it when it runs",
            path.display()
        );
    };
    let mut last = VecDeque::new();
    let mut keep = |line: String| {
        if filter.takes(&line) {
            last.push_back(line);
            if args.lines > 0 && last.len() > args.lines {
                last.pop_front();
            }
        }
    };
    if let Some(mut older) = open(&path.with_extension("jsonl.1"))? {
        older.lines(&mut keep)?;
    }
    current.lines(&mut keep)?;
    for line in &last {
        print(line, &zone, screen)?;
    }
    if args.follow {
        follow(&path, current, &filter, &zone, screen)
    } else {
        Ok(Verdict::Fine)
    }
}

fn follow(
    path: &Path,
    mut current: LogFile,
    filter: &Filter,
    zone: &TimeZone,
    screen: &mut Screen,
) -> anyhow::Result<Verdict> {
    loop {
        let mut fresh = Vec::new();
        current.lines(|line| fresh.push(line))?;
        // What was written before the rotation is read to its end first.
        if let Some(next) = open(path)?.filter(|next| next.id != current.id) {
            current.lines(|line| fresh.push(line))?;
            current = next;
        }
        for line in fresh.iter().filter(|line| filter.takes(line)) {
            print(line, zone, screen)?;
        }
        screen.flush()?;
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A file that grows.
struct LogFile {
    reader: BufReader<File>,
    /// Device and inode: a rotated file is another one.
    id: (u64, u64),
    /// The beginning of a line whose end is not written yet.
    partial: Vec<u8>,
}

/// `None` when there is no such file.
fn open(path: &Path) -> anyhow::Result<Option<LogFile>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("the log {} cannot be read", path.display()));
        }
    };
    let about = file.metadata()?;
    Ok(Some(LogFile {
        reader: BufReader::new(file),
        id: (about.dev(), about.ino()),
        partial: Vec::new(),
    }))
}

impl LogFile {
    /// Every complete line that was not read yet.
    fn lines(&mut self, mut take: impl FnMut(String)) -> io::Result<()> {
        while self.reader.read_until(b'\n', &mut self.partial)? > 0 {
            if self.partial.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial);
                take(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        }
        Ok(())
    }
}

struct Filter {
    level: Level,
    since: Option<Timestamp>,
    /// In lower case.
    grep: Option<String>,
}

impl Filter {
    fn takes(&self, line: &str) -> bool {
        if self
            .grep
            .as_ref()
            .is_some_and(|text| !line.to_lowercase().contains(text))
        {
            return false;
        }
        // A line that broke off in a power cut has neither time nor level: it is shown, not hidden.
        let Ok(entry) = serde_json::from_str::<Value>(line) else {
            return !line.is_empty();
        };
        let level = level_of(&entry).unwrap_or(Level::Error);
        let new = match (self.since, time_of(&entry)) {
            (Some(since), Some(at)) => at >= since,
            _ => true,
        };
        new && level <= self.level
    }
}

fn level_of(entry: &Value) -> Option<Level> {
    Some(match entry["level"].as_str()? {
        "ERROR" => Level::Error,
        "WARN" => Level::Warn,
        "INFO" => Level::Info,
        "DEBUG" => Level::Debug,
        _ => Level::Trace,
    })
}

fn time_of(entry: &Value) -> Option<Timestamp> {
    entry["timestamp"].as_str()?.parse().ok()
}

fn print(line: &str, zone: &TimeZone, screen: &mut Screen) -> io::Result<()> {
    let entry = serde_json::from_str::<Value>(line)
        .ok()
        .filter(|_| !screen.json());
    let Some(entry) = entry else {
        return screen.line(line);
    };
    let (word, tone) = match level_of(&entry) {
        Some(Level::Error) | None => ("ERROR", Tone::Bad),
        Some(Level::Warn) => ("WARN ", Tone::Doubtful),
        Some(Level::Info) => ("info ", Tone::Plain),
        Some(Level::Debug | Level::Trace) => ("debug", Tone::Quiet),
    };
    let shown = format!(
        "{}  {}  {}",
        screen.paint(Tone::Quiet, &time(&entry, zone)),
        screen.paint(tone, word),
        text(&entry)
    );
    screen.line(&shown)
}

fn time(entry: &Value, zone: &TimeZone) -> String {
    let local = time_of(entry).map(|at| {
        zone.to_datetime(at)
            .strftime("%Y-%m-%d %H:%M:%S%.3f")
            .to_string()
    });
    local.unwrap_or_else(|| "no time".to_owned())
}

/// The message, and what else was noted as `name=value`.
fn text(entry: &Value) -> String {
    const KNOWN: [&str; 7] = [
        "timestamp",
        "level",
        "message",
        "target",
        "span",
        "spans",
        "threadId",
    ];
    let mut text = entry["message"].as_str().unwrap_or_default().to_owned();
    for (name, value) in entry
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !KNOWN.contains(&name.as_str()))
    {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        let quoted = if value.contains(' ') {
            format!("{value:?}")
        } else {
            value
        };
        text.push_str(&format!("  {name}={quoted}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(level: Level, since: Option<&str>, grep: Option<&str>) -> Filter {
        Filter {
            level,
            since: since.map(|text| text.parse().unwrap()),
            grep: grep.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_line_is_chosen_by_level_time_and_text() {
        let line = r#"{"timestamp":"2026-06-01T10:00:00.5Z","level":"WARN","message":"the link is gone","bus":"Roof"}"#;
        assert!(filter(Level::Warn, None, None).takes(line));
        assert!(!filter(Level::Error, None, None).takes(line));
        assert!(filter(Level::Debug, Some("2026-06-01T10:00:00Z"), Some("roof")).takes(line));
        assert!(!filter(Level::Debug, Some("2026-06-01T10:00:01Z"), None).takes(line));
        assert!(!filter(Level::Debug, None, Some("cellar")).takes(line));
    }

    #[test]
    fn a_line_that_broke_off_is_shown() {
        assert!(filter(Level::Error, None, None).takes("{\"timestamp\":\"2026-06"));
        assert!(!filter(Level::Error, None, None).takes(""));
    }

    #[test]
    fn a_line_reads_like_a_sentence_with_its_facts() {
        let entry: Value = serde_json::from_str(r#"{"timestamp":"2026-06-01T10:00:00.5Z","level":"WARN","message":"the link is gone","bus":"roof","tries":3,"why":"no such device","target":"x"}"#).unwrap();
        assert_eq!(
            text(&entry),
            r#"the link is gone  bus=roof  tries=3  why="no such device""#
        );
        assert_eq!(
            time(&entry, &TimeZone::get("Europe/Berlin").unwrap()),
            "2026-06-01 12:00:00.500"
        );
    }
}

//! `admin chunk`.

use anyhow::{Result, bail};
use clap::Subcommand;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use solthrive_cloud_store::archive::{Archive as _, OpenDay, Stored, UtcDay};
use solthrive_cloud_store::chunk::{Codec, Header, Rows, dump};
use solthrive_domain::telemetry::UnixMillis;

use super::console::Console;
use super::findings::Findings;
use super::output::{DAY_MS, bytes, day, instant};
use super::progress::Progress;
use super::screen::Screen;
use super::table::Cell;
use super::{Verdict, contents, find};

/// Chunks that are read at a time.
const PAGE: u32 = 64;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// A device's chunks, by day
    List {
        /// The device, by id or serial
        device: String,
    },
    /// What a device sent on one day (UTC), as it is stored
    ///
    /// Lines that begin with # tell of the chunk: rows and bytes, then each column with its digits,
    /// method, stored bytes, and count, first, last, least, most and sum of its values. Then come the
    /// rows, if they are asked for; `ts` is ms since 1970 in UTC, and what is not known is empty in CSV
    /// and absent in JSON. With --json there are only rows, one object a line. A day that is not merged
    /// yet has several parts, one after the other.
    #[command(after_help = "\
Examples:
  solthrive-cloud admin chunk dump ST-0001 2026-06-01
  solthrive-cloud admin chunk dump ST-0001 2026-06-01 --csv > day.csv
  solthrive-cloud admin chunk dump ST-0001 2026-06-01 --json | jq .solar_kw")]
    Dump {
        /// The device, by id or serial
        device: String,
        /// The day in UTC, such as 2026-06-01
        day: Date,
        /// The rows as CSV, too
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// Decode every chunk; exit code 1 when one is damaged
    Check,
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::List { device } => list(device, console, screen).await,
        Command::Dump { device, day, csv } => write(device, *day, *csv, console, screen).await,
        Command::Check => check(console, screen).await,
    }
}

/// What is told of a chunk without decoding it.
struct Line {
    day: UtcDay,
    part: i64,
    bytes: usize,
    /// Rows, and the times of the first and the last.
    header: Result<(usize, i64, i64), String>,
}

fn line(stored: &Stored) -> Line {
    let header = Header::read(&stored.bytes)
        .map(|header| (header.rows, header.first_time, header.last_time))
        .map_err(|error| error.to_string());
    Line {
        day: stored.day,
        part: stored.part,
        bytes: stored.bytes.len(),
        header,
    }
}

async fn list(said: &str, console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let device = find::device(console, said).await?.id;
    let mut lines = Vec::new();
    let mut after = (
        OpenDay {
            device,
            day: UtcDay::MIN,
        },
        i64::MIN,
    );
    loop {
        let page = console.sql.scan(Some(after), PAGE).await?;
        let mine = page.iter().take_while(|stored| stored.device == device);
        let before = lines.len();
        lines.extend(mine.map(line));
        match page.last() {
            Some(last) if lines.len() - before == page.len() => {
                after = (
                    OpenDay {
                        device,
                        day: last.day,
                    },
                    last.part,
                );
            }
            _ => break,
        }
    }
    screen.list(
        &lines,
        "The device has no chunk yet: what it sent lately is in the log.",
        ["DAY", "PART", "ROWS", "SIZE", "FROM", "TO"],
        |line| {
            let (rows, from, to) = match &line.header {
                Ok((rows, from, to)) => (Cell::number(rows), at(*from).into(), at(*to).into()),
                Err(error) => ("DAMAGED".into(), error.as_str().into(), "".into()),
            };
            let size = Cell::number(bytes(line.bytes as u64));
            [
                day(line.day).into(),
                Cell::number(line.part),
                rows,
                size,
                from,
                to,
            ]
        },
        json_of,
    )?;
    Ok(Verdict::Fine)
}

fn json_of(line: &Line) -> Value {
    let mut value = json!({"day": day(line.day), "part": line.part, "bytes": line.bytes});
    match &line.header {
        Ok((rows, from, to)) => {
            value["rows"] = json!(rows);
            value["from"] = json!(at(*from));
            value["to"] = json!(at(*to));
        }
        Err(error) => value["damaged"] = json!(error),
    }
    value
}

fn at(ms: i64) -> String {
    UnixMillis::try_from(ms).map_or_else(|_| format!("{ms} ms"), instant)
}

async fn write(
    said: &str,
    date: Date,
    csv: bool,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    let device = find::device(console, said).await?;
    let start = date.to_zoned(TimeZone::UTC)?.timestamp();
    let number = start.as_millisecond().div_euclid(DAY_MS);
    let key = OpenDay {
        device: device.id,
        day: number,
    };
    let parts = console.sql.parts(key).await?;
    if parts.is_empty() {
        bail!(
            "{} has no chunk of {date}: it sent nothing, it is not sealed yet, or it is older than its site keeps them; `admin chunk list` shows what there is",
            device.serial
        );
    }
    let mut codec = Codec::new()?;
    let json = screen.json();
    for stored in &parts {
        if json {
            let mut text = Vec::new();
            dump(&mut codec, &stored.bytes, Rows::JsonLines, &mut text)?;
            // A program wants rows; a row begins with a brace.
            let rows = text.split_inclusive(|byte| *byte == b'\n');
            for row in rows.filter(|row| !row.starts_with(b"#")) {
                std::io::Write::write_all(screen.out(), row)?;
            }
            continue;
        }
        screen.line(&format!(
            "# device {}, {date}, part {}",
            device.serial, stored.part
        ))?;
        let rows = if csv { Rows::Csv } else { Rows::None };
        dump(&mut codec, &stored.bytes, rows, screen.out())?;
    }
    Ok(Verdict::Fine)
}

async fn check(console: &Console, screen: &mut Screen) -> Result<Verdict> {
    let mut findings = Findings::default();
    let mut progress = Progress::new(console.clock);
    contents::chunks(&console.sql, &mut progress, &mut findings).await?;
    drop(progress);
    Ok(findings.show(screen)?)
}

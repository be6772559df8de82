//! Answers as lines: CSV and JSON lines, written as they are read.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures_util::stream;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::block::{Block, words};
use super::plan::Plan;
use crate::api::Api;
use crate::api::answer::download;
use crate::api::problem::Problem;
use crate::api::sight::Again;

/// Parts that wait for a reader who is slower than we are.
const WAITING: usize = 2;
/// Between two looks at whether the reader still may.
const LOOK: Duration = Duration::from_secs(3);

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Format {
    Json,
    Csv,
    JsonLines,
}

impl Format {
    /// As a query or `Accept` says; the query wins.
    pub(super) fn of(said: Option<&str>, headers: &HeaderMap) -> Option<Self> {
        match said {
            Some("json") => return Some(Self::Json),
            Some("csv") => return Some(Self::Csv),
            Some("ndjson") => return Some(Self::JsonLines),
            Some(_) => return None,
            None => {}
        }
        let accept = headers.get(header::ACCEPT);
        let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("");
        let kinds = accept
            .split(',')
            .map(|kind| kind.split(';').next().unwrap_or("").trim());
        let found = kinds.filter_map(|kind| match kind {
            "text/csv" => Some(Self::Csv),
            "application/x-ndjson" => Some(Self::JsonLines),
            "application/json" | "*/*" => Some(Self::Json),
            _ => None,
        });
        Some(found.into_iter().next().unwrap_or(Self::Json))
    }

    const fn mime(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/x-ndjson",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::JsonLines => "ndjson",
        }
    }
}

/// Writes the plan's blocks one after the other. Whoever reads slowly is waited for, and nothing piles up. What
/// breaks on the way breaks the answer off, so that nobody takes a part for the whole. So does a right that ended.
pub(super) fn streamed(
    api: Arc<Api>,
    plan: Plan,
    format: Format,
    again: Again,
    name: &str,
) -> Response {
    let (parts, reader) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        if let Err(error) = write(&api, plan, format, again, &parts).await {
            let _ = parts.send(Err(error)).await;
        }
    });
    let body = stream::unfold(reader, |mut reader| async move {
        let part: io::Result<Bytes> = reader.recv().await?;
        Some((part, reader))
    });
    let name = format!("{name}.{}", format.ending());
    download(Body::from_stream(body), format.mime(), &name)
}

async fn write(
    api: &Api,
    mut plan: Plan,
    format: Format,
    again: Again,
    parts: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut first = head(&plan, format);
    let mut looked = api.clock.elapsed();
    while let Some(block) = plan.next(api).await.map_err(|problem| broken(&problem))? {
        let mut text = std::mem::take(&mut first);
        lines(&mut text, &plan.fields, &plan.zone, &block, format);
        if !text.is_empty() && parts.send(Ok(Bytes::from(text))).await.is_err() {
            return Ok(());
        }
        let now = api.clock.elapsed();
        if now.saturating_sub(looked) >= LOOK {
            looked = now;
            again.still(api).await.map_err(|problem| broken(&problem))?;
        }
    }
    if !first.is_empty() {
        let _ = parts.send(Ok(Bytes::from(first))).await;
    }
    Ok(())
}

fn broken(problem: &Problem) -> io::Error {
    io::Error::other(problem.code())
}

pub(in crate::api) fn head(plan: &Plan, format: Format) -> String {
    if format != Format::Csv {
        return String::new();
    }
    let mut text = "time".to_owned();
    if plan.has_coverage() {
        text.push_str(",coverage");
    }
    for field in &plan.fields {
        text.push(',');
        text.push_str(&cell(field));
    }
    if plan.has_quality() {
        text.push_str(",quality");
    }
    text.push('\n');
    text
}

/// A name as a cell: quoted where it needs it, and never one that a table program would run as a formula.
fn cell(text: &str) -> String {
    let harmless = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if harmless.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", harmless.replace('"', "\"\""));
    }
    harmless
}

pub(in crate::api) fn lines(
    text: &mut String,
    fields: &[String],
    zone: &TimeZone,
    block: &Block,
    format: Format,
) {
    for (row, at) in block.t.iter().enumerate() {
        let coverage = block.coverage.as_ref().map(|all| all[row]);
        let quality = block.quality.as_ref().map(|all| words(all[row]));
        let values = block.series.iter().map(|series| series[row]);
        // Writing to a string cannot fail.
        let _ = match format {
            Format::Csv => {
                let local = zone.to_offset(*at);
                csv_line(
                    text,
                    &at.display_with_offset(local),
                    coverage,
                    values,
                    quality.as_deref(),
                )
            }
            Format::JsonLines | Format::Json => json_line(
                text,
                at,
                coverage,
                fields.iter().zip(values),
                quality.as_deref(),
            ),
        };
    }
}

fn csv_line(
    text: &mut String,
    at: &impl std::fmt::Display,
    coverage: Option<f64>,
    values: impl Iterator<Item = f64>,
    quality: Option<&str>,
) -> std::fmt::Result {
    write!(text, "{at}")?;
    for value in coverage.into_iter().chain(values) {
        if value.is_nan() {
            text.push(',');
        } else {
            write!(text, ",{value}")?;
        }
    }
    if let Some(quality) = quality {
        write!(text, ",{quality}")?;
    }
    text.push('\n');
    Ok(())
}

fn json_line<'a>(
    text: &mut String,
    at: &impl std::fmt::Display,
    coverage: Option<f64>,
    values: impl Iterator<Item = (&'a String, f64)>,
    quality: Option<&str>,
) -> std::fmt::Result {
    write!(text, "{{\"t\":\"{at}\"")?;
    if let Some(coverage) = coverage {
        write!(text, ",\"coverage\":{coverage}")?;
    }
    for (name, value) in values.filter(|(_, value)| !value.is_nan()) {
        write!(text, ",{}:{value}", serde_json::Value::from(name.as_str()))?;
    }
    if let Some(quality) = quality {
        write!(text, ",\"quality\":\"{quality}\"")?;
    }
    text.push_str("}\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell("solar_kw"), "solar_kw");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("-x,y"), "\"'-x,y\"");
        assert_eq!(cell("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn the_query_says_the_form_before_accept_does() {
        let mut headers = HeaderMap::new();
        assert_eq!(Format::of(None, &headers), Some(Format::Json));
        let accept = HeaderValue::from_static("text/html, text/csv;q=0.9, */*;q=0.1");
        headers.insert(header::ACCEPT, accept);
        assert_eq!(Format::of(None, &headers), Some(Format::Csv));
        assert_eq!(
            Format::of(Some("ndjson"), &headers),
            Some(Format::JsonLines)
        );
        assert_eq!(Format::of(Some("xlsx"), &headers), None);
    }
}

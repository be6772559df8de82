//! A chunk for people.

use std::fmt::Display;
use std::io::{self, Write};

use super::{ChunkError, Codec, Header, Pick, Statistics, Stats, Table};

/// Whether and how a dump shows the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Header and statistics only; nothing is decoded.
    None,
    /// One line per row, one field per column; an absent value is an empty field.
    Csv,
    /// One JSON object per row; an absent value has no key.
    JsonLines,
}

/// Writes what `chunk` holds: its header, one line per column with method, bytes and statistics, then the rows.
/// Times are ms since the Unix epoch.
///
/// # Errors
/// What `out` refuses; damage to the chunk as [`io::ErrorKind::InvalidData`] with the [`ChunkError`] in it.
pub fn dump(codec: &mut Codec, chunk: &[u8], rows: Rows, out: &mut dyn Write) -> io::Result<()> {
    let header = Header::read(chunk).map_err(damaged)?;
    dump_header(&header, out)?;
    match rows {
        Rows::None => Ok(()),
        Rows::Csv => dump_csv(&codec.decode(chunk, Pick::All).map_err(damaged)?, out),
        Rows::JsonLines => dump_json(&codec.decode(chunk, Pick::All).map_err(damaged)?, out),
    }
}

fn dump_header(header: &Header, out: &mut dyn Write) -> io::Result<()> {
    let Header {
        rows,
        chunk_len,
        header_len,
        first_time,
        last_time,
        interval,
        ..
    } = header;
    writeln!(
        out,
        "# {rows} rows, {chunk_len} bytes, header {header_len}, times {}",
        header.times.stream.len
    )?;
    writeln!(
        out,
        "# from {first_time} to {last_time} ms, usually every {interval} ms"
    )?;
    writeln!(
        out,
        "# column digits method bytes count first last min max sum"
    )?;
    for column in &header.columns {
        let digits = column
            .digits()
            .map_or_else(|| "-".into(), |digits| digits.to_string());
        write!(
            out,
            "# {} {digits} {} {} ",
            column.id,
            column.method(),
            column.stored_len()
        )?;
        match &column.statistics {
            Statistics::Numbers(stats) => dump_stats(stats, out)?,
            Statistics::Integers(stats) => dump_stats(stats, out)?,
        }
    }
    Ok(())
}

fn dump_stats<T: Display, S: Display>(stats: &Stats<T, S>, out: &mut dyn Write) -> io::Result<()> {
    let Stats {
        count,
        first,
        last,
        min,
        max,
        sum,
    } = stats;
    writeln!(
        out,
        "{count} {} {} {min} {max} {sum}",
        first.value, last.value
    )
}

fn dump_csv(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "ts")?;
    for (id, _) in table.columns() {
        write!(out, ",{}", quoted(id.name(), "\"\""))?;
    }
    writeln!(out)?;
    for row in 0..table.rows() {
        write!(out, "{}", table.time(row).unwrap_or_default())?;
        for (_, column) in table.columns() {
            match column.get(row) {
                Some(value) => write!(out, ",{value}")?,
                None => write!(out, ",")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn dump_json(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    for row in 0..table.rows() {
        write!(out, "{{\"ts\":{}", table.time(row).unwrap_or_default())?;
        for (id, value) in table.row(row) {
            write!(out, ",{}:{value}", json(id.name()))?;
        }
        writeln!(out, "}}")?;
    }
    Ok(())
}

/// A CSV field; the known names need no quotes.
fn quoted(text: &str, quote: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', quote))
    } else {
        text.into()
    }
}

/// A JSON string.
fn json(text: &str) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if u32::from(letter) < 0x20 => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

fn damaged(error: ChunkError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

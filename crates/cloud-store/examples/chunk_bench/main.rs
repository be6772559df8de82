//! Measures the telemetry codec: `cargo run --release -p solthrive-cloud-store --example chunk_bench [folder of real records]`.
//!
//! Prints bytes per row by column and the speed of encoding, scans and header reads, on two kinds of
//! simulated homes; then bytes per value of real records, where their folder is given.

mod homes;
mod real;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use homes::Metering;
use rustix::time::{ClockId, clock_gettime};
use solthrive_cloud_store::chunk::{Codec, ColumnId, Header, Known, Pick, Table, merge};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    for (name, metering) in [
        ("consistent", Metering::Consistent),
        ("noisy", Metering::Noisy),
    ] {
        let days: Vec<Table> = (1..=20)
            .map(|seed| homes::day(seed, 30, metering))
            .collect();
        println!("## {name} homes, days of {} rows", days[0].rows());
        sizes(&days)?;
        speeds(&days)?;
        println!("## {name} homes, hourly pieces and days of 86,400 rows");
        pieces(&days)?;
        total("all at 1 s", &[homes::day(1, 1, metering)])?;
    }
    if let Some(folder) = std::env::args_os().nth(1) {
        for record in real::RECORDS {
            println!("## {}", record.file);
            sizes(&record.days(Path::new(&folder))?)?;
        }
    }
    Ok(())
}

/// Bytes per snapshot, by column.
fn sizes(days: &[Table]) -> Outcome<()> {
    let mut codec = Codec::new()?;
    let chunks = days
        .iter()
        .map(|day| codec.encode(day))
        .collect::<Result<Vec<_>, _>>()?;
    let rows: usize = days.iter().map(Table::rows).sum();
    let per_row = |bytes: usize| bytes as f64 / rows as f64;
    let headers = chunks
        .iter()
        .map(|chunk| Header::read(chunk))
        .collect::<Result<Vec<_>, _>>()?;
    for known in Known::ALL {
        let columns: Vec<_> = headers
            .iter()
            .filter_map(|header| header.column(&ColumnId::from(*known)))
            .collect();
        if columns.is_empty() {
            continue;
        }
        let bytes = columns.iter().map(|column| column.stored_len()).sum();
        let mut methods: Vec<String> = columns.iter().map(|column| column.method()).collect();
        methods.sort();
        let mut counted: Vec<(usize, &String)> = methods
            .chunk_by(|a, b| a == b)
            .map(|run| (run.len(), &run[0]))
            .collect();
        counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let said: Vec<String> = counted
            .iter()
            .take(3)
            .map(|(count, method)| format!("{method} {count}"))
            .collect();
        println!(
            "{:18} {:6.3}  {}",
            known.name(),
            per_row(bytes),
            said.join(", ")
        );
    }
    let header: usize = headers.iter().map(|header| header.header_len).sum();
    println!("{:18} {:6.3}", "header", per_row(header));
    total("all", days)
}

/// Bytes per row of all chunks together.
fn total(name: &str, tables: &[Table]) -> Outcome<()> {
    let mut codec = Codec::new()?;
    let mut bytes = 0;
    for table in tables {
        bytes += codec.encode(table)?.len();
    }
    let rows: usize = tables.iter().map(Table::rows).sum();
    println!("{name:18} {:6.3}", bytes as f64 / rows as f64);
    Ok(())
}

/// Hourly pieces: their bytes, their memory while they wait, and how fast a day is put together again.
fn pieces(days: &[Table]) -> Outcome<()> {
    let mut pieces = Vec::new();
    for day in days {
        for row in 0..day.rows() {
            if row % 120 == 0 {
                pieces.push(Table::default());
            }
            let cells: Vec<_> = day
                .row(row)
                .map(|(id, value)| (id.clone(), value))
                .collect();
            if let (Some(piece), Some(time)) = (pieces.last_mut(), day.time(row)) {
                piece.insert(time, &cells)?;
            }
        }
    }
    total("all in pieces", &pieces)?;
    let rows = pieces.len() * 120;
    let heap: usize = pieces.iter().map(Table::heap).sum();
    println!(
        "waiting in memory  {:6.1} B a row",
        heap as f64 / rows as f64
    );
    let mut codec = Codec::new()?;
    let stored = pieces
        .iter()
        .map(|piece| codec.encode(piece))
        .collect::<Result<Vec<_>, _>>()?;
    let merged = fastest(|| {
        let mut day = Table::default();
        for piece in &stored[..24] {
            if let Ok(piece) = codec.decode(piece, Pick::All)
                && let Ok((merged, _)) = merge(std::mem::take(&mut day), &piece)
            {
                day = merged;
            }
        }
        black_box(codec.encode(&day).is_ok());
    });
    println!("24 pieces to a day {:6.2} ms", merged.as_secs_f64() * 1e3);
    Ok(())
}

fn speeds(days: &[Table]) -> Outcome<()> {
    let mut codec = Codec::new()?;
    let chunks = days
        .iter()
        .map(|day| codec.encode(day))
        .collect::<Result<Vec<_>, _>>()?;
    let rows: usize = days.iter().map(Table::rows).sum();
    let encoded = fastest(|| {
        for day in days {
            black_box(codec.encode(day).map(|chunk| chunk.len()).unwrap_or(0));
        }
    });
    println!("encode             {:6.2} M rows/s", mega(rows, encoded));
    let powers = [Known::SolarKw, Known::HomeKw, Known::GridKw].map(ColumnId::from);
    for (name, pick, columns) in [
        ("all", Pick::All, 13),
        ("3 powers", Pick::Only(&powers), 3),
        ("home", Pick::Only(&powers[1..2]), 1),
    ] {
        let mut out = Vec::new();
        let decoded = fastest(|| {
            for chunk in &chunks {
                out.clear();
                if let Ok(table) = codec.decode(chunk, pick) {
                    for (_, column) in table.columns() {
                        column.scan_into(&mut out);
                    }
                }
                black_box(&out);
            }
        });
        println!(
            "decode {name:10}  {:6.2} M rows/s, {:6.1} M values/s",
            mega(rows, decoded),
            mega(rows * columns, decoded)
        );
    }
    let read = fastest(|| {
        for chunk in &chunks {
            black_box(Header::read(chunk).is_ok());
        }
    });
    println!(
        "header read        {:6.2} us",
        read.as_secs_f64() * 1e6 / chunks.len() as f64
    );
    Ok(())
}

/// Processor time of the fastest of several turns: others use the same cores.
fn fastest(mut turn: impl FnMut()) -> Duration {
    let now = || {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(
            used.tv_sec.unsigned_abs(),
            u32::try_from(used.tv_nsec).unwrap_or(0),
        )
    };
    let timed = || {
        let begin = now();
        turn();
        now() - begin
    };
    std::iter::repeat_with(timed)
        .take(15)
        .min()
        .unwrap_or_default()
}

fn mega(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64() / 1e6
}

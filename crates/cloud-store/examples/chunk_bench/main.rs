//! Measures the telemetry codec: `cargo run --release -p solthrive-cloud-store --example chunk_bench`.
//!
//! Prints bytes per snapshot by column and the speed of encoding, scans and header reads, on two
//! kinds of simulated homes.

mod homes;

use std::hint::black_box;
use std::time::{Duration, Instant};

use homes::Metering;
use solthrive_cloud_store::chunk::{Codec, ColumnId, Header, Known, Pick, Table};

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
    let all: usize = chunks.iter().map(Vec::len).sum();
    println!("{:18} {:6.3}", "header", per_row(header));
    println!("{:18} {:6.3}", "all", per_row(all));
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

/// Of several turns the fastest: others use the same cores.
fn fastest(mut turn: impl FnMut()) -> Duration {
    let timed = || {
        #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
        let begin = Instant::now();
        turn();
        begin.elapsed()
    };
    std::iter::repeat_with(timed)
        .take(15)
        .min()
        .unwrap_or_default()
}

fn mega(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64() / 1e6
}

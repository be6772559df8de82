//! Chunks that were written once are read for ever.
//!
//! The files in `data/` were written by the first version, each with its rows as text beside it.
//! They stay as they are: a change of the format gets a version of its own and files of its own.
//! `SOLTHRIVE_WRITE_CHUNKS=1` writes those that are missing.

use std::fs;
use std::path::PathBuf;

use solthrive_cloud_store::chunk::{Codec, Rows, Table, dump};

use crate::homes::{self, Metering};
use crate::support::{a_few_rows, encode};

/// `make` gives the table of a file that is to be written anew.
fn is_read(name: &str, make: impl Fn() -> Table) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/data");
    let (chunk, text) = (
        folder.join(format!("{name}.chunk")),
        folder.join(format!("{name}.csv")),
    );
    if !chunk.exists() && std::env::var_os("SOLTHRIVE_WRITE_CHUNKS").is_some() {
        let bytes = encode(&make());
        fs::write(&text, rows(&bytes)).unwrap();
        fs::write(&chunk, bytes).unwrap();
    }
    assert_eq!(
        rows(&fs::read(&chunk).unwrap()),
        fs::read_to_string(&text).unwrap(),
        "{name}"
    );
}

/// The rows of a chunk as CSV.
fn rows(chunk: &[u8]) -> String {
    let mut out = Vec::new();
    dump(&mut Codec::new().unwrap(), chunk, Rows::Csv, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn the_first_chunks_of_every_kind_are_still_read() {
    is_read("v1-few-rows", a_few_rows);
    is_read("v1-consistent-day", || {
        homes::day(1, 600, Metering::Consistent)
    });
    is_read("v1-noisy-day", || homes::day(2, 600, Metering::Noisy));
}

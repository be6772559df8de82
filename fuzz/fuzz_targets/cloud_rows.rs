//! Snapshots of a call give the same samples from their rows, from a table and from a sealed chunk, and
//! a row that was taken is never said to be another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud::rows::{SAMPLE_COLUMNS, row_of, sample_of, samples_of};
use solthrive_cloud_store::chunk::{Codec, Inserted, Pick, Table};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::Telemetry;

const NOW: i64 = 1_782_043_200_000;

fuzz_target!(|bytes: &[u8]| {
    let now = UnixMillis::try_from(NOW).expect("an instant");
    let Ok(call) = Telemetry::parse(bytes, now) else { return };
    let (mut table, mut samples) = (Table::default(), Vec::new());
    for (_, snapshot) in &call.snapshots {
        let row = row_of(snapshot, call.ledger);
        assert!(row.cells.is_sorted_by(|(a, _), (b, _)| a < b), "a column twice");
        // What a chunk refuses is refused by the log, too.
        let Ok(inserted) = table.insert(row.time, &row.cells) else { continue };
        assert_ne!(table.insert(row.time, &row.cells), Ok(Inserted::Stored));
        if inserted == Inserted::Stored {
            samples.push(sample_of(&row).expect("a time that was checked"));
        }
    }
    if samples.is_empty() {
        return;
    }
    samples.sort_by_key(|sample| sample.ts);
    assert_eq!(samples_of(&table, i64::MIN..i64::MAX), samples);
    let mut codec = Codec::new().expect("there is memory for zstd");
    let chunk = codec.encode(&table).expect("a table with rows");
    let read = codec.decode(&chunk, Pick::Only(&SAMPLE_COLUMNS)).expect("our own");
    assert_eq!(samples_of(&read, i64::MIN..i64::MAX), samples);
});

//! No bytes make the chunk decoder fail, and a chunk that is read can be written and read again.
//! Checksums are not checked in a fuzzing build.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud_store::chunk::{Codec, Pick};

fuzz_target!(|bytes: &[u8]| {
    let mut codec = Codec::new().expect("there is memory for zstd");
    let Ok(table) = codec.decode(bytes, Pick::All) else { return };
    let again = codec.encode(&table).expect("a table with rows");
    assert!(codec.decode(&again, Pick::All).expect("just written") == table);
});

//! No bytes make the chunk decoder fail, and a chunk that is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud_store::chunk::{Codec, Header, Pick};

/// CRC-32C, bit by bit: checksums are made right so that the fuzzer gets behind them.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 })
    })
}

fuzz_target!(|bytes: &[u8]| {
    let mut codec = Codec::new().expect("there is memory for zstd");
    let mut chunk = bytes.to_vec();
    if let Ok(length) = Header::len(&chunk)
        && length <= chunk.len()
    {
        let sum = crc32c(chunk[..12].iter().chain(&chunk[16..length]).copied());
        chunk[12..16].copy_from_slice(&sum.to_le_bytes());
    }
    let Ok(table) = codec.decode(&chunk, Pick::All) else { return };
    let again = codec.encode(&table).expect("a table with rows");
    assert!(codec.decode(&again, Pick::All).expect("just written") == table);
});

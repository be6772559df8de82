//! Whatever bytes lie in the hot log, they are read or refused; what is read is written again alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud_store::hot::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    // Under a version and a checksum that hold, or nothing else would ever be looked at.
    let mut blob = vec![1];
    blob.extend_from_slice(bytes);
    let sum = crc32c::crc32c(&blob);
    blob.extend_from_slice(&sum.to_le_bytes());
    if let Ok(deliveries) = decode(&blob) {
        assert_eq!(decode(&encode(&deliveries)), Ok(deliveries));
    }
});

//! Whatever bytes stand for a day of buckets, they are read or refused; what is read is written again alike.
//! Checksums are not checked in a fuzzing build.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud_store::archive::bucket_day::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    const DAY: i64 = 20_625;
    // Under the version, and with room for a checksum.
    let mut sealed = vec![1];
    sealed.extend_from_slice(bytes);
    sealed.extend_from_slice(&[0; 4]);
    if let Ok(buckets) = decode(DAY, &sealed) {
        let again = encode(DAY, &buckets).expect("buckets that were read");
        assert_eq!(decode(DAY, &again), Ok(buckets));
    }
});

//! No packed body expands beyond its limit, and what was packed by us comes out as it went in.
#![no_main]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;
use solthrive_cloud::http::Packing;
use solthrive_protocol::MAX_EXPANDED;

fuzz_target!(|bytes: &[u8]| {
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        if let Ok(unpacked) = packing.unpack(bytes.to_vec()) {
            assert!(unpacked.len() <= MAX_EXPANDED);
        }
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("memory");
    let packed = gzip.finish().expect("memory");
    assert_eq!(Packing::Gzip.unpack(packed).expect("our own"), bytes);
    let packed = zstd::bulk::compress(bytes, 1).expect("memory");
    assert_eq!(Packing::Zstd.unpack(packed.clone()).expect("our own"), bytes);
    // Whatever is cut off is missed: half a body is not taken for a whole one.
    let half = packed[..packed.len() - 1].to_vec();
    assert!(Packing::Zstd.unpack(half).is_err());
});

//! Whatever the bytes are, the answer is a table or an error.

use proptest::prelude::*;
use solthrive_cloud_store::chunk::{ChunkError, Codec, ColumnId, Header, Known, Pick};

use crate::support::{a_few_rows, encode};

#[test]
fn every_flipped_bit_is_noticed() {
    let mut codec = Codec::new().unwrap();
    let sound = encode(&a_few_rows());
    for bit in 0..sound.len() * 8 {
        let mut chunk = sound.clone();
        chunk[bit / 8] ^= 1 << (bit % 8);
        assert!(
            codec.decode(&chunk, Pick::All).is_err(),
            "bit {bit} of {}",
            sound.len() * 8
        );
    }
}

#[test]
fn every_cut_is_noticed() {
    let mut codec = Codec::new().unwrap();
    let sound = encode(&a_few_rows());
    for length in 0..sound.len() {
        let error = codec.decode(&sound[..length], Pick::All).unwrap_err();
        assert!(
            matches!(error, ChunkError::Truncated { have, need } if have == length && need > have),
            "{length}: {error}"
        );
    }
    let longer = [&sound[..], &[0]].concat();
    assert!(matches!(
        codec.decode(&longer, Pick::All),
        Err(ChunkError::TooLong { .. })
    ));
}

#[test]
fn damage_names_its_column_and_spares_the_others() {
    let mut codec = Codec::new().unwrap();
    let mut chunk = encode(&a_few_rows());
    let last = chunk.len() - 1;
    chunk[last] ^= 1;
    let ev: ColumnId = "channels.ev.power_kw".parse().unwrap();
    let error = codec.decode(&chunk, Pick::All).unwrap_err();
    assert_eq!(
        error,
        ChunkError::ColumnDamaged {
            column: ev.clone(),
            what: "checksum"
        }
    );
    let powers = [
        Known::SolarKw.into(),
        Known::HomeKw.into(),
        Known::GridKw.into(),
    ];
    assert_eq!(
        codec
            .decode(&chunk, Pick::Only(&powers))
            .unwrap()
            .columns()
            .count(),
        3
    );
}

#[test]
fn a_header_needs_its_own_bytes_only() {
    let chunk = encode(&a_few_rows());
    let length = Header::len(&chunk[..12]).unwrap();
    assert_eq!(
        Header::read(&chunk[..length]).unwrap(),
        Header::read(&chunk).unwrap()
    );
    assert!(length < chunk.len());
}

#[test]
fn what_never_was_a_chunk_is_told_from_a_later_version() {
    assert_eq!(
        Header::read(b"SQLite format 3\0").unwrap_err(),
        ChunkError::NotAChunk
    );
    let mut chunk = encode(&a_few_rows());
    chunk[3] = 2;
    assert_eq!(
        Header::read(&chunk).unwrap_err(),
        ChunkError::UnknownVersion(2)
    );
}

/// Makes the checksums right again, as somebody who means harm would.
fn forge(chunk: &mut [u8]) {
    let Ok(length) = Header::len(chunk) else {
        return;
    };
    if length <= chunk.len() {
        let sum = crc32c(&[&chunk[..12], &chunk[16..length]].concat());
        chunk[12..16].copy_from_slice(&sum.to_le_bytes());
    }
}

/// CRC-32C bit by bit: an independent check of the one in use.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 {
                sum >> 1 ^ 0x82f6_3b78
            } else {
                sum >> 1
            };
        }
    }
    !sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Codec::new().unwrap().decode(&bytes, Pick::All).is_err());
    }

    #[test]
    fn a_forged_header_is_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut chunk = encode(&a_few_rows());
        let length = Header::len(&chunk).unwrap();
        for (at, byte) in changes {
            chunk[16 + at.index(length - 16)] = byte;
        }
        forge(&mut chunk);
        if let Ok(table) = Codec::new().unwrap().decode(&chunk, Pick::All) {
            encode(&table);
        }
    }
}

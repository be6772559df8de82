//! The buckets of a site and one UTC day as bytes.

use solthrive_domain::bucket::Bucket;

use super::UtcDay;
use super::sealed::{BadBytes, open, seal};

const VERSION: u8 = 1;

/// Packs and unpacks, keeping the compressor's memory.
pub struct BucketCodec;

impl BucketCodec {
    /// With nothing packed yet.
    ///
    /// # Errors
    /// [`BadBytes::Content`] when there is no memory for a compressor.
    pub fn new() -> Result<Self, BadBytes> {
        Ok(Self)
    }

    /// The buckets of `day` as bytes; they must be in order.
    ///
    /// # Errors
    /// [`BadBytes::Content`] when they are not buckets of that day in order.
    pub fn encode(&mut self, day: UtcDay, buckets: &[Bucket]) -> Result<Vec<u8>, BadBytes> {
        check(day, buckets)?;
        let plain = postcard::to_stdvec(buckets).map_err(|_| BadBytes::Content("memory"))?;
        Ok(seal(VERSION, &plain))
    }

    /// What [`Self::encode`] was given.
    ///
    /// # Errors
    /// [`BadBytes`].
    pub fn decode(&mut self, day: UtcDay, bytes: &[u8]) -> Result<Vec<Bucket>, BadBytes> {
        let plain = open(VERSION, bytes)?;
        let buckets: Vec<_> =
            postcard::from_bytes(plain).map_err(|_| BadBytes::Content("encoding"))?;
        check(day, &buckets)?;
        Ok(buckets)
    }
}

fn check(day: UtcDay, buckets: &[Bucket]) -> Result<(), BadBytes> {
    let in_order = buckets.is_sorted_by(|one, next| one.quarter < next.quarter);
    if in_order && buckets.iter().all(|bucket| bucket.quarter.utc_day() == day) {
        Ok(())
    } else {
        Err(BadBytes::Content(
            "buckets that are not the day's, in order",
        ))
    }
}

//! Where a site's fold stands, as bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use solthrive_domain::bucket::{Bucket, Fold};
use solthrive_domain::rollup::DayRollup;

/// The format's version, in the first byte.
const VERSION: u8 = 1;

/// What is needed to go on with a site, and what is newer than its stored buckets and days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteState {
    /// The fold.
    pub fold: Fold,
    /// Buckets that differ from the stored ones, by time. They are stored with the day when their quarter is over.
    pub open: Vec<Bucket>,
    /// The local day that is not over, up to now.
    pub today: Option<DayRollup>,
}

/// Bytes are not a site's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadState {
    /// A newer program wrote it.
    #[error("version {0} is not known here")]
    Version(u8),
    /// It makes no sense.
    #[error("{0}")]
    Content(String),
}

impl SiteState {
    /// As bytes.
    ///
    /// # Errors
    /// [`BadState::Content`], which only a lack of memory can bring about.
    pub fn encode(&self) -> Result<Vec<u8>, BadState> {
        encode(VERSION, self)
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`BadState`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        decode(VERSION, bytes)
    }
}

/// A version and a value.
pub(super) fn encode(version: u8, value: &impl Serialize) -> Result<Vec<u8>, BadState> {
    postcard::to_extend(value, vec![version]).map_err(content)
}

/// The value, if it is of this version and nothing comes after it.
pub(super) fn decode<T: DeserializeOwned>(known: u8, bytes: &[u8]) -> Result<T, BadState> {
    match bytes.split_first() {
        Some((version, value)) if *version == known => {
            let (value, rest) = postcard::take_from_bytes(value).map_err(content)?;
            if rest.is_empty() {
                Ok(value)
            } else {
                Err(BadState::Content("bytes after the end".to_owned()))
            }
        }
        Some((version, _)) => Err(BadState::Version(*version)),
        None => Err(BadState::Content("no bytes".to_owned())),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn content(error: postcard::Error) -> BadState {
    BadState::Content(error.to_string())
}

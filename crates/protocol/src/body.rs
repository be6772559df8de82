//! What all bodies have in common: who sends, and what can be wrong with the whole of one.

use jiff::Timestamp;
use serde::Deserialize;
use solthrive_domain::DeviceId;

/// Who sends a body, by its own word. The token says who it really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The device.
    pub device: DeviceId,
    /// Version of its software, at most 64 bytes.
    pub firmware: String,
    /// When it sent this, by its own clock.
    pub sent_at: Timestamp,
}

impl Sender {
    pub(crate) fn new(device: DeviceId, firmware: &str, sent_at: Timestamp) -> Self {
        Self {
            device,
            firmware: name(firmware),
            sent_at,
        }
    }
}

/// Why nothing of a body can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// No JSON, or not of this shape.
    #[error("the body is not what this call takes: {0}")]
    Malformed(String),
    /// More elements than one call may have: send them in several.
    #[error("{got} {what} in one call, but at most {most} are taken")]
    TooMany {
        /// What of.
        what: &'static str,
        /// How many there were.
        got: usize,
        /// How many there may be.
        most: usize,
    },
    /// Nothing to take.
    #[error("the body has no {0}")]
    Empty(&'static str),
}

/// The longest text that names a version or a code.
const MAX_NAME: usize = 64;

/// A text of at most 64 bytes without control characters; the rest is cut off.
pub(crate) fn name(text: &str) -> String {
    let mut name: String = text.chars().filter(|c| !c.is_control()).collect();
    truncate(&mut name, MAX_NAME);
    name
}

/// Cuts `text` to at most `most` bytes, between two characters.
pub(crate) fn truncate(text: &mut String, most: usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// Parses JSON; the message says where it went wrong, not what stood there.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    serde_json::from_slice(body).map_err(|error| BodyError::Malformed(said(&error)))
}

/// Where a text went wrong, in a line.
pub(crate) fn said(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    truncate(&mut text, 200);
    text
}

/// A list that is neither empty nor too long.
pub(crate) fn sized(
    what: &'static str,
    kept: usize,
    beyond: usize,
    most: usize,
) -> Result<(), BodyError> {
    if beyond > 0 {
        let got = kept + beyond;
        return Err(BodyError::TooMany { what, got, most });
    }
    if kept == 0 {
        return Err(BodyError::Empty(what));
    }
    Ok(())
}

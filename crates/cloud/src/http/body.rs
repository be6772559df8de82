//! Bodies of strangers: bounded on the wire, bounded when they expand, bounded in time.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use solthrive_protocol::{FailureCode, MAX_BODY, MAX_EXPANDED};

use super::answer::Refusal;

/// A body must be there after this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest window that zstd may ask for, as a power of two: what expands to the limit needs no more.
const ZSTD_WINDOW_LOG: u32 = 23;
/// Larger bodies are parsed apart from the threads that serve everybody.
pub(super) const LARGE: usize = 64 * 1024;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// Why a body was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum NotUnpacked {
    /// It expands to more than [`MAX_EXPANDED`] bytes.
    #[error("too much")]
    TooLarge,
    /// It is not packed as it says.
    #[error("the body cannot be unpacked: {0}")]
    Broken(#[from] io::Error),
}

impl Packing {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut all = headers.get_all(header::CONTENT_ENCODING).iter();
        let packing = match all.next().map(header::HeaderValue::as_bytes) {
            None | Some(b"identity") => Self::Plain,
            Some(b"gzip") => Self::Gzip,
            Some(b"zstd") => Self::Zstd,
            Some(_) => return Err(unsupported()),
        };
        if all.next().is_some() {
            return Err(unsupported());
        }
        Ok(packing)
    }

    /// Unpacks bytes, up to the limit and not a byte further.
    ///
    /// # Errors
    /// [`NotUnpacked`].
    pub fn unpack(self, packed: Vec<u8>) -> Result<Vec<u8>, NotUnpacked> {
        let unpacked = match self {
            Self::Plain => return Ok(packed),
            Self::Gzip => bounded(flate2::read::MultiGzDecoder::new(packed.as_slice()))?,
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed.as_slice())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                bounded(decoder)?
            }
        };
        unpacked.ok_or(NotUnpacked::TooLarge)
    }
}

fn unsupported() -> Refusal {
    Refusal::new(
        FailureCode::UnsupportedEncoding,
        "a body is sent as it is, or packed once with zstd or gzip",
    )
}

/// A body as it came, not yet unpacked.
pub(super) struct Packed {
    packing: Packing,
    bytes: Vec<u8>,
}

impl Packed {
    /// Reads it. What says itself that it is too large is refused before a byte is read.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Refusal> {
        let packing = Packing::of(headers)?;
        let said = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse::<u64>().ok());
        if said.is_some_and(|length| length > MAX_BODY as u64) {
            return Err(too_large("on the wire", MAX_BODY));
        }
        let collected = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY).collect())
            .await
            .map_err(|_| {
                Refusal::new(
                    FailureCode::NothingAcceptable,
                    "the body did not come in time",
                )
            })?;
        let bytes = collected.map_err(|error| {
            if error.downcast_ref::<LengthLimitError>().is_some() {
                too_large("on the wire", MAX_BODY)
            } else {
                Refusal::new(
                    FailureCode::NothingAcceptable,
                    "the body did not come to its end",
                )
            }
        })?;
        Ok(Self {
            packing,
            bytes: bytes.to_bytes().into(),
        })
    }

    /// Whether it is worth a thread of its own.
    pub(super) fn is_large(&self) -> bool {
        self.packing != Packing::Plain || self.bytes.len() > LARGE
    }

    /// Unpacks it; see [`Packing::unpack`].
    pub(super) fn unpack(self) -> Result<Vec<u8>, Refusal> {
        self.packing.unpack(self.bytes).map_err(|why| match why {
            NotUnpacked::TooLarge => too_large("unpacked", MAX_EXPANDED),
            NotUnpacked::Broken(_) => Refusal::new(FailureCode::NothingAcceptable, why.to_string()),
        })
    }
}

/// Everything, or nothing if it is more than may be.
fn bounded(from: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(MAX_EXPANDED as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= MAX_EXPANDED).then_some(bytes))
}

fn too_large(how: &str, most: usize) -> Refusal {
    Refusal::new(
        FailureCode::TooLarge,
        format!("a body has at most {most} bytes {how}: send half"),
    )
}

/// Reads, unpacks and parses a body, large ones apart from the threads that serve everybody.
pub(super) async fn parsed<T: Send + 'static>(
    headers: &HeaderMap,
    body: Body,
    parse: impl FnOnce(&[u8]) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let packed = Packed::read(headers, body).await?;
    if !packed.is_large() {
        return parse(&packed.unpack()?);
    }
    tokio::task::spawn_blocking(move || parse(&packed.unpack()?))
        .await
        .map_err(|_| Refusal::new(FailureCode::Internal, "the body could not be parsed"))?
}

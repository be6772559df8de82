//! `"ok"`, or the list of what makes numbers doubtful.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use solthrive_domain::FlagCode;
use solthrive_domain::telemetry::Doubts;

/// The bit of a code that this version does not know: a newer device's doubt is still a doubt.
pub const OTHER_DOUBT: u32 = 1 << 31;

/// What speaks against a snapshot, as JSON says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QualityBody(pub Doubts);

impl QualityBody {
    /// Nothing does.
    pub const OK: Self = Self(Doubts::NONE);
}

impl Serialize for QualityBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_ok() {
            return serializer.serialize_str("ok");
        }
        let other = (self.0.bits() & OTHER_DOUBT != 0).then_some("other");
        serializer.collect_seq(self.0.codes().map(FlagCode::as_str).chain(other))
    }
}

impl<'de> Deserialize<'de> for QualityBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Codes)
    }
}

struct Codes;

impl<'de> Visitor<'de> for Codes {
    type Value = QualityBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"ok\" or a list of flag codes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<QualityBody, E> {
        match text {
            "ok" => Ok(QualityBody::OK),
            code => Ok(QualityBody(Doubts::from_bits(bit(code)))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<QualityBody, A::Error> {
        let mut bits = 0;
        while let Some(code) = seq.next_element::<Cow<'de, str>>()? {
            bits |= bit(&code);
        }
        Ok(QualityBody(Doubts::from_bits(bits)))
    }
}

fn bit(code: &str) -> u32 {
    let known = FlagCode::ALL.iter().find(|known| known.as_str() == code);
    known.map_or(OTHER_DOUBT, |known| {
        [*known].into_iter().collect::<Doubts>().bits()
    })
}

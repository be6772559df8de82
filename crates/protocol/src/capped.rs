//! Lists that a stranger sends: read to their end, kept up to a limit.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The first `MOST` elements of a list, and how many there were.
#[derive(Debug)]
pub(crate) struct Capped<T, const MOST: usize> {
    pub(crate) items: Vec<T>,
    /// Elements beyond the limit.
    pub(crate) beyond: usize,
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Capped<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Elements<T, MOST> {
            type Value = Capped<T, MOST>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST}")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() < MOST {
                    let Some(item) = seq.next_element()? else {
                        return Ok(Capped { items, beyond: 0 });
                    };
                    items.push(item);
                }
                let mut beyond = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    beyond += 1;
                }
                Ok(Capped { items, beyond })
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

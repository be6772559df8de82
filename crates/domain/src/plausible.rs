//! Which values of a reading can be what they say.

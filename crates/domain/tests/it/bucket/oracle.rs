//! The same buckets by another way.

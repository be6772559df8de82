//! The cloud.

pub mod notes;
pub mod rows;
pub mod worker;

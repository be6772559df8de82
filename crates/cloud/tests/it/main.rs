//! What the cloud promises, tested from outside.

mod rows;
mod worker;

//! What the cloud promises, tested from outside.

mod rows;
mod service;

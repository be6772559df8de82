//! What the cloud promises, tested from outside.

mod openapi;
mod rows;
mod service;
mod worker;

//! What the cloud promises, tested from outside.

mod admin;
mod kill;
mod openapi;
mod rows;
mod service;
mod worker;

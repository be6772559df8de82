//! The cloud: takes in what appliances deliver, keeps it, and runs the fleet.
//!
//! A call of a device goes this way: TLS and HTTP within bounds ([`http`]), whose token is it
//! ([`devices`]), parsed and checked once (`solthrive_protocol`), then to the one
//! [`ingest::Committer`], which judges what is new and makes it durable together with what others
//! bring at the same time. Only then is it answered.
//!
//! Roles run in one process or apart: `ingest` takes in, `worker` follows the log, `api` answers people.

pub mod admin;
pub mod api;
pub mod app;
pub mod attempts;
pub mod channel;
pub mod clock;
pub mod config;
pub mod devices;
pub mod http;
pub mod ingest;
pub mod logging;
pub mod mail;
pub mod metrics;
pub mod notes;
pub mod outbound;
pub mod present;
pub mod receipts;
pub mod recent;
pub mod rotation;
pub mod rows;
pub mod secrets;
mod tail;
pub mod tls;
pub mod worker;

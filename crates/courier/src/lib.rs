//! Brings what a device has to say to the cloud.
//!
//! [`Courier`] drives `solthrive_domain::delivery` over a real line: TLS with the cloud's certificate
//! checked, one connection that is kept, a second one while there is a backlog. Where rows come from
//! ([`Shelf`]), what else there is to report ([`Reports`]), where tokens are kept ([`Vault`]) and what
//! time it is ([`Clock`]) is handed in, so that the appliance and a fleet of simulated ones are the same
//! device to the cloud.

mod address;
mod cargo;
mod channel;
mod lanes;
mod line;
mod run;
mod state;
mod status;
mod trouble;
mod trust;

pub use address::{BadAddress, CloudAddress};
pub use cargo::{Clock, Report, Reports, Row, Shelf, ShelfError, Vault};
pub use channel::Orders;
pub use line::{Answer, Line};
pub use run::{Cargo, Courier, Device, NotRegistered, Settings};
pub use status::{Counts, Standing, Status};
pub use trouble::Trouble;
pub use trust::{BadTrust, Roots, Trust};

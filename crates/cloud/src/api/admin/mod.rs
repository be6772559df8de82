//! The platform's office: who and what there is, devices and people that are shut out, the audit log.

mod audit;
mod devices;
mod find;
mod people;

pub(super) use self::audit::*;
pub(super) use self::devices::*;
pub(super) use self::find::*;
pub(super) use self::people::*;

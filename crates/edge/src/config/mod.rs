//! Configuration: from YAML files, the override and the environment to types that cannot be wrong.
//!
//! Everything past this module takes [`AppConfig`] and trusts it. Reading is pure; a shell
//! around it looks for the files.

mod types;

pub use types::{
    ApiConfig, AppConfig, BusSetup, LinkSetup, LogFormat, LogLevel, LoggingConfig, MeterSetup, NetworkConfig, Site,
    StorageConfig, Tariff,
};

//! Configuration: from YAML files, the override and the environment to types that cannot be wrong.
//!
//! Everything past this module takes [`AppConfig`] and trusts it. Reading is pure ([`load_layers`],
//! [`load`]): texts in, checked types or every finding out. [`files`] is the shell that looks for
//! the files, [`last_good`] keeps the newest configuration that worked, [`token`] the bearer token.

mod defaults;
mod env;
pub mod files;
mod home;
pub mod last_good;
mod layers;
mod lines;
mod meters;
mod origin;
mod problem;
mod reader;
mod rule;
mod sections;
mod suggest;
pub mod token;
mod tree;
mod types;

use serde_json::Value as Json;

pub use layers::{Input, Layer, LayerKind, Loaded, load, load_layers};
pub use origin::{Origin, Position};
pub use problem::{ConfigErrors, Problem};
pub use types::{
    ApiConfig, AppConfig, CloudConfig, LogFormat, LogLevel, LoggingConfig, NetworkConfig, Site,
    StorageConfig, Tariff,
};

/// One step of a key's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

impl Step {
    /// `meter.buses[0].port`.
    #[must_use]
    pub fn path(steps: &[Self]) -> String {
        Self::join(steps, |index| format!("[{index}]"))
    }

    /// `meter.buses[].port`: the same for every item of a list.
    fn pattern(steps: &[Self]) -> String {
        Self::join(steps, |_| "[]".to_owned())
    }

    fn join(steps: &[Self], bracket: impl Fn(usize) -> String) -> String {
        let mut path = String::new();
        for step in steps {
            match step {
                Self::Key(key) if path.is_empty() => path.push_str(key),
                Self::Key(key) => {
                    path.push('.');
                    path.push_str(key);
                }
                Self::Index(index) => path.push_str(&bracket(*index)),
            }
        }
        path
    }
}

/// One value that counts, after every layer, with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Where it belongs.
    pub path: Vec<Step>,
    /// The value; `"***"` for a secret.
    pub value: Json,
    /// Which layer said so.
    pub origin: Origin,
}

impl Effective {
    /// The key's full path.
    #[must_use]
    pub fn key(&self) -> String {
        Step::path(&self.path)
    }
}

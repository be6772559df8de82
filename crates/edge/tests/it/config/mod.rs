//! What a person who writes the configuration sees, and what the appliance gets.

mod errors;
mod files;
mod properties;
mod values;

use solthrive_edge::config::{ConfigErrors, Loaded, load_layers};

/// Loads section files by name; panics with the messages when they are wrong.
fn loaded(texts: &[(&str, &str)]) -> Loaded {
    load_layers(texts, &[]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The findings in files that are wrong.
fn refused(texts: &[(&str, &str)]) -> ConfigErrors {
    load_layers(texts, &[]).expect_err("the configuration is wrong")
}

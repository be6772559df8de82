//! Text to profile, within bounds: a hostile file costs little and is refused.

use serde_saphyr::{alias_limits, budget, options};

use super::draft::Draft;
use super::{Profile, ProfileError, check};

/// The largest profile file, bytes. Ours are below 8 kB.
pub const MAX_BYTES: usize = 256 * 1024;

impl Profile {
    /// Reads a profile. `file` is its name in error messages.
    ///
    /// # Errors
    /// The first thing wrong with it, and where.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        if text.len() > MAX_BYTES {
            let reason = format!(
                "a profile has at most {MAX_BYTES} bytes, this one has {}",
                text.len()
            );
            return Err(ProfileError::file(file, reason));
        }
        let draft: Draft = serde_saphyr::from_str_with_options(text, yaml_options())
            .map_err(|error| ProfileError::yaml(file, &error))?;
        check::profile(file, draft)
    }
}

/// Strict YAML 1.2 booleans, one document, and too few anchors for an expanding bomb.
fn yaml_options() -> serde_saphyr::Options {
    options! {
        strict_booleans: true,
        with_snippet: false,
        budget: budget! {
            max_documents: 1,
            max_depth: 16,
            max_nodes: 50_000,
            max_events: 200_000,
            max_anchors: 32,
            max_aliases: 256,
            max_merge_keys: 256,
        },
        alias_limits: alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 4,
        },
    }
}

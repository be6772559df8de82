//! What the homes of a fleet had in their books at some instant, so that another run goes on from there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_domain::DeviceId;

use crate::world::TrueEnergies;

/// One home's books.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// Until when they were kept.
    pub at: Timestamp,
    /// What is in them.
    pub energy: TrueEnergies,
}

impl Books {
    /// Books in which nothing is written yet.
    #[must_use]
    pub fn empty(at: Timestamp) -> Self {
        Self {
            at,
            energy: TrueEnergies::default(),
        }
    }
}

/// The books of a fleet, and the seed that its homes were made of: with another one they would be other homes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shelf {
    /// See [`super::Plan::seed`].
    pub seed: u64,
    /// By device.
    pub homes: BTreeMap<DeviceId, Books>,
}

impl Shelf {
    /// Reads the file that [`Shelf::write`] wrote, for homes of this seed.
    ///
    /// # Errors
    /// When it cannot be read, is no such file, or is about homes of another seed.
    pub fn read(path: &Path, seed: u64) -> Result<Self> {
        let name = path.display();
        let text = fs::read(path).with_context(|| format!("{name} cannot be read"))?;
        let shelf: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{name} was not written by `fleet history --books`"))?;
        ensure!(
            shelf.seed == seed,
            "{name} is about homes of seed {}, not {seed}",
            shelf.seed
        );
        Ok(shelf)
    }

    /// Writes them to a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

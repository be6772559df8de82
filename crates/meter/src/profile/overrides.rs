//! Small corrections to a profile from a site's configuration: one meter with an odd firmware
//! needs no profile of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use solthrive_domain::Point;

use super::{NumberKind, PointDef, Profile, Sign, Speed, WordOrder, consistency};

/// What is different about one point. Absent keys stay as the profile has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointOverride {
    /// Protocol address of the first register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u16>,
    /// Number format.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<NumberKind>,
    /// Which register comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<WordOrder>,
    /// Raw to canonical unit; finite, not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<f64>,
    /// Whether the meter's direction is turned round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<Sign>,
    /// 2 where one CT stands for both legs; finite, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<f64>,
    /// How often it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// Canonical values outside are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
}

/// An override that makes no sense for its profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{point}: {reason}")]
pub struct OverrideError {
    /// The point whose override, or whose neighbour's, is at fault.
    pub point: Point,
    /// One sentence for a person.
    pub reason: String,
}

impl Profile {
    /// This profile with some points read differently, checked as a whole again.
    ///
    /// # Errors
    /// If the profile has no such point, or the result contradicts itself.
    pub fn with_overrides(
        &self,
        overrides: &BTreeMap<Point, PointOverride>,
    ) -> Result<Self, OverrideError> {
        let mut changed = self.clone();
        for (point, over) in overrides {
            changed
                .change(*point, over)
                .map_err(|reason| OverrideError {
                    point: *point,
                    reason,
                })?;
        }
        changed.points.sort_by_key(PointDef::key);
        match consistency::first_contradiction(&changed.points, &changed.bus) {
            None => Ok(changed),
            Some((point, reason)) => Err(OverrideError { point, reason }),
        }
    }

    fn change(&mut self, point: Point, over: &PointOverride) -> Result<(), String> {
        let id = &self.id;
        let missing =
            || format!("the profile {id} has no such point; a new point needs a custom profile");
        let def = self
            .points
            .iter_mut()
            .find(|def| def.point == point)
            .ok_or_else(missing)?;
        if let Some(kind) = over.kind
            && kind != def.kind
        {
            // Sentinels are bit patterns of the old kind.
            def.sentinels.clear();
            def.kind = kind;
        }
        def.address = over.address.unwrap_or(def.address);
        def.words = over.words.unwrap_or(def.words);
        def.k = over.k.unwrap_or(def.k);
        def.sign = over.sign.unwrap_or(def.sign);
        def.multiplier = over.multiplier.unwrap_or(def.multiplier);
        def.speed = over.speed.unwrap_or(def.speed);
        def.range = over.range.or(def.range);
        refusal(def).map_or(Ok(()), Err)
    }
}

/// Why a single changed point cannot be.
fn refusal(def: &PointDef) -> Option<String> {
    if def.end() > 0x1_0000 {
        return Some(format!(
            "a {} at 0x{:04X} would end past register 0xFFFF",
            def.kind.name(),
            def.address
        ));
    }
    if !def.k.is_finite() || def.k == 0.0 {
        return Some(format!("`k` is {}, but must be finite and not 0", def.k));
    }
    if !(def.multiplier.is_finite() && def.multiplier > 0.0) {
        return Some(format!(
            "`multiplier` is {}, but must be finite and above 0",
            def.multiplier
        ));
    }
    let (low, high) = def.range?;
    let sound = low.is_finite() && high.is_finite() && low < high;
    (!sound).then(|| "`range` is [lowest, highest], both finite, lowest below highest".to_owned())
}

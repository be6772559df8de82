//! What is read of a meter, and where it differs from its profile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use solthrive_domain::Point;
use solthrive_meter::profile::{NumberKind, PointOverride, Profile, Sign, Speed, WordOrder};

use super::super::reader::Table;
use super::super::rule::{Wrong, number, one_of, parsed, register};
use super::super::{Origin, Problem, suggest};

const KINDS: [(&str, NumberKind); 8] = [
    ("u16", NumberKind::U16),
    ("s16", NumberKind::S16),
    ("u32", NumberKind::U32),
    ("s32", NumberKind::S32),
    ("u64", NumberKind::U64),
    ("s64", NumberKind::S64),
    ("f32", NumberKind::F32),
    ("f64", NumberKind::F64),
];
const WORDS: [(&str, WordOrder); 2] = [("msw", WordOrder::Msw), ("lsw", WordOrder::Lsw)];
const SIGNS: [(&str, Sign); 2] = [("normal", Sign::Normal), ("inverted", Sign::Inverted)];
const SPEEDS: [(&str, Speed); 2] = [("fast", Speed::Fast), ("slow", Speed::Slow)];

/// The points to read, all of which the profile must have.
pub(super) fn points(table: &Table<'_>, profile: Option<&Profile>) -> Option<BTreeSet<Point>> {
    let list = table.list(
        "points",
        parsed("a measurement", |text| point(text, profile)),
    )?;
    Some(list.into_iter().map(|spot| spot.value).collect())
}

fn point(text: &str, profile: Option<&Profile>) -> Result<Point, Wrong> {
    let names: Vec<String> = profile
        .iter()
        .flat_map(|profile| &profile.points)
        .map(|def| def.point.to_string())
        .collect();
    let near = suggest::nearest(text, names.iter().map(String::as_str))
        .map(|near| format!("did you mean {near}?"));
    let wrong = match (text.parse::<Point>(), profile) {
        (Ok(point), Some(profile)) if profile.point(point).is_none() => Wrong::but(format!(
            "the profile {} has no such measurement",
            profile.id
        )),
        (Ok(point), _) => return Ok(point),
        (Err(_), _) => Wrong::but("that is no measurement; they look like v_l1, p_total or e_imp"),
    };
    Err(Wrong {
        hint: near,
        ..wrong
    })
}

/// What this meter keeps differently from its profile: meters of one name do not always have one map.
pub(super) fn registers(table: &Table<'_>, profile: Option<Arc<Profile>>) -> Option<Arc<Profile>> {
    let overrides = table.named("registers", |name, item| {
        let over = register_override(item);
        match point(name, profile.as_deref()) {
            Ok(point) => Some((point, (over, item.at(), item.key()))),
            Err(wrong) => {
                let message = format!("{} names `{name}`, but {}", item.key(), wrong.but);
                item.reader()
                    .problem(Problem::new(item.at(), item.key(), message).with_hint(wrong.hint));
                None
            }
        }
    });
    let profile = profile?;
    if overrides.is_empty() {
        return Some(profile);
    }
    let places: BTreeMap<Point, (Origin, String)> = overrides
        .iter()
        .map(|(point, (_, at, key))| (*point, (at.clone(), key.clone())))
        .collect();
    let changes = overrides
        .into_iter()
        .map(|(point, (over, ..))| (point, over))
        .collect();
    match profile.with_overrides(&changes) {
        Ok(changed) => Some(Arc::new(changed)),
        Err(error) => {
            let (at, key) = places.get(&error.point).cloned().unwrap_or_else(|| {
                (
                    table.at_key("registers"),
                    format!("{}.registers", table.key()),
                )
            });
            table.reader().problem(Problem::new(
                at,
                &key,
                format!(
                    "{key} does not fit the profile {}: {}",
                    profile.id, error.reason
                ),
            ));
            None
        }
    }
}

fn register_override(item: &Table<'_>) -> PointOverride {
    PointOverride {
        address: item.optional("address", register()).map(|spot| spot.value),
        kind: item.optional("type", one_of(&KINDS)).map(|spot| spot.value),
        words: item
            .optional("words", one_of(&WORDS))
            .map(|spot| spot.value),
        k: item
            .optional("k", number("factors run", -1e9..=1e9))
            .map(|spot| spot.value),
        sign: item.optional("sign", one_of(&SIGNS)).map(|spot| spot.value),
        multiplier: item
            .optional("multiplier", number("multipliers run", 0.1..=10.0))
            .map(|spot| spot.value),
        speed: item
            .optional("speed", one_of(&SPEEDS))
            .map(|spot| spot.value),
        range: None,
    }
}

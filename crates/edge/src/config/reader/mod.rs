//! Reads a merged tree table by table, and keeps everything that is found wrong on the way.
//!
//! Asking for a key is what makes it known: whatever nobody asked for is an unknown key, and the
//! names that were asked for are what "did you mean" chooses from. No second list can go stale.

mod table;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::problem::is_secret;
use super::rule::{Ruling, Wrong};
use super::suggest;
use super::tree::{Entry, Kind, Node, Scalar};
use super::{Effective, Origin, Problem, Step};

pub(crate) use table::Table;

/// A value that passed its rule, with where it stands for rules that look at several.
#[derive(Debug, Clone)]
pub(crate) struct Spot<T> {
    pub(crate) value: T,
    pub(crate) at: Origin,
    pub(crate) key: String,
}

impl<T> Spot<T> {
    /// A finding about this value: "KEY is SHOWN, but BUT".
    pub(crate) fn problem(&self, shown: &str, but: &str) -> Problem {
        Problem::new(
            self.at.clone(),
            &self.key,
            format!("{} is {shown}, but {but}", self.key),
        )
        .with_value(shown)
    }
}

/// A list that was read.
#[derive(Debug)]
pub(crate) struct Tables<T> {
    /// The items that could be read.
    pub(crate) value: Vec<T>,
    pub(crate) at: Origin,
    pub(crate) key: String,
    /// It is a list, and nothing is in it.
    pub(crate) is_empty_list: bool,
}

/// What is collected while reading.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) problems: RefCell<Vec<Problem>>,
    pub(crate) warnings: RefCell<Vec<Problem>>,
    pub(crate) effective: RefCell<Vec<Effective>>,
    /// Known keys by table, list items under one name: `meter.buses[]`.
    known: RefCell<BTreeMap<String, Vec<&'static str>>>,
    strangers: RefCell<Vec<Stranger>>,
}

#[derive(Debug)]
struct Stranger {
    table: String,
    pattern: String,
    key: String,
    at: Origin,
    value: Option<String>,
}

impl Reader {
    pub(crate) fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn warn(&self, warning: Problem) {
        self.warnings.borrow_mut().push(warning);
    }

    /// Reads the whole tree, whose keys are the sections.
    pub(crate) fn root<T>(&self, root: &Node, read: impl FnOnce(&Table<'_>) -> T) -> T {
        self.table(Vec::new(), Some(root), read)
    }

    fn table<T>(
        &self,
        path: Vec<Step>,
        node: Option<&Node>,
        read: impl FnOnce(&Table<'_>) -> T,
    ) -> T {
        let table = Table {
            reader: self,
            node,
            entries: self.entries(&path, node),
            path,
            asked: RefCell::default(),
        };
        let result = read(&table);
        table.finish();
        result
    }

    fn entries<'n>(&self, path: &[Step], node: Option<&'n Node>) -> &'n [Entry] {
        let Some(node) = node else { return &[] };
        match &node.kind {
            Kind::Map(entries) => entries,
            Kind::List(_) => {
                self.mismatch(
                    path,
                    node,
                    "settings are expected here (`key: value`), not a list",
                );
                &[]
            }
            Kind::Scalar(_) => {
                self.mismatch(
                    path,
                    node,
                    "settings are expected below it (`key: value`, indented)",
                );
                &[]
            }
        }
    }

    fn mismatch(&self, path: &[Step], node: &Node, but: &str) {
        let key = Step::path(path);
        let shown = shown(&key, node);
        self.problem(
            Problem::new(
                node.at.clone(),
                &key,
                format!("{key} is {shown}, but {but}"),
            )
            .with_value(shown),
        );
    }

    /// Turns whatever nobody asked for into findings, now that every known name is known.
    pub(crate) fn name_strangers(&self) {
        let known = self.known.borrow();
        for stranger in self.strangers.borrow_mut().drain(..) {
            let full = match stranger.table.as_str() {
                "" => stranger.key.clone(),
                table => format!("{table}.{}", stranger.key),
            };
            let hint = hint_for(&stranger, &known);
            let mut problem =
                Problem::new(stranger.at, &full, format!("unknown key {full}")).with_hint(hint);
            problem.value = stranger.value;
            self.problems.borrow_mut().push(problem);
        }
    }
}

fn hint_for(stranger: &Stranger, known: &BTreeMap<String, Vec<&'static str>>) -> Option<String> {
    let beside = known.get(&stranger.pattern).map_or(&[][..], Vec::as_slice);
    if beside.is_empty() {
        return Some(format!(
            "this version has no settings in `{}`",
            stranger.pattern
        ));
    }
    if let Some((table, _)) = known
        .iter()
        .find(|(_, keys)| keys.contains(&stranger.key.as_str()))
    {
        let section = table.split(['.', '[']).next().unwrap_or(table);
        let file = if stranger.pattern.starts_with(section) {
            String::new()
        } else {
            format!(" (file {section}.yaml)")
        };
        return Some(format!("{} belongs in {table}{file}", stranger.key));
    }
    if let Some(near) = suggest::nearest(&stranger.key, beside.iter().copied()) {
        return Some(format!("did you mean {near}?"));
    }
    let elsewhere = known
        .iter()
        .flat_map(|(table, keys)| keys.iter().map(move |key| (table, *key)));
    let near = suggest::nearest(&stranger.key, elsewhere.clone().map(|(_, key)| key));
    match near.and_then(|near| elsewhere.clone().find(|(_, key)| *key == near)) {
        Some((table, key)) => Some(format!("did you mean {key} in {table}?")),
        None => Some(format!("known here: {}", beside.join(", "))),
    }
}

impl Reader {
    fn value<T>(
        &self,
        path: Vec<Step>,
        node: &Node,
        rule: &impl Fn(&Scalar) -> Ruling<T>,
    ) -> Option<Spot<T>> {
        let key = Step::path(&path);
        for hidden in &node.shadowed {
            if let Err(mut problem) = judge(&key, hidden, rule) {
                problem.hint = Some(format!(
                    "{} has another value, which counts; mend or remove this one",
                    node.at
                ));
                self.warn(*problem);
            }
        }
        match judge(&key, node, rule) {
            Ok(passed) => {
                let value = if is_secret(&key) {
                    Json::String("***".to_owned())
                } else {
                    passed.json
                };
                self.effective.borrow_mut().push(Effective {
                    path,
                    value,
                    origin: node.at.clone(),
                });
                Some(Spot {
                    value: passed.value,
                    at: node.at.clone(),
                    key,
                })
            }
            Err(problem) => {
                self.problem(*problem);
                None
            }
        }
    }
}

fn judge<T>(
    key: &str,
    node: &Node,
    rule: &impl Fn(&Scalar) -> Ruling<T>,
) -> Result<super::rule::Passed<T>, Box<Problem>> {
    let ruling = match &node.kind {
        Kind::Scalar(scalar) => rule(scalar),
        Kind::List(_) => Err(Wrong::but("one value is expected, not a list")),
        Kind::Map(_) => Err(Wrong::but("one value is expected, not settings below it")),
    };
    ruling.map_err(|wrong| {
        let shown = shown(key, node);
        let message = format!("{key} is {shown}, but {}", wrong.but);
        let problem = Problem::new(node.at.clone(), key, message);
        Box::new(problem.with_value(shown).with_hint(wrong.hint))
    })
}

/// A value as messages show it: short, on one line, never a secret.
pub(crate) fn shown(key: &str, node: &Node) -> String {
    match &node.kind {
        _ if is_secret(key) => "***".to_owned(),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a group of settings".to_owned(),
        Kind::Scalar(scalar) if scalar.text.is_empty() => "empty".to_owned(),
        Kind::Scalar(scalar) => {
            let mut text: String = scalar
                .text
                .chars()
                .take(60)
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect();
            if scalar.text.chars().count() > 60 {
                text.push('…');
            }
            format!("`{text}`")
        }
    }
}

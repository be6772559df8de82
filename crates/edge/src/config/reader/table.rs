//! One level of settings: asking for a key is what makes it known.

use std::cell::RefCell;

use serde_json::Value as Json;

use super::super::rule::Ruling;
use super::super::tree::{Entry, Kind, Node, Scalar};
use super::super::{Effective, Origin, Problem, Step};
use super::{Reader, Spot, Stranger, Tables, shown};

/// One level of settings.
pub(crate) struct Table<'r> {
    pub(super) reader: &'r Reader,
    pub(super) node: Option<&'r Node>,
    pub(super) entries: &'r [Entry],
    pub(super) path: Vec<Step>,
    pub(super) asked: RefCell<Vec<&'static str>>,
}

impl<'r> Table<'r> {
    pub(crate) fn reader(&self) -> &'r Reader {
        self.reader
    }

    /// Where the table itself stands.
    pub(crate) fn at(&self) -> Origin {
        self.node.map_or(Origin::Default, |node| node.at.clone())
    }

    /// The table's own path, such as `meter.buses[0]`.
    pub(crate) fn key(&self) -> String {
        Step::path(&self.path)
    }

    fn ask(&self, key: &'static str) -> Option<&'r Entry> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Names keys that exist but have no say here, so that they are not taken for unknown.
    pub(crate) fn know(&self, keys: &[&'static str]) {
        self.asked.borrow_mut().extend(keys);
    }

    fn below(&self, key: &str) -> Vec<Step> {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        path
    }

    /// Whether the key is written anywhere; does not count as asking.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The value of `key`, if it is there and passes.
    pub(crate) fn optional<T>(
        &self,
        key: &'static str,
        rule: impl Fn(&Scalar) -> Ruling<T>,
    ) -> Option<Spot<T>> {
        let entry = self.ask(key)?;
        self.reader.value(self.below(key), &entry.node, &rule)
    }

    /// As [`Self::optional`], and absence is a finding.
    pub(crate) fn required<T>(
        &self,
        key: &'static str,
        rule: impl Fn(&Scalar) -> Ruling<T>,
    ) -> Option<Spot<T>> {
        if !self.has(key) {
            let message = format!("{} has no {key}", self.key());
            self.reader.problem(Problem::new(
                self.at(),
                Step::path(&self.below(key)),
                message,
            ));
        }
        self.optional(key, rule)
    }

    /// As [`Self::optional`], with what holds when it is absent.
    pub(crate) fn or<T>(
        &self,
        key: &'static str,
        default: (&str, Origin),
        rule: impl Fn(&Scalar) -> Ruling<T>,
    ) -> Option<Spot<T>> {
        match self.ask(key) {
            Some(entry) => self.reader.value(self.below(key), &entry.node, &rule),
            None => self
                .reader
                .value(self.below(key), &Node::bare(default.1, default.0), &rule),
        }
    }

    /// A table below this one.
    pub(crate) fn table<T>(&self, key: &'static str, read: impl FnOnce(&Table<'_>) -> T) -> T {
        let node = self.ask(key).map(|entry| &entry.node);
        self.reader.table(self.below(key), node, read)
    }

    /// A table whose keys are names that the reader of the configuration chose.
    pub(crate) fn named<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&str, &Table<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(entry) = self.ask(key) else {
            return Vec::new();
        };
        let path = self.below(key);
        let entries = self.reader.entries(&path, Some(&entry.node));
        let tables = entries.iter().map(|entry| {
            let mut path = path.clone();
            path.push(Step::Key(entry.key.clone()));
            self.reader
                .table(path, Some(&entry.node), |table| read(&entry.key, table))
        });
        tables.flatten().collect()
    }

    /// Where the value of `key` stands, or else the table; does not count as asking.
    pub(crate) fn at_key(&self, key: &str) -> Origin {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map_or_else(|| self.at(), |entry| entry.key_at.clone())
    }

    /// A list of tables.
    pub(crate) fn tables<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Table<'_>) -> Option<T>,
    ) -> Tables<T> {
        let items = self.items(key);
        let path = self.below(key);
        let value = items.value.iter().enumerate().filter_map(|(index, node)| {
            let mut path = path.clone();
            path.push(Step::Index(index));
            self.reader.table(path, Some(node), &mut read)
        });
        Tables {
            value: value.collect(),
            at: items.at,
            key: items.key,
            is_empty_list: items.is_empty_list,
        }
    }

    /// A list of values; `None` when the key is absent.
    pub(crate) fn list<T>(
        &self,
        key: &'static str,
        rule: impl Fn(&Scalar) -> Ruling<T>,
    ) -> Option<Vec<Spot<T>>> {
        let present = self.has(key);
        let items = self.items(key);
        let path = self.below(key);
        let values = items.value.iter().enumerate().filter_map(|(index, node)| {
            let mut path = path.clone();
            path.push(Step::Index(index));
            self.reader.value(path, node, &rule)
        });
        let values: Vec<_> = values.collect();
        present.then_some(values)
    }

    fn items(&self, key: &'static str) -> Tables<&'r Node> {
        let path = self.below(key);
        let mut items = Tables {
            value: Vec::new(),
            at: self.at(),
            key: Step::path(&path),
            is_empty_list: false,
        };
        let Some(node) = self.ask(key).map(|entry| &entry.node) else {
            return items;
        };
        items.at = node.at.clone();
        match &node.kind {
            Kind::List(nodes) => items.value = nodes.iter().collect(),
            Kind::Map(_) | Kind::Scalar(_) => {
                self.reader.mismatch(
                    &path,
                    node,
                    "a list is expected (each item on a line of its own, beginning with `- `)",
                );
                return items;
            }
        }
        items.is_empty_list = items.value.is_empty();
        if items.is_empty_list {
            let empty = Effective {
                path,
                value: Json::Array(Vec::new()),
                origin: node.at.clone(),
            };
            self.reader.effective.borrow_mut().push(empty);
        }
        items
    }

    pub(super) fn finish(self) {
        let pattern = Step::pattern(&self.path);
        let asked = self.asked.into_inner();
        for entry in self
            .entries
            .iter()
            .filter(|entry| !asked.contains(&entry.key.as_str()))
        {
            let key = format!("{}.{}", pattern, entry.key);
            let value = match &entry.node.kind {
                Kind::Scalar(_) => Some(shown(&key, &entry.node)),
                Kind::Map(_) | Kind::List(_) => None,
            };
            let stranger = Stranger {
                table: Step::path(&self.path),
                pattern: pattern.clone(),
                key: entry.key.clone(),
                at: entry.key_at.clone(),
                value,
            };
            self.reader.strangers.borrow_mut().push(stranger);
        }
        let mut known = self.reader.known.borrow_mut();
        let names = known.entry(pattern).or_default();
        names.extend(asked);
        names.sort_unstable();
        names.dedup();
    }
}

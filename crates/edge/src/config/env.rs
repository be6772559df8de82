//! Environment variables as a layer: `SOLTHRIVE__SECTION__KEY` sets `section.key`.

use std::sync::Arc;

use super::tree::{self, Entry, Kind, Node};
use super::{Origin, Problem};

/// Variables that begin like this are ours; a wrong one is an error, not ignored.
pub(crate) const PREFIX: &str = "SOLTHRIVE__";

/// The layer that these variables make, and what is wrong with them.
///
/// A value is taken as it is, without YAML's quoting; one that begins with `[` or `{` is read as
/// YAML, so that a list can be given.
pub(crate) fn layer<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> (Node, Vec<Problem>) {
    let mut root = Node::empty_map(Origin::Env(Arc::from(PREFIX)));
    let mut problems = Vec::new();
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    ours.sort_unstable();
    for (name, value) in ours {
        let origin = Origin::Env(Arc::from(name));
        let path = name[PREFIX.len()..].to_lowercase();
        let steps: Vec<&str> = path.split("__").collect();
        if steps.len() < 2 || steps.len() > 8 || steps.iter().any(|step| step.is_empty()) {
            let message = format!(
                "{name} names no setting; expected {PREFIX}SECTION__KEY, such as {PREFIX}NETWORK__LISTEN"
            );
            problems.push(Problem::new(origin, path.replace("__", "."), message));
            continue;
        }
        match value_node(&origin, value) {
            Ok(leaf) => root.merge(nested(&origin, &steps, leaf), "", &mut problems),
            Err(found) => problems.extend(found.into_iter().map(|problem| Problem {
                origin: origin.clone(),
                ..problem
            })),
        }
    }
    (root, problems)
}

fn value_node(origin: &Origin, value: &str) -> Result<Node, Vec<Problem>> {
    if value.starts_with(['[', '{']) {
        return Ok(tree::parse(origin, value)?.unwrap_or_else(|| Node::bare(origin.clone(), value)));
    }
    Ok(Node::bare(origin.clone(), value))
}

fn nested(origin: &Origin, steps: &[&str], leaf: Node) -> Node {
    steps.iter().rev().fold(leaf, |node, step| {
        let entry = Entry {
            key: (*step).to_owned(),
            key_at: origin.clone(),
            node,
        };
        Node::new(origin.clone(), Kind::Map(vec![entry]))
    })
}

//! Lays the layers on top of each other and reads the result. Pure: no file, no clock, no process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use solthrive_meter::profile::{Catalog, ProfileError};

use super::defaults::DEFAULTS;
use super::reader::Reader;
use super::tree::{self, Entry, Kind, Node};
use super::{
    AppConfig, ConfigErrors, Effective, Origin, Problem, env, lines, problem, sections, suggest,
};

/// The sections, in the order in which their files are layered.
pub(crate) const FIRST: [&str; 5] = ["base", "network", "meter", "api", "logging"];
/// The sections whose files come after those, by name.
pub(crate) const LATER: [&str; 4] = ["cloud", "storage", "tariff", "update"];

/// Parsed once: reading texts only is done often, as by an editor that checks while one types.
static EMBEDDED: LazyLock<Catalog> = LazyLock::new(Catalog::embedded);

/// What a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// One section, named by the file: `meter.yaml` holds the settings of `meter`.
    Section,
    /// All sections, each under its name.
    Whole,
    /// As `Whole`, set from afar: wins over the files, and the override over it.
    Remote,
    /// As `Whole`, and wins over everything but the environment.
    Override,
}

/// One text of configuration.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The file's name or path, as messages shall call it.
    pub name: String,
    /// What stands in it.
    pub text: String,
    /// How to read it.
    pub kind: LayerKind,
}

/// What a configuration is read from.
pub struct Input<'a> {
    /// In any order.
    pub layers: &'a [Layer],
    /// Names and values; those that do not begin with `SOLTHRIVE__` are ignored.
    pub env: &'a [(String, String)],
    /// Relative paths in the configuration start here.
    pub config_dir: &'a Path,
    /// Brings the meter profiles: the embedded ones and those of the folder that is handed in.
    pub profiles: &'a dyn Fn(&Path) -> (Catalog, Vec<ProfileError>),
}

/// A configuration that holds.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Checked.
    pub config: AppConfig,
    /// Every value that counts, with its origin, section by section.
    pub effective: Vec<Effective>,
    /// What is probably not what was meant, but does not stop the appliance.
    pub warnings: Vec<Problem>,
}

/// Reads texts by their names (`meter.yaml` is the section `meter`, `config.yaml` the override),
/// with the built-in meter profiles.
///
/// # Errors
/// Everything that is wrong, each with its file, line and key.
pub fn load_layers(texts: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let layers: Vec<Layer> = texts
        .iter()
        .map(|(name, text)| {
            let kind = if stem(name) == "config" {
                LayerKind::Override
            } else {
                LayerKind::Section
            };
            Layer {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
                kind,
            }
        })
        .collect();
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let profiles = |_: &Path| (EMBEDDED.clone(), Vec::new());
    load(&Input {
        layers: &layers,
        env: &env,
        config_dir: Path::new("/etc/solthrive"),
        profiles: &profiles,
    })
}

/// Reads every layer; see the module for their order.
///
/// # Errors
/// Everything that is wrong, each with its file, line and key.
pub fn load(input: &Input<'_>) -> Result<Loaded, ConfigErrors> {
    let mut problems = Vec::new();
    let reader = Reader::default();
    let mut root = default_layer(&mut problems);
    let mut ordered: Vec<&Layer> = input.layers.iter().collect();
    ordered.sort_by_key(|layer| rank(layer));
    for layer in ordered {
        add(&mut root, layer, &reader, &mut problems);
    }
    let (over, wrong) = env::layer(
        input
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    problems.extend(wrong);
    root.merge(over, "", &mut problems);

    let config = sections::read(&reader, &root, input);
    reader.name_strangers();
    problems.extend(reader.problems.into_inner());
    let mut warnings = reader.warnings.into_inner();
    let texts: BTreeMap<&str, &str> = input
        .layers
        .iter()
        .map(|layer| (layer.name.as_str(), layer.text.as_str()))
        .collect();
    for finding in problems.iter_mut().chain(&mut warnings) {
        quote(finding, &texts);
    }
    // By layer, then by line: as a person would go through the files.
    problems.sort_by_key(|problem| problem.origin.clone());
    problems.dedup();
    warnings.sort_by_key(|problem| problem.origin.clone());
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded {
            config,
            effective: reader.effective.into_inner(),
            warnings,
        }),
        _ => Err(ConfigErrors {
            problems: never_empty(problems),
            warnings,
        }),
    }
}

/// A configuration that did not come together must say why, whatever happens.
fn never_empty(mut problems: Vec<Problem>) -> Vec<Problem> {
    if problems.is_empty() {
        problems.push(Problem::new(
            Origin::Default,
            "",
            "the configuration did not come together, which is a fault of this program",
        ));
    }
    problems
}

fn default_layer(problems: &mut Vec<Problem>) -> Node {
    match tree::parse(&Origin::Default, DEFAULTS) {
        Ok(Some(root)) => root,
        Ok(None) => Node::empty_map(Origin::Default),
        Err(found) => {
            problems.extend(found);
            Node::empty_map(Origin::Default)
        }
    }
}

fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.strip_suffix(".yaml")
        .or_else(|| file.strip_suffix(".json"))
        .unwrap_or(file)
}

/// Base, network, meter, api, logging; the others by name; what is set from afar; the override.
fn rank(layer: &Layer) -> (u8, usize, &str) {
    let stem = stem(&layer.name);
    let place = FIRST
        .iter()
        .position(|name| *name == stem)
        .unwrap_or(FIRST.len());
    let over = match layer.kind {
        LayerKind::Section | LayerKind::Whole => 0,
        LayerKind::Remote => 1,
        LayerKind::Override => 2,
    };
    (over, place, stem)
}

fn add(root: &mut Node, layer: &Layer, reader: &Reader, problems: &mut Vec<Problem>) {
    let file: Arc<str> = Arc::from(layer.name.as_str());
    let origin = if layer.kind == LayerKind::Override {
        Origin::Override(file, None)
    } else {
        Origin::File(file, None)
    };
    let section = stem(&layer.name);
    let known = FIRST.iter().chain(&LATER).copied();
    if layer.kind == LayerKind::Section && !known.clone().any(|name| name == section) {
        let message = format!("{section}.yaml is no file of the configuration and is ignored");
        let near =
            suggest::nearest(section, known).map(|near| format!("did you mean {near}.yaml?"));
        reader.warn(Problem::new(origin, "", message).with_hint(near));
        return;
    }
    match tree::parse(&origin, &layer.text) {
        Err(found) => problems.extend(found),
        Ok(None) => {}
        Ok(Some(node)) if layer.kind == LayerKind::Section => match unwrapped(&node, section) {
            Some(heading) => problems.push(heading),
            None => {
                let at = node.at.clone();
                let entry = Entry {
                    key: section.to_owned(),
                    key_at: at.clone(),
                    node,
                };
                root.merge(Node::new(at, Kind::Map(vec![entry])), "", problems);
            }
        },
        Ok(Some(node)) if matches!(node.kind, Kind::Map(_)) => root.merge(node, "", problems),
        Ok(Some(node)) => {
            let message =
                "sections are expected here: `meter:` and its settings below it, indented";
            problems.push(Problem::new(node.at, "", message));
        }
    }
}

/// `meter:` at the top of `meter.yaml`: the file is the section already.
fn unwrapped(node: &Node, section: &str) -> Option<Problem> {
    let Kind::Map(entries) = &node.kind else {
        return None;
    };
    let heading = entries
        .iter()
        .find(|entry| entry.key == section && matches!(entry.node.kind, Kind::Map(_)))?;
    let message = format!(
        "{section}.yaml is the section `{section}` already, so its settings stand at the left edge"
    );
    let hint = Some(format!(
        "remove the line `{section}:` and the indentation below it"
    ));
    Some(Problem::new(heading.key_at.clone(), section, message).with_hint(hint))
}

/// Shows the line itself, unless it may hold a secret.
fn quote(finding: &mut Problem, texts: &BTreeMap<&str, &str>) {
    let (Some(file), Some(at)) = (finding.origin.file(), finding.origin.position()) else {
        return;
    };
    let line = texts.get(file).and_then(|text| lines::line(text, at.line));
    if let Some(line) =
        line.filter(|line| !problem::is_secret(&finding.key) && !problem::is_secret(line))
    {
        let line = line.to_owned();
        finding.quote(&line);
    }
}

/// A path of the configuration, absolute.
pub(crate) fn absolute(config_dir: &Path, path: &str) -> PathBuf {
    config_dir.join(path)
}

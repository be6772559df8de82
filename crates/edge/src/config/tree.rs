//! A YAML text as a tree in which every value remembers where it stands and how it was written.
//!
//! Nothing is interpreted here: `no`, `010` and `1_000` stay the characters they are, so that
//! [`super::rule`] can refuse what YAML 1.1 would quietly turn into something else.

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::origin::Position;
use super::{Origin, Problem, lines};

/// A configuration file is a page or two; more is a mistake or an attack.
pub(crate) const MAX_TEXT: usize = 256 * 1024;
const MAX_DEPTH: usize = 24;
const MOST_PROBLEMS: usize = 20;

/// How a scalar was written, which decides what it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: may be a number or a truth value.
    Plain,
    /// In quotes or as a block: always text.
    Quoted,
    /// Not from YAML (environment, default): whatever the key needs.
    Bare,
}

/// A value with its origin, and what it hides of earlier layers.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Origin,
    pub(crate) kind: Kind,
    /// Values of earlier layers, nearest first.
    pub(crate) shadowed: Vec<Node>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Map(Vec<Entry>),
    List(Vec<Node>),
    Scalar(Scalar),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Origin,
    pub(crate) node: Node,
}

#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Node {
    pub(crate) fn new(at: Origin, kind: Kind) -> Self {
        Self {
            at,
            kind,
            shadowed: Vec::new(),
        }
    }

    pub(crate) fn empty_map(at: Origin) -> Self {
        Self::new(at, Kind::Map(Vec::new()))
    }

    pub(crate) fn bare(at: Origin, text: impl Into<String>) -> Self {
        Self::new(
            at,
            Kind::Scalar(Scalar {
                text: text.into(),
                style: Style::Bare,
            }),
        )
    }

    fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.style == Style::Plain && scalar.text.is_empty())
    }

    /// Lays `over` on top: tables are merged key by key, everything else is replaced whole.
    ///
    /// Something that is no table never replaces one: a section cannot vanish because its heading
    /// was left without settings. That is a finding under `path`, and the table stays.
    pub(crate) fn merge(&mut self, over: Self, path: &str, problems: &mut Vec<Problem>) {
        match (&mut self.kind, over.kind) {
            (Kind::Map(entries), Kind::Map(news)) => {
                for new in news {
                    match entries.iter_mut().find(|entry| entry.key == new.key) {
                        Some(entry) => {
                            let path = if path.is_empty() {
                                new.key
                            } else {
                                format!("{path}.{}", new.key)
                            };
                            entry.key_at = new.key_at;
                            entry.node.merge(new.node, &path, problems);
                        }
                        None => entries.push(new),
                    }
                }
                self.at = over.at;
            }
            (Kind::Map(_), kind) => {
                let node = Self::new(over.at, kind);
                let shown = super::reader::shown(path, &node);
                let message = format!(
                    "{path} is {shown}, but settings are expected below it (`key: value`, indented)"
                );
                let hint =
                    Some("write them, or remove the line so that the defaults apply".to_owned());
                problems.push(
                    Problem::new(node.at, path, message)
                        .with_value(shown)
                        .with_hint(hint),
                );
            }
            (_, kind) => {
                let hidden = std::mem::replace(self, Self::new(over.at, kind));
                let Self { at, kind, shadowed } = hidden;
                self.shadowed.push(Self::new(at, kind));
                self.shadowed.extend(shadowed);
            }
        }
    }
}

/// Reads one document. `None` when the text holds no value (empty or comments only).
///
/// # Errors
/// Everything that keeps the text from being one plain YAML document, with its line.
pub(crate) fn parse(origin: &Origin, text: &str) -> Result<Option<Node>, Vec<Problem>> {
    if text.len() > MAX_TEXT {
        let size = format!(
            "the file has {} kB, but a configuration file has at most {} kB",
            text.len() / 1024,
            MAX_TEXT / 1024
        );
        return Err(vec![Problem::new(origin.clone(), "", size)]);
    }
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut builder = Builder {
        origin,
        stack: Vec::new(),
        root: None,
        problems: Vec::new(),
        documents: 0,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        // Whoever mends these is helped more by reading them than by the next hundred.
        if builder.problems.len() >= MOST_PROBLEMS {
            break;
        }
        match event {
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => {
                builder.syntax(text, &error);
                break;
            }
        }
    }
    if builder.problems.is_empty() {
        Ok(builder.root)
    } else {
        Err(builder.problems)
    }
}

enum Open {
    List(Origin, Vec<Node>),
    Map {
        at: Origin,
        entries: Vec<Entry>,
        key: Option<(String, Origin)>,
    },
}

struct Builder<'a> {
    origin: &'a Origin,
    stack: Vec<Open>,
    root: Option<Node>,
    problems: Vec<Problem>,
    documents: usize,
}

impl Builder<'_> {
    fn here(&self, span: &Span) -> Origin {
        self.origin.at(Position {
            line: span.start.line().max(1),
            column: span.start.col() + 1,
        })
    }

    fn take(&mut self, event: Event<'_>, span: &Span) {
        let at = self.here(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(anchor, tag.is_some(), &at);
                let style = if style == ScalarStyle::Plain {
                    Style::Plain
                } else {
                    Style::Quoted
                };
                // The reader calls a value that is not there `~`; nothing is nothing.
                let absent = style == Style::Plain && span.start.index() == span.end.index();
                let text = if absent {
                    String::new()
                } else {
                    text.into_owned()
                };
                self.scalar(text, style, at);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_extras(anchor, tag.is_some(), &at);
                self.stack.push(Open::List(at, Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_extras(anchor, tag.is_some(), &at);
                self.stack.push(Open::Map {
                    at,
                    entries: Vec::new(),
                    key: None,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Open::List(at, items)) => self.put(Node::new(at, Kind::List(items))),
                Some(Open::Map { at, entries, .. }) => self.put(Node::new(at, Kind::Map(entries))),
                None => {}
            },
            Event::Alias(_) => {
                self.problems.push(Problem::new(
                    at.clone(),
                    "",
                    "aliases (`*name`) are not used in the configuration; write the value itself",
                ));
                self.put(Node::bare(at, ""));
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    self.problems.push(Problem::new(at, "", "a second YAML document begins here, but a file holds one; remove the `---`"));
                }
            }
            _ => {}
        }
    }

    fn refuse_extras(&mut self, anchor: usize, tag: bool, at: &Origin) {
        if anchor != 0 {
            self.problems.push(Problem::new(at.clone(), "", "anchors (`&name`) are not used in the configuration; write the value where it belongs"));
        }
        if tag {
            self.problems.push(Problem::new(
                at.clone(),
                "",
                "tags (`!name`) are not used in the configuration; write the plain value",
            ));
        }
    }

    fn scalar(&mut self, text: String, style: Style, at: Origin) {
        if let Some(Open::Map {
            key: key @ None, ..
        }) = self.stack.last_mut()
        {
            *key = Some((text, at));
        } else {
            self.put(Node::new(at, Kind::Scalar(Scalar { text, style })));
        }
    }

    /// Hands a finished value to whatever is open around it.
    fn put(&mut self, node: Node) {
        match self.stack.last_mut() {
            // `---` alone is as empty as a file without it.
            None if node.is_nothing() => {}
            None if self.documents <= 1 => self.root = Some(node),
            None => {}
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((name, key_at)) => match entries.iter().find(|entry| entry.key == name) {
                    Some(first) => {
                        let line = first.key_at.position().map_or(0, |at| at.line);
                        let message =
                            format!("{name} is given a second time; the first is on line {line}");
                        self.problems.push(Problem::new(key_at, name, message));
                    }
                    None => entries.push(Entry {
                        key: name,
                        key_at,
                        node,
                    }),
                },
                // A list or a map where a key belongs: keep the pairs in step and say so.
                None => {
                    self.problems.push(Problem::new(
                        node.at.clone(),
                        "",
                        "a list or a map stands where a key belongs",
                    ));
                    *key = Some((String::new(), node.at));
                }
            },
        }
    }

    fn syntax(&mut self, text: &str, error: &granit_parser::ScanError) {
        let mark = error.marker();
        let mut at = Position {
            line: mark.line().max(1),
            column: mark.col() + 1,
        };
        // The reader names the place where it gave up, which for a tab is the line above it.
        let tab = (at.line..at.line + 2).find(|line| indented_with_tab(text, *line));
        let hint = if let Some(line) = tab {
            at = Position { line, column: 1 };
            Some("the line is indented with a tab; YAML wants spaces".to_owned())
        } else if error.info().contains("mapping values are not allowed") {
            Some("check the indentation of this line and the one above, and quote text that contains `: `".to_owned())
        } else {
            None
        };
        let message = format!("this is not valid YAML: {}", error.info());
        self.problems
            .push(Problem::new(self.origin.at(at), "", message).with_hint(hint));
    }
}

/// Whether the line, counted from 1, begins with a tab or with spaces and a tab.
fn indented_with_tab(text: &str, line: usize) -> bool {
    let line = lines::line(text, line).unwrap_or_default();
    line.trim_start_matches(' ').starts_with('\t')
}

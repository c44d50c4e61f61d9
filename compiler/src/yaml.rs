//! Text to a tree that knows where everything is written.
//!
//! The parser's events become nodes whose scalars stay text: what a scalar means is decided where it is used,
//! by the YAML 1.2 core schema. Parsing never fails. A syntax error is a finding, and the tree then holds what
//! came before it, with the nodes that the error cut marked so, lest their missing halves be found missing.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle};

use crate::check::{duplicate_key, yaml_feature, yaml_limit, yaml_syntax};
use crate::diagnostic::{Findings, Span};
use crate::source::{Source, SourceId};

/// Deepest nesting of collections. A fragment needs four.
pub const MAX_DEPTH: usize = 32;

/// Most nodes in one file.
pub const MAX_NODES: usize = 50_000;

/// A node and where it is written.
#[derive(Debug)]
pub struct Node {
    /// Where; of a block collection, from its first key or dash.
    pub span: Span,
    /// What.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// Text, not yet interpreted.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values.
    Mapping(Mapping),
    /// Something of which a finding tells already.
    Rejected,
}

/// Text as written, escapes resolved.
#[derive(Debug)]
pub struct Scalar {
    /// The text.
    pub text: String,
    /// Whether it was plain, so that it may mean something else than text.
    pub is_plain: bool,
}

/// Keys with values, in order, no key twice.
#[derive(Debug)]
pub struct Mapping {
    /// Each key with its value.
    pub pairs: Vec<(Node, Node)>,
    /// Whether a syntax error ended it, so that keys may be missing which the author did write.
    pub is_cut: bool,
}

/// What a scalar means by the YAML 1.2 core schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreType {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number with a fraction or exponent.
    Float,
    /// Text.
    Text,
}

impl Scalar {
    /// The type that the core schema gives the scalar (YAML 1.2.2, chapter 10.3.2).
    #[must_use]
    pub fn core_type(&self) -> CoreType {
        if !self.is_plain {
            return CoreType::Text;
        }
        let text = self.text.as_str();
        match text {
            "" | "~" | "null" | "Null" | "NULL" => CoreType::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => CoreType::Boolean,
            _ if is_integer(text) => CoreType::Integer,
            _ if is_float(text) => CoreType::Float,
            _ => CoreType::Text,
        }
    }
}

fn is_integer(text: &str) -> bool {
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if let Some(octal) = text.strip_prefix("0o") {
        all(octal, 8)
    } else if let Some(hexadecimal) = text.strip_prefix("0x") {
        all(hexadecimal, 16)
    } else {
        all(text.strip_prefix(['-', '+']).unwrap_or(text), 10)
    }
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // The shapes of the core schema are among those that Rust reads; its words are not.
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok()
}

impl Node {
    /// What the node is, for a message.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => match scalar.core_type() {
                CoreType::Null => "nothing",
                CoreType::Boolean => "a boolean",
                CoreType::Integer => "a number",
                CoreType::Float => "a number with a fraction",
                CoreType::Text => "text",
            },
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Rejected => "not usable",
        }
    }
}

/// The tree of a source's only document; `None` where there is no document, or none before an error.
#[must_use]
pub fn parse(id: SourceId, source: &Source, findings: &mut Findings) -> Option<Node> {
    let mut tree = Tree { source: id, open: Vec::new(), root: None, nodes: 0, findings };
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    if let Some(at) = source.text.char_indices().find(|&(at, c)| !is_allowed(at, c)) {
        tree.findings.add(yaml_syntax::control_character(Span::new(id, at.0, at.0 + at.1.len_utf8()), at.1));
        return None;
    }
    for event in Parser::new_from_str_with_options(&source.text, options) {
        let stop = match event {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or_default();
                match tree.take(event, Span::new(id, range.start, range.end.max(range.start))) {
                    Ok(()) => continue,
                    Err(stop) => stop,
                }
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or_default().min(source.text.len());
                let length =
                    source.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                let span = Span::new(id, at, at + length);
                if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
                    tree.findings.add(yaml_limit::depth(span));
                    Stop::Altogether
                } else {
                    tree.findings.add(yaml_syntax::finding(span, &error.info()));
                    Stop::Here
                }
            }
        };
        return match stop {
            Stop::Here => tree.cut(),
            Stop::Altogether => None,
        };
    }
    tree.root
}

/// Whether YAML allows the character in a file: all but control characters, and a byte order mark only at
/// the start (YAML 1.2.2, chapter 5.1).
fn is_allowed(at: usize, c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        '\u{feff}' => at == 0,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    }
}

/// Why nothing more is read from a file.
enum Stop {
    /// What came before can still be looked at.
    Here,
    /// The file as a whole is not one to look at.
    Altogether,
}

/// A collection whose end has not come.
struct Open {
    span: Span,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping { pairs: Vec<(Node, Node)>, key: Option<Node> },
}

struct Tree<'f> {
    source: SourceId,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    findings: &'f mut Findings,
}

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(span)?;
                self.reject_properties(span, anchor, tag.is_some());
                let is_plain = style == ScalarStyle::Plain;
                self.add(Node { span, value: Value::Scalar(Scalar { text: text.into_owned(), is_plain }) });
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(span, Items::Sequence(Vec::new()))?;
                self.reject_properties(span, anchor, tag.is_some());
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(span, Items::Mapping { pairs: Vec::new(), key: None })?;
                self.reject_properties(span, anchor, tag.is_some());
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span, false),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.count(span)?;
                self.findings.add(yaml_feature::alias(span));
                self.add(Node { span, value: Value::Rejected });
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.findings.add(yaml_feature::second_document(span));
                return Err(Stop::Here);
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, span: Span) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.findings.add(yaml_limit::nodes(span));
            return Err(Stop::Altogether);
        }
        Ok(())
    }

    fn open(&mut self, span: Span, items: Items) -> Result<(), Stop> {
        self.count(span)?;
        if self.open.len() >= MAX_DEPTH {
            self.findings.add(yaml_limit::depth(span));
            return Err(Stop::Altogether);
        }
        self.open.push(Open { span, items });
        Ok(())
    }

    fn reject_properties(&mut self, span: Span, anchor: usize, has_tag: bool) {
        if anchor != 0 {
            self.findings.add(yaml_feature::anchor(span));
        }
        if has_tag {
            self.findings.add(yaml_feature::tag(span));
        }
    }

    fn close(&mut self, end: Span, is_cut: bool) {
        let Some(Open { span, items }) = self.open.pop() else { return };
        let value = match items {
            Items::Sequence(items) => Value::Sequence(items),
            Items::Mapping { pairs, .. } => {
                Value::Mapping(Mapping { pairs: self.without_duplicates(pairs), is_cut })
            }
        };
        let span = Span::new(self.source, span.start(), end.end().max(span.end()));
        self.add(Node { span, value });
    }

    /// Closes what an error left open. A key without its value is dropped: nothing can be said about it.
    fn cut(mut self) -> Option<Node> {
        while let Some(open) = self.open.last() {
            let end = open.span;
            self.close(end, true);
        }
        self.root
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { items: Items::Sequence(items), .. }) => items.push(node),
            Some(Open { items: Items::Mapping { pairs, key }, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push((key, node)),
            },
        }
    }

    /// The first of each key; the others are findings.
    fn without_duplicates(&mut self, pairs: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let mut kept = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            if let Value::Scalar(scalar) = &key.value {
                if let Some(&first) = seen.get(&scalar.text) {
                    self.findings.add(duplicate_key::finding(&scalar.text, key.span, first));
                    continue;
                }
                seen.insert(scalar.text.clone(), key.span);
            }
            kept.push((key, value));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_mean_what_the_core_schema_says() {
        let plain = |text: &str| Scalar { text: text.to_owned(), is_plain: true }.core_type();
        for (text, expected) in [
            ("", CoreType::Null),
            ("~", CoreType::Null),
            ("nULL", CoreType::Text),
            ("true", CoreType::Boolean),
            ("yes", CoreType::Text),
            ("no", CoreType::Text),
            ("on", CoreType::Text),
            ("0755", CoreType::Integer),
            ("0o755", CoreType::Integer),
            ("0x1F", CoreType::Integer),
            ("-1", CoreType::Integer),
            ("1_000", CoreType::Text),
            ("16M", CoreType::Text),
            ("1.5", CoreType::Float),
            ("1e3", CoreType::Float),
            (".inf", CoreType::Float),
            ("inf", CoreType::Text),
            ("nan", CoreType::Text),
            (".", CoreType::Text),
            ("1:30", CoreType::Text),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
        assert_eq!(Scalar { text: "1".to_owned(), is_plain: false }.core_type(), CoreType::Text);
    }
}

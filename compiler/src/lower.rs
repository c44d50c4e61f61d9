//! Nodes to values: what fragments and policies have in common.
//!
//! Each reader takes the value it is asked for, or adds a finding and returns `None`.

use state_schema::StatePathBuf;

use crate::check::{invalid_path, unknown_key, unknown_value, wrong_type, yaml_1_1, yaml_limit};
use crate::diagnostic::{Findings, Spanned};
use crate::fragment::Word;
use crate::yaml::{CoreType, Mapping, Node, Scalar, Value};

/// Longest text of a value, in bytes. A record of the blob holds twice as much, with all else that is in it.
pub(crate) const MAX_TEXT_LEN: usize = 1 << 15;

/// Reads values, and collects what is wrong with them.
pub(crate) struct Lowering<'f> {
    pub(crate) findings: &'f mut Findings,
}

impl Lowering<'_> {
    /// The mapping that `node` is.
    pub(crate) fn mapping<'n>(&mut self, node: &'n Node, what: &str, wanted: &str) -> Option<&'n Mapping> {
        match &node.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => self.refuse(node, what, wanted),
        }
    }

    /// The items of the list that `node` is.
    pub(crate) fn sequence<'n>(&mut self, node: &'n Node, what: &str, wanted: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::Sequence(items) => Some(items),
            _ => self.refuse(node, what, wanted),
        }
    }

    /// The scalar that `node` is.
    pub(crate) fn scalar<'n>(&mut self, node: &'n Node, what: &str, wanted: &str) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => self.refuse(node, what, wanted),
        }
    }

    /// Says that `node` is of the wrong type, unless a finding has told of it already.
    fn refuse<T>(&mut self, node: &Node, what: &str, wanted: &str) -> Option<T> {
        if !matches!(node.value, Value::Rejected) {
            self.findings.add(wrong_type::finding(node, what, wanted));
        }
        None
    }

    /// A text of at most [`MAX_TEXT_LEN`] bytes.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        let scalar = self.scalar(node, what, "text")?;
        if scalar.core_type() != CoreType::Text {
            self.findings.add(wrong_type::unquoted(node, what, &scalar.text));
            return None;
        }
        if scalar.text.len() > MAX_TEXT_LEN {
            self.findings.add(yaml_limit::text_len(node.span, scalar.text.len()));
            return None;
        }
        if scalar.is_plain && yaml_1_1::reads_otherwise(&scalar.text) {
            self.findings.add(yaml_1_1::finding(node.span, &scalar.text));
        }
        Some(Spanned { value: scalar.text.clone(), span: node.span })
    }

    /// A path of the image.
    pub(crate) fn path(&mut self, node: &Node, what: &str) -> Option<Spanned<StatePathBuf>> {
        let path = self.text(node, what)?;
        match StatePathBuf::new(path.value.clone()) {
            Ok(valid) => Some(path.map(|_| valid)),
            Err(fault) => {
                self.findings.add(invalid_path::finding(&path, fault));
                None
            }
        }
    }

    /// One of the words of a type.
    pub(crate) fn word<T: Word>(&mut self, node: &Node, key: &str) -> Option<Spanned<T>> {
        let text = self.text(node, &format!("`{key}`"))?;
        if let Some(&(_, value)) = T::WORDS.iter().find(|(word, _)| *word == text.value) {
            return Some(text.map(|_| value));
        }
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        self.findings.add(unknown_value::finding(&text, key, &words));
        None
    }

    /// Reports keys that are not among `known`, and returns the known ones that these seem to be meant for.
    pub(crate) fn unknown_keys(
        &mut self,
        mapping: &Mapping,
        place: &str,
        known: &'static [&'static str],
    ) -> Vec<&'static str> {
        let mut typos = Vec::new();
        for (key, _) in &mapping.pairs {
            match &key.value {
                Value::Scalar(scalar) if known.contains(&scalar.text.as_str()) => {}
                Value::Scalar(scalar) => {
                    let (finding, meant) = unknown_key::finding(&scalar.text, key.span, place, known);
                    self.findings.add(finding);
                    typos.extend(meant);
                }
                _ => {
                    self.refuse::<()>(key, "a key", "text");
                }
            }
        }
        typos
    }
}

/// The value of a key.
pub(crate) fn get<'m>(mapping: &'m Mapping, wanted: &str) -> Option<&'m Node> {
    mapping.pairs.iter().find_map(|(key, value)| match &key.value {
        Value::Scalar(key) if key.text == wanted => Some(value),
        _ => None,
    })
}

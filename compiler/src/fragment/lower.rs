//! A tree to a fragment.

use state_schema::{Mode, MountOptions, StatePath};

use super::{Account, Declaration, Fields, Fragment, LANGUAGE_VERSION, Seed, Word};
use crate::check::{
    bad_version, contradictory_options, invalid_account, invalid_mode, invalid_path, invalid_size,
    missing_key, unknown_key, unknown_value, wrong_type,
};
use crate::diagnostic::{Findings, Span, Spanned};
use crate::source::SourceId;
use crate::yaml::{CoreType, Mapping, Node, Scalar, Value};

const FILE_KEYS: &[&str] = &["version", "state"];

/// The keys of a declaration's long form, in the order in which documentation lists them.
pub const DECLARATION_KEYS: &[&str] = &[
    "lifetime",
    "scope",
    "type",
    "how",
    "to",
    "seed",
    "on-update",
    "on-failure",
    "owner",
    "group",
    "mode",
    "options",
    "size",
    "reason",
];

/// Reads the document of a file. What cannot be read is a finding, and the rest is still read.
pub fn lower(source: SourceId, document: Option<&Node>, findings: &mut Findings) -> Fragment {
    let mut lowering = Lowering { findings };
    let declarations = match document {
        None => {
            lowering.findings.add(missing_key::empty_file(Span::start_of(source)));
            Vec::new()
        }
        Some(document) => lowering.file(document),
    };
    Fragment { source, declarations }
}

struct Lowering<'f> {
    findings: &'f mut Findings,
}

impl Lowering<'_> {
    fn file(&mut self, document: &Node) -> Vec<Declaration> {
        let Value::Mapping(file) = &document.value else {
            self.findings.add(wrong_type::finding(
                document,
                "the file",
                "a mapping with `version` and `state`",
            ));
            return Vec::new();
        };
        let typos = self.unknown_keys(file, "the file", FILE_KEYS);
        for &key in FILE_KEYS {
            if get(file, key).is_none() && !file.is_cut && !typos.contains(&key) {
                self.findings.add(missing_key::of_file(key, document.span));
            }
        }
        if let Some(version) = get(file, "version") {
            self.version(version);
        }
        get(file, "state").map_or_else(Vec::new, |state| self.state(state))
    }

    fn version(&mut self, node: &Node) {
        let Some(scalar) = self.scalar(node, "`version`", "a number") else { return };
        match (scalar.core_type(), scalar.text.parse::<u32>()) {
            (CoreType::Integer, Ok(LANGUAGE_VERSION)) => {}
            (CoreType::Integer, _) => self.findings.add(bad_version::finding(node.span, &scalar.text)),
            _ => self.findings.add(wrong_type::finding(node, "`version`", "a number")),
        }
    }

    fn state(&mut self, node: &Node) -> Vec<Declaration> {
        let Value::Mapping(state) = &node.value else {
            self.findings.add(wrong_type::finding(
                node,
                "`state`",
                "a mapping from paths to what becomes of them",
            ));
            return Vec::new();
        };
        let mut declarations = Vec::new();
        for (key, value) in &state.pairs {
            let path = self.path(key, "a path");
            let fields = self.fields(key, value);
            if let Some(path) = path {
                declarations.push(Declaration { path, fields });
            }
        }
        declarations
    }

    fn fields(&mut self, key: &Node, node: &Node) -> Fields {
        let mut fields = Fields::default();
        match &node.value {
            Value::Scalar(scalar) if scalar.core_type() == CoreType::Text => {
                fields.lifetime = self.word(node, "lifetime");
            }
            Value::Mapping(mapping) => self.long_form(key, mapping, &mut fields),
            Value::Rejected => {}
            _ => self.findings.add(wrong_type::finding(
                node,
                "a declaration",
                "`persistent`, `ephemeral` or a mapping with `lifetime`",
            )),
        }
        fields
    }

    fn long_form(&mut self, path: &Node, mapping: &Mapping, fields: &mut Fields) {
        let typos = self.unknown_keys(mapping, "a declaration", DECLARATION_KEYS);
        for (key, node) in &mapping.pairs {
            let Value::Scalar(key) = &key.value else { continue };
            match key.text.as_str() {
                "lifetime" => fields.lifetime = self.word(node, "lifetime"),
                "scope" => fields.scope = self.word(node, "scope"),
                "type" => fields.kind = self.word(node, "type"),
                "how" => fields.how = self.word(node, "how"),
                "to" => fields.to = self.path(node, "`to`"),
                "seed" => fields.seed = self.seed(node),
                "on-update" => fields.on_update = self.word(node, "on-update"),
                "on-failure" => fields.on_failure = self.word(node, "on-failure"),
                "owner" => fields.owner = self.account(node, "owner"),
                "group" => fields.group = self.account(node, "group"),
                "mode" => fields.mode = self.mode(node),
                "options" => fields.options = self.options(node),
                "size" => fields.size = self.size(node),
                "reason" => fields.reason = self.text(node, "`reason`"),
                _ => {}
            }
        }
        let has_lifetime = get(mapping, "lifetime").is_some() || typos.contains(&"lifetime");
        if !has_lifetime && !mapping.is_cut {
            self.findings.add(missing_key::lifetime(path.span));
        }
    }

    /// Reports keys that are not among `known`, and returns the known ones that these seem to be meant for.
    fn unknown_keys(
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
                Value::Rejected => {}
                _ => self.findings.add(wrong_type::finding(key, "a key", "text")),
            }
        }
        typos
    }

    fn scalar<'n>(&mut self, node: &'n Node, what: &str, wanted: &str) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Rejected => None,
            _ => {
                self.findings.add(wrong_type::finding(node, what, wanted));
                None
            }
        }
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        let scalar = self.scalar(node, what, "text")?;
        if scalar.core_type() == CoreType::Text {
            return Some(Spanned { value: scalar.text.clone(), span: node.span });
        }
        self.findings.add(wrong_type::unquoted(node, what, &scalar.text));
        None
    }

    fn path(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        let path = self.text(node, what)?;
        match StatePath::new(&path.value) {
            Ok(_) => Some(path),
            Err(fault) => {
                self.findings.add(invalid_path::finding(&path, fault));
                None
            }
        }
    }

    fn word<T: Word>(&mut self, node: &Node, key: &str) -> Option<Spanned<T>> {
        let text = self.text(node, &format!("`{key}`"))?;
        if let Some(&(_, value)) = T::WORDS.iter().find(|(word, _)| *word == text.value) {
            return Some(text.map(|_| value));
        }
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        self.findings.add(unknown_value::finding(&text, key, &words));
        None
    }

    fn seed(&mut self, node: &Node) -> Option<Spanned<Seed>> {
        const WORDS: [&str; 2] = ["image", "empty"];
        let Value::Mapping(mapping) = &node.value else {
            let text = self.text(node, "`seed`")?;
            let seed = match text.value.as_str() {
                "image" => Seed::Image,
                "empty" => Seed::Empty,
                _ => {
                    self.findings.add(unknown_value::finding(&text, "seed", &WORDS));
                    return None;
                }
            };
            return Some(text.map(|_| seed));
        };
        self.unknown_keys(mapping, "`seed`", &["text"]);
        let Some(text) = get(mapping, "text") else {
            if mapping.pairs.is_empty() {
                self.findings.add(wrong_type::finding(node, "`seed`", "`image`, `empty` or `{text: \"…\"}`"));
            }
            return None;
        };
        let text = self.text(text, "`text`")?;
        Some(text.map(Seed::Text))
    }

    fn account(&mut self, node: &Node, key: &str) -> Option<Spanned<Account>> {
        let scalar = self.scalar(node, &format!("`{key}`"), "a name or a number")?;
        let account = match scalar.core_type() {
            CoreType::Text | CoreType::Integer if !scalar.text.is_empty() => {
                let is_number = scalar.text.bytes().all(|b| b.is_ascii_digit());
                // The highest number is what chown(2) takes for "leave as it is".
                match scalar.text.parse::<u32>() {
                    Ok(id) if is_number && id != u32::MAX => Some(Account::Id(id)),
                    _ if is_number || scalar.core_type() == CoreType::Integer => None,
                    _ if scalar.text.contains([':', '\n', '\0']) => None,
                    _ => Some(Account::Name(scalar.text.clone())),
                }
            }
            CoreType::Text | CoreType::Integer => None,
            _ => {
                self.findings.add(wrong_type::finding(node, &format!("`{key}`"), "a name or a number"));
                return None;
            }
        };
        if account.is_none() {
            self.findings.add(invalid_account::finding(node.span, key, &scalar.text));
        }
        Some(Spanned { value: account?, span: node.span })
    }

    fn mode(&mut self, node: &Node) -> Option<Spanned<Mode>> {
        let scalar = self.scalar(node, "`mode`", "text, like \"0755\"")?;
        match scalar.core_type() {
            CoreType::Text => {}
            CoreType::Integer => {
                self.findings.add(invalid_mode::unquoted(node.span, &scalar.text));
                return None;
            }
            _ => {
                self.findings.add(wrong_type::finding(node, "`mode`", "text, like \"0755\""));
                return None;
            }
        }
        let is_octal =
            (3..=4).contains(&scalar.text.len()) && scalar.text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let bits = if is_octal { u16::from_str_radix(&scalar.text, 8).ok() } else { None };
        let mode = bits.and_then(|bits| Mode::new(bits).ok());
        if mode.is_none() {
            self.findings.add(invalid_mode::finding(node.span, &scalar.text));
        }
        Some(Spanned { value: mode?, span: node.span })
    }

    fn options(&mut self, node: &Node) -> Option<Spanned<MountOptions>> {
        let Value::Sequence(items) = &node.value else {
            if !matches!(node.value, Value::Rejected) {
                self.findings.add(wrong_type::finding(node, "`options`", "a list, like `[nosuid, nodev]`"));
            }
            return None;
        };
        let words: Vec<&str> =
            MountOptions::WORDS.iter().flat_map(|&(_, set, lifted)| [set, lifted]).collect();
        let mut options = MountOptions::DEFAULT;
        let mut said: Vec<(MountOptions, bool, Span)> = Vec::new();
        for item in items {
            let Some(text) = self.text(item, "an option") else { continue };
            let word = text.value.as_str();
            let Some(&(option, set, _)) =
                MountOptions::WORDS.iter().find(|(_, set, lifted)| *set == word || *lifted == word)
            else {
                self.findings.add(unknown_value::finding(&text, "options", &words));
                continue;
            };
            let sets = set == word;
            if let Some(&(_, _, first)) =
                said.iter().find(|(other, other_sets, _)| *other == option && *other_sets != sets)
            {
                self.findings.add(contradictory_options::finding(word, text.span, first));
                continue;
            }
            said.push((option, sets, text.span));
            options.set(option, sets);
        }
        Some(Spanned { value: options, span: node.span })
    }

    fn size(&mut self, node: &Node) -> Option<Spanned<u64>> {
        let scalar = self.scalar(node, "`size`", "a size, like `16M`")?;
        let size = match scalar.core_type() {
            CoreType::Text | CoreType::Integer => parse_size(&scalar.text),
            _ => None,
        };
        if size.is_none() {
            self.findings.add(invalid_size::finding(node.span, &scalar.text));
        }
        Some(Spanned { value: size?, span: node.span })
    }
}

/// A number of bytes, with `K`, `M` or `G` of 1024 bytes, 1024², 1024³; not 0.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' => (text.strip_suffix('K')?, 1 << 10),
        b'M' => (text.strip_suffix('M')?, 1 << 20),
        b'G' => (text.strip_suffix('G')?, 1 << 30),
        _ => (text, 1),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|&bytes| bytes > 0)
}

fn get<'m>(mapping: &'m Mapping, wanted: &str) -> Option<&'m Node> {
    mapping.pairs.iter().find_map(|(key, value)| match &key.value {
        Value::Scalar(key) if key.text == wanted => Some(value),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_are_binary_and_never_nothing() {
        assert_eq!(parse_size("4096"), Some(4096));
        assert_eq!(parse_size("16M"), Some(16 << 20));
        for bad in ["", "0", "M", "1.5M", "16MB", "16m", "-1", "+1", "99999999999999G"] {
            assert_eq!(parse_size(bad), None, "{bad:?}");
        }
    }
}

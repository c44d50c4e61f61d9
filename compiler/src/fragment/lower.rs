//! A tree to a fragment.

use state_schema::{Mode, MountOptions};

use super::{Account, Declaration, Fields, Fragment, LANGUAGE_VERSION, Seed};
use crate::check::{
    bad_version, contradictory_options, invalid_account, invalid_mode, invalid_size, missing_key,
    unknown_value, wrong_type,
};
use crate::diagnostic::{Findings, Span, Spanned};
use crate::lower::{Lowering, get};
use crate::source::SourceId;
use crate::yaml::{CoreType, Mapping, Node, Value};

/// The keys of a fragment.
pub const FILE_KEYS: &[&str] = &["version", "package", "state"];
const NEEDED_FILE_KEYS: &[&str] = &["version", "state"];

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
    let mut fragment = Fragment { source, package: None, declarations: Vec::new() };
    match document {
        None => lowering.findings.add(missing_key::empty_file(Span::start_of(source))),
        Some(document) => lowering.fragment(document, &mut fragment),
    }
    fragment
}

impl Lowering<'_> {
    fn fragment(&mut self, document: &Node, fragment: &mut Fragment) {
        let Some(file) = self.file(document, FILE_KEYS, NEEDED_FILE_KEYS) else { return };
        fragment.package = get(file, "package").and_then(|package| self.text(package, "`package`"));
        fragment.declarations = get(file, "state").map_or_else(Vec::new, |state| self.state(state));
    }

    /// The mapping that a whole file is, with its version checked.
    pub(crate) fn file<'n>(
        &mut self,
        document: &'n Node,
        keys: &'static [&'static str],
        needed: &[&str],
    ) -> Option<&'n Mapping> {
        let wanted =
            format!("a mapping with {}", crate::suggest::alternatives(needed).replace(" or ", " and "));
        let file = self.mapping(document, "the file", &wanted)?;
        let typos = self.unknown_keys(file, "the file", keys);
        for &key in needed {
            if get(file, key).is_none() && !file.is_cut && !typos.contains(&key) {
                self.findings.add(missing_key::of_file(key, document.span));
            }
        }
        if let Some(version) = get(file, "version") {
            self.version(version);
        }
        Some(file)
    }

    fn version(&mut self, node: &Node) {
        let Some(scalar) = self.scalar(node, "`version`", "a number") else { return };
        match (scalar.core_type(), scalar.text.parse::<u32>()) {
            (CoreType::Integer, Ok(LANGUAGE_VERSION)) => {}
            (CoreType::Integer, _) => self.findings.add(bad_version::finding(node.span, &scalar.text)),
            _ => self.findings.add(wrong_type::finding(node, "`version`", "a number")),
        }
    }

    /// Paths with what becomes of them.
    pub(crate) fn state(&mut self, node: &Node) -> Vec<Declaration> {
        self.declarations(node, "`state`", Self::fields)
    }

    /// Paths with fields that change what fragments say: no lifetime is needed here.
    pub(crate) fn overrides(&mut self, node: &Node) -> Vec<Declaration> {
        self.declarations(node, "`override`", |lowering, _, value| {
            let mut fields = Box::<Fields>::default();
            if let Some(mapping) =
                lowering.mapping(value, "an override", "a mapping with the fields to change")
            {
                lowering.long_form(mapping, &mut fields);
            }
            fields
        })
    }

    fn declarations(
        &mut self,
        node: &Node,
        what: &str,
        read: impl Fn(&mut Self, &Node, &Node) -> Box<Fields>,
    ) -> Vec<Declaration> {
        let Some(state) = self.mapping(node, what, "a mapping from paths to what becomes of them") else {
            return Vec::new();
        };
        let mut declarations = Vec::with_capacity(state.pairs.len());
        for (key, value) in &state.pairs {
            let path = self.path(key, "a path");
            let fields = read(self, key, value);
            if let Some(path) = path {
                declarations.push(Declaration { path, fields });
            }
        }
        declarations
    }

    fn fields(&mut self, path: &Node, node: &Node) -> Box<Fields> {
        let mut fields = Box::<Fields>::default();
        match &node.value {
            Value::Scalar(scalar) if scalar.core_type() == CoreType::Text => {
                fields.lifetime = self.word(node, "lifetime");
            }
            Value::Mapping(mapping) => {
                let typos = self.long_form(mapping, &mut fields);
                let has_lifetime = get(mapping, "lifetime").is_some() || typos.contains(&"lifetime");
                if !has_lifetime && !mapping.is_cut {
                    self.findings.add(missing_key::lifetime(path.span));
                }
            }
            Value::Rejected => {}
            _ => self.findings.add(wrong_type::finding(
                node,
                "a declaration",
                "`persistent`, `ephemeral` or a mapping with `lifetime`",
            )),
        }
        fields
    }

    /// Reads all keys of a declaration, and returns those that misspelt ones seem to be meant for.
    fn long_form(&mut self, mapping: &Mapping, fields: &mut Fields) -> Vec<&'static str> {
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
        typos
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
        let typos = self.unknown_keys(mapping, "`seed`", &["text"]);
        let Some(text) = get(mapping, "text") else {
            if mapping.pairs.is_empty() && typos.is_empty() {
                self.findings.add(wrong_type::finding(node, "`seed`", "`image`, `empty` or `{text: \"…\"}`"));
            }
            return None;
        };
        let text = self.text(text, "`text`")?;
        Some(text.map(Seed::Text))
    }

    fn account(&mut self, node: &Node, key: &str) -> Option<Spanned<Account>> {
        const WANTED: &str = "a name or a number";
        let what = format!("`{key}`");
        let scalar = self.scalar(node, &what, WANTED)?;
        if !matches!(scalar.core_type(), CoreType::Text | CoreType::Integer) {
            self.findings.add(wrong_type::finding(node, &what, WANTED));
            return None;
        }
        let account = read_account(&scalar.text);
        if account.is_none() {
            self.findings.add(invalid_account::finding(node.span, key, &scalar.text));
        }
        Some(Spanned { value: account?, span: node.span })
    }

    fn mode(&mut self, node: &Node) -> Option<Spanned<Mode>> {
        const WANTED: &str = "text, like \"0755\"";
        let scalar = self.scalar(node, "`mode`", WANTED)?;
        match scalar.core_type() {
            CoreType::Text => {}
            CoreType::Integer => {
                self.findings.add(invalid_mode::unquoted(node.span, &scalar.text));
                return None;
            }
            _ => {
                self.findings.add(wrong_type::finding(node, "`mode`", WANTED));
                return None;
            }
        }
        let mode = read_mode(&scalar.text);
        if mode.is_none() {
            self.findings.add(invalid_mode::finding(node.span, &scalar.text));
        }
        Some(Spanned { value: mode?, span: node.span })
    }

    fn options(&mut self, node: &Node) -> Option<Spanned<MountOptions>> {
        let items = self.sequence(node, "`options`", "a list, like `[nosuid, nodev]`")?;
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
            let contrary = said.iter().find(|(other, other_sets, _)| *other == option && *other_sets != sets);
            if let Some(&(_, _, first)) = contrary {
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
            CoreType::Text | CoreType::Integer => read_size(&scalar.text),
            _ => None,
        };
        if size.is_none() {
            self.findings.add(invalid_size::finding(node.span, &scalar.text));
        }
        Some(Spanned { value: size?, span: node.span })
    }
}

/// A number if there are digits alone, else a name that `passwd(5)` could hold.
fn read_account(text: &str) -> Option<Account> {
    if text.is_empty() || text.starts_with(['-', '+']) || text.contains([':', '\n', '\0']) {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        // The highest number is what chown(2) takes for "leave as it is".
        return text.parse::<u32>().ok().filter(|&id| id != u32::MAX).map(Account::Id);
    }
    Some(Account::Name(text.to_owned()))
}

/// Three or four octal digits.
fn read_mode(text: &str) -> Option<Mode> {
    if !(3..=4).contains(&text.len()) || !text.bytes().all(|b| matches!(b, b'0'..=b'7')) {
        return None;
    }
    Mode::new(u16::from_str_radix(text, 8).ok()?).ok()
}

/// A number of bytes, with `K`, `M` or `G` of 1024 bytes, 1024², 1024³; not 0.
fn read_size(text: &str) -> Option<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_and_never_nothing() {
        assert_eq!(read_size("4096"), Some(4096));
        assert_eq!(read_size("16M"), Some(16 << 20));
        for bad in ["", "0", "M", "1.5M", "16MB", "16m", "-1", "+1", "99999999999999G"] {
            assert_eq!(read_size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn modes_are_three_or_four_octal_digits() {
        assert_eq!(read_mode("755").map(Mode::bits), Some(0o755));
        assert_eq!(read_mode("4755").map(Mode::bits), Some(0o4755));
        for bad in ["", "7", "0o755", "0788", "07555", "u=rw"] {
            assert_eq!(read_mode(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn accounts_are_names_or_numbers() {
        assert_eq!(read_account("0"), Some(Account::Id(0)));
        assert_eq!(read_account("www-data"), Some(Account::Name("www-data".to_owned())));
        for bad in ["", "-1", "4294967295", "4294967296", "a:b"] {
            assert_eq!(read_account(bad), None, "{bad:?}");
        }
    }
}

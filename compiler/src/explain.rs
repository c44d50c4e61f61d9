//! Why a path is what it is: who declares it, who decided each field, where its state lives.

use std::fmt::Write;

use serde::Serialize;
use state_schema::{Blob, DecodeError, Lifetime, OnUpdate, PlannedEntry, Scope, StatePath};

use crate::Analysis;
use crate::diagnostic::{Span, Spanned, escape, quote};
use crate::fragment::{Account, How, Seed, Word};
use crate::inspect::{bytes, option_words, state_place};
use crate::resolve::{Decided, Subject};
use crate::rootfs::{Access, Found};
use crate::source::Sources;

/// All that is known about a path, for people and for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    path: String,
    /// The declared path that decides: the path itself, or the nearest above it; none where it is read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// Where that is declared, in the order in which the files are read. Of a blob, the first place alone.
    declared: Vec<Place>,
    /// Where the image's policy removes the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Place>,
    fields: Vec<Field>,
    /// Where the state lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// What an update does to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<&'static str>,
    /// What the explanation was made from, which limits what it can say.
    from: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    Fragments,
    Blob,
}

/// A line of a file.
#[derive(Debug, Serialize)]
struct Place {
    file: String,
    line: u32,
}

/// A field of the entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Field {
    key: &'static str,
    value: String,
    /// Who decided; a blob does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<By>,
    /// Where other fragments say the same, or for a `reason` another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Written>,
    /// What the image's policy overrides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instead_of: Vec<Written>,
    /// What contradicts it, and no policy decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    against: Vec<Written>,
}

/// Who decided a field.
#[derive(Debug, Serialize)]
#[serde(tag = "who", rename_all = "kebab-case")]
enum By {
    /// A declaration, in this line.
    Declaration(Place),
    /// An override of the image's policy, in this line.
    Override(Place),
    /// What the image holds at the path.
    Image,
    /// The language, since nobody says anything.
    Default,
}

/// What a file says about a field.
#[derive(Debug, Serialize)]
struct Written {
    /// As it is written there.
    value: String,
    #[serde(flatten)]
    place: Place,
}

/// Explains `path` by a blob, which records where a path was declared first, and not who decided each field.
pub fn by_blob(blob: &Blob<'_>, path: StatePath<'_>) -> Result<Explanation, DecodeError> {
    let mut nearest: Option<PlannedEntry<'_>> = None;
    for planned in blob.entries() {
        let planned = planned?;
        // Mount order: of those at or above the path, the deepest comes last.
        if planned.entry.path == path || path.is_beneath(planned.entry.path) {
            nearest = Some(planned);
        }
    }
    let mut explanation = Explanation::new(path, Origin::Blob);
    let Some(planned) = nearest else { return Ok(explanation) };
    let PlannedEntry { entry, origin } = &planned;
    explanation.entry = Some(entry.path.to_string());
    explanation
        .declared
        .extend(origin.map(|origin| Place { file: origin.fragment.to_owned(), line: origin.line }));
    explanation.fields = crate::inspect::view(&planned, None)
        .fields()
        .into_iter()
        .map(|(key, value)| Field::new(key, value, None))
        .collect();
    explanation.state = Some(state_place(entry));
    explanation.update = Some(on_update(entry.lifetime));
    Ok(explanation)
}

/// Explains `path` by fragments, field by field.
#[must_use]
pub fn by_fragments(analysis: &Analysis, sources: &Sources, path: StatePath<'_>) -> Explanation {
    let resolved = &analysis.resolved;
    let mut explanation = Explanation::new(path, Origin::Fragments);
    let place = |span: Span| place(span, sources);
    if let Some(removed) = resolved.removed.iter().find(|removed| removed.path.value.as_path() == path) {
        explanation.removed = Some(place(removed.path.span));
        explanation.declared = removed.declared.iter().copied().map(place).collect();
    }
    let Some(subject) = resolved.get(path).or_else(|| resolved.nearest_above(path)) else {
        return explanation;
    };
    let lifetime = subject.schema_lifetime();
    let file = match (subject.how.value, &subject.to) {
        (How::Symlink, Some(to)) => &*to.value,
        _ => &*subject.path.value,
    };
    explanation.entry = Some(subject.path.value.to_string());
    explanation.declared =
        [subject.path.span].iter().chain(&subject.also_declared).copied().map(place).collect();
    explanation.fields = Witness { subject, sources }.fields();
    explanation.state = Some(crate::inspect::place(lifetime, file));
    explanation.update = Some(on_update(lifetime));
    explanation
}

fn place(span: Span, sources: &Sources) -> Place {
    let source = sources.get(span.source);
    Place { file: source.name.clone(), line: source.line(span.start()) }
}

/// Tells who decided what about a subject.
struct Witness<'a> {
    subject: &'a Subject,
    sources: &'a Sources,
}

impl Witness<'_> {
    fn fields(&self) -> Vec<Field> {
        let subject = self.subject;
        let is_persistent = subject.lifetime.value == crate::fragment::Lifetime::Persistent;
        let in_image = match &subject.in_image {
            Some(Found::Directory(access) | Found::File(access)) => Some(*access),
            _ => None,
        };
        let seed = match &subject.seed.value {
            Seed::Image => "image",
            Seed::Empty => "empty",
            Seed::Text(_) => "text",
        };
        let mut fields =
            vec![self.written("lifetime", &subject.lifetime, |lifetime| lifetime.word().to_owned())];
        let mut kind = self.decided("type", &subject.kind, |kind| kind.word().to_owned());
        if subject.kind.by.is_none() && in_image.is_some() {
            kind.by = Some(By::Image);
        }
        fields.push(kind);
        fields.push(self.decided("how", &subject.how, |how| how.word().to_owned()));
        fields.extend(subject.to.as_ref().map(|to| self.written("to", to, |to| to.to_string())));
        // Of an ephemeral path they have no meaning; a word that is written there is told of all the same.
        if is_persistent || subject.scope.by.is_some() {
            fields.push(self.decided("scope", &subject.scope, |scope| scope.word().to_owned()));
        }
        if is_persistent || subject.on_update.by.is_some() {
            fields
                .push(self.decided("on-update", &subject.on_update, |on_update| on_update.word().to_owned()));
        }
        fields.extend(subject.size.as_ref().map(|size| self.written("size", size, |size| bytes(*size))));
        fields.push(self.decided("seed", &subject.seed, |_| seed.to_owned()));
        fields.push(self.decided("on-failure", &subject.on_failure, |word| word.word().to_owned()));
        let of = |number: fn(&Access) -> u32| in_image.as_ref().map(|access| number(access).to_string());
        fields.push(self.access("owner", subject.owner.as_ref(), account, of(|access| access.uid), "root"));
        fields.push(self.access("group", subject.group.as_ref(), account, of(|access| access.gid), "root"));
        let mode = in_image.map(|access| access.mode.to_string());
        fields.push(self.access("mode", subject.mode.as_ref(), ToString::to_string, mode, "0755 or 0644"));
        fields.push(self.decided("options", &subject.options, |options| option_words(*options).join(", ")));
        fields.extend(subject.reason.as_ref().map(|reason| self.written("reason", reason, Clone::clone)));
        fields
    }

    fn decided<T>(&self, key: &'static str, decided: &Decided<T>, show: impl Fn(&T) -> String) -> Field {
        self.field(key, show(&decided.value), decided.by)
    }

    fn written<T>(&self, key: &'static str, written: &Spanned<T>, show: impl Fn(&T) -> String) -> Field {
        self.field(key, show(&written.value), Some(written.span))
    }

    /// A field that has the image's value where nobody states one.
    fn access<T>(
        &self,
        key: &'static str,
        written: Option<&Spanned<T>>,
        show: impl Fn(&T) -> String,
        in_image: Option<String>,
        default: &str,
    ) -> Field {
        match (written, in_image) {
            (Some(written), _) => self.written(key, written, show),
            (None, Some(value)) => Field::new(key, value, Some(By::Image)),
            (None, None) => Field::new(key, format!("the image's, else {default}"), Some(By::Default)),
        }
    }

    fn field(&self, key: &'static str, value: String, by: Option<Span>) -> Field {
        let overridden = self.subject.overridden.iter().find(|overridden| overridden.key == key);
        let by = match (by, overridden) {
            (Some(span), Some(_)) => By::Override(place(span, self.sources)),
            (Some(span), None) => By::Declaration(place(span, self.sources)),
            (None, _) => By::Default,
        };
        let mut field = Field::new(key, value, Some(by));
        let first = overridden.and_then(|overridden| overridden.instead_of);
        field.instead_of.extend(first.map(|span| self.quoted(span)));
        for repeated in self.subject.repeated.iter().filter(|repeated| repeated.key == key) {
            let others = if overridden.is_some() {
                &mut field.instead_of
            } else if repeated.agrees || key == "reason" {
                &mut field.also
            } else {
                &mut field.against
            };
            others.push(self.quoted(repeated.at));
        }
        field
    }

    fn quoted(&self, span: Span) -> Written {
        let text = self.sources.get(span.source).text.get(span.range()).unwrap_or_default();
        Written { value: text.to_owned(), place: place(span, self.sources) }
    }
}

fn account(account: &Account) -> String {
    match account {
        Account::Id(id) => id.to_string(),
        Account::Name(name) => name.clone(),
    }
}

/// What an update does to the state.
fn on_update(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Ephemeral { .. } => "nothing: it is lost at every reboot",
        Lifetime::Persistent(of) => match (of.scope, of.on_update) {
            (Scope::Common, _) => "nothing: it is the same for all slots, and never reverted",
            (Scope::Slot, OnUpdate::Carry) => "goes on unchanged; a rollback brings the old state back",
            (Scope::Slot, OnUpdate::Merge) => {
                "what was not changed follows the new image; a rollback brings the old state back"
            }
            (Scope::Slot, OnUpdate::Reset) => "seeded afresh; a rollback brings the old state back",
        },
    }
}

impl Field {
    fn new(key: &'static str, value: String, by: Option<By>) -> Self {
        Self { key, value, by, also: Vec::new(), instead_of: Vec::new(), against: Vec::new() }
    }

    /// Who decided, and who says what else.
    fn witnesses(&self) -> String {
        let mut text = match &self.by {
            None => String::new(),
            Some(By::Declaration(place) | By::Override(place)) => place.show(),
            Some(By::Image) => "the image".to_owned(),
            Some(By::Default) => "default".to_owned(),
        };
        let list = |written: &[Written]| {
            let shown = written
                .iter()
                .map(|written| format!("{} of {}", quote(&written.value), written.place.show()));
            shown.collect::<Vec<_>>().join(", ")
        };
        let agreeing = |written: &[Written]| {
            written.iter().map(|written| written.place.show()).collect::<Vec<_>>().join(", ")
        };
        // Writing to a string does not fail.
        let _ = match (&self.by, self.instead_of.as_slice()) {
            (Some(By::Override(_)), []) => write!(text, ", which no fragment states"),
            (_, []) => Ok(()),
            (_, others) => write!(text, ", instead of {}", list(others)),
        };
        if !self.also.is_empty() {
            let others = if self.key == "reason" { list(&self.also) } else { agreeing(&self.also) };
            let _ = write!(text, ", also {others}");
        }
        if !self.against.is_empty() {
            let _ = write!(text, ", in conflict with {}", list(&self.against));
        }
        text
    }
}

impl Place {
    fn show(&self) -> String {
        format!("{}:{}", escape(&self.file), self.line)
    }
}

impl Explanation {
    fn new(path: StatePath<'_>, from: Origin) -> Self {
        Self {
            path: path.to_string(),
            entry: None,
            declared: Vec::new(),
            removed: None,
            fields: Vec::new(),
            state: None,
            update: None,
            from,
        }
    }

    /// The explanation for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let path = escape(&self.path);
        let declared = self.declared.iter().map(Place::show).collect::<Vec<_>>().join(", ");
        // Writing to a string does not fail.
        let _ = match (&self.entry, &self.removed) {
            (None, None) => writeln!(text, "{path} is read-only: nobody declares it or a directory above it"),
            (None, Some(removed)) => writeln!(
                text,
                "{path} is read-only: {} removes what is declared at {declared}",
                removed.show()
            ),
            (Some(entry), _) if *entry == self.path => writeln!(text, "{path}"),
            (Some(entry), _) => writeln!(text, "{path} lies in {}", escape(entry)),
        };
        let Some((state, update)) = self.state.as_ref().zip(self.update) else { return text };
        if let Some(removed) = &self.removed {
            let _ = writeln!(text, "  {:<12}{}", "removed by", removed.show());
        }
        let _ = writeln!(text, "  {:<12}{declared}", "declared by");
        let values: Vec<String> = self.fields.iter().map(|field| escape(&field.value)).collect();
        let width = self.fields.iter().zip(&values).filter(|(field, _)| field.key != "reason");
        let width = width.map(|(_, value)| value.chars().count()).max().unwrap_or_default();
        for (field, value) in self.fields.iter().zip(&values) {
            let line = format!("  {:<12}{value:<width$}  {}", field.key, field.witnesses());
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let _ = writeln!(text, "  {:<12}{}\n  {:<12}{update}", "state", escape(state), "update");
        if self.from == Origin::Blob {
            text.push_str(
                "The blob records where the path was declared first, and not which file decided each field:\n\
                 for that, explain it by the fragments and the image's policy.\n",
            );
        }
        text
    }
}

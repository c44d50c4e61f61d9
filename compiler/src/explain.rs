//! Why a path is what it is: who declares it, who decided each field, where its state lives.

use std::fmt::Write;

use state_schema::{Blob, DecodeError, Lifetime, OnUpdate, PlannedEntry, Scope, StatePath};

use crate::Analysis;
use crate::diagnostic::Span;
use crate::fragment::{self, Account, How, Seed, Word};
use crate::inspect::{bytes, option_words, state_place};
use crate::resolve::{Decided, Subject};
use crate::rootfs::Found;
use crate::source::Sources;

/// One line: what, its value, and who said so.
type Line = (&'static str, String, String);

/// Explains `path` by a blob, which records for each path the declaration that it goes back to.
pub fn by_blob(blob: &Blob<'_>, path: StatePath<'_>) -> Result<String, DecodeError> {
    let mut nearest: Option<PlannedEntry<'_>> = None;
    for planned in blob.entries() {
        let planned = planned?;
        // Mount order: of those at or above the path, the deepest comes last.
        if planned.entry.path == path || path.is_beneath(planned.entry.path) {
            nearest = Some(planned);
        }
    }
    let Some(PlannedEntry { entry, origin }) = nearest else { return Ok(read_only(path)) };
    let mut lines: Vec<Line> = Vec::new();
    if let Some(origin) = origin {
        lines.push(("declared by", format!("{}:{}", origin.fragment, origin.line), String::new()));
        if !origin.reason.is_empty() {
            lines.push(("because", origin.reason.to_owned(), String::new()));
        }
    }
    lines.push(("options", option_words(entry.options).join(", "), String::new()));
    lines.push(("state", state_place(&entry), String::new()));
    lines.push(("update", on_update(entry.lifetime).to_owned(), String::new()));
    Ok(text(path, entry.path, &lines))
}

/// Explains `path` by fragments, field by field.
#[must_use]
pub fn by_fragments(analysis: &Analysis, sources: &Sources, path: StatePath<'_>) -> String {
    let resolved = &analysis.resolved;
    let Some(subject) = resolved.get(path).or_else(|| resolved.nearest_above(path)) else {
        return read_only(path);
    };
    let place = |span: Span| {
        let source = sources.get(span.source);
        format!("{}:{}", source.name, source.line(span.start))
    };
    let mut lines = lines_of(subject, &place);
    for overridden in &subject.overridden {
        let instead = overridden.instead_of.map_or_else(|| "the default".to_owned(), place);
        lines.push(("overridden", format!("{} instead of {instead}", overridden.key), place(overridden.by)));
    }
    text(path, subject.state_path(), &lines)
}

fn lines_of(subject: &Subject, place: &impl Fn(Span) -> String) -> Vec<Line> {
    fn decided<T>(decided: &Decided<T>, place: &impl Fn(Span) -> String) -> String {
        decided.by.map_or_else(|| "default".to_owned(), place)
    }
    let in_image = match &subject.in_image {
        Some(Found::Directory(access) | Found::File(access)) => Some(*access),
        _ => None,
    };
    let of_image = |value: Option<String>, default: &str| match value {
        Some(value) => (value, "the image".to_owned()),
        None => (default.to_owned(), "default".to_owned()),
    };
    let account = |account: &Option<crate::diagnostic::Spanned<Account>>, id: Option<u32>| match account {
        None => of_image(id.map(|id| id.to_string()), "the image's, else root"),
        Some(account) => match &account.value {
            Account::Id(id) => (id.to_string(), place(account.span)),
            Account::Name(name) => (name.clone(), place(account.span)),
        },
    };
    let (owner, owner_by) = account(&subject.owner, in_image.map(|access| access.uid));
    let (group, group_by) = account(&subject.group, in_image.map(|access| access.gid));
    let (mode, mode_by) = match subject.mode {
        Some(mode) => (mode.value.to_string(), place(mode.span)),
        None => of_image(in_image.map(|access| access.mode.to_string()), "the image's, else 0755 or 0644"),
    };
    let kind_by = match subject.kind.by {
        None if in_image.is_some() => "the image".to_owned(),
        _ => decided(&subject.kind, place),
    };
    let is_persistent = subject.lifetime.value == fragment::Lifetime::Persistent;
    let mut lines: Vec<Line> = vec![
        ("declared by", place(subject.path.span), String::new()),
        ("lifetime", subject.lifetime.value.word().to_owned(), place(subject.lifetime.span)),
        ("type", subject.kind.value.word().to_owned(), kind_by),
        ("how", subject.how.value.word().to_owned(), decided(&subject.how, place)),
    ];
    if is_persistent {
        lines.push(("scope", subject.scope.value.word().to_owned(), decided(&subject.scope, place)));
        lines.push((
            "on-update",
            subject.on_update.value.word().to_owned(),
            decided(&subject.on_update, place),
        ));
    }
    if let Some(size) = subject.size {
        lines.push(("size", bytes(size.value), place(size.span)));
    }
    if let Some(to) = &subject.to {
        lines.push(("to", to.value.to_string(), place(to.span)));
    }
    let seed = match &subject.seed.value {
        Seed::Image => "image",
        Seed::Empty => "empty",
        Seed::Text(_) => "text",
    };
    lines.push(("seed", seed.to_owned(), decided(&subject.seed, place)));
    lines.push((
        "on-failure",
        subject.on_failure.value.word().to_owned(),
        decided(&subject.on_failure, place),
    ));
    lines.push(("owner", owner, owner_by));
    lines.push(("group", group, group_by));
    lines.push(("mode", mode, mode_by));
    lines.push(("options", option_words(subject.options.value).join(", "), decided(&subject.options, place)));
    if let Some(reason) = &subject.reason {
        lines.push(("because", reason.value.clone(), place(reason.span)));
    }
    let lifetime = subject.schema_lifetime();
    let file = match (subject.how.value, &subject.to) {
        (How::Symlink, Some(to)) => &*to.value,
        _ => &*subject.path.value,
    };
    lines.push(("state", crate::inspect::place(lifetime, file), String::new()));
    lines.push(("update", on_update(lifetime).to_owned(), String::new()));
    lines
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

fn read_only(path: StatePath<'_>) -> String {
    format!("{path} is read-only: nobody declares it or a directory above it\n")
}

fn text(path: StatePath<'_>, entry: StatePath<'_>, lines: &[Line]) -> String {
    let mut text = if path == entry { format!("{path}\n") } else { format!("{path} lies in {entry}\n") };
    let width = lines
        .iter()
        .filter(|line| !line.2.is_empty())
        .map(|line| line.1.chars().count())
        .max()
        .unwrap_or_default();
    for (what, value, by) in lines {
        let line = format!("  {what:<12}{value:<width$}  {by}");
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

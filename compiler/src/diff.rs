//! What an update from one image to another changes for state, for people and for programs.

use std::fmt::Write;

use serde::Serialize;
use state_schema::{Blob, Difference, SAME_IMAGE_ID, compare};

use crate::diagnostic::escape;

/// All differences, in mount order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diff {
    old_image: String,
    new_image: String,
    changes: Vec<Change>,
}

/// What is different about a path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Change {
    path: String,
    #[serde(serialize_with = "in_kebab_case")]
    kind: &'static str,
    /// Whether state is lost or left behind.
    loses_state: bool,
    detail: String,
}

/// Compares the plans of two blobs.
#[must_use]
pub fn diff(old: &Blob<'_>, new: &Blob<'_>) -> Diff {
    Diff {
        old_image: old.image().id.to_owned(),
        new_image: new.image().id.to_owned(),
        changes: compare(old, new).map(|difference| Change::of(&difference)).collect(),
    }
}

impl Change {
    fn of(Difference { path, change }: &Difference<'_>) -> Self {
        let mut detail = String::new();
        change.detail(&mut |part| detail.push_str(part));
        Self { path: path.to_string(), kind: change.kind(), loses_state: change.loses_state(), detail }
    }
}

fn in_kebab_case<S: serde::Serializer>(words: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&words.replace(' ', "-"))
}

impl Diff {
    /// Whether an update would lose state or leave it behind.
    #[must_use]
    pub fn loses_state(&self) -> bool {
        self.changes.iter().any(|change| change.loses_state)
    }

    /// The differences for people; a `!` marks those that lose state.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("from {} to {}\n", escape(&self.old_image), escape(&self.new_image));
        if self.old_image == self.new_image {
            let _ = writeln!(text, "! {SAME_IMAGE_ID}");
        }
        if self.changes.is_empty() {
            text.push_str("nothing changes for state\n");
        }
        let width = self.changes.iter().map(|change| change.path.chars().count()).max().unwrap_or_default();
        for Change { path, kind, loses_state, detail } in &self.changes {
            let mark = if *loses_state { '!' } else { ' ' };
            let line = format!("{path:<width$}  {kind}: {detail}");
            // Writing to a string does not fail.
            let _ = writeln!(text, "{mark} {}", escape(&line));
        }
        text
    }
}

//! Findings for programs: the same findings, in the same order, that [`crate::render`] shows to people.
//!
//! | format | read by |
//! | --- | --- |
//! | [`json`] | scripts; versioned and described by a JSON Schema |
//! | [`sarif`] | GitHub's code scanning, editors, every collector of analysis results |
//! | [`gitlab`] | GitLab's Code Quality report |
//! | [`github`] | the log of a GitHub workflow, which turns it into annotations |

mod fingerprint;
pub mod github;
pub mod gitlab;
pub mod json;
mod place;
pub mod sarif;

use std::fmt::Write;

use serde::Serialize;

use crate::diagnostic::is_harmless;

/// A document as JSON text that is harmless on a terminal too: what JSON would let through raw is escaped as well.
pub fn json_text(document: &impl Serialize) -> serde_json::Result<String> {
    let mut text = String::new();
    for c in serde_json::to_string_pretty(document)?.chars() {
        if c == '\n' || is_harmless(c) {
            text.push(c);
        } else {
            // Outside of strings JSON is ASCII, so this stands in one. All such characters fit into four digits.
            write!(text, "\\u{:04x}", u32::from(c)).map_err(serde::ser::Error::custom)?;
        }
    }
    text.push('\n');
    Ok(text)
}

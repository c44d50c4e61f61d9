//! By what a later run is seen to have found the same.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::place::tidy_path;
use crate::diagnostic::Diagnostic;
use crate::source::Sources;

/// Gives each finding of a run a fingerprint of its own.
///
/// It is made of code, file and message, and of no line, so that it outlives what is inserted above. Findings that agree
/// in all three are counted: GitLab would take two with one fingerprint for one finding.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    seen: BTreeMap<String, u32>,
}

impl Fingerprints {
    /// The fingerprint of the next finding, in the order in which they are shown.
    pub(super) fn next(&mut self, finding: &Diagnostic, sources: &Sources) -> String {
        let path = tidy_path(sources.get(finding.primary.span.source));
        // No path holds a NUL and no message a control character, so that the parts cannot run into each other.
        let identity = format!("{}\0{path}\0{}", finding.rule.code, finding.message);
        let ordinal = self.seen.entry(identity.clone()).or_default();
        let digest: [u8; 32] = Sha256::digest(format!("{identity}\0{ordinal}")).into();
        *ordinal += 1;
        let mut text = String::new();
        for byte in digest {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

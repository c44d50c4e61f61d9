//! `docs/diagnostics.md` is written by the rules themselves.

use std::fmt::Write;

use statec::check::{Example, RULES, Rule};
use statec::diagnostic::Severity;

use crate::{Case, snapshot};

pub(crate) const CASES: &[Case] = &[("diagnostics_page::is_current", is_current)];

fn is_current() {
    snapshot::assert_is(page(), "docs/diagnostics.md");
}

fn page() -> String {
    let mut page = String::from(
        "# Diagnostics\n\n\
         <!-- Written by the rules: `SNAPSHOTS=overwrite cargo test --package state-tests --test ui`. -->\n\n\
         Every finding of `statec` has one of these codes. All findings of all files come in one run.\n\n",
    );
    for rule in RULES {
        writeln!(page, "- [`{0}`](#{0}): {1}", rule.code, rule.rejects).unwrap();
    }
    for rule in RULES {
        describe(rule, &mut page);
    }
    page
}

fn describe(rule: &Rule, page: &mut String) {
    let severity = match rule.severity {
        Severity::Error => "An error: no blob is written.",
        Severity::Warning => "A warning.",
    };
    write!(
        page,
        "\n## {}\n\n{severity}\n\n**Rejects:** {}\n\n**Why:** {}\n\n",
        rule.code, rule.rejects, rule.why
    )
    .unwrap();
    write!(page, "**What to do:** {}\n\nBad:\n\n", rule.fix).unwrap();
    show(&rule.bad, page);
    page.push_str("\nGood:\n\n");
    show(&rule.good, page);
}

fn show(example: &Example, page: &mut String) {
    for (name, content) in example.fragments {
        let text = String::from_utf8_lossy(content);
        writeln!(page, "```yaml\n# {name}\n{}\n```", text.trim_end()).unwrap();
    }
    if !example.policy.is_empty() {
        let text = String::from_utf8_lossy(example.policy);
        writeln!(
            page,
            "{}```yaml\n# the image's policy\n{}\n```",
            if example.fragments.is_empty() { "" } else { "\n" },
            text.trim_end()
        )
        .unwrap();
    }
    if !example.image.is_empty() {
        writeln!(page, "\nin an image with\n\n```text\n{}\n```", example.image.trim_end()).unwrap();
    }
}

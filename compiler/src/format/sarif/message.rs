//! Messages of SARIF: text in which `[text](id)` is a link.

use std::fmt::Write;

use crate::diagnostic::Diagnostic;

/// What is wrong, as the first sentence, which GitHub takes for the title; what to do; and a link to each other place, as
/// GitHub shows only those that the message links to.
pub(super) fn of_finding(finding: &Diagnostic) -> String {
    let mut message = format!("{}. Help: {}.", without_links(&finding.message), without_links(&finding.help));
    for (id, label) in (1_u32..).zip(&finding.secondary) {
        // Writing to a string does not fail.
        let _ = write!(message, " See [{}]({id}).", link_text(&label.text));
    }
    message
}

/// No `[text](destination)` that a fragment smuggles into a message becomes a link.
///
/// SARIF also wants `{` and `}` doubled. They stay as they are: in a message without arguments nothing is put in their place,
/// and a viewer like VS Code's, which looks at nothing else, would show them doubled.
pub(super) fn without_links(text: &str) -> String {
    text.replace("](", "] (")
}

fn link_text(text: &str) -> String {
    let escape = |c| if matches!(c, '\\' | '[' | ']') { vec!['\\', c] } else { vec![c] };
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_text_makes_no_links() {
        assert_eq!(without_links("`[here](x:y)`"), "`[here] (x:y)`");
        assert_eq!(link_text("a[0]\\"), "a\\[0\\]\\\\");
    }
}

//! Text in XML 1.0.

/// `text` as the content of an element or of an attribute in double quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // Not even as a reference may these stand in XML 1.0; ESC is what programs print for colours.
            '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}');
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_attribute_or_opens_an_element() {
        assert_eq!(escape("a \"<b>\" & c\n\x1b[1m"), "a &quot;&lt;b&gt;&quot; &amp; c\n\u{fffd}[1m");
    }
}

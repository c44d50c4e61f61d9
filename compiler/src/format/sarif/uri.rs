//! Paths as URIs (RFC 3986).

/// A relative path as a relative reference, an absolute one below `file://`.
pub(super) fn of_path(path: &str) -> String {
    let encode = |byte: u8| match byte {
        // A colon would make a scheme of what stands before it.
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).into(),
        _ => format!("%{byte:02X}"),
    };
    let encoded: String = path.bytes().map(encode).collect();
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(of_path("state.d/a b:%é.yaml"), "state.d/a%20b%3A%25%C3%A9.yaml");
        assert_eq!(of_path("/srv/a.yaml"), "file:///srv/a.yaml");
    }
}

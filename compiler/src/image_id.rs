//! The id that tells one build of an image from every other.

use crate::rootfs::{Rootfs, RootfsError};

/// Longest id, in bytes.
pub const MAX_LEN: usize = 255;

/// There is no id.
#[derive(Debug, thiserror::Error)]
pub enum ImageIdError {
    /// None was given, and the image's os-release has none.
    #[error(
        "the image has no id: its os-release has neither IMAGE_VERSION nor BUILD_ID. Give one by --image-id; it must \
         differ for every build that is shipped"
    )]
    Missing,
    /// The id is empty, too long, or has control characters.
    #[error("an image id is 1 to {MAX_LEN} bytes of text without control characters")]
    Invalid,
    /// The image's os-release could not be read.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
}

/// Checks an id that was given.
pub fn given(id: &str) -> Result<String, ImageIdError> {
    if id.is_empty() || id.len() > MAX_LEN || id.chars().any(char::is_control) {
        return Err(ImageIdError::Invalid);
    }
    Ok(id.to_owned())
}

/// The id that the image's `os-release(5)` gives: `IMAGE_ID`, `IMAGE_VERSION` and `BUILD_ID`, as far as they are there,
/// joined by `/`. `IMAGE_ID` alone is none, since it is the same for every build.
pub fn from_os_release(rootfs: &Rootfs) -> Result<String, ImageIdError> {
    let text = match rootfs.read_file("/etc/os-release")? {
        Some(text) => text,
        None => rootfs.read_file("/usr/lib/os-release")?.unwrap_or_default(),
    };
    let [id, version, build] = ["IMAGE_ID", "IMAGE_VERSION", "BUILD_ID"].map(|key| value(&text, key));
    if version.is_none() && build.is_none() {
        return Err(ImageIdError::Missing);
    }
    given(&[id, version, build].into_iter().flatten().collect::<Vec<_>>().join("/"))
}

/// The value of a variable. Escapes are left as they are: the id only has to differ where the values do.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values
        .next_back()
        .map(|value| value.trim_end().trim_matches(['"', '\'']))
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn reads_variables_with_and_without_quotes() {
        let text = "IMAGE_ID=gw\nIMAGE_VERSION=\"1.2\"\nBUILD_ID=''\nXBUILD_ID=9\n";
        assert_eq!(value(text, "IMAGE_ID"), Some("gw"));
        assert_eq!(value(text, "IMAGE_VERSION"), Some("1.2"));
        assert_eq!(value(text, "BUILD_ID"), None);
    }
}

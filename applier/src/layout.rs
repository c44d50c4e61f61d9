//! Names on sys-data as the kernel takes them.

use core::ffi::CStr;

use state_schema::sys_data;

/// Bytes of `name` with a terminating NUL.
const fn terminated<const N: usize>(name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let (start, _) = bytes.split_at_mut(name.len());
    start.copy_from_slice(name.as_bytes());
    bytes
}

/// A constant of the schema, which says it once for host and target, as a C string.
macro_rules! c_names {
    ($($name:ident)*) => {
        $(pub(crate) const $name: &CStr = {
            const BYTES: [u8; sys_data::$name.len() + 1] = terminated(sys_data::$name);
            match CStr::from_bytes_with_nul(&BYTES) {
                Ok(name) => name,
                Err(_) => c"",
            }
        };)*
    };
}

c_names! { VERSION_FILE SLOTS_DIR TREE_DIR SLOT_BLOB REPLACED_DIR COMMON_DIR WORK_DIR }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_schema() {
        for (name, text) in [
            (VERSION_FILE, sys_data::VERSION_FILE),
            (SLOTS_DIR, sys_data::SLOTS_DIR),
            (TREE_DIR, sys_data::TREE_DIR),
            (SLOT_BLOB, sys_data::SLOT_BLOB),
            (REPLACED_DIR, sys_data::REPLACED_DIR),
            (COMMON_DIR, sys_data::COMMON_DIR),
            (WORK_DIR, sys_data::WORK_DIR),
        ] {
            assert_eq!(name.to_str(), Ok(text));
        }
    }
}

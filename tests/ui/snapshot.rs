//! Comparison with what is checked in.

use std::path::PathBuf;

use snapbox::{Assert, Data};
use state_tests::program::workspace;

/// Compares with a file below the top of the workspace, to the letter. `SNAPSHOTS=overwrite` writes it instead.
pub(crate) fn assert_is(actual: String, file: &str) {
    let expected = Data::read_from(&workspace().join(file), None).raw();
    Assert::new().action_env("SNAPSHOTS").eq(Data::text(actual).raw(), expected);
}

/// The snapshots' directory.
pub(crate) fn directory() -> PathBuf {
    workspace().join("tests/ui")
}

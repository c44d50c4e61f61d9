//! Where things lie in an image.

/// Where an image carries its blob, so that verity covers it and it changes with the image.
pub const BLOB_PATH: &str = "/usr/lib/sysota/state.blob";

/// Where an image carries the `stated` that knows all that there is to know: the one in the initramfs, which is smaller, hands
/// over to it what takes more than a boot of the same image does.
pub const PROGRAM_PATH: &str = "/usr/sbin/stated";

/// Where packages install their fragments.
pub const FRAGMENT_DIR: &str = "/usr/share/sysota/state.d";

/// Where the factory copies of files lie whose own place a symlink takes: as systemd's `tmpfiles.d(5)` lays
/// them out, `/usr/share/factory` followed by the file's path.
pub const FACTORY_DIR: &str = "/usr/share/factory";

/// The names on sys-data, layout version 1. All are relative to its root.
pub mod sys_data {
    /// File that says which layout this is.
    pub const VERSION_FILE: &str = "version";
    /// What [`VERSION_FILE`] holds for this layout.
    pub const VERSION: &str = "1\n";
    /// One directory per slot, named as the slot.
    pub const SLOTS_DIR: &str = "slots";
    /// Inside a slot's directory, and inside [`COMMON_DIR`]: persistent paths under their own names.
    pub const TREE_DIR: &str = "tree";
    /// Inside a slot's directory: the blob that this state last ran with.
    pub const SLOT_BLOB: &str = "blob";
    /// Inside a slot's directory, and inside [`COMMON_DIR`]: what had to be moved aside. Nothing in it is ever
    /// deleted without being asked.
    pub const REPLACED_DIR: &str = "replaced";
    /// Inside a slot's directory: how its state was made, and what was in doubt then. Begins with the state's number.
    pub const TRANSITION_FILE: &str = "transition";
    /// Inside a slot's directory: its mere presence says that the slot was rewritten since its state was used.
    pub const STALE_FILE: &str = "stale";
    /// Inside a slot's directory: the entries to begin afresh with, a path on each line.
    pub const RESET_FILE: &str = "reset";
    /// Inside [`COMMON_DIR`]: the log of boots.
    pub const BOOTS_FILE: &str = "boots";
    /// State that belongs to no slot.
    pub const COMMON_DIR: &str = "common";
    /// Work in progress; anything in it is discarded at the next boot.
    pub const WORK_DIR: &str = "tmp";
}

//! The rules: one file each, named as its code.
//!
//! A rule's file holds its documentation with a bad and a good example, and every word that it says to users.
//! Rules about text and single values are called where these are read; the others look at what all fragments
//! say together, and are listed in [`run`].

use crate::diagnostic::{Findings, Severity, Spanned};
use crate::policy::ImagePolicy;
use crate::resolve::{Resolved, Subject};
use crate::rootfs::Rootfs;
use crate::workers;

/// A rule, as `docs/diagnostics.md` shows it.
#[derive(Debug)]
pub struct Rule {
    /// Its name: of its file, its heading and its test.
    pub code: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it rejects.
    pub rejects: &'static str,
    /// Why that is rejected.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Breaks this rule and no other.
    pub bad: Example,
    /// Breaks no rule.
    pub good: Example,
}

/// Fragments, and where it matters an image, that show a rule.
#[derive(Debug)]
pub struct Example {
    /// Name and content of each fragment.
    pub fragments: &'static [(&'static str, &'static [u8])],
    /// The image's policy. Empty where the rule needs none.
    pub policy: &'static [u8],
    /// The image's tree, a line each: `directory PATH`, `file PATH [TEXT]` with `\n` for a line end, `sparse PATH
    /// LENGTH`, `symlink PATH TARGET`. Empty where the rule needs no image.
    pub image: &'static str,
}

impl Example {
    const fn of(fragments: &'static [(&'static str, &'static [u8])]) -> Self {
        Self { fragments, policy: b"", image: "" }
    }

    const fn in_image(fragments: &'static [(&'static str, &'static [u8])], image: &'static str) -> Self {
        Self { fragments, policy: b"", image }
    }

    const fn with_policy(mut self, policy: &'static [u8]) -> Self {
        self.policy = policy;
        self
    }
}

/// What a check may look at besides its subject.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// All paths.
    pub resolved: &'a Resolved,
    /// The image, where one is given.
    pub rootfs: Option<&'a Rootfs>,
    /// Slots and data partition.
    pub image: &'a ImagePolicy,
    /// The packages that fragments say they belong to.
    pub packages: &'a [Spanned<String>],
    /// Whether what the image lacks will be made in it.
    pub prepares: bool,
}

/// Declares the rules' files and lists them, so that none can be forgotten in the registry.
macro_rules! rules {
    ($($name:ident,)*) => {
        $(pub(crate) mod $name;)*

        /// All rules, by code.
        pub static RULES: &[&Rule] = &[$(&$name::RULE,)*];
    };
}

rules! {
    bad_version,
    below_file,
    conflict,
    contradictory_options,
    duplicate_key,
    ephemeral_only_field,
    exposed_secret,
    forbidden_place,
    hidden_content,
    incomplete_symlink,
    invalid_account,
    invalid_device,
    invalid_mode,
    invalid_path,
    invalid_size,
    invalid_slot,
    large_seed,
    missing_key,
    missing_mount_point,
    mixed_scope,
    mounted_elsewhere,
    mounted_on_condition,
    not_utf8,
    overlay_on_file,
    override_of_nothing,
    package_not_installed,
    persistent_only_field,
    redundant_entry,
    remove_of_nothing,
    replaced_by_rename,
    symlink_target,
    symlinked_ancestor,
    text_seed_on_directory,
    type_mismatch,
    unknown_account,
    unknown_key,
    unknown_value,
    wrong_type,
    yaml_1_1,
    yaml_feature,
    yaml_limit,
    yaml_syntax,
}

/// Runs every check that looks at more than one value, over every path.
pub fn run(scene: Scene<'_>, findings: &mut Findings) {
    type Check = fn(&Subject, Scene<'_>, &mut Findings);
    const CHECKS: &[Check] = &[
        below_file::check,
        ephemeral_only_field::check,
        exposed_secret::check,
        forbidden_place::check,
        hidden_content::check,
        incomplete_symlink::check,
        large_seed::check,
        missing_mount_point::check,
        mixed_scope::check,
        mounted_elsewhere::check,
        mounted_on_condition::check,
        overlay_on_file::check,
        persistent_only_field::check,
        redundant_entry::check,
        replaced_by_rename::check,
        symlink_target::check,
        symlinked_ancestor::check,
        text_seed_on_directory::check,
        type_mismatch::check,
        unknown_account::check,
    ];
    for package in scene.packages {
        if let Some(rootfs) = scene.rootfs {
            package_not_installed::check(package, rootfs, findings);
        }
    }
    let of_subjects = workers::map(&scene.resolved.subjects, |subject| {
        let mut of_subject = Findings::default();
        for check in CHECKS {
            check(subject, scene, &mut of_subject);
        }
        of_subject
    });
    for of_subject in of_subjects {
        findings.append(of_subject);
    }
}

//! Compiles the fragments of an image's packages into its control blob.
//!
//! The stages, each with a type of its own that the next one takes, and nothing that points back:
//!
//! | stage | takes | gives |
//! | --- | --- | --- |
//! | [`source`] | files and directories | text |
//! | [`yaml`] | text | a tree that knows its places |
//! | [`fragment`], [`policy`] | a tree | what one file declares |
//! | [`resolve`] | all fragments, the image's policy, and the image | one policy per path |
//! | [`check`] | policies | findings |
//! | [`plan`] | policies without errors, and the image | entries with nothing left open |
//! | [`prepare`] | the plan | mount points, symlinks and factory copies in the image |
//! | [`factory`] | the plan, and the image | what the image holds where state is merged |
//! | [`emit`] | the plan, and what the image holds | the blob |
//! | [`trial`] | the blob, and the image | a boot of it, in namespaces of its own |
//!
//! What is wrong with the input is a [`diagnostic::Diagnostic`], collected over all files and rendered last. What
//! keeps the tool itself from working is an error of the stage.

mod accounts;
pub mod check;
pub mod diagnostic;
pub mod diff;
pub mod emit;
pub mod explain;
pub mod factory;
pub mod format;
pub mod fragment;
pub mod fstab;
pub mod image_id;
pub mod inspect;
mod lower;
mod mounts;
mod packages;
pub mod plan;
pub mod policy;
pub mod prepare;
pub mod render;
pub mod resolve;
pub mod rootfs;
pub mod schema;
pub mod source;
mod suggest;
pub mod trial;
mod workers;
pub mod yaml;

use crate::check::Scene;
use crate::diagnostic::Findings;
use crate::fragment::Fragment;
use crate::policy::{ImagePolicy, Policy};
use crate::resolve::Resolved;
use crate::rootfs::Rootfs;
use crate::source::{SourceId, Sources};

/// What `lint` and `compile` share: everything up to checked policies.
#[derive(Debug)]
pub struct Analysis {
    /// One policy per path.
    pub resolved: Resolved,
    /// Slots and data partition.
    pub image: ImagePolicy,
}

/// What one file says.
enum Declared {
    ByPackage(Fragment),
    ByImage(Policy),
}

/// From text to checked policies.
///
/// `policy` is the source that is the image's policy; all others are fragments. `prepares` says whether what the image
/// lacks will be made in it.
pub fn analyse(
    sources: &Sources,
    policy: Option<SourceId>,
    rootfs: Option<&Rootfs>,
    prepares: bool,
    findings: &mut Findings,
) -> Analysis {
    let of_reading = &*findings;
    let files: Vec<_> = sources.iter().collect();
    let declared = workers::map(files, |(id, source)| {
        let mut of_file = Findings::default();
        let document = yaml::parse(id, source, &mut of_file);
        // A file that could not be read at all has its finding already, and nothing can be missing from it.
        let is_readable = document.is_some() || (of_file.is_empty() && !of_reading.has_any_of(id));
        let declared = if !is_readable {
            None
        } else if policy == Some(id) {
            Some(Declared::ByImage(policy::lower(id, document.as_ref(), &mut of_file)))
        } else {
            Some(Declared::ByPackage(fragment::lower(id, document.as_ref(), &mut of_file)))
        };
        (declared, of_file)
    });
    let mut fragments = Vec::with_capacity(declared.len());
    let mut of_image = Policy::default();
    for (declared, of_file) in declared {
        match declared {
            Some(Declared::ByImage(policy)) => of_image = policy,
            Some(Declared::ByPackage(fragment)) => fragments.push(fragment),
            None => {}
        }
        findings.append(of_file);
    }
    let packages: Vec<_> = fragments.iter().filter_map(|fragment| fragment.package.clone()).collect();
    let image = of_image.image.clone();
    let resolved = resolve::resolve(fragments, of_image, rootfs, findings);
    let scene = Scene { resolved: &resolved, rootfs, image: &image, packages: &packages, prepares };
    check::run(scene, findings);
    Analysis { resolved, image }
}

//! `statec compile`

#![expect(clippy::doc_markdown, reason = "doc comments here are help texts, shown without markup")]

use std::mem::ManuallyDrop;
use std::path::PathBuf;

use clap::Args;
use statec::diagnostic::Findings;
use statec::factory::FactoryFiles;
use statec::plan::plan;
use statec::prepare::prepare;
use statec::rootfs::Rootfs;
use statec::source::Sources;
use statec::{analyse, emit, image_id};

use super::{FINDINGS, Failure, Output, render_findings};

/// Compile the fragments of an image into its control blob
///
/// Exit status: 0 written, 1 findings (nothing is written), 2 could not run.
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// Directories whose *.yaml are all read, and single fragments
    #[arg(required = true, value_name = "DIR")]
    fragments: Vec<PathBuf>,
    /// The image's tree
    #[arg(long, value_name = "DIR")]
    rootfs: PathBuf,
    /// The image's policy: slots, data partition, overrides
    #[arg(long, value_name = "POLICY")]
    image: Option<PathBuf>,
    /// What tells this build from every other; else IMAGE_ID, IMAGE_VERSION and BUILD_ID of the image's os-release
    #[arg(long, value_name = "ID")]
    image_id: Option<String>,
    /// Where to write the blob; in an image it belongs at /usr/lib/sysota/state.blob
    #[arg(short, long, value_name = "BLOB")]
    output: PathBuf,
    /// Make missing mount points, symlinks and factory copies in the image's tree
    #[arg(long)]
    prepare: bool,
}

impl Compile {
    pub(crate) fn run(self, colour: bool) -> Result<Output, Failure> {
        let mut findings = Findings::default();
        let mut sources = Sources::read(&self.fragments, &mut findings)?;
        let policy = self.image.as_deref().map(|path| sources.read_one(path, &mut findings)).transpose()?;
        let rootfs = Rootfs::open(&self.rootfs)?;
        let image_id = match &self.image_id {
            Some(id) => image_id::given(id)?,
            None => image_id::from_os_release(&rootfs)?,
        };
        // The process ends soon. To give each small piece of memory back before would take longer than to plan.
        let analysis =
            ManuallyDrop::new(analyse(&sources, policy, Some(&rootfs), self.prepare, &mut findings));
        let has_errors = findings.has_errors();
        let plan = (!has_errors)
            .then(|| ManuallyDrop::new(plan(&analysis.resolved, &rootfs, self.prepare, &sources)));
        let stderr = render_findings(findings, &sources, colour);
        let Some(plan) = plan else {
            return Ok(Output { stdout: String::new(), stderr, status: FINDINGS });
        };
        if self.prepare {
            prepare(&plan, &rootfs)?;
        }
        let factory_files = FactoryFiles::describe(plan.entries().map(|planned| planned.entry), &rootfs)?;
        let blob = emit::blob(&plan, &factory_files, &analysis.image, &image_id)?;
        emit::write(&blob, &self.output)?;
        Ok(Output { stdout: String::new(), stderr, status: 0 })
    }
}

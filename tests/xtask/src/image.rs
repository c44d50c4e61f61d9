//! An example's image: a Debian root with its fragments compiled into it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use state_schema::{BLOB_PATH, FRAGMENT_DIR, PROGRAM_PATH};

use crate::call;
use crate::debian_root::DebianRoot;
use crate::example::{Example, names_in};
use crate::failure::{OrFail as _, Outcome};
use crate::task::{Task, words};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// A root that is ready to be flashed, and the blob in it.
#[derive(Debug)]
pub(crate) struct Image {
    statec: PathBuf,
    root: PathBuf,
    blob: PathBuf,
}

impl Image {
    /// Makes the image of `example`: what a distribution's build does with packages, files and `statec`.
    pub(crate) fn build(example: &Example, workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let debian = DebianRoot::fetch(example, workspace, terminal)?;
        let root = workspace.scratch(&example.image_id())?.join("root");

        let mut task = Task::start(terminal, "build statec");
        let statec = workspace.build_statec(&mut task)?;
        task.finish("the compiler of fragments, for the build host");

        let mut task = Task::start(terminal, "assemble the image");
        debian.unpack(&root, workspace, &mut task)?;
        for files in example.files() {
            lay_over(files, &root)?;
        }
        let fragments = root.join(relative(FRAGMENT_DIR));
        for directory in example.fragments() {
            lay_over(directory, &fragments)?;
        }
        // Last, since a file may have come from any of these.
        for file in example.removals() {
            let file = root.join(file);
            fs::remove_file(&file).or_fail(|| format!("remove {}", file.display()))?;
        }
        task.finish(&format!("{} fragments in {FRAGMENT_DIR}", names_in(&fragments)?.len()));

        let blob = root.join(relative(BLOB_PATH));
        let image = Self { statec, root, blob };
        image.compile(example, workspace, terminal)?;
        Ok(image)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn blob(&self) -> &Path {
        &self.blob
    }

    /// Adds the program that an image carries for what the one of its initramfs does not do.
    pub(crate) fn add_program(&self, program: &Path) -> Outcome {
        let place = self.root.join(relative(PROGRAM_PATH));
        fs::copy(program, &place).map(|_| ()).or_fail(|| format!("write {}", place.display()))
    }

    /// What `statec inspect` prints.
    pub(crate) fn inspect(&self, format: &str) -> Outcome<String> {
        let mut command = Command::new(&self.statec);
        command.arg("inspect").arg(&self.blob).args(["--format", format]);
        let output = call::expect(&mut command, &[])?;
        String::from_utf8(output).or_fail(|| format!("read what `{}` printed", words(&command)))
    }

    fn compile(&self, example: &Example, workspace: &Workspace, terminal: Terminal) -> Outcome {
        let mut task = Task::start(terminal, "compile its fragments");
        let fragments = self.root.join(relative(FRAGMENT_DIR));
        let log = workspace.scratch("log")?.join("statec.txt");
        // What both commands are given.
        let mut input =
            vec![fragments.into_os_string(), "--rootfs".into(), self.root.clone().into_os_string()];
        if let Some(policy) = example.policy() {
            input.extend(["--image".into(), policy.into_os_string()]);
        }
        let mut lint = Command::new(&self.statec);
        task.run(lint.args(["lint", "--deny-warnings"]).args(&input), &log)?;

        if let Some(directory) = self.blob.parent() {
            fs::create_dir_all(directory).or_fail(|| format!("create {}", directory.display()))?;
        }
        let mut compile = Command::new(&self.statec);
        compile.arg("compile").args(&input);
        // Given, so that the expected plan does not change with every point release of Debian.
        compile.args(["--image-id", &example.image_id()]);
        compile.arg("--output").arg(&self.blob).arg("--prepare");
        task.run(&mut compile, &log)?;
        let size = fs::metadata(&self.blob).or_fail(|| format!("look at {}", self.blob.display()))?.size();
        task.finish(&format!("a blob of {size} bytes, {BLOB_PATH}"));
        Ok(())
    }
}

/// A path of the image, relative to its root.
pub(crate) fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// Copies the tree `from` over `to`, as the image's own packages would: files, directories and symlinks, owned by
/// root. What is there already is replaced, never followed.
pub(crate) fn lay_over(from: &Path, to: &Path) -> Outcome {
    let place = || format!("lay {} over {}", from.display(), to.display());
    fs::create_dir_all(to).or_fail(place)?;
    for entry in fs::read_dir(from).or_fail(place)? {
        let entry = entry.or_fail(place)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().or_fail(place)?;
        if kind.is_dir() {
            lay_over(&source, &target)?;
            continue;
        }
        match fs::remove_file(&target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).or_fail(place),
            _ => {}
        }
        if kind.is_symlink() {
            let link = fs::read_link(&source).or_fail(place)?;
            symlink(link, &target).or_fail(place)?;
        } else {
            // Not `copy`: the new file gets root's own ownership and ordinary permissions, whatever the checkout has.
            // But it is executable if that is.
            let content = fs::read(&source).or_fail(place)?;
            fs::write(&target, content).or_fail(place)?;
            if entry.metadata().or_fail(place)?.permissions().mode() & 0o100 != 0 {
                fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).or_fail(place)?;
            }
        }
    }
    Ok(())
}

//! Ways to bind directories at boot.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::mounting::Scene;
use crate::failure::{OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::Workspace;

/// What OE-Core's layers and board support packages do in an initramfs: a path each, seeded if missing, then bound.
pub(super) const SCRIPT: &str = r#"#!/bin/sh
# seed-and-bind ROOT DATA LIST
root=$1 data=$2
while read -r path; do
    if [ ! -e "$data/$path" ]; then
        mkdir -p "${data:?}/${path%/*}"
        cp -a "$root/$path" "$data/$path"
    fi
    mount -o bind "$data/$path" "$root/$path"
done < "$3"
"#;

/// One way to do it.
#[derive(Clone, Debug)]
pub(crate) enum Contender {
    /// This project's program.
    Stated { program: PathBuf },
    /// A C program that makes the same mounts by the same calls, and nothing else.
    Bare { program: PathBuf },
    /// util-linux, from a table.
    Fstab,
    /// A shell script in busybox.
    Shell { applets: PathBuf, script: PathBuf },
}

impl Contender {
    /// All of them, built and installed.
    pub(crate) fn prepare_all(
        workspace: &Workspace,
        terminal: Terminal,
        stated: &Path,
    ) -> Outcome<Vec<Self>> {
        tool::ensure(&[tool::CC, tool::BUSYBOX, tool::MOUNT], workspace, terminal)?;
        let directory = workspace.scratch("bench/contenders")?;
        let mut task = Task::start(terminal, "prepare contenders");
        let bare = directory.join("bare_mounts");
        let log = workspace.scratch("log")?.join("bench-contenders.txt");
        let source = workspace.root().join("tests/xtask/bench/bare_mounts.c");
        let mut cc = Command::new("cc");
        // Static, as a program for an initramfs is: nothing is spent on a loader.
        task.run(
            cc.args(["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&bare).arg(source),
            &log,
        )?;
        let shell = Self::prepare_shell(&directory)?;
        task.finish("a C program, and a shell script with busybox");
        // `stated` first: it seeds what all bind.
        Ok(vec![
            Self::Stated { program: stated.to_owned() },
            Self::Bare { program: bare },
            Self::Fstab,
            shell,
        ])
    }

    fn prepare_shell(directory: &Path) -> Outcome<Self> {
        let (applets, script) = (directory.join("applets"), directory.join("seed-and-bind"));
        let place = || format!("make {}", directory.display());
        let busybox = tool::BUSYBOX.place()?;
        fs::create_dir_all(&applets).or_fail(place)?;
        for applet in ["sh", "mkdir", "cp", "mount"] {
            let link = applets.join(applet);
            if link.symlink_metadata().is_err() {
                symlink(&busybox, link).or_fail(place)?;
            }
        }
        fs::write(&script, SCRIPT).or_fail(place)?;
        Ok(Self::Shell { applets, script })
    }

    /// As a row of a table is headed.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Stated { .. } => "`stated apply`",
            Self::Bare { .. } => "bare system calls, C",
            Self::Fstab => "`mount -a -T fstab`, util-linux",
            Self::Shell { .. } => "shell script, `mount` for each path, busybox",
        }
    }

    /// Whether a run takes so long that few have to do.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self, Self::Fstab | Self::Shell { .. })
    }

    /// What is run on `scene`.
    pub(crate) fn command(&self, scene: &Scene) -> Command {
        let mut command;
        match self {
            Self::Stated { program } => {
                command = Command::new(program);
                command.arg("apply").arg("--root").arg(scene.root()).arg("--data").arg(scene.data());
                command.args(["--slot", "A", "--blob"]).arg(scene.blob()).arg("--run").arg(scene.run_dir());
            }
            Self::Bare { program } => {
                command = Command::new(program);
                command.arg(scene.root()).arg(scene.tree()).arg(scene.list());
            }
            Self::Fstab => {
                command = Command::new("mount");
                command.args(["-a", "-T"]).arg(scene.fstab());
            }
            Self::Shell { applets, script } => {
                command = Command::new(applets.join("sh"));
                command.env("PATH", applets).arg(script);
                command.arg(scene.root()).arg(scene.tree()).arg(scene.list());
            }
        }
        command
    }
}

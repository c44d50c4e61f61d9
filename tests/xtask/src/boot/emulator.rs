//! QEMU, beside the machine's own programs.

use std::process::Command;

use crate::debian_release::Release;
use crate::debian_tree::DebianTree;
use crate::failure::Outcome;
use crate::terminal::Terminal;
use crate::workspace::Workspace;

const PACKAGE: &str = "qemu-system-x86";

/// An emulator of a PC. It is unpacked and not installed: Debian's package would replace tools of another version that
/// the machine may have.
#[derive(Debug)]
pub(crate) struct Emulator {
    tree: DebianTree,
}

impl Emulator {
    pub(crate) fn fetch(workspace: &Workspace, terminal: Terminal) -> Outcome<Self> {
        let tree = DebianTree::fetch("boot/emulator", Release::Trixie, &[PACKAGE], workspace, terminal)?;
        Ok(Self { tree })
    }

    /// The command that starts it, with nothing attached to the PC.
    pub(crate) fn command(&self) -> Command {
        // Whatever becomes of this process, even by a signal, the emulator is not left behind.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        command.args(self.tree.words("usr/bin/qemu-system-x86_64"));
        command.env("QEMU_MODULE_DIR", self.tree.libraries().join("qemu"));
        for firmware in ["usr/share/qemu", "usr/share/seabios"] {
            command.arg("-L").arg(self.tree.path(firmware));
        }
        command
    }
}

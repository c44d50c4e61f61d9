//! The way into a running system: SSH, through a port of this machine.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::key::Key;
use crate::call;
use crate::failure::{OrFail as _, Outcome};

const HOST: &str = "root@127.0.0.1";

/// How long a script may take, in seconds.
const SCRIPT: &str = "240";

/// A connection to the system's root, kept open from the first script to the end.
#[derive(Debug)]
pub(super) struct Connection {
    port: u16,
    key: PathBuf,
    /// Holds the socket of the connection. Its path has to be short, so it is not below the build directory.
    directory: TempDir,
}

impl Connection {
    /// A connection to the server behind `port`, which need not be there yet.
    pub(super) fn new(key: &Key, port: u16) -> Outcome<Self> {
        let directory = tempfile::Builder::new().prefix("sysota-boot-").tempdir();
        let directory = directory.or_fail(|| "make a temporary directory".to_owned())?;
        Ok(Self { port, key: key.file().to_owned(), directory })
    }

    /// Whether the system lets us in by now.
    pub(super) fn is_open(&self) -> bool {
        // Whoever only knocks leaves an error in the system's journal.
        self.run("true").is_ok_and(|output| output.status.success())
    }

    /// Runs a script of the shell as root.
    pub(super) fn run(&self, script: &str) -> Outcome<Output> {
        let mut ssh = self.ssh();
        ssh.args([HOST, "timeout", SCRIPT, "sh", "-s"]);
        call::run(&mut ssh, script.as_bytes())
    }

    fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        // None of this machine's own settings and known hosts.
        ssh.args(["-F", "none", "-q", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]);
        ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        // The emulator accepts connections long before the system does. And a system that hangs ends the connection.
        ssh.args(["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8"]);
        ssh.args(["-o", "ControlMaster=auto", "-o", "ControlPersist=yes", "-o"]);
        ssh.arg(format!("ControlPath={}", self.directory.path().join("socket").display()));
        ssh.arg("-i").arg(&self.key).args(["-p", &self.port.to_string()]);
        ssh
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.directory.path().join("socket").exists() {
            // It may have ended by itself, with the system.
            let mut ssh = self.ssh();
            ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let _ = ssh.args(["-O", "exit", HOST]).status();
        }
    }
}

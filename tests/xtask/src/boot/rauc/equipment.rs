//! What the test adds to the gateway's images: a boot loader's interface, a network, and whom to trust.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::certificate::Certificate;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::image::lay_over;
use crate::workspace::Workspace;

/// RAUC's configuration, beneath an image's root.
const CONFIGURATION: &str = "etc/rauc/system.conf";

/// What the gateway's configuration says of its boot loader, and what it says in the test.
const BOOT_LOADER: [&str; 2] = ["\nbootloader=noop\n", "\nbootloader=custom\n"];

/// The network's connection, which must be nobody's to read but root's.
const CONNECTION: &str = "usr/lib/NetworkManager/system-connections/wired.nmconnection";

/// Where files for images come from and whom their RAUC trusts.
#[derive(Debug)]
pub(super) struct Equipment {
    files: PathBuf,
    configuration: PathBuf,
    signer: PathBuf,
    server: PathBuf,
}

impl Equipment {
    /// Images whose RAUC installs what `signer` has signed, and streams only from the server that has the key of `server`.
    pub(super) fn new(workspace: &Workspace, signer: &Certificate, server: &Certificate) -> Self {
        let directory = workspace.root().join("tests/boot/rauc");
        Self {
            files: directory.join("image"),
            configuration: directory.join("system.conf"),
            signer: signer.public.clone(),
            server: server.public.clone(),
        }
    }

    /// Adds it to the image at `root`.
    pub(super) fn add_to(&self, root: &Path) -> Outcome {
        lay_over(&self.files, root)?;
        let connection = root.join(CONNECTION);
        let closed = fs::set_permissions(&connection, Permissions::from_mode(0o600));
        closed.or_fail(|| format!("close {}", connection.display()))?;
        for (certificate, name) in [(&self.signer, "keyring.pem"), (&self.server, "server.pem")] {
            let file = root.join("etc/rauc").join(name);
            fs::copy(certificate, &file).or_fail(|| format!("write {}", file.display()))?;
        }
        self.configure(&root.join(CONFIGURATION))
    }

    /// Adds the test's sections to the gateway's own configuration.
    fn configure(&self, file: &Path) -> Outcome {
        let read = |file: &Path| fs::read_to_string(file).or_fail(|| format!("read {}", file.display()));
        let own = read(file)?;
        let [old, new] = BOOT_LOADER;
        if !own.contains(old) {
            return Err(Failure::new(format!("{} does not say `{}`", file.display(), old.trim())));
        }
        let all = own.replace(old, new) + &read(&self.configuration)?;
        fs::write(file, all).or_fail(|| format!("write {}", file.display()))
    }
}

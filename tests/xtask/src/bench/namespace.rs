//! Mount namespaces that end with the work in them.

use std::path::Path;
use std::{panic, thread};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::failure::{OrFail as _, Outcome};

/// Does `work` in a mount namespace that ends with it.
pub(super) fn in_namespace<T: Send>(work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    // A namespace can be a single thread's own. Programs that the thread starts are in it as well.
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS)
                .or_fail(|| "make a mount namespace (is this root?)".to_owned())?;
            let none = None::<&Path>;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
                .or_fail(|| "make all mounts private".to_owned())?;
            work()
        });
        thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

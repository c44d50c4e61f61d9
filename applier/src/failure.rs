//! One step that did not succeed.

use rustix::io::Errno;
use state_schema::Kind;

use crate::errno::Named;
use crate::memory::{Kept, Page};
use crate::show::{Show, Sink};
use crate::text::Text;

/// A step that did not succeed. What is to be said of it lies in [`LAST`].
///
/// Nothing but a sign, since nearly every function can return one: a result with it takes no more room than the
/// value in it, and nothing has to be dropped. The price is a rule: whoever does anything that may fail before the
/// failure is told takes its [`Account`] out first, else a later failure takes the place of what it says.
#[must_use]
pub(crate) struct Failure(());

/// What is to be said of the last failure, until somebody takes it.
static LAST: Kept<Facts> = Kept::new();

/// What is to be said of a failure, for as long as somebody keeps it: in a page of its own. Where there was no
/// memory even for that, that is what it says.
pub(crate) struct Account(Option<Page<Facts>>);

/// What was to be done, to what, and what came of it.
#[derive(Clone, Copy)]
struct Facts {
    /// What was to be done, as it follows "cannot": `open the target`.
    operation: &'static str,
    /// To what. Relative to the root, the store or sys-data, whichever the operation names.
    path: Text,
    cause: Cause,
    /// The kernel's own text, where the mount API gives one; the name of the attribute.
    detail: Text,
}

/// Why a step did not succeed.
#[derive(Clone, Copy)]
enum Cause {
    /// A system call failed.
    Call(&'static str, Errno),
    /// An extended attribute cannot be kept there.
    Attribute(Errno),
    /// What was found is not what it has to be.
    Finding(Finding),
}

/// Something that is not what it has to be.
#[derive(Clone, Copy)]
pub(crate) enum Finding {
    /// Not of the kind that the entry says.
    NotA(Kind),
    /// Nothing is there.
    Missing,
    /// A file that has a second name, which may lie anywhere on the file system.
    HardLinked,
    /// Not a mount point, so the partition is not there.
    NotMounted,
    /// More levels of directories than are copied.
    TooDeep,
    /// Not what it was a moment ago.
    Changed,
    /// Larger than it may be.
    TooLarge,
    /// Another layout of sys-data.
    OtherLayout,
    /// There are slots, but nothing says in which layout.
    NoLayout,
    /// The image has no symlink to the place where the state lies.
    OtherLink,
    /// No writable directory of the plan holds the path.
    NotInADirectory,
    /// A size of its own, which only a directory that is bound can have.
    Unsizeable,
    /// Too much from this place was moved aside before.
    TooManyKept,
    /// The state that it would lie in is to be made first.
    NoneAbove,
    /// No device of that name came.
    #[cfg(feature = "system")]
    NoDevice,
    /// More than one device is called so.
    #[cfg(feature = "system")]
    Ambiguous,
    /// Something of that name which is no block device.
    #[cfg(feature = "system")]
    NotABlockDevice,
    /// A name that says nothing to us.
    #[cfg(feature = "system")]
    UnknownName,
    /// None of the file systems that were tried.
    #[cfg(feature = "system")]
    NoFileSystem,
    /// The program that repairs it could not.
    #[cfg(feature = "system")]
    NotRepaired,
}

impl Show for Finding {
    fn show(&self, to: &mut dyn Sink) {
        to.put(match self {
            Self::NotA(Kind::Directory) => b"it is not a directory",
            Self::NotA(Kind::File) => b"it is not a regular file",
            Self::Missing => b"it is missing; let the build of the image make it",
            Self::HardLinked => b"it has other names (hard links)",
            Self::NotMounted => {
                b"nothing is mounted there; mount the partition first, or name a directory with --data"
            }
            Self::TooDeep => b"directories are nested too deeply",
            Self::Changed => b"it changes while it is copied",
            Self::TooLarge => b"it is too large",
            Self::OtherLayout => b"it is not of layout version 1",
            Self::NoLayout => b"there is state, but no `version` file that says in which layout",
            Self::OtherLink => b"it is not a symlink to the place where the state lies",
            Self::NotInADirectory => b"no writable directory of the plan holds it",
            Self::Unsizeable => b"only a directory that is bound can have a size of its own",
            Self::TooManyKept => b"replaced/ holds 16 of it; look at them, and remove what is not needed",
            Self::NoneAbove => b"the state of the entry that it lies in is missing",
            #[cfg(feature = "system")]
            Self::NoDevice => b"there is no such device",
            #[cfg(feature = "system")]
            Self::Ambiguous => b"there is more than one device of this name; name it by PARTUUID=",
            #[cfg(feature = "system")]
            Self::NotABlockDevice => b"it is not a block device",
            #[cfg(feature = "system")]
            Self::UnknownName => b"a device is named by PARTLABEL=, PARTUUID= or its path below /dev",
            #[cfg(feature = "system")]
            Self::NoFileSystem => {
                b"it holds none of the file systems that were tried; is the driver's module in the initramfs?"
            }
            #[cfg(feature = "system")]
            Self::NotRepaired => b"the check of its file system found damage that it could not repair",
        });
    }
}

// Never inlined: there are some hundred places that make one.
impl Failure {
    #[inline(never)]
    pub(crate) fn call(operation: &'static str, path: &[u8], call: &'static str, errno: Errno) -> Self {
        Self::new(operation, path, Cause::Call(call, errno), b"")
    }

    #[inline(never)]
    pub(crate) fn found(operation: &'static str, path: &[u8], finding: Finding) -> Self {
        Self::new(operation, path, Cause::Finding(finding), b"")
    }

    /// The attribute `name` cannot be kept, or, without a name, none.
    #[inline(never)]
    pub(crate) fn attribute(operation: &'static str, path: &[u8], name: &[u8], errno: Errno) -> Self {
        Self::new(operation, path, Cause::Attribute(errno), name)
    }

    /// A call of the mount API failed, and the kernel says why.
    #[inline(never)]
    pub(crate) fn explained(
        operation: &'static str,
        path: &[u8],
        call: &'static str,
        errno: Errno,
        kernel: &[u8],
    ) -> Self {
        Self::new(operation, path, Cause::Call(call, errno), kernel)
    }

    #[inline(never)]
    fn new(operation: &'static str, path: &[u8], cause: Cause, detail: &[u8]) -> Self {
        LAST.put(Page::of(Facts { operation, path: Text::of(path), cause, detail: Text::of(detail) }).ok());
        Self(())
    }

    /// What is to be said, which is the caller's from here on.
    #[inline(never)]
    pub(crate) fn account(self) -> Account {
        let Self(()) = self;
        Account(LAST.take())
    }

    /// Does what a failure leaves to be done, and whose own failure is not told.
    pub(crate) fn clean_up(self, clean_up: impl FnOnce() -> Result<(), Self>) -> Self {
        let account = self.account();
        let _ = clean_up();
        account.fail()
    }
}

impl Account {
    /// The failure again that this was taken from.
    #[inline(never)]
    pub(crate) fn fail(self) -> Failure {
        LAST.put(self.0);
        Failure(())
    }

    /// It has been told, and is not needed any more.
    #[inline(never)]
    pub(crate) fn give_back(self) {
        if let Some(page) = self.0 {
            page.give_back();
        }
    }
}

impl Clone for Account {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().and_then(|page| Page::of(*page.get()).ok()))
    }
}

impl Show for Account {
    #[inline(never)]
    fn show(&self, to: &mut dyn Sink) {
        let Some(page) = &self.0 else {
            return to.put(b"there is no memory left, not even to say for what");
        };
        let Facts { operation, path, cause, detail } = page.get();
        to.put(b"cannot ");
        to.put(operation.as_bytes());
        if !path.is_empty() {
            to.put(b" ");
            path.show(to);
        }
        to.put(b": ");
        match cause {
            Cause::Finding(finding) => finding.show(to),
            Cause::Call(call, errno) => {
                to.put(call.as_bytes());
                to.put(b": ");
                Named(*errno).show(to);
                if !detail.is_empty() {
                    to.put(b": ");
                    detail.show(to);
                }
            }
            Cause::Attribute(errno) => {
                to.put(b"extended attribute ");
                detail.show(to);
                to.put(b": ");
                Named(*errno).show(to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::tests::shown;

    /// One test, since all threads have one place for what was said last.
    #[test]
    fn an_account_is_of_its_own_failure() {
        let fail = |operation| Failure::call(operation, b"/etc", "mkdirat", Errno::EXIST);
        let first = fail("one").account();
        let again = first.clone();
        let second = fail("two").clean_up(|| Err(fail("three"))).account();
        first.give_back();
        assert_eq!(shown(&again), "cannot one /etc: mkdirat: EEXIST (17)");
        assert_eq!(shown(&second), "cannot two /etc: mkdirat: EEXIST (17)");
    }
}

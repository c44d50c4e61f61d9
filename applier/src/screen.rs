//! What a person sees when the system cannot be started, and what follows.

use rustix::fs::sync;
use rustix::system::{RebootCommand, reboot};
use rustix::thread::{Timespec, nanosleep};

use crate::block_device::{BlockDevice, BlockDevices};
use crate::boot_options::{OnFailure, Unknown};
use crate::child::{Command, was_not_run};
use crate::cmdline::Cmdline;
use crate::init::ROOT;
use crate::kernel_log;
use crate::refusal::Refusal;
use crate::run::{Process, print};
use crate::show::{Show, Sink, put_number, put_printable};
use crate::text::Text;

/// How long the screen can be read before the machine restarts, in seconds.
const PAUSE: u32 = 10;

/// In seconds.
const HOUR: u32 = 3600;

/// The devices that were looked for, as far as that was known.
pub(crate) struct Sought<'s> {
    pub(crate) root: Option<&'s [u8]>,
    pub(crate) sys_data: Option<Text>,
}

/// Tells why the system does not start, to people and to the kernel's log, and does what is wanted then.
pub(crate) fn give_up(
    refusal: &Refusal,
    sought: &Sought<'_>,
    cmdline: &Cmdline,
    on_failure: OnFailure,
    process: &mut dyn Process,
) -> ! {
    kernel_log::log(kernel_log::ERROR, &|line| refusal.show(line));
    print(process, |screen| show(refusal, sought, cmdline, on_failure, screen));
    match on_failure {
        OnFailure::Halt => {}
        OnFailure::Reboot => sleep(PAUSE),
        OnFailure::Shell => run_shell(process),
    }
    if on_failure != OnFailure::Halt {
        sync();
        let _ = reboot(RebootCommand::Restart);
    }
    loop {
        sleep(HOUR);
    }
}

fn show(refusal: &Refusal, sought: &Sought<'_>, cmdline: &Cmdline, on_failure: OnFailure, to: &mut dyn Sink) {
    to.put(b"\n\n*** This system cannot be started ***\n\n  ");
    refusal.show(to);
    to.put(b"\n\nlooked for\n");
    let sys_data = sought.sys_data.as_ref().map(Text::bytes);
    for (what, name) in [(&b"  root      "[..], sought.root), (b"  sys-data  ", sys_data)] {
        to.put(what);
        put_printable(to, name.unwrap_or(b"not known"));
        to.put(b"\n");
    }
    to.put(b"found\n");
    let mut count = 0_u32;
    if let Ok(devices) = BlockDevices::open() {
        let _ = devices.each(&mut |device| {
            if !device.is_empty() {
                show_device(device, to);
                count = count.saturating_add(1);
            }
        });
    }
    if count == 0 {
        to.put(b"  no block device: is the driver's module in the initramfs?\n");
    }
    to.put(b"kernel command line\n  ");
    put_printable(to, cmdline.bytes());
    match on_failure {
        OnFailure::Reboot => {
            to.put(b"\n\nThe machine restarts in ");
            put_number(to, PAUSE.into());
            to.put(b" seconds. To have it wait: sysota.on-failure=halt, or shell.\n");
        }
        OnFailure::Halt => to.put(b"\n\nThe machine waits for somebody to turn it off.\n"),
        OnFailure::Shell => to.put(b"\n\nA shell follows. When it ends, the machine restarts.\n"),
    }
}

fn show_device(device: &BlockDevice<'_>, to: &mut dyn Sink) {
    to.put(b"  ");
    put_printable(to, device.name);
    to.put(b"  ");
    put_number(to, device.size().unwrap_or_default() >> 10);
    to.put(b" KiB");
    if let Some(label) = device.label() {
        to.put(b"  PARTLABEL=");
        put_printable(to, label);
    }
    device.with_uuid(&mut |uuid| {
        to.put(b"  PARTUUID=");
        put_printable(to, uuid);
    });
    to.put(b"\n");
}

/// The initramfs's own, or else the image's.
fn run_shell(process: &mut dyn Process) {
    let words = [c"/bin/sh"];
    for root in [None, Some(ROOT)] {
        let ran = Command { words: &words, root, has_terminal: true }.run();
        if ran.is_ok_and(|status| !was_not_run(status)) {
            return;
        }
    }
    print(process, |screen| screen.put(b"There is no /bin/sh, neither in the initramfs nor in the image."));
    sleep(PAUSE);
}

fn sleep(seconds: u32) {
    let _ = nanosleep(&Timespec { tv_sec: seconds.into(), tv_nsec: 0 });
}

impl Show for Unknown<'_> {
    fn show(&self, to: &mut dyn Sink) {
        to.put(b"the kernel command line says ");
        to.put(self.name.as_bytes());
        to.put(b"=");
        put_printable(to, self.value);
        to.put(b", which is not ");
        to.put(self.known.as_bytes());
        to.put(b"; it is as if it did not");
    }
}

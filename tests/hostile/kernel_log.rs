//! What the kernel log says about it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};

use state_tests::guard::repairs;
use state_tests::scene::{Scene, directory, mount_tmpfs, persistent};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("kernel_log::one_line_for_each_failure_and_repair", one_line_for_each_failure_and_repair),
    ("kernel_log::no_more_than_its_share", no_more_than_its_share),
    ("kernel_log::why_nothing_was_applied", why_nothing_was_applied),
];

/// The kernel's log from here on.
struct Log(File);

impl Log {
    fn from_here() -> Self {
        let flags = nix::libc::O_NONBLOCK;
        let mut file =
            OpenOptions::new().read(true).custom_flags(flags).open("/dev/kmsg").expect("a kernel log");
        file.seek(SeekFrom::End(0)).unwrap();
        Self(file)
    }

    /// The lines that hold `mark`, each with its priority. Others may write at the same time.
    fn lines_with(mut self, mark: &str) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let mut record = [0; 8192];
        while let Ok(len) = self.0.read(&mut record) {
            let record = String::from_utf8_lossy(&record[..len]);
            let (fields, rest) = record.split_once(';').expect("a record");
            let line = rest.lines().next().unwrap_or_default();
            if line.starts_with("sysota: ") && line.contains(mark) {
                // The priority in the lower three bits, the facility above.
                let priority: u32 = fields.split(',').next().unwrap().parse().unwrap();
                lines.push(((priority & 7).to_string(), line.to_owned()));
            }
        }
        lines
    }
}

fn one_line_for_each_failure_and_repair() -> usize {
    let scene = Scene::new();
    for path in ["/kl/covered", "/kl/link", "/kl/fine"] {
        scene.add_directory(path);
    }
    scene.plan(&["/kl/covered", "/kl/link", "/kl/fine"].map(|path| persistent(directory(path))));
    let _ = scene.apply().expect(0);
    scene.reboot();
    mount_tmpfs(&scene.data("slots/A/tree/kl/covered"));
    fs::remove_dir(scene.data("slots/A/tree/kl/link")).unwrap();
    symlink("/", scene.data("slots/A/tree/kl/link")).unwrap();
    let log = Log::from_here();
    let applied = scene.apply().expect(3);
    let reason = "cannot look at the state of /kl/covered: openat2: EXDEV (18)";
    let repair = "cannot use the state of /kl/link: it is not a directory; it is replaced/kl:link.0 now";
    assert_eq!(applied.entry("/kl/covered")["reason"], reason);
    assert_eq!(repairs(&applied), [repair]);
    let line = |text: String| ("4".to_owned(), format!("sysota: {text}"));
    assert_eq!(
        log.lines_with("/kl/"),
        [line(format!("/kl/covered: degraded: {reason}")), line(format!("/kl/link: repaired: {repair}")),]
    );
    assert_eq!(
        applied.stderr,
        format!("stated: /kl/covered: degraded: {reason}\nstated: /kl/link: repaired: {repair}\n")
    );
    1
}

fn no_more_than_its_share() -> usize {
    let mut scene = Scene::new();
    scene.image_id = "kernel-log-share";
    let entries: Vec<_> = (0..40)
        .map(|number| {
            let path: &'static str = format!("/share/{number:02}").leak();
            scene.add_directory(path);
            persistent(directory(path))
        })
        .collect();
    scene.plan(&entries);
    let _ = scene.apply().expect(0);
    scene.reboot();
    for number in 0..40 {
        mount_tmpfs(&scene.data(&format!("slots/A/tree/share/{number:02}")));
    }
    let log = Log::from_here();
    let applied = scene.apply().expect(3);
    assert_eq!(applied.stderr.lines().count(), 40, "standard error has all");
    let lines = log.lines_with("share");
    assert_eq!(lines.len(), 33, "{lines:#?}");
    let last = "sysota: slot A, same: 0 applied, 40 degraded, 0 skipped; status 3; image kernel-log-share";
    assert_eq!(lines.last().unwrap(), &("5".to_owned(), last.to_owned()));
    1
}

fn why_nothing_was_applied() -> usize {
    let mut scene = Scene::new();
    scene.image_id = "kernel-log-refused";
    scene.plan(&[]);
    let _ = scene.apply().expect(0);
    scene.reboot();
    scene.image_id = "kernel-log-other";
    scene.plan(&[]);
    fs::write(scene.data("version"), "kernel-log-rubbish").unwrap();
    let log = Log::from_here();
    let applied = scene.apply().expect(4);
    let reason = applied.report["reason"].as_str().unwrap();
    let lines = log.lines_with("");
    assert!(lines.contains(&("3".to_owned(), format!("sysota: {reason}"))), "{lines:#?}");
    1
}

//! The programs that make an initramfs, and how each is called.

/// What calls `stated apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// Debian's initramfs-tools: scripts of the shell.
    InitramfsTools,
    /// dracut, whose own scripts do all.
    Dracut,
    /// dracut, whose scripts systemd starts.
    DracutSystemd,
    /// systemd, with none of dracut's scripts.
    Systemd,
}

impl Host {
    pub(super) const ALL: [Self; 4] =
        [Self::InitramfsTools, Self::Dracut, Self::DracutSystemd, Self::Systemd];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InitramfsTools => "initramfs-tools",
            Self::Dracut => "dracut",
            Self::DracutSystemd => "dracut-systemd",
            Self::Systemd => "systemd",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::InitramfsTools => "initramfs-tools",
            Self::Dracut => "dracut without systemd",
            Self::DracutSystemd => "dracut with systemd",
            Self::Systemd => "systemd alone",
        }
    }

    /// The command that makes an initramfs for the kernel `version` as the file `to`. None of them may look at the machine
    /// that it runs on, which is not the one that is started.
    pub(super) fn command<'a>(self, version: &'a str, to: &'a str) -> Vec<&'a str> {
        const DRACUT: [&str; 5] = ["dracut", "--force", "--quiet", "--no-hostonly", "--kver"];
        let dracut = |options: &[&'a str]| [&DRACUT[..], &[version], options, &[to]].concat();
        match self {
            Self::InitramfsTools => vec!["mkinitramfs", "-o", to, version],
            Self::Dracut => dracut(&["--omit", "systemd systemd-initrd dracut-systemd"]),
            Self::DracutSystemd => dracut(&["--add", "dracut-systemd"]),
            Self::Systemd => {
                dracut(&["--omit", "dracut-systemd", "--add", "systemd-initrd systemd-emergency"])
            }
        }
    }

    /// What makes this host restart the machine where a person would get a shell.
    pub(super) fn restarts(self) -> &'static str {
        match self {
            Self::Dracut | Self::DracutSystemd => "rd.shell=0 rd.emergency=reboot",
            // The one reads the kernel's own `panic=`, which is there; the other's unit has a drop-in.
            Self::InitramfsTools | Self::Systemd => "",
        }
    }
}

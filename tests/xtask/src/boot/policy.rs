//! What an image makes writable, in two ways: and so what administrators of it do, and what becomes of that.

use super::habit::{Fate, Habit};

/// How an image treats `/etc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Only the paths that somebody needs.
    Granular,
    /// All of it is persistent, and merged with what a new image brings.
    WholeEtc,
}

/// Something that an image refuses, as it is meant to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// A script that must fail.
    pub(crate) script: &'static str,
    /// What it has to say.
    pub(crate) says: &'static str,
}

impl Policy {
    /// The example that has it.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Granular => "debian-server",
            Self::WholeEtc => "debian-etc",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Granular => "only named paths are writable",
            Self::WholeEtc => "/etc as a whole is writable",
        }
    }

    pub(crate) fn habits(self) -> Vec<Habit> {
        let own: &[Habit] = match self {
            Self::Granular => &OF_GRANULAR,
            Self::WholeEtc => &OF_WHOLE_ETC,
        };
        HABITS.iter().chain(own).copied().collect()
    }

    /// What the system must refuse.
    pub(crate) fn refusals(self) -> &'static [Refusal] {
        match self {
            Self::Granular => &GRANULAR_REFUSES,
            Self::WholeEtc => &WHOLE_ETC_REFUSES,
        }
    }

    /// What the update has to be in doubt about: a word and a path each.
    pub(crate) fn conflicts(self) -> &'static [&'static str] {
        match self {
            Self::Granular => &["both-changed /etc/ssh/sshd_config.d/20-access.conf"],
            // The administrator's accounts, and that of the new package.
            Self::WholeEtc => &[
                "both-changed /etc/group",
                "both-changed /etc/gshadow",
                "both-changed /etc/passwd",
                "both-changed /etc/shadow",
                "both-changed /etc/ssh/sshd_config.d/20-access.conf",
            ],
        }
    }
}

/// A script that sets the time zone. A timer that elapses at ten past three, in local time, has to follow, without anybody
/// who reloads PID 1.
macro_rules! set_time_zone {
    ($zone:literal) => {
        concat!(
            "timedatectl set-timezone ",
            $zone,
            "; for second in $(seq 120); do sleep 1; systemctl show --property=NextElapseUSecRealtime \
             e2scrub_all.timer | grep ' 03:1.:' && exit; done; exit 1"
        )
    };
}

/// What is done to any Debian.
const HABITS: [Habit; 19] = [
    Habit {
        title: "machine id",
        fate: Fate::Identity,
        changes: ["", ""],
        read: "cat /etc/machine-id",
        seen: ["", ""],
    },
    Habit {
        title: "SSH host keys",
        fate: Fate::Identity,
        changes: ["", ""],
        read: "for key in $(sshd -T | sed -n 's/^hostkey //Ip'); do ssh-keygen -l -f $key; done | sort",
        seen: ["", ""],
    },
    Habit {
        title: "hostnamectl hostname",
        fate: Fate::Slot,
        changes: ["hostnamectl hostname pump-a", "hostnamectl hostname pump-b"],
        read: "hostname",
        seen: ["pump-a", "pump-b"],
    },
    Habit {
        title: "hostnamectl location",
        fate: Fate::Slot,
        changes: ["hostnamectl location 'rack A'", "hostnamectl location 'rack B'"],
        read: "sed -n 's/^LOCATION=//p' /etc/machine-info",
        seen: ["\"rack A\"", "\"rack B\""],
    },
    Habit {
        title: "timedatectl set-timezone",
        fate: Fate::Slot,
        changes: [set_time_zone!("Asia/Tokyo"), set_time_zone!("Asia/Kolkata")],
        read: "date +%Z",
        seen: ["JST", "IST"],
    },
    Habit {
        title: "language",
        fate: Fate::Slot,
        changes: ["echo LANG=POSIX > /etc/locale.conf", "echo LANG=C > /etc/locale.conf"],
        read: "cat /etc/locale.conf",
        seen: ["LANG=POSIX", "LANG=C"],
    },
    Habit {
        title: "useradd, groupadd, usermod",
        fate: Fate::Slot,
        changes: [
            "useradd --create-home alice; groupadd crew; usermod --append --groups crew alice",
            "useradd --create-home bob; usermod --append --groups crew bob",
        ],
        read: "for user in alice bob; do su $user -c 'cd && pwd && id -Gn'; done 2> /dev/null | xargs",
        seen: ["/home/alice alice crew", "/home/alice alice crew /home/bob bob crew"],
    },
    Habit {
        title: "chpasswd",
        fate: Fate::Slot,
        changes: ["echo alice:of-slot-a | chpasswd", "echo alice:of-slot-b | chpasswd"],
        // As somebody who has to know the password.
        read: "for password in of-slot-a of-slot-b; do echo $password | setpriv --reuid=nobody --clear-groups \
               su alice -c \"echo $password\" & done 2> /dev/null; wait",
        seen: ["of-slot-a", "of-slot-b"],
    },
    Habit {
        title: "systemctl enable",
        fate: Fate::Slot,
        changes: [
            "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=touch /run/unit-a\\n\
             [Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/a.service; \
             systemctl enable --now a.service",
            "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=touch /run/unit-b\\n\
             [Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/b.service; \
             systemctl enable --now b.service",
        ],
        read: "ls /run | grep '^unit-' | xargs",
        seen: ["unit-a", "unit-a unit-b"],
    },
    Habit {
        title: "systemctl disable, mask",
        fate: Fate::Slot,
        changes: ["systemctl disable fstrim.timer", "systemctl mask fstrim.timer"],
        read: "systemctl is-enabled fstrim.timer",
        seen: ["disabled", "masked"],
    },
    Habit {
        title: "sshd setting, edited",
        fate: Fate::Slot,
        changes: [
            "sed -i 's/^LoginGraceTime .*/LoginGraceTime 61/' /etc/ssh/sshd_config.d/20-access.conf",
            "sed -i 's/^LoginGraceTime .*/LoginGraceTime 62/' /etc/ssh/sshd_config.d/20-access.conf",
        ],
        read: "sshd -T | grep -i '^logingracetime ' | tr A-Z a-z",
        seen: ["logingracetime 61", "logingracetime 62"],
    },
    Habit {
        title: "sshd setting, added",
        fate: Fate::Slot,
        changes: [
            "echo MaxStartups 7:30:70 > /etc/ssh/sshd_config.d/50-admin.conf",
            "echo MaxStartups 8:30:80 > /etc/ssh/sshd_config.d/50-admin.conf",
        ],
        read: "sshd -T | grep -i '^maxstartups ' | tr A-Z a-z",
        seen: ["maxstartups 7:30:70", "maxstartups 8:30:80"],
    },
    Habit {
        title: "sshd setting, untouched",
        fate: Fate::Image,
        changes: ["", ""],
        read: "sshd -T | grep -i '^clientaliveinterval ' | tr A-Z a-z",
        seen: ["clientaliveinterval 31", "clientaliveinterval 32"],
    },
    Habit {
        title: "a new package's service",
        fate: Fate::Image,
        changes: ["", ""],
        read: "echo $(systemctl is-active mosquitto) $(stat --format=%U /var/lib/mosquitto 2> /dev/null)",
        seen: ["inactive", "active mosquitto"],
    },
    Habit {
        title: "a package that goes",
        fate: Fate::Image,
        changes: ["", ""],
        read: "ls /usr/bin/nano /etc/nanorc 2> /dev/null || true",
        seen: ["/etc/nanorc\n/usr/bin/nano", ""],
    },
    Habit {
        title: "files in /root, /home",
        fate: Fate::Slot,
        changes: ["echo a | tee /root/note > /home/note", "echo b | tee /root/note > /home/note"],
        read: "cat /root/note /home/note 2> /dev/null | xargs",
        seen: ["a a", "b b"],
    },
    Habit {
        title: "package lists",
        fate: Fate::Reset,
        changes: ["touch /var/lib/apt/lists/note-a", "touch /var/lib/apt/lists/note-b"],
        read: "ls /var/lib/apt/lists | grep note | xargs",
        seen: ["note-a", "note-b"],
    },
    Habit {
        title: "the clock's time stamp",
        fate: Fate::Common,
        changes: ["echo a > /var/lib/systemd/timesync/note", "echo b > /var/lib/systemd/timesync/note"],
        read: "cat /var/lib/systemd/timesync/note 2> /dev/null",
        seen: ["a", "b"],
    },
    Habit {
        title: "files in /tmp, /var/log, …",
        fate: Fate::Ephemeral,
        changes: [
            "for directory in /tmp /var/tmp /var/log /var/cache/apt; do echo a > $directory/note; done",
            "for directory in /tmp /var/tmp /var/log /var/cache/apt; do echo b > $directory/note; done",
        ],
        read: "cat /tmp/note /var/tmp/note /var/log/note /var/cache/apt/note 2> /dev/null | xargs",
        seen: ["a a a a", "b b b b"],
    },
];

/// What is done where only named paths are writable.
const OF_GRANULAR: [Habit; 2] = [
    Habit {
        title: "a network's configuration",
        fate: Fate::Slot,
        changes: ["touch /etc/systemd/network/50-a.network", "touch /etc/systemd/network/50-b.network"],
        read: "ls /etc/systemd/network | xargs",
        seen: ["20-wired.network 50-a.network", "20-wired.network 50-a.network 50-b.network"],
    },
    Habit {
        title: "name servers",
        fate: Fate::Ephemeral,
        changes: [
            "echo nameserver 10.0.2.3 > /etc/resolv.conf",
            "echo nameserver 10.0.2.4 > /etc/resolv.conf",
        ],
        read: "cat /etc/resolv.conf",
        seen: ["nameserver 10.0.2.3", "nameserver 10.0.2.4"],
    },
];

/// What is done where all of `/etc` is writable.
const OF_WHOLE_ETC: [Habit; 2] = [
    Habit {
        title: "passwd, for root",
        fate: Fate::Slot,
        changes: ["echo root:of-slot-a | chpasswd", "echo root:of-slot-b | chpasswd"],
        read: "for password in of-slot-a of-slot-b; do echo $password | setpriv --reuid=nobody --clear-groups \
               su -c \"echo $password\" & done 2> /dev/null; wait",
        seen: ["of-slot-a", "of-slot-b"],
    },
    Habit {
        title: "any file in /etc",
        fate: Fate::Slot,
        changes: ["echo a > /etc/note", "echo b > /etc/note"],
        read: "cat /etc/note 2> /dev/null",
        seen: ["a", "b"],
    },
];

const GRANULAR_REFUSES: [Refusal; 7] = [
    Refusal { script: "touch /etc/note", says: "Read-only file system" },
    Refusal { script: "touch /usr/note", says: "Read-only file system" },
    Refusal { script: "ldconfig", says: "Read-only file system" },
    Refusal { script: "echo root:secret | chpasswd", says: "user 'root' does not exist" },
    Refusal { script: "printf 'a\\na\\n' | passwd alice", says: "Authentication token manipulation error" },
    Refusal { script: "usermod --append --groups sudo alice", says: "group 'sudo' does not exist" },
    Refusal { script: "localectl set-locale LANG=C", says: "Access denied" },
];

const WHOLE_ETC_REFUSES: [Refusal; 2] = [
    Refusal { script: "touch /usr/note", says: "Read-only file system" },
    Refusal { script: "localectl set-locale LANG=C", says: "Access denied" },
];

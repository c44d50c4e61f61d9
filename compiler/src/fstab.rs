//! sys-data as a line of `fstab(5)`, for an initramfs whose own programs mount it.

use std::fmt::Write as _;

use state_schema::SysData;

/// What the initramfs is told beyond what the image's policy says, at the end and in this order: where `mount` is not that of
/// util-linux, it is taken off again.
///
/// What follows from a partition that is not there, `stated` decides by the policy; so its absence fails nothing, and is
/// waited for as long as `stated init` does.
const OF_INITRAMFS: [&str; 3] =
    ["nofail", "x-systemd.device-timeout=30", "x-systemd.before=sysota-state.service"];

/// Its file system is checked after the root's.
const PASS: u8 = 2;

/// The line, with its end.
#[must_use]
pub fn line(partition: &SysData<'_>) -> String {
    let options = partition.options.split(',').filter(|option| !option.is_empty()).chain(OF_INITRAMFS);
    let options = options.collect::<Vec<_>>().join(",");
    let place = partition.mount_point.as_str();
    let fields = [partition.device, place, partition.fstype, &options].map(escape);
    format!("{} 0 {PASS}\n", fields.join(" "))
}

/// A field as `getmntent(3)` reads it back: what would end it, or begin such an escape, in octal.
fn escape(text: &str) -> String {
    let mut field = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\n' | '\\' | '#' => {
                // Writing to a string does not fail.
                let _ = write!(field, "\\{:03o}", u32::from(c));
            }
            _ => field.push(c),
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use state_schema::StatePath;

    use super::*;

    #[test]
    fn says_what_the_policy_says() {
        let mount_point = StatePath::new("/run/mount/sysdata").unwrap();
        let mut partition =
            SysData { device: "PARTLABEL=x-sys-data", fstype: "ext4", options: "noatime", mount_point };
        let expected = "PARTLABEL=x-sys-data /run/mount/sysdata ext4 \
                        noatime,nofail,x-systemd.device-timeout=30,x-systemd.before=sysota-state.service 0 2\n";
        assert_eq!(line(&partition), expected);
        partition.options = "";
        assert!(line(&partition).contains(" ext4 nofail,x-systemd"));
    }

    #[test]
    fn a_field_ends_where_it_should() {
        assert_eq!(escape("PARTLABEL=my data\\1"), "PARTLABEL=my\\040data\\1341");
    }
}

//! Every place on sys-data, each attacked in every way.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use state_tests::attack::{self, Attack};
use state_tests::guard::repairs;

use crate::target::Target;

/// One place on sys-data.
struct Place {
    path: &'static str,
    needs: Needs,
}

/// What belongs there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// State, or a directory above some.
    Directory,
    /// State.
    File,
    /// A mount point in the state of the entry above, or a directory on the way to one.
    DirectoryOnTheWay,
    FileOnTheWay,
    /// Nothing in particular: what is there is left alone, as good as it goes.
    Nothing,
    /// A directory that services do not come to, without which there is no sys-data or no overlay.
    Layout,
    /// The directory whose content nobody needs.
    Scratch,
    /// What says that the layout is ours.
    Version,
    /// A file that tells something about the state, and is no harm if it tells nothing: then the state is taken over.
    Word,
    /// The log, which is made anew.
    Log,
}

use Needs::{Directory, DirectoryOnTheWay, File, FileOnTheWay, Layout, Log, Nothing, Scratch, Version, Word};

const PLACES: &[Place] = &[
    place("slots/A/tree/etc", Directory),
    place("slots/A/tree/etc/app", Directory),
    place("slots/A/tree/etc/conf", File),
    place("slots/A/tree/etcrw", Directory),
    place("slots/A/tree/etcrw/sub", DirectoryOnTheWay),
    place("slots/A/tree/etcrw/sub/hostname", Nothing),
    place("slots/A/tree/mem", Directory),
    place("slots/A/tree/mem/keep", Directory),
    place("slots/A/tree/opt", Directory),
    place("slots/A/tree/opt/tool", Directory),
    place("slots/A/tree/opt/tool/sub", Nothing),
    place("slots/A/tree/var", Directory),
    place("slots/A/tree/var/lib", Directory),
    place("slots/A/tree/var/lib/app", DirectoryOnTheWay),
    place("slots/A/tree/var/lib/file", FileOnTheWay),
    place("slots/A/tree/var/lib/keys", Directory),
    place("common/tree/srv", Directory),
    place("common/tree/srv/shared", Directory),
    place("common/tree/srv/status", File),
    place("common/boots", Log),
    place("common/replaced", Nothing),
    place("slots/A/replaced", Nothing),
    place("tmp", Scratch),
    place("version", Version),
    place("slots", Layout),
    place("slots/A", Layout),
    place("slots/A/blob", Word),
    place("slots/A/transition", Word),
    place("slots/A/stale", Nothing),
    place("slots/A/reset", Nothing),
    place("slots/A/tree", Layout),
    place("slots/A/work", Layout),
    place("slots/A/work/2", Layout),
    place("slots/A/work/2/opt", Layout),
    place("slots/A/work/2/opt/tool", Layout),
    place("common", Layout),
    place("common/tree", Layout),
];

const fn place(path: &'static str, needs: Needs) -> Place {
    Place { path, needs }
}

/// How a boot has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Nothing is wrong with what is there.
    Fine,
    /// It is moved aside, and everything is mounted.
    Repaired,
    /// An entry cannot be as it should.
    Degraded,
    /// Any of these.
    Any,
}

fn expected(needs: Needs, result: attack::Spoiled) -> Expected {
    use attack::Spoiled;
    match (needs, result) {
        // There is no such thing, or it is not touched.
        (_, Spoiled::Fixed) | (Word, Spoiled::FixedMisfit) => Expected::Any,
        (Nothing, _)
        | (Word | Log | Scratch, Spoiled::Neither | Spoiled::File | Spoiled::Directory)
        | (DirectoryOnTheWay | FileOnTheWay, Spoiled::Covered)
        | (Directory | DirectoryOnTheWay, Spoiled::Directory)
        | (File | FileOnTheWay, Spoiled::File) => Expected::Fine,
        (Layout, Spoiled::Neither | Spoiled::File)
        | (Version, Spoiled::Neither | Spoiled::Directory)
        | (Word | Log, Spoiled::Covered)
        | (Log, Spoiled::FixedMisfit)
        | (Directory | File | DirectoryOnTheWay | FileOnTheWay, Spoiled::Covered | Spoiled::FixedMisfit) => {
            Expected::Degraded
        }
        (Layout | Scratch | Version, _) => Expected::Any,
        _ => Expected::Repaired,
    }
}

/// Attacks each place, and returns how many boots that were.
pub(crate) fn attack_everywhere(attack: &Attack) -> usize {
    let target = Target::new();
    for place in PLACES {
        let what = format!("{} at {}", attack.name, place.path);
        let outside = target.renew();
        let at = target.scene.data(place.path);
        attack.spoil(&at, &outside).unwrap();
        let inode = at.symlink_metadata().unwrap().ino();
        let applied = target.apply(&what, &outside);
        let context = format!("{what}: {}{:#}", applied.stderr, applied.report);
        let expected = expected(place.needs, attack.result);
        // A directory put in place of a directory can have what is wrong further down.
        let deeper = attack.name == "directory_of_links" && expected == Expected::Fine;
        match expected {
            Expected::Fine if deeper => assert_eq!(applied.status, 0, "{context}"),
            Expected::Fine => assert!(applied.status == 0 && repairs(&applied).is_empty(), "{context}"),
            Expected::Repaired => {
                assert_eq!(applied.status, 0, "{context}");
                assert!(!repairs(&applied).is_empty(), "{context}");
                assert!(is_kept(&target, place.path, inode), "it is not in replaced/: {context}");
            }
            Expected::Degraded => assert_eq!(applied.status, 3, "{context}"),
            Expected::Any => {}
        }
        target.repeat(&what, &applied, &outside);
        target.scene.reboot();
        let next = target.apply(&what, &outside);
        if matches!(expected, Expected::Fine | Expected::Repaired) {
            assert!(next.status == 0 && repairs(&next).is_empty(), "{what}: {:#}", next.report);
        } else {
            assert_eq!(next.status, applied.status, "{what}: {:#}", next.report);
        }
        target.scene.reboot();
    }
    PLACES.len()
}

/// Attacks each place, and has the other slot take the state over. Returns how many boots that were.
pub(crate) fn attack_updates(attack: &Attack) -> usize {
    let target = Target::new();
    for place in PLACES {
        let what = format!("update after {} at {}", attack.name, place.path);
        let outside = target.renew();
        attack.spoil(&target.scene.data(place.path), &outside).unwrap();
        target.scene.command_line("quiet sysota.slot=B");
        let applied = target.apply(&what, &outside);
        target.repeat(&what, &applied, &outside);
        target.scene.reboot();
        let next = target.apply(&what, &outside);
        assert!(next.status <= applied.status, "{what}: {:#}, then {:#}", applied.report, next.report);
        target.scene.reboot();
        target.scene.command_line("quiet sysota.slot=A");
        let back = target.apply(&what, &outside);
        assert!(back.status <= 3 || applied.status == 4, "{what}, and back: {:#}", back.report);
        target.scene.reboot();
    }
    3 * PLACES.len()
}

/// Whether what was put at `place` lies in `replaced/`, under a name that says from where.
fn is_kept(target: &Target, place: &str, inode: u64) -> bool {
    let (store, path) = place.split_once("/tree/").unwrap();
    let replaced = target.scene.data(store).join("replaced").join(format!("{}.0", path.replace('/', ":")));
    Path::new(&replaced).symlink_metadata().is_ok_and(|kept| kept.ino() == inode)
}

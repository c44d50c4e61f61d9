//! `stated check`: whether the state of the slot that runs fits another image, before that is installed.

use rustix::fd::OwnedFd;
use state_schema::sys_data::{REPLACED_DIR, TREE_DIR};
use state_schema::{Blob, Difference, Lifetime, OnUpdate, SAME_IMAGE_ID, compare};

use crate::arguments::Command;
use crate::beneath::open_directory;
use crate::blob::{BlobError, BlobFile};
use crate::changes::{Verdict, each_change, is_beneath};
use crate::chronicle::{Conflict, Witness};
use crate::device::{Device, decode, read_blob};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::Root;
use crate::json::{put_name, put_string};
use crate::path::PathBuf;
use crate::plan::entries;
use crate::refusal::Refusal;
use crate::run::{Process, print};
use crate::show::{put_number, put_printable};
use crate::space::Space;
use crate::step::Step;
use crate::succession::open_blob;
use crate::takeover::{STATE, is_slots};
use crate::text::{Note, Text};
use crate::usage::Usage;
use crate::walk::{Way, walk};
use crate::wish::Wish;

const CHECK: &str = "check the state in";

/// Tells what an update to the image of another blob would do to the state of the slot that runs.
///
/// The exit status is 4 if the update could not be made, 3 if something would be lost or is in conflict.
pub(crate) fn run(command: &Command<'_>, process: &mut dyn Process) -> Result<Exit, Refusal> {
    let running_file = read_blob(&command.places)?;
    let running = decode(&running_file, command.places.blob)?;
    let named = command.operands.as_slice().first().copied();
    let file = BlobFile::read(&Root::open(command.places.root)?, named)?;
    let blob = decode(&file, named)?;
    blob.check_factory_files().map_err(|error| Refusal::Blob {
        path: Note::of(named.unwrap_or_default()),
        error: BlobError::Decode(error),
    })?;
    let device = Device::find(&command.places, &running)?;
    let dir = device.open_state()?;
    // What the state comes from; where that cannot be read any more, all of it counts as the user's.
    let base_file = open_blob(&dir)?;
    let base = base_file.as_ref().and_then(|file| file.decode().ok());
    let base = base.as_ref().filter(|base| base.check_factory_files().is_ok());

    let mut findings = Findings { process, is_json: command.flags.json, separator: "", doubts: 0 };
    let of_state = base.unwrap_or(&running);
    findings.begin(device.slot.as_str(), of_state.image().id, blob.image().id);
    for difference in compare(of_state, &blob) {
        findings.difference(&difference);
    }
    findings.begin_conflicts();
    let step = Step::new(CHECK, TREE_DIR.as_bytes());
    let tree = open_directory(&step, &dir, TREE_DIR.as_bytes())?;
    tell_conflicts(base, &blob, &tree, &mut findings)?;
    let space = Space::measure(device.sys_data.work(), usage(&dir, &blob)?)?;
    Ok(findings.end(&space))
}

/// Tells of the conflicts that a merge would come to. Nothing is changed, so of a directory that the image replaces by something else
/// it is not known whether it will be empty.
fn tell_conflicts(
    base: Option<&Blob<'_>>,
    blob: &Blob<'_>,
    tree: &OwnedFd,
    to: &mut dyn Witness,
) -> Result<(), Failure> {
    // As a merge has them: the last conflict where the user has no directory, and the last directory that it would make.
    let (mut told, mut made) = (PathBuf::new(), PathBuf::new());
    each_change(base, blob, &mut |change| {
        let (verdict, users) = change.judge(tree)?;
        let path = change.path;
        let conflict = match verdict {
            Verdict::Settled => return Ok(()),
            Verdict::Conflict(conflict) => conflict,
            Verdict::Follow => {
                let is_made = !made.bytes().is_empty() && is_beneath(path, made.bytes());
                if !change.has_new() || users.is_some() || is_made || change.has_parent(tree)? {
                    if !is_made {
                        made.set(path);
                    }
                    return Ok(());
                }
                Conflict::UserRemoved
            }
        };
        if told.bytes().is_empty() || !is_beneath(path, told.bytes()) {
            to.conflict(conflict, path, None);
            if users.is_none_or(|users| !users.is_directory) {
                told.set(path);
            }
        }
        Ok(())
    })
}

/// What a copy of the slot's state needs for this image.
fn usage(dir: &OwnedFd, blob: &Blob<'_>) -> Result<Usage, Failure> {
    let wish = Wish::read(dir)?;
    let is_left = |path: &[u8]| {
        let left =
            entries(blob).filter(is_slots).find(|entry| entry.state_path().relative().as_bytes() == path);
        left.is_some_and(|entry| {
            let is_reset =
                matches!(entry.lifetime, Lifetime::Persistent(of) if of.on_update == OnUpdate::Reset);
            // What lies in it may be carried.
            let has_nested = entries(blob).any(|other| other.state_path().is_beneath(entry.state_path()));
            (is_reset || wish.is_for(entry.path)) && !has_nested
        })
    };
    let mut usage = Usage::default();
    walk(STATE, dir, &mut |path, stat| {
        let mut names = path.splitn(2, |&byte| byte == b'/');
        let is_state =
            names.next().is_some_and(|name| name == TREE_DIR.as_bytes() || name == REPLACED_DIR.as_bytes());
        if !is_state || names.next().is_some_and(is_left) {
            return Way::Past;
        }
        usage.add(stat);
        Way::Into
    })?;
    Ok(usage)
}

/// What is found, on its way to whoever asked.
struct Findings<'f> {
    process: &'f mut dyn Process,
    is_json: bool,
    /// What comes before the next element of a list.
    separator: &'static str,
    /// How much would be lost or is in conflict.
    doubts: u64,
}

impl Findings<'_> {
    fn begin(&mut self, slot: &str, from: &str, to: &str) {
        let is_json = self.is_json;
        print(self.process, |page| {
            if !is_json {
                for part in ["slot ", slot, ": from ", from, " to ", to] {
                    page.put(part.as_bytes());
                }
                return;
            }
            page.put(b"{\n\"version\": 1,\n\"slot\": ");
            put_name(page, Some(slot.as_bytes()));
            for (key, id) in [(&b",\n\"old-image\": "[..], from), (b",\n\"new-image\": ", to)] {
                page.put(key);
                put_name(page, Some(id.as_bytes()));
            }
            page.put(b",\n\"differences\": [");
        });
        if from == to && !is_json {
            print(self.process, |page| {
                page.put(b"! ");
                page.put(SAME_IMAGE_ID.as_bytes());
            });
        }
    }

    /// In the words of `statec diff`.
    fn difference(&mut self, difference: &Difference<'_>) {
        let Difference { path, change } = difference;
        let loses_state = change.loses_state();
        self.doubts = self.doubts.saturating_add(loses_state.into());
        let (is_json, separator) = (self.is_json, self.separator);
        print(self.process, |page| {
            if !is_json {
                page.put(if loses_state { b"! " } else { b"  " });
                put_printable(page, path.as_str().as_bytes());
                page.put(b"  ");
                page.put(change.kind().as_bytes());
                page.put(b": ");
                change.detail(&mut |part| put_printable(page, part.as_bytes()));
                return;
            }
            page.put(separator.as_bytes());
            page.put(b"{\"path\": ");
            put_name(page, Some(path.as_str().as_bytes()));
            page.put(b", \"kind\": ");
            put_string(page, |to| {
                // As `statec diff` has it in JSON.
                for &byte in change.kind().as_bytes() {
                    to.put(&[if byte == b' ' { b'-' } else { byte }]);
                }
            });
            page.put(b", \"loses-state\": ");
            page.put(if loses_state { b"true" } else { b"false" });
            page.put(b", \"detail\": ");
            put_string(page, |to| change.detail(&mut |part| to.put(part.as_bytes())));
            page.put(b"}");
        });
        self.separator = ",";
    }

    fn begin_conflicts(&mut self) {
        if self.is_json {
            print(self.process, |page| page.put(b"],\n\"conflicts\": ["));
            self.separator = "";
        }
    }

    /// Tells whether there is room, and what it comes to.
    fn end(self, space: &Space) -> Exit {
        let fits = space.is_enough();
        print(self.process, |page| {
            let Space { needed, free } = space;
            if !self.is_json {
                page.put(if fits { b"  " } else { b"! " });
                page.put(b"a copy of the state needs ");
                put_number(page, needed.bytes);
                page.put(b" bytes in ");
                put_number(page, needed.files);
                page.put(b" files; free are ");
                put_number(page, free.bytes);
                page.put(b" and ");
                put_number(page, free.files);
                page.put(if fits { b"" } else { b": there is no room for the update" });
                return;
            }
            page.put(b"],\n\"space\": {\"needed-bytes\": ");
            for (number, behind) in [
                (needed.bytes, &b", \"needed-files\": "[..]),
                (needed.files, b", \"free-bytes\": "),
                (free.bytes, b", \"free-files\": "),
                (free.files, b", \"fits\": "),
            ] {
                put_number(page, number);
                page.put(behind);
            }
            page.put(if fits { b"true}\n}" } else { b"false}\n}" });
        });
        match (fits, self.doubts) {
            (false, _) => Exit::Refused,
            (true, 0) => Exit::Applied,
            (true, _) => Exit::Degraded,
        }
    }
}

impl Witness for Findings<'_> {
    fn conflict(&mut self, conflict: Conflict, path: &[u8], _: Option<&Text>) {
        self.doubts = self.doubts.saturating_add(1);
        let (is_json, separator) = (self.is_json, self.separator);
        print(self.process, |page| {
            if !is_json {
                page.put(b"! ");
                put_printable(page, path);
                page.put(b"  conflict: ");
                page.put(conflict.as_str().as_bytes());
                return;
            }
            page.put(separator.as_bytes());
            page.put(b"{\"conflict\": ");
            put_name(page, Some(conflict.as_str().as_bytes()));
            page.put(b", \"path\": ");
            put_string(page, |to| put_printable(to, path));
            page.put(b"}");
        });
        self.separator = ",";
    }
}

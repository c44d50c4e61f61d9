//! What a blob will do, in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use state_schema::{
    Blob, DecodeError, Entry, FORMAT_VERSION, How, Lifetime, MountOptions, OnSysDataFailure, PlannedEntry,
    Scope, Seed, sys_data,
};

use crate::diagnostic::escape;
use crate::fragment::Word;

/// A blob as data for other programs: JSON or YAML.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    format_version: u16,
    image: String,
    slots: Vec<String>,
    slot_from: Vec<String>,
    sys_data: SysDataView,
    on_sys_data_failure: &'static str,
    entries: Vec<EntryView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct SysDataView {
    device: String,
    fstype: String,
    options: Vec<String>,
    mount_point: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct EntryView {
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    lifetime: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_update: Option<&'static str>,
    /// How many of the image's files are recorded, where they are merged with the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    factory_files: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    how: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Where the state lies: on sys-data, `{slot}` for the slot's name, or in memory.
    state: String,
    seed: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    owner: u32,
    group: u32,
    mode: String,
    options: Vec<&'static str>,
    on_failure: &'static str,
    /// Of several fragments that declare the path, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    fragment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

/// Reads all that a blob says.
pub fn inspect(blob: &Blob<'_>) -> Result<Inspection, DecodeError> {
    let sys_data = blob.sys_data();
    Ok(Inspection {
        format_version: FORMAT_VERSION,
        image: blob.image().id.to_owned(),
        slots: blob.slots().iter().map(ToString::to_string).collect(),
        slot_from: blob.slot_rules().map(|rule| Ok(rule?.to_string())).collect::<Result<_, DecodeError>>()?,
        sys_data: SysDataView {
            device: sys_data.device.to_owned(),
            fstype: sys_data.fstype.to_owned(),
            options: sys_data
                .options
                .split(',')
                .filter(|option| !option.is_empty())
                .map(str::to_owned)
                .collect(),
            mount_point: sys_data.mount_point.to_string(),
        },
        on_sys_data_failure: match blob.image().on_sys_data_failure {
            OnSysDataFailure::Degrade => "degrade",
            OnSysDataFailure::Fail => "fail",
        },
        entries: views(blob)?,
    })
}

fn views(blob: &Blob<'_>) -> Result<Vec<EntryView>, DecodeError> {
    let counts = count_factory_files(blob)?;
    let view = |planned: Result<PlannedEntry<'_>, DecodeError>| {
        let planned = planned?;
        Ok(view(&planned, counts.get(planned.entry.state_path().as_str().as_bytes()).copied()))
    };
    blob.entries().map(view).collect()
}

/// How many files of the image are recorded of each entry that is merged, by the place of its state.
fn count_factory_files<'a>(blob: &Blob<'a>) -> Result<BTreeMap<&'a [u8], usize>, DecodeError> {
    let mut counts = BTreeMap::new();
    for planned in blob.entries() {
        let entry = planned?.entry;
        if entry.is_merged() {
            counts.insert(entry.state_path().as_str().as_bytes(), 0);
        }
    }
    for file in blob.factory_files() {
        // Beneath an entry that is merged there may be another one, which then has the file.
        let mut place = file?.path;
        while !place.is_empty() {
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
                break;
            }
            place = place.rsplitn(2, |&byte| byte == b'/').nth(1).unwrap_or_default();
        }
    }
    Ok(counts)
}

pub(crate) fn view(planned: &PlannedEntry<'_>, factory_files: Option<usize>) -> EntryView {
    let PlannedEntry { entry, origin } = planned;
    let (lifetime, scope, on_update, size) = match entry.lifetime {
        Lifetime::Ephemeral { size } => ("ephemeral", None, None, size),
        Lifetime::Persistent(of) => ("persistent", Some(of.scope.word()), Some(of.on_update.word()), None),
    };
    EntryView {
        path: entry.path.to_string(),
        kind: entry.kind.word(),
        lifetime,
        scope,
        on_update,
        factory_files: factory_files.filter(|_| entry.is_merged()),
        size,
        how: entry.how.word(),
        to: match entry.how {
            How::Symlink { to } => Some(to.to_string()),
            How::Bind | How::Overlay => None,
        },
        state: state_place(entry),
        seed: match entry.seed {
            Seed::Image => "image",
            Seed::Empty => "empty",
            Seed::Text(_) => "text",
        },
        text: match entry.seed {
            Seed::Text(text) => Some(text.to_owned()),
            Seed::Image | Seed::Empty => None,
        },
        owner: entry.uid,
        group: entry.gid,
        mode: entry.mode.to_string(),
        options: option_words(entry.options),
        on_failure: entry.on_failure.word(),
        fragment: origin.map(|origin| origin.fragment.to_owned()),
        line: origin.map(|origin| origin.line),
        reason: origin.map(|origin| origin.reason.to_owned()).unwrap_or_default(),
    }
}

pub(crate) fn state_place(entry: &Entry<'_>) -> String {
    // A symlink's file lies in the state of the directory that it points into.
    let path = match entry.how {
        How::Symlink { to } => to,
        How::Bind | How::Overlay => entry.path,
    };
    place(entry.lifetime, path.as_str())
}

/// Where the state of a path lies: on sys-data, with `{slot}` for the slot's name, or in memory.
pub(crate) fn place(lifetime: Lifetime, path: &str) -> String {
    match lifetime {
        Lifetime::Ephemeral { size: Some(_) } => "memory, its own tmpfs".to_owned(),
        Lifetime::Ephemeral { size: None } => "memory".to_owned(),
        Lifetime::Persistent(of) => match of.scope {
            Scope::Slot => format!("{}/{{slot}}/{}{path}", sys_data::SLOTS_DIR, sys_data::TREE_DIR),
            Scope::Common => format!("{}/{}{path}", sys_data::COMMON_DIR, sys_data::TREE_DIR),
        },
    }
}

pub(crate) fn option_words(options: MountOptions) -> Vec<&'static str> {
    let set = MountOptions::WORDS.iter().filter(|(option, ..)| options.contains(*option));
    set.map(|(_, word, _)| *word).collect()
}

impl Inspection {
    /// The inspection as a table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let sys_data = &self.sys_data;
        let without = match self.on_sys_data_failure {
            "fail" => "the boot has failed",
            _ => "everything is ephemeral",
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "image     {}", escape(&self.image));
        let slot_from = escape(&self.slot_from.join(", "));
        let _ = writeln!(text, "slots     {}, told by {slot_from}", self.slots.join(", "));
        let options: Vec<_> =
            [&sys_data.fstype].into_iter().chain(&sys_data.options).map(String::as_str).collect();
        let options = escape(&options.join(", "));
        let [device, place] = [&sys_data.device, &sys_data.mount_point].map(|text| escape(text));
        let _ = writeln!(text, "sys-data  {device} ({options}) at {place}; without it {without}");
        let _ = writeln!(
            text,
            "state     in {}/{{slot}}/{tree}, if common in {}/{tree}, under the paths' own names",
            sys_data::SLOTS_DIR,
            sys_data::COMMON_DIR,
            tree = sys_data::TREE_DIR
        );
        text.push('\n');
        let header = ["PATH", "BECOMES", "SEED", "OWNER", "MODE", "OPTIONS", "FIRST DECLARED"];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(self.entries.iter().map(|entry| entry.row().map(|cell| escape(&cell))));
        push_table(&mut text, &rows);
        let persistent = self.entries.iter().filter(|entry| entry.lifetime == "persistent").count();
        let _ = writeln!(
            text,
            "\n{} paths: {persistent} persistent, {} ephemeral",
            self.entries.len(),
            self.entries.len() - persistent
        );
        text
    }
}

impl EntryView {
    /// The fields of the language, as far as they have a value.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let fields = [
            ("lifetime", Some(self.lifetime.to_owned())),
            ("type", Some(self.kind.to_owned())),
            ("how", Some(self.how.to_owned())),
            ("to", self.to.clone()),
            ("scope", self.scope.map(str::to_owned)),
            ("on-update", self.on_update.map(str::to_owned)),
            ("size", self.size.map(bytes)),
            ("seed", Some(self.seed.to_owned())),
            ("on-failure", Some(self.on_failure.to_owned())),
            ("owner", Some(self.owner.to_string())),
            ("group", Some(self.group.to_string())),
            ("mode", Some(self.mode.clone())),
            ("options", Some(self.options.join(", "))),
            ("reason", Some(self.reason.clone()).filter(|reason| !reason.is_empty())),
        ];
        fields.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    fn row(&self) -> [String; 7] {
        let lasts = match (self.scope, self.on_update) {
            (Some("common"), _) => "common".to_owned(),
            (_, Some("carry") | None) => self.lifetime.to_owned(),
            (_, Some(on_update)) => match self.factory_files {
                None => format!("{} ({on_update})", self.lifetime),
                Some(1) => format!("{} ({on_update}, 1 file)", self.lifetime),
                Some(count) => format!("{} ({on_update}, {count} files)", self.lifetime),
            },
        };
        let how = match (&self.to, self.size, self.how) {
            (Some(to), ..) => format!(" at {}", escape(to)),
            (None, Some(size), _) => format!(", {}", bytes(size)),
            (None, None, "bind") => String::new(),
            (None, None, how) => format!(", {how}"),
        };
        let declared = match (&self.fragment, self.line) {
            (Some(fragment), Some(line)) => format!("{}:{line}", escape(fragment)),
            _ => String::new(),
        };
        [
            escape(&self.path),
            format!("{lasts} {}{how}", self.kind),
            self.seed.to_owned(),
            format!("{}:{}", self.owner, self.group),
            self.mode.clone(),
            self.special_options(),
            declared,
        ]
    }

    /// What differs from the usual options: those that are set besides them, and those that are lifted.
    fn special_options(&self) -> String {
        let words = MountOptions::WORDS.iter().filter_map(|&(option, set, lifted)| {
            match (MountOptions::DEFAULT.contains(option), self.options.contains(&set)) {
                (true, false) => Some(lifted),
                (false, true) => Some(set),
                _ => None,
            }
        });
        words.collect::<Vec<_>>().join(",")
    }
}

/// A size as a fragment writes it.
pub(crate) fn bytes(size: u64) -> String {
    match [("G", 30), ("M", 20), ("K", 10)].into_iter().find(|(_, shift)| size.trailing_zeros() >= *shift) {
        Some((unit, shift)) => format!("{}{unit}", size >> shift),
        None => size.to_string(),
    }
}

fn push_table<const N: usize>(text: &mut String, rows: &[[String; N]]) {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
}

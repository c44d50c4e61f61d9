//! A tree to an image policy.

use state_schema::{MAX_SLOTS, SlotName, StatePathBuf};

use super::{ImagePolicy, Policy, SlotSource};
use crate::check::{invalid_device, invalid_slot, missing_key};
use crate::diagnostic::{Findings, Span, Spanned};
use crate::lower::{Lowering, get};
use crate::source::SourceId;
use crate::yaml::Node;

const FILE_KEYS: &[&str] = &["version", "image", "override", "remove", "state"];
const IMAGE_KEYS: &[&str] = &["slots", "slot-from", "sys-data", "on-sys-data-failure"];
const SYS_DATA_KEYS: &[&str] = &["device", "fstype", "options", "mount-point"];

/// Reads the document of a policy file. What it leaves open is as in [`ImagePolicy::default`].
pub fn lower(source: SourceId, document: Option<&Node>, findings: &mut Findings) -> Policy {
    let mut policy = Policy::default();
    let mut lowering = Lowering { findings };
    let Some(document) = document else {
        lowering.findings.add(missing_key::empty_file(Span::start_of(source)));
        return policy;
    };
    let Some(file) = lowering.file(document, FILE_KEYS, &["version"]) else { return policy };
    if let Some(image) = get(file, "image") {
        lowering.image(image, &mut policy.image);
    }
    policy.overrides = get(file, "override").map_or_else(Vec::new, |node| lowering.overrides(node));
    policy.removals = get(file, "remove").map_or_else(Vec::new, |node| lowering.removals(node));
    policy.declarations = get(file, "state").map_or_else(Vec::new, |node| lowering.state(node));
    policy
}

impl Lowering<'_> {
    fn removals(&mut self, node: &Node) -> Vec<Spanned<StatePathBuf>> {
        let items = self.sequence(node, "`remove`", "a list of paths").unwrap_or_default();
        items.iter().filter_map(|item| self.path(item, "a path")).collect()
    }

    fn image(&mut self, node: &Node, image: &mut ImagePolicy) {
        let Some(mapping) =
            self.mapping(node, "`image`", "a mapping with `slots`, `slot-from` or `sys-data`")
        else {
            return;
        };
        self.unknown_keys(mapping, "`image`", IMAGE_KEYS);
        if let Some(slots) = get(mapping, "slots").and_then(|slots| self.slots(slots)) {
            image.slots = slots;
        }
        if let Some(sources) = get(mapping, "slot-from").and_then(|sources| self.slot_sources(sources)) {
            image.slot_from = sources;
        }
        if let Some(sys_data) = get(mapping, "sys-data") {
            self.sys_data(sys_data, image);
        }
        if let Some(word) =
            get(mapping, "on-sys-data-failure").and_then(|node| self.word(node, "on-sys-data-failure"))
        {
            image.on_sys_data_failure = word.value;
        }
    }

    fn slots(&mut self, node: &Node) -> Option<Vec<String>> {
        let items = self.sequence(node, "`slots`", "a list of names, like `[A, B]`")?;
        if !(1..=MAX_SLOTS).contains(&items.len()) {
            self.findings.add(invalid_slot::count(node.span, items.len()));
            return None;
        }
        let mut slots: Vec<Spanned<String>> = Vec::new();
        for item in items {
            let Some(slot) = self.text(item, "a slot's name") else { continue };
            let Ok(name) = SlotName::new(&slot.value) else {
                self.findings.add(invalid_slot::name(slot.span, &slot.value));
                continue;
            };
            match slots.iter().find(|other| name.is(other.value.as_bytes())) {
                Some(first) => self.findings.add(invalid_slot::twice(slot.span, &slot.value, first.span)),
                None => slots.push(slot),
            }
        }
        Some(slots.into_iter().map(|slot| slot.value).collect::<Vec<_>>()).filter(|slots| !slots.is_empty())
    }

    fn slot_sources(&mut self, node: &Node) -> Option<Vec<SlotSource>> {
        let items =
            self.sequence(node, "`slot-from`", "a list, like `[sysota.slot, \"root=PARTLABEL=x-{slot}\"]`")?;
        Some(items.iter().filter_map(|item| self.slot_source(item)).collect())
    }

    /// `NAME`, or `NAME=BEFORE{slot}AFTER`.
    fn slot_source(&mut self, node: &Node) -> Option<SlotSource> {
        let text = self.text(node, "a source of the slot")?;
        let (parameter, shape) = text.value.split_once('=').unwrap_or((&text.value, "{slot}"));
        let source =
            shape.split_once("{slot}").map(|(prefix, suffix)| SlotSource::new(parameter, prefix, suffix));
        // The kernel splits parameters at blanks, and quotes protect them.
        let is_parameter =
            !parameter.is_empty() && !text.value.contains(|c: char| c.is_whitespace() || c == '"');
        let source = source.filter(|source| is_parameter && !source.suffix.contains("{slot}"));
        if source.is_none() {
            self.findings.add(invalid_slot::source(text.span, &text.value));
        }
        source
    }

    fn sys_data(&mut self, node: &Node, image: &mut ImagePolicy) {
        let wanted = "a mapping with `device`, `fstype`, `options` or `mount-point`";
        let Some(mapping) = self.mapping(node, "`sys-data`", wanted) else { return };
        self.unknown_keys(mapping, "`sys-data`", SYS_DATA_KEYS);
        if let Some(device) = get(mapping, "device").and_then(|node| self.text(node, "`device`")) {
            let names_one = ["PARTLABEL=", "PARTUUID=", "/dev/"]
                .iter()
                .any(|prefix| device.value.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()));
            if names_one {
                image.device = device.value;
            } else {
                self.findings.add(invalid_device::finding(device.span, &device.value));
            }
        }
        if let Some(fstype) = get(mapping, "fstype").and_then(|node| self.text(node, "`fstype`")) {
            image.fstype = fstype.value;
        }
        if let Some(items) = get(mapping, "options")
            .and_then(|node| self.sequence(node, "`options`", "a list, like `[noatime]`"))
        {
            image.options =
                items.iter().filter_map(|item| Some(self.text(item, "an option")?.value)).collect();
        }
        if let Some(path) = get(mapping, "mount-point").and_then(|node| self.path(node, "`mount-point`")) {
            image.mount_point = path.value.to_string();
        }
    }
}

//! A kernel command line is split as the kernel splits it, and names a slot or none, but never a wrong one.

use state_schema::{Blob, Image, OnSysDataFailure, SlotName, SlotRule, StatePath, SysData, encode};
use stated::Process;
use stated::fuzzing::{choose_slot, parameters};

const SLOTS: [&str; 2] = ["A", "B"];

const RULES: [SlotRule<'_>; 3] = [
    SlotRule { parameter: "sysota.slot", prefix: "", suffix: "" },
    SlotRule { parameter: "root", prefix: "PARTLABEL=x-sys-", suffix: "" },
    SlotRule { parameter: "boot", prefix: "slot-", suffix: ".img" },
];

/// Splits the bytes and looks for the slot.
///
/// # Panics
///
/// When a promise is broken.
pub fn check(data: &[u8]) {
    // The kernel's own copy has neither, but /proc/cmdline ends with one.
    let line = data.split(|byte| matches!(byte, 0 | b'\n')).next().unwrap_or_default();
    let expected = as_the_kernel(line);
    let owned = |(name, value): (&[u8], Option<&[u8]>)| (name.to_vec(), value.map(<[u8]>::to_vec));
    let split: Vec<_> = parameters(data).map(owned).collect();
    assert_eq!(split, expected, "{}", line.escape_ascii());

    let blob = blob();
    let blob = Blob::decode(&blob).expect("a blob");
    let mut said = Said::default();
    let slot = choose_slot(&blob, data, &mut said).map(SlotName::as_str);
    assert_eq!(slot, named(&expected), "{}", line.escape_ascii());
    assert_eq!(slot.is_none(), !said.0.is_empty(), "a refusal has a reason");
    let said = String::from_utf8_lossy(&said.0);
    let line = said.strip_suffix('\n').unwrap_or(&said);
    assert!(!line.contains(|c: char| c.is_control()), "a terminal would obey {said:?}");
}

/// What would be written to standard error.
#[derive(Default)]
struct Said(Vec<u8>);

impl Process for Said {
    fn output(&mut self, bytes: &[u8]) {
        panic!("{} on standard output", bytes.escape_ascii());
    }

    fn error(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }
}

type Pairs = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// `parse_args()` with `next_arg()` of Linux (`kernel/params.c`, `lib/cmdline.c`), statement by statement.
fn as_the_kernel(line: &[u8]) -> Pairs {
    let mut args = line.to_vec();
    // The byte that ends it.
    args.push(0);
    let mut pairs = Vec::new();
    let mut at = skip_spaces(&args, 0);
    while args[at] != 0 {
        let (param, value, next) = next_arg(&mut args, at);
        if value.is_none() && text(&args, param) == b"--" {
            break;
        }
        pairs.push((text(&args, param).to_vec(), value.map(|value| text(&args, value).to_vec())));
        at = next;
    }
    pairs
}

fn next_arg(all: &mut [u8], start: usize) -> (usize, Option<usize>, usize) {
    let (mut args, mut equals) = (start, 0);
    let (mut in_quote, mut quoted) = (false, false);
    if all[args] == b'"' {
        args += 1;
        in_quote = true;
        quoted = true;
    }
    let mut i = 0;
    while all[args + i] != 0 {
        if is_space(all[args + i]) && !in_quote {
            break;
        }
        if equals == 0 && all[args + i] == b'=' {
            equals = i;
        }
        if all[args + i] == b'"' {
            in_quote = !in_quote;
        }
        i += 1;
    }
    let param = args;
    let mut value = None;
    if equals != 0 {
        all[args + equals] = 0;
        let mut val = args + equals + 1;
        if all[val] == b'"' {
            val += 1;
            if all[args + i - 1] == b'"' {
                all[args + i - 1] = 0;
            }
        }
        value = Some(val);
    }
    if quoted && i > 0 && all[args + i - 1] == b'"' {
        all[args + i - 1] = 0;
    }
    if all[args + i] == 0 {
        args += i;
    } else {
        all[args + i] = 0;
        args += i + 1;
    }
    (param, value, skip_spaces(all, args))
}

fn skip_spaces(all: &[u8], mut at: usize) -> usize {
    while is_space(all[at]) {
        at += 1;
    }
    at
}

/// `isspace()` by the kernel's table.
fn is_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | 32 | 160)
}

fn text(all: &[u8], start: usize) -> &[u8] {
    all[start..].split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The one slot that all parameters agree on.
fn named(parameters: &Pairs) -> Option<&'static str> {
    let mut slots = Vec::new();
    for (name, value) in parameters {
        for rule in RULES.iter().filter(|rule| rule.parameter.as_bytes() == name) {
            let value = value.as_deref().map(str::from_utf8);
            let slot = value.and_then(|value| {
                let name = value.ok()?.strip_prefix(rule.prefix)?.strip_suffix(rule.suffix)?;
                SLOTS.into_iter().find(|slot| slot.eq_ignore_ascii_case(name))
            });
            if slot.is_none() && rule.prefix.is_empty() && rule.suffix.is_empty() {
                return None;
            }
            slots.extend(slot);
        }
    }
    let (first, others) = slots.split_first()?;
    others.iter().all(|other| other == first).then_some(*first)
}

fn blob() -> Vec<u8> {
    let slots = SLOTS.map(|slot| SlotName::new(slot).expect("a name"));
    let image = Image { id: "image-1", on_sys_data_failure: OnSysDataFailure::Fail };
    let mount_point = StatePath::new("/run/data").expect("a path");
    let sys_data = SysData { device: "PARTLABEL=x-sys-data", fstype: "ext4", options: "", mount_point };
    encode(image, sys_data, &slots, &RULES, [], []).expect("a plan")
}

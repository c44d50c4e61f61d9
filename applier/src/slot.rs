//! The slot that boots.

use state_schema::{Blob, SlotName, SlotRule};

use crate::cmdline::Cmdline;
use crate::failure::Account;
use crate::parameters::{Parameter, Parameters};
use crate::show::{Show, Sink};
use crate::text::{Note, Text};

/// Why the slot is not known. It is never guessed: state of the wrong slot is worse than none.
pub(crate) enum SlotError {
    /// The command line cannot be read.
    Cmdline(Account),
    /// `--slot` names none of the image's slots.
    UnknownArgument { name: Note, slots: Note },
    /// A parameter that serves nothing but the slot names none of the image's.
    UnknownSlot { parameter: Note, slots: Note },
    /// Two parameters name different slots.
    Contradiction { one: Note, other: Note },
    /// No parameter names a slot.
    NotNamed { sought: Note, found: Option<Note> },
}

impl Show for SlotError {
    fn show(&self, to: &mut dyn Sink) {
        to.put(b"cannot tell which slot boots: ");
        match self {
            Self::Cmdline(account) => {
                account.show(to);
                to.put(b"; name the slot with --slot");
            }
            Self::UnknownArgument { name, slots } => {
                to.put(b"--slot names `");
                name.show(to);
                to.put(b"`, but the image's slots are ");
                slots.show(to);
            }
            Self::UnknownSlot { parameter, slots } => {
                to.put(b"the kernel command line says `");
                parameter.show(to);
                to.put(b"`, but the image's slots are ");
                slots.show(to);
                to.put(CORRECT);
            }
            Self::Contradiction { one, other } => {
                to.put(b"the kernel command line says `");
                one.show(to);
                to.put(b"` and `");
                other.show(to);
                to.put(b"`, which name different slots");
                to.put(CORRECT);
            }
            Self::NotNamed { sought, found } => {
                to.put(b"the kernel command line has none of ");
                sought.show(to);
                if let Some(found) = found {
                    to.put(b" (found ");
                    found.show(to);
                    to.put(b")");
                }
                to.put(b"; let the boot loader add one, or name the slot with --slot");
            }
        }
    }
}

/// What to do about a command line that is wrong.
const CORRECT: &[u8] = b"; correct the boot loader's entry";

/// Chooses the slot: the one that the caller names, else what the command line says by the image's rules.
pub(crate) fn choose<'a>(blob: &Blob<'a>, named: Option<&[u8]>) -> Result<SlotName<'a>, SlotError> {
    let slots = blob.slots();
    if let Some(named) = named {
        return find(slots, named)
            .ok_or_else(|| SlotError::UnknownArgument { name: Note::of(named), slots: list(slots) });
    }
    // No item is an error on a verified blob.
    let rules = || blob.slot_rules().filter_map(Result::ok);
    match (Cmdline::read(), slots) {
        (Ok(line), _) => choose_from(slots, rules, &line.parameters()),
        (Err(_), [only]) => Ok(*only),
        (Err(failure), _) => Err(SlotError::Cmdline(failure.account())),
    }
}

/// Chooses the slot by the image's rules, as this command line says.
#[cfg(feature = "fuzzing")]
pub(crate) fn choose_by<'a>(blob: &Blob<'a>, parameters: &Parameters<'_>) -> Result<SlotName<'a>, SlotError> {
    choose_from(blob.slots(), || blob.slot_rules().filter_map(Result::ok), parameters)
}

/// Chooses the slot by the rules. All parameters that name one have to agree.
fn choose_from<'a, 'r, R: Iterator<Item = SlotRule<'r>>>(
    slots: &[SlotName<'a>],
    rules: impl Fn() -> R,
    parameters: &Parameters<'_>,
) -> Result<SlotName<'a>, SlotError> {
    let mut chosen: Option<(SlotName<'a>, Parameter<'_>)> = None;
    let mut found = Text::new();
    for parameter in parameters.clone() {
        let mut concerned = false;
        for rule in rules().filter(|rule| rule.parameter.as_bytes() == parameter.name) {
            concerned = true;
            let name = parameter.value.and_then(|value| rule.slot_in(value));
            let slot = name.and_then(|name| find(slots, name));
            match (slot, chosen) {
                (Some(slot), None) => chosen = Some((slot, parameter)),
                (Some(slot), Some((other, _))) if slot == other => {}
                (Some(_), Some((_, other))) => {
                    return Err(SlotError::Contradiction { one: note(other), other: note(parameter) });
                }
                (None, _) if rule.is_bare() => {
                    return Err(SlotError::UnknownSlot { parameter: note(parameter), slots: list(slots) });
                }
                // `root=` of another shape just says nothing about slots.
                (None, _) => {}
            }
        }
        if concerned {
            found.list(&as_written(parameter));
        }
    }
    match (chosen, slots) {
        (Some((slot, _)), _) => Ok(slot),
        (None, [only]) => Ok(*only),
        (None, _) => {
            let mut sought = Text::new();
            for SlotRule { parameter, prefix, suffix } in rules() {
                sought.list(&[parameter, "=", prefix, "{slot}", suffix].map(str::as_bytes));
            }
            let found = (!found.is_empty()).then(|| Note::keep(&found));
            Err(SlotError::NotNamed { sought: Note::keep(&sought), found })
        }
    }
}

fn find<'a>(slots: &[SlotName<'a>], name: &[u8]) -> Option<SlotName<'a>> {
    slots.iter().find(|slot| slot.is(name)).copied()
}

fn as_written(parameter: Parameter<'_>) -> [&[u8]; 3] {
    let Parameter { name, value } = parameter;
    [name, if value.is_some() { b"=" } else { b"" }, value.unwrap_or_default()]
}

fn note(parameter: Parameter<'_>) -> Note {
    let mut text = Text::new();
    text.list(&as_written(parameter));
    Note::keep(&text)
}

fn list(slots: &[SlotName<'_>]) -> Note {
    let mut text = Text::new();
    for slot in slots {
        text.list(&[slot.as_str().as_bytes()]);
    }
    Note::keep(&text)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;

    use super::*;
    use crate::show::tests::shown;

    const BARE: SlotRule<'_> = SlotRule { parameter: "sysota.slot", prefix: "", suffix: "" };
    const RAUC: SlotRule<'_> = SlotRule { parameter: "rauc.slot", prefix: "", suffix: "" };
    const ROOT: SlotRule<'_> = SlotRule { parameter: "root", prefix: "PARTLABEL=x-sys-", suffix: "" };

    fn choose_of(slots: &[&'static str], line: &str) -> Result<&'static str, String> {
        let slots: std::vec::Vec<_> = slots.iter().map(|slot| SlotName::new(slot).unwrap()).collect();
        choose_from(&slots, || [BARE, RAUC, ROOT].into_iter(), &Parameters::new(line.as_bytes()))
            .map(SlotName::as_str)
            .map_err(|error| shown(&error))
    }

    fn choose(line: &str) -> Result<&'static str, String> {
        choose_of(&["A", "B"], line)
    }

    #[test]
    fn any_rule_names_the_slot() {
        assert_eq!(choose("quiet sysota.slot=A"), Ok("A"));
        assert_eq!(choose("rauc.slot=B ro"), Ok("B"));
        assert_eq!(choose("root=PARTLABEL=x-sys-b"), Ok("B"));
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(choose("sysota.slot=b"), Ok("B"));
    }

    #[test]
    fn all_that_name_a_slot_agree() {
        assert_eq!(choose("sysota.slot=A rauc.slot=a root=PARTLABEL=x-sys-a"), Ok("A"));
        for (line, one, other) in [
            ("sysota.slot=A rauc.slot=B", "sysota.slot=A", "rauc.slot=B"),
            ("root=PARTLABEL=x-sys-b sysota.slot=A", "root=PARTLABEL=x-sys-b", "sysota.slot=A"),
            ("sysota.slot=A sysota.slot=B", "sysota.slot=A", "sysota.slot=B"),
        ] {
            let error = choose(line).unwrap_err();
            assert!(
                error.contains(&std::format!("`{one}` and `{other}`, which name different slots")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_bare_parameter_must_name_a_slot_of_the_image() {
        for (line, shown) in [
            ("sysota.slot=C", "sysota.slot=C"),
            ("sysota.slot=", "sysota.slot="),
            ("sysota.slot", "sysota.slot"),
            ("rauc.slot=A sysota.slot=AB", "sysota.slot=AB"),
        ] {
            let error = choose(line).unwrap_err();
            assert!(error.contains(&std::format!("`{shown}`, but the image's slots are A, B")), "{error}");
        }
        assert!(choose_of(&["A"], "sysota.slot=B").is_err(), "of a one-slot image too");
    }

    #[test]
    fn a_pattern_of_another_shape_says_nothing() {
        assert_eq!(choose("root=/dev/sda2 sysota.slot=A"), Ok("A"));
        assert_eq!(choose("root=PARTLABEL=x-sys-recovery sysota.slot=A"), Ok("A"));
        let error = choose("root=/dev/sda2").unwrap_err();
        assert!(
            error.contains("none of sysota.slot={slot}, rauc.slot={slot}, root=PARTLABEL=x-sys-{slot}"),
            "{error}"
        );
        assert!(error.contains("(found root=/dev/sda2)"), "{error}");
    }

    #[test]
    fn nothing_is_guessed() {
        assert!(choose("").is_err());
        assert!(choose("quiet -- sysota.slot=A").is_err());
        assert!(choose("x=\"a sysota.slot=A\"").is_err());
    }

    #[test]
    fn one_slot_needs_no_name() {
        assert_eq!(choose_of(&["only"], "quiet"), Ok("only"));
    }

    #[test]
    fn a_slot_that_is_no_text_is_unknown() {
        let slots = ["A", "B"].map(|slot| SlotName::new(slot).unwrap());
        let parameters = Parameters::new(b"sysota.slot=\xff");
        assert!(choose_from(&slots, || [BARE].into_iter(), &parameters).is_err());
    }
}

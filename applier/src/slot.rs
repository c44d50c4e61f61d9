//! The slot that boots.

use state_schema::{Blob, SlotName, SlotRule};

use crate::cmdline::Cmdline;
use crate::parameters::{Parameter, Parameters};
use crate::slot_error::SlotError;

/// Why a command line does not tell the slot. It is never guessed: state of the wrong slot is worse than none.
#[cfg_attr(not(feature = "system"), expect(dead_code, reason = "the other program puts it into words"))]
#[derive(Clone, Copy)]
pub(crate) enum Doubt<'p> {
    /// No parameter names a slot.
    NotNamed,
    /// A parameter that serves nothing but the slot names none of the image's.
    UnknownSlot(Parameter<'p>),
    /// Two parameters name different slots.
    Contradiction(Parameter<'p>, Parameter<'p>),
}

/// Chooses the slot: the one that the caller names, else what the command line says by the image's rules.
pub(crate) fn choose<'a>(blob: &Blob<'a>, named: Option<&[u8]>) -> Result<SlotName<'a>, SlotError> {
    let slots = blob.slots();
    if let Some(named) = named {
        return find(slots, named).ok_or_else(|| SlotError::unknown_argument(named, slots));
    }
    match (Cmdline::read(), slots) {
        (Ok(line), _) => choose_by(blob, &line.parameters()),
        (Err(_), [only]) => Ok(*only),
        (Err(failure), _) => Err(SlotError::cmdline(failure)),
    }
}

/// Chooses the slot by the image's rules, as this command line says.
pub(crate) fn choose_by<'a>(blob: &Blob<'a>, parameters: &Parameters<'_>) -> Result<SlotName<'a>, SlotError> {
    // No item is an error on a verified blob.
    let rules = || blob.slot_rules().filter_map(Result::ok);
    choose_from(blob.slots(), rules, parameters)
        .map_err(|doubt| SlotError::of(doubt, blob.slots(), &mut rules(), parameters))
}

/// Chooses the slot by the rules. All parameters that name one have to agree.
fn choose_from<'a, 'r, 'p, R: Iterator<Item = SlotRule<'r>>>(
    slots: &[SlotName<'a>],
    rules: impl Fn() -> R,
    parameters: &Parameters<'p>,
) -> Result<SlotName<'a>, Doubt<'p>> {
    let mut chosen: Option<(SlotName<'a>, Parameter<'p>)> = None;
    for parameter in parameters.clone() {
        for rule in rules().filter(|rule| rule.parameter.as_bytes() == parameter.name) {
            let name = parameter.value.and_then(|value| rule.slot_in(value));
            let slot = name.and_then(|name| find(slots, name));
            match (slot, chosen) {
                (Some(slot), None) => chosen = Some((slot, parameter)),
                (Some(slot), Some((other, _))) if slot == other => {}
                (Some(_), Some((_, other))) => return Err(Doubt::Contradiction(other, parameter)),
                (None, _) if rule.is_bare() => return Err(Doubt::UnknownSlot(parameter)),
                // `root=` of another shape just says nothing about slots.
                (None, _) => {}
            }
        }
    }
    match (chosen, slots) {
        (Some((slot, _)), _) => Ok(slot),
        (None, [only]) => Ok(*only),
        (None, _) => Err(Doubt::NotNamed),
    }
}

/// The slot of this name, whatever the case of its letters.
pub(crate) fn find<'a>(slots: &[SlotName<'a>], name: &[u8]) -> Option<SlotName<'a>> {
    slots.iter().find(|slot| slot.is(name)).copied()
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
        let (rules, parameters) = ([BARE, RAUC, ROOT], Parameters::new(line.as_bytes()));
        choose_from(&slots, || rules.into_iter(), &parameters)
            .map(SlotName::as_str)
            .map_err(|doubt| shown(&SlotError::of(doubt, &slots, &mut rules.into_iter(), &parameters)))
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

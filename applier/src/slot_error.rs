//! Why the slot is not known, in words.
//!
//! The program in the initramfs has none: it hands over, and the other one finds the same.

#[cfg(feature = "system")]
pub(crate) use self::words::{SlotError, list};

#[cfg(not(feature = "system"))]
pub(crate) use self::no_words::SlotError;

#[cfg(not(feature = "system"))]
mod no_words {
    use state_schema::{SlotName, SlotRule};

    use crate::failure::Failure;
    use crate::parameters::Parameters;
    use crate::slot::Doubt;

    /// The slot is not known.
    pub(crate) struct SlotError;

    impl SlotError {
        pub(crate) fn cmdline(_: Failure) -> Self {
            Self
        }

        pub(crate) fn unknown_argument(_: &[u8], _: &[SlotName<'_>]) -> Self {
            Self
        }

        pub(crate) fn of(
            _: Doubt<'_>,
            _: &[SlotName<'_>],
            _: &mut dyn Iterator<Item = SlotRule<'_>>,
            _: &Parameters<'_>,
        ) -> Self {
            Self
        }
    }
}

#[cfg(feature = "system")]
mod words {
    use state_schema::{SlotName, SlotRule};

    use crate::failure::{Account, Failure};
    use crate::parameters::{Parameter, Parameters};
    use crate::show::{Show, Sink};
    use crate::slot::Doubt;
    use crate::text::{Note, Text};

    /// Why the slot is not known.
    pub(crate) enum SlotError {
        /// The command line cannot be read.
        Cmdline(Account),
        /// `--slot` names none of the image's slots.
        UnknownArgument { name: Note, slots: Note },
        /// A parameter that serves nothing but the slot names none of the image's.
        UnknownSlot { parameter: Note, slots: Note },
        /// Two parameters name different slots.
        Contradiction { one: Note, other: Note },
        /// No parameter names a slot: the rules, and the parameters that they are about.
        NotNamed { sought: Note, found: Option<Note> },
    }

    impl SlotError {
        pub(crate) fn cmdline(failure: Failure) -> Self {
            Self::Cmdline(failure.account())
        }

        pub(crate) fn unknown_argument(name: &[u8], slots: &[SlotName<'_>]) -> Self {
            Self::UnknownArgument { name: Note::of(name), slots: list(slots) }
        }

        pub(crate) fn of(
            doubt: Doubt<'_>,
            slots: &[SlotName<'_>],
            rules: &mut dyn Iterator<Item = SlotRule<'_>>,
            parameters: &Parameters<'_>,
        ) -> Self {
            match doubt {
                Doubt::UnknownSlot(parameter) => {
                    Self::UnknownSlot { parameter: note(parameter), slots: list(slots) }
                }
                Doubt::Contradiction(one, other) => {
                    Self::Contradiction { one: note(one), other: note(other) }
                }
                Doubt::NotNamed => {
                    let (mut sought, mut found) = (Text::new(), Text::new());
                    let mut concerned = [b"".as_slice(); MAX_RULES];
                    for (SlotRule { parameter, prefix, suffix }, place) in rules.zip(&mut concerned) {
                        sought.list(&[parameter, "=", prefix, "{slot}", suffix].map(str::as_bytes));
                        *place = parameter.as_bytes();
                    }
                    for parameter in parameters.clone().filter(|of| concerned.contains(&of.name)) {
                        found.list(&as_written(parameter));
                    }
                    let found = (!found.is_empty()).then(|| Note::keep(&found));
                    Self::NotNamed { sought: Note::keep(&sought), found }
                }
            }
        }
    }

    /// Rules that are told when none of them found a slot. Nobody has more.
    const MAX_RULES: usize = 16;

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

    fn as_written(parameter: Parameter<'_>) -> [&[u8]; 3] {
        let Parameter { name, value } = parameter;
        [name, if value.is_some() { b"=" } else { b"" }, value.unwrap_or_default()]
    }

    fn note(parameter: Parameter<'_>) -> Note {
        let mut text = Text::new();
        text.list(&as_written(parameter));
        Note::keep(&text)
    }

    pub(crate) fn list(slots: &[SlotName<'_>]) -> Note {
        let mut text = Text::new();
        for slot in slots {
            text.list(&[slot.as_str().as_bytes()]);
        }
        Note::keep(&text)
    }
}

//! The fields of a record, read one after the other.
//!
//! The values are postcard's. Putting them together is done by hand: what serde derives for that handles an
//! error after each field of each type, which made up an eighth of the program on the target. Here an error is
//! remembered, the fields that follow are whatever they are, and the record is refused as a whole.

use serde::Deserialize;

use crate::StatePath;

/// What a record's payload still has to say.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    is_sound: bool,
}

/// What is made of the fields of a record.
pub(crate) trait FromFields<'a> {
    /// Takes its own fields. What it returns counts for nothing unless all were sound.
    fn from_fields(fields: &mut Fields<'a>) -> Self;
}

impl<'a> Fields<'a> {
    /// Makes a `T` of all of `payload`; `None` if it is not one.
    pub(crate) fn read<T: FromFields<'a>>(payload: &'a [u8]) -> Option<T> {
        let mut fields = Self { rest: payload, is_sound: true };
        let value = T::from_fields(&mut fields);
        (fields.is_sound && fields.rest.is_empty()).then_some(value)
    }

    /// The record is not to be used, for what one of its fields says.
    pub(crate) fn refuse(&mut self) {
        self.is_sound = false;
        self.rest = &[];
    }

    /// A value as postcard has it.
    fn take<T: Deserialize<'a> + Default>(&mut self) -> T {
        if let Ok((value, rest)) = postcard::take_from_bytes(self.rest) {
            self.rest = rest;
            return value;
        }
        self.refuse();
        T::default()
    }

    /// A text.
    #[inline(never)]
    pub(crate) fn text(&mut self) -> &'a str {
        self.take()
    }

    /// A path.
    #[inline(never)]
    pub(crate) fn path(&mut self) -> StatePath<'a> {
        StatePath::new(self.text()).unwrap_or_else(|_| {
            self.refuse();
            StatePath::PLACEHOLDER
        })
    }

    /// A single byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.take()
    }

    /// A number of any width.
    #[inline(never)]
    pub(crate) fn number(&mut self) -> u64 {
        self.take()
    }

    /// A number of 32 bits.
    #[inline(never)]
    pub(crate) fn number32(&mut self) -> u32 {
        self.take()
    }

    /// A variant of an enum without fields, by its place among `variants`, which are all that there are.
    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, first: T, others: [T; N]) -> T {
        match self.number32() {
            0 => first,
            place => others.get(place.wrapping_sub(1) as usize).copied().unwrap_or_else(|| {
                self.refuse();
                first
            }),
        }
    }
}

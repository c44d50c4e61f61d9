//! The fields of a record, read one after the other.
//!
//! The values are as postcard writes them. Reading them and putting them together is done by hand: what serde derives
//! for that handles an error after each field of each type, which made up an eighth of the program on the target. Here
//! an error is remembered, the fields that follow are whatever they are, and the record is refused as a whole.

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
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, is_sound: true }
    }

    /// Whether all fields were sound, and nothing follows them.
    pub(crate) fn are_all(&self) -> bool {
        self.is_sound && self.rest.is_empty()
    }

    /// The record is not to be used, for what one of its fields says.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse(&mut self) {
        self.is_sound = false;
        self.rest = &[];
    }

    /// A number as postcard has it, of at most so many bits: seven in each byte, the lowest first, and the eighth
    /// says whether another one follows.
    #[inline(never)]
    fn varint(&mut self, bits: u32) -> u64 {
        // Nearly always.
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return u64::from(*byte);
        }
        let mut number = 0;
        let mut shift = 0_u32;
        while let [byte, rest @ ..] = self.rest
            && shift < bits
        {
            self.rest = rest;
            let part = u64::from(byte & 0x7f);
            // Of the last byte, only what fits.
            if shift.saturating_add(7) > bits && part >> bits.saturating_sub(shift) != 0 {
                break;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return number;
            }
            shift = shift.saturating_add(7);
        }
        self.refuse();
        0
    }

    /// A text: its length, and as many bytes.
    #[inline(never)]
    pub(crate) fn text(&mut self) -> &'a str {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        if let Some((text, rest)) = self.rest.split_at_checked(length)
            && let Ok(text) = str::from_utf8(text)
        {
            self.rest = rest;
            return text;
        }
        self.refuse();
        ""
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
        if let [byte, rest @ ..] = self.rest {
            self.rest = rest;
            return *byte;
        }
        self.refuse();
        0
    }

    /// A number of any width.
    pub(crate) fn number(&mut self) -> u64 {
        self.varint(u64::BITS)
    }

    /// A number of 32 bits.
    #[inline(never)]
    pub(crate) fn number32(&mut self) -> u32 {
        u32::try_from(self.varint(u32::BITS)).unwrap_or_default()
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

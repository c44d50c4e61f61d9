//! Numbers as our own files have them: sixteen hexadecimal digits, so that all are of one length.

/// The digits of a number.
pub(crate) type Digits = [u8; 16];

/// The digits of `number`.
#[inline(never)]
pub(crate) fn hexadecimal(number: u64) -> Digits {
    let mut digits = [b'0'; 16];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        let value = u8::try_from(rest & 15).unwrap_or(0);
        let base = if value < 10 { b'0' } else { b'a'.wrapping_sub(10) };
        *digit = base.wrapping_add(value);
        rest >>= 4;
    }
    digits
}

/// The number of these digits. The highest ones are none, since there would be no next one to count on with.
#[inline(never)]
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for &digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit.wrapping_sub(b'0'),
            b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
            _ => return None,
        };
        number = number << 4 | u64::from(value);
    }
    (digits.len() == size_of::<Digits>() && number < u64::MAX / 2).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_of_their_number() {
        for of in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX / 2 - 1] {
            assert_eq!(number(&hexadecimal(of)), Some(of));
        }
        assert_eq!(hexadecimal(0xab), *b"00000000000000ab");
    }

    #[test]
    fn what_is_no_number_of_ours_is_none() {
        for digits in [&b""[..], b"1", b"00000000000000AB", b"00000000000000 1", b"00000000000000001"] {
            assert_eq!(number(digits), None, "{digits:?}");
        }
        assert_eq!(number(&hexadecimal(u64::MAX)), None);
    }
}

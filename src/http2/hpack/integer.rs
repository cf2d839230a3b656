/// Bounds the value of an integer: no length or index in a bounded block is greater.
const MAX: u32 = 1 << 28;

/// The reason why an integer could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntegerError {
    /// The input ended within the integer.
    Incomplete,
    /// The value exceeds what any block may hold.
    TooLarge,
}

/// Decodes an integer with a prefix of `prefix` bits, 1–8; returns it with the remaining input (RFC 7541 §5.1).
pub(super) fn integer(input: &[u8], prefix: u8) -> Result<(u32, &[u8]), IntegerError> {
    let (&first, mut rest) = input.split_first().ok_or(IntegerError::Incomplete)?;
    let most = 0xff_u8 >> 8_u8.saturating_sub(prefix).min(7);
    let mut value = u32::from(first & most);
    if value < u32::from(most) {
        return Ok((value, rest));
    }
    let mut shift = 0_u32;
    loop {
        let (&byte, behind) = rest.split_first().ok_or(IntegerError::Incomplete)?;
        rest = behind;
        let bits = u32::from(byte & 0x7f);
        // Any number of leading zeros is legal, but this many are an attack.
        let part = bits.checked_shl(shift).filter(|part| part >> shift == bits);
        value = part
            .and_then(|part| value.checked_add(part))
            .filter(|it| *it <= MAX)
            .ok_or(IntegerError::TooLarge)?;
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
        shift = shift.saturating_add(7);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7541_c_1() {
        assert_eq!(integer(&[0b1110_1010, 9], 5), Ok((10, &[9][..])));
        assert_eq!(integer(&[0b0001_1111, 0x9a, 0x0a], 5), Ok((1337, &[][..])));
        assert_eq!(integer(&[42], 8), Ok((42, &[][..])));
    }

    #[test]
    fn an_integer_cut_anywhere_is_incomplete() {
        let whole = [0x1f, 0x9a, 0x8a, 0x00];
        for cut in 0..whole.len() {
            assert_eq!(integer(&whole[..cut], 5), Err(IntegerError::Incomplete), "at {cut}");
        }
        assert_eq!(integer(&whole, 5), Ok((1337, &[][..])));
    }

    #[test]
    fn what_does_not_fit_is_too_large() {
        assert_eq!(integer(&[0xff; 12], 7), Err(IntegerError::TooLarge));
        let mut zeros = vec![0x7f];
        zeros.extend([0x80; 40]);
        zeros.push(1);
        assert_eq!(integer(&zeros, 7), Err(IntegerError::TooLarge));
        assert_eq!(
            integer(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x10], 7),
            Err(IntegerError::TooLarge),
            "over 32 bits"
        );
        assert_eq!(integer(&[0x7f, 0x80, 0x80, 0x80, 0x40], 7), Ok((127 + (1 << 27), &[][..])));
    }
}

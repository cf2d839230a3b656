//! Protocol Buffers without a schema: field numbers and wire types (the encoding's documentation).
//!
//! Random bytes pass as one such message now and then: what is read so is a guess and names nothing.

use super::msgpack::take;

/// Bounds how many bytes a number has.
const MAX_VARINT: usize = 10;

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    /// A text, bytes, a message or packed numbers: the schema would say which.
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Splits a base-128 number off, the least significant group first; `None` where it is not whole or too long.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_VARINT).enumerate() {
        let shift = (index as u32).saturating_mul(7);
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(index.saturating_add(1)..)?));
        }
    }
    None
}

/// Splits the first field off a message: its number, its value and what follows.
pub(super) fn field(bytes: &[u8]) -> Option<(u32, Wire<'_>, &[u8])> {
    let (key, rest) = varint(bytes)?;
    let number = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number))?;
    let (value, rest) = match key & 7 {
        0 => varint(rest).map(|(value, rest)| (Wire::Varint(value), rest))?,
        1 => {
            let (value, rest) = rest.split_first_chunk()?;
            (Wire::Fixed64(u64::from_le_bytes(*value)), rest)
        }
        2 => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = take(rest, length)?;
            (Wire::Bytes(value), rest)
        }
        5 => {
            let (value, rest) = rest.split_first_chunk()?;
            (Wire::Fixed32(u32::from_le_bytes(*value)), rest)
        }
        _ => return None,
    };
    Some((number, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_documentation() {
        assert_eq!(field(b"\x08\x96\x01"), Some((1, Wire::Varint(150), &[][..])));
        assert_eq!(field(b"\x12\x07testing!"), Some((2, Wire::Bytes(b"testing"), &b"!"[..])));
        assert_eq!(field(b"\x1d\x01\x00\x00\x00"), Some((3, Wire::Fixed32(1), &[][..])));
        assert_eq!(field(b"\x12\x08testing"), None, "not whole");
        assert_eq!(field(b"\x02\x00"), None, "there is no field 0");
        assert_eq!(varint(&[0xff; 11]), None);
    }
}

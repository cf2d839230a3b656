//! The base-128 numbers of Protocol Buffers (the encoding's documentation), which other protocols use too.

/// Bounds how many bytes a number has.
const MAX_VARINT: usize = 10;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_documentation() {
        assert_eq!(varint(b"\x96\x01"), Some((150, &[][..])));
        assert_eq!(varint(b"\x01rest"), Some((1, &b"rest"[..])));
        assert_eq!(varint(b"\x96"), None, "not whole");
        assert_eq!(varint(&[0xff; 11]), None, "too long");
    }
}

//! The tokens of MessagePack (the MessagePack specification, "Formats").

use super::token::Token;

/// Splits off the first token; returns `None` if it is incomplete.
pub(super) fn token(bytes: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let count = |wide: u8| u64::from(first & wide);
    Some(match first {
        0x00..=0x7f => (Token::Number(u64::from(first)), rest),
        0x80..=0x8f => (Token::Map(Some(count(0x0f))), rest),
        0x90..=0x9f => (Token::Array(Some(count(0x0f))), rest),
        0xa0..=0xbf => string(rest, count(0x1f))?,
        0xc0 | 0xc1 => (Token::Nil, rest),
        0xc2 => (Token::Flag(false), rest),
        0xc3 => (Token::Flag(true), rest),
        0xc4..=0xc6 => {
            let (length, rest) = big_endian(rest, 1 << (first & 3))?;
            let (bytes, rest) = take(rest, length)?;
            (Token::Bytes(bytes), rest)
        }
        0xc7..=0xc9 => {
            let (length, rest) = big_endian(rest, 1 << first.wrapping_sub(0xc7))?;
            extension(rest, length)?
        }
        0xca => {
            let (bits, rest) = big_endian(rest, 4)?;
            (Token::Float(f64::from(f32::from_bits(u32::try_from(bits).ok()?))), rest)
        }
        0xcb => {
            let (bits, rest) = big_endian(rest, 8)?;
            (Token::Float(f64::from_bits(bits)), rest)
        }
        0xcc..=0xcf => {
            let (number, rest) = big_endian(rest, 1 << (first & 3))?;
            (Token::Number(number), rest)
        }
        0xd0..=0xd3 => {
            let width = 1_usize << (first & 3);
            let (number, rest) = big_endian(rest, width)?;
            let shift = 64_u32.saturating_sub((width as u32).saturating_mul(8));
            let signed = (number << shift).cast_signed() >> shift;
            (u64::try_from(signed).map_or(Token::Negative(signed), Token::Number), rest)
        }
        0xd4..=0xd8 => extension(rest, 1 << first.wrapping_sub(0xd4))?,
        0xd9..=0xdb => {
            let (length, rest) = big_endian(rest, 1 << first.wrapping_sub(0xd9))?;
            string(rest, length)?
        }
        0xdc | 0xdd => {
            let (length, rest) = big_endian(rest, 2 << (first & 1))?;
            (Token::Array(Some(length)), rest)
        }
        0xde | 0xdf => {
            let (length, rest) = big_endian(rest, 2 << (first & 1))?;
            (Token::Map(Some(length)), rest)
        }
        0xe0..=0xff => (Token::Negative(i64::from(first.cast_signed())), rest),
    })
}

fn string(rest: &[u8], length: u64) -> Option<(Token<'_>, &[u8])> {
    let (text, rest) = take(rest, length)?;
    Some((Token::Text(text), rest))
}

fn extension(rest: &[u8], length: u64) -> Option<(Token<'_>, &[u8])> {
    let (kind, rest) = rest.split_first()?;
    let (bytes, rest) = take(rest, length)?;
    Some((Token::Extension(kind.cast_signed(), bytes), rest))
}

pub(super) fn take(bytes: &[u8], length: u64) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::try_from(length).ok()?)
}

/// Reads a number of `width` bytes, most significant byte first.
pub(super) fn big_endian(bytes: &[u8], width: usize) -> Option<(u64, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(width)?;
    Some((digits.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_of_every_type() {
        let tokens: &[(&[u8], Token<'_>)] = &[
            (b"\x7f", Token::Number(127)),
            (b"\xe0", Token::Negative(-32)),
            (b"\xcc\xff", Token::Number(255)),
            (b"\xcd\x01\x00", Token::Number(256)),
            (b"\xce\x00\x01\x00\x00", Token::Number(65536)),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", Token::Number(u64::MAX)),
            (b"\xd0\x80", Token::Negative(-128)),
            (b"\xd1\xff\x7f", Token::Negative(-129)),
            (b"\xd2\x00\x00\x00\x05", Token::Number(5)),
            (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", Token::Negative(i64::MIN)),
            (b"\xca\x3f\xc0\x00\x00", Token::Float(1.5)),
            (b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", Token::Float(1.5)),
            (b"\xd9\x02hi", Token::Text(b"hi")),
            (b"\xda\x00\x02hi", Token::Text(b"hi")),
            (b"\xdb\x00\x00\x00\x02hi", Token::Text(b"hi")),
            (b"\xc5\x00\x01\x09", Token::Bytes(&[9])),
            (b"\xc6\x00\x00\x00\x01\x09", Token::Bytes(&[9])),
            (b"\xd4\xff\x09", Token::Extension(-1, &[9])),
            (b"\xd5\x01\x09\x0a", Token::Extension(1, &[9, 10])),
            (b"\xc7\x01\x05\x09", Token::Extension(5, &[9])),
            (b"\xdc\x00\x02", Token::Array(Some(2))),
            (b"\xdd\x00\x00\x00\x02", Token::Array(Some(2))),
            (b"\xde\x00\x02", Token::Map(Some(2))),
            (b"\xdf\x00\x00\x00\x02", Token::Map(Some(2))),
        ];
        for (bytes, said) in tokens {
            assert_eq!(token(bytes), Some((*said, &[][..])), "{bytes:02x?}");
            for end in 0..bytes.len() {
                assert_eq!(token(&bytes[..end]), None, "{bytes:02x?} cut at {end}");
            }
        }
    }
}

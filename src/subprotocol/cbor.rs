//! The tokens of CBOR (RFC 8949 §3).

use super::msgpack::{big_endian, take};
use super::token::Token;

/// Splits off the first token; returns `None` if it is incomplete or malformed.
pub(super) fn token(bytes: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (major, low) = (first >> 5, first & 0x1f);
    if low == 31 {
        return Some((
            match major {
                2 | 3 => Token::Pieces,
                4 => Token::Array(None),
                5 => Token::Map(None),
                7 => Token::Break,
                _ => return None,
            },
            rest,
        ));
    }
    let (argument, rest) = match low {
        0..=23 => (u64::from(low), rest),
        24..=27 => big_endian(rest, 1 << (low & 3))?,
        _ => return None,
    };
    Some((
        match major {
            0 => Token::Number(argument),
            1 => Token::Negative(i64::try_from(argument).map_or(i64::MIN, |it| !it)),
            2 | 3 => {
                let (bytes, rest) = take(rest, argument)?;
                return Some((if major == 2 { Token::Bytes(bytes) } else { Token::Text(bytes) }, rest));
            }
            4 => Token::Array(Some(argument)),
            5 => Token::Map(Some(argument)),
            6 => Token::Tag(argument),
            _ => simple(low, argument),
        },
        rest,
    ))
}

/// Decodes a simple value or a float (RFC 8949 §3.3).
fn simple(low: u8, argument: u64) -> Token<'static> {
    match low {
        20 => Token::Flag(false),
        21 => Token::Flag(true),
        25 => Token::Float(half(argument as u16)),
        26 => Token::Float(f64::from(f32::from_bits(argument as u32))),
        27 => Token::Float(f64::from_bits(argument)),
        _ => Token::Nil,
    }
}

/// Converts a half-precision float (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), bits & 0x3ff);
    let mantissa = f64::from(fraction);
    let size = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if fraction == 0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent.saturating_sub(25)),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 8949, appendix A.
        let tokens: &[(&[u8], Token<'_>)] = &[
            (b"\x17", Token::Number(23)),
            (b"\x18\x64", Token::Number(100)),
            (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", Token::Number(u64::MAX)),
            (b"\x20", Token::Negative(-1)),
            (b"\x39\x03\xe7", Token::Negative(-1000)),
            (b"\xf9\x3c\x00", Token::Float(1.0)),
            (b"\xf9\x00\x01", Token::Float(5.960_464_477_539_063e-8)),
            (b"\xf9\xc4\x00", Token::Float(-4.0)),
            (b"\xfa\x47\xc3\x50\x00", Token::Float(100_000.0)),
            (b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", Token::Float(1.1)),
            (b"\xf4", Token::Flag(false)),
            (b"\xf6", Token::Nil),
            (b"\xc1", Token::Tag(1)),
            (b"\x64IETF", Token::Text(b"IETF")),
            (b"\x44\x01\x02\x03\x04", Token::Bytes(&[1, 2, 3, 4])),
            (b"\x83", Token::Array(Some(3))),
            (b"\xbf", Token::Map(None)),
            (b"\xff", Token::Break),
        ];
        for (bytes, said) in tokens {
            assert_eq!(token(bytes), Some((*said, &[][..])), "{bytes:02x?}");
        }
        assert_eq!(token(b"\x1c"), None, "reserved");
        assert_eq!(token(b"\x19\x01"), None, "not whole");
    }
}

//! JSON numbers, spans and bytes written directly into a buffer.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;

use super::string::string;
use crate::model::Timestamp;
use crate::text::eight_digits;

/// Appends text that is already JSON.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a string after its key, if there is one.
pub(super) fn text(key: &str, value: Option<&str>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        put(out, key);
        string(out, value);
    }
}

/// Appends a number.
pub(super) fn number(out: &mut Vec<u8>, value: impl Into<u64>) {
    let value = value.into();
    match u32::try_from(value) {
        Ok(small @ 0..100_000_000) => {
            let digits = u64::from_le_bytes(eight_digits(small));
            // The leading zeros, in bits; the last digit is always written.
            let zeros = ((digits & 0x000f_0f0f_0f0f_0f0f).trailing_zeros() & 0x78).min(56);
            let end = out.len().wrapping_add(8).wrapping_sub((zeros / 8) as usize);
            out.extend_from_slice(&(digits >> zeros).to_le_bytes());
            out.truncate(end);
        }
        _ => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
    }
}

/// Appends `true` or `false`.
pub(super) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a time span in seconds, with one to nine decimals.
pub(super) fn seconds(out: &mut Vec<u8>, value: Duration) {
    number(out, value.as_secs());
    let mut digits = [b'0'; 9];
    let mut rest = value.subsec_nanos();
    for digit in digits.iter_mut().rev() {
        *digit |= u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let used = digits.iter().rposition(|&digit| digit != b'0').unwrap_or(0);
    out.push(b'.');
    out.extend_from_slice(digits.get(..=used).unwrap_or_default());
}

/// Appends a time as seconds since 1970 with six decimals.
pub(super) fn epoch(out: &mut Vec<u8>, time: Timestamp) {
    let micros = time.as_nanos().div_euclid(1000);
    if micros < 0 {
        out.push(b'-');
    }
    let micros = micros.unsigned_abs();
    number(out, micros / 1_000_000);
    out.push(b'.');
    let digits = eight_digits(u32::try_from(micros % 1_000_000).unwrap_or(0));
    out.extend_from_slice(digits.get(2..).unwrap_or_default());
}

/// Appends bytes in hexadecimal.
pub(super) fn hex<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    let digit = |nibble: u8| b"0123456789abcdef".get(usize::from(nibble)).copied().unwrap_or(b'0');
    for byte in bytes {
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

/// An encoder that uses the widest instructions available.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

/// Appends bytes as a base64 string, quotes included.
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    let room = bytes.len().div_ceil(3).saturating_mul(4);
    out.resize(start.saturating_add(room), 0);
    // The buffer has the length of padded base64, so this cannot fail.
    let written = out.get_mut(start..).map_or(0, |room| BASE64.encode_slice(bytes, room).unwrap_or(0));
    out.truncate(start.saturating_add(written));
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_length() {
        for power in 0..20 {
            for value in [10_u64.pow(power), 10_u64.pow(power) - 1, 10_u64.pow(power) / 8 * 9, 7] {
                let mut out = Vec::new();
                number(&mut out, value);
                assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
            }
        }
        let mut out = Vec::new();
        number(&mut out, u64::MAX);
        assert_eq!(out, b"18446744073709551615");
    }

    #[test]
    fn seconds_lose_no_nanosecond() {
        for (nanos, want) in [
            (0, "0.0"),
            (1, "0.000000001"),
            (412_000, "0.000412"),
            (1_204_000_000, "1.204"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            let mut out = Vec::new();
            seconds(&mut out, Duration::from_nanos(nanos));
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    #[test]
    fn moments_are_good_to_a_microsecond() {
        for (nanos, want) in [
            (0, "0.000000"),
            (999, "0.000000"),
            (1_709_208_000_000_412_999, "1709208000.000412"),
            (-1, "-0.000001"),
            (-1_500_000_000, "-1.500000"),
            (i64::MAX, "9223372036.854775"),
        ] {
            let mut out = Vec::new();
            epoch(&mut out, Timestamp::from_nanos(nanos));
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    proptest! {
        #[test]
        fn base64_equals_the_library(bytes: Vec<u8>) {
            let mut out = b"x".to_vec();
            base64(&mut out, &bytes);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("x\"{}\"", STANDARD.encode(&bytes)));
        }
    }
}

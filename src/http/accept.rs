//! `Sec-WebSocket-Accept`, and the known mistakes in computing it (RFC 6455 §4.2.2 point 5.4).

mod misspelt;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT,
};
use sha1::{Digest as _, Sha1};

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The strings that programs hash if they did not find the key.
const NO_KEY: &[&str] = &["", "undefined", "null", "None", "nil", "(null)", "NULL", "nullptr"];

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Returns the `Sec-WebSocket-Accept` value for `key`.
pub(super) fn expected(key: &str) -> String {
    STANDARD.encode(sha1(&[key.as_bytes(), GUID.as_bytes()]))
}

/// Returns how many bytes a key decodes to; `None` if it is not base64 (RFC 6455 §4.1).
pub(super) fn key_length(key: &str) -> Option<usize> {
    LENIENT.decode(key).ok().map(|bytes| bytes.len())
}

/// Returns whether a key is 16 bytes in base64 (RFC 6455 §4.1).
///
/// Unused bits of the last character are ignored, as all servers ignore them.
pub(super) fn key_is_legal(key: &str) -> bool {
    key.len() == 24 && key_length(key) == Some(16)
}

/// Decodes base64 that may lack padding and whose last character may have unused bits set.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Identifies the known mistake that turns `key` into `found`; `earlier` are keys of earlier requests.
pub(super) fn cause(key: &str, found: &str, earlier: &[Box<str>]) -> Option<Cow<'static, str>> {
    let right = expected(key);
    if let Some(cause) = visible_mistake(key, found, &right) {
        return Some(cause.into());
    }
    if let Some((hash, form)) = decode_hash(found) {
        if hash == sha1(&[key.as_bytes(), GUID.as_bytes()]) {
            return Some(form.unwrap_or("the right value with other bits in its last character").into());
        }
        if let Some(cause) = hashed_input(&hash, key, earlier) {
            return Some(cause.into());
        }
        if let Some(text) = NO_KEY.iter().find(|text| sha1(&[text.as_bytes(), GUID.as_bytes()]) == hash) {
            let hashed = if text.is_empty() { "nothing".to_owned() } else { format!("\"{text}\"") };
            return Some(format!("the server did not find the key: it hashed {hashed} in its place").into());
        }
        if let Some(guid) = misspelt::find(GUID, key, &hash) {
            return Some(format!("the GUID is misspelt: {guid}").into());
        }
    }
    let same = right.bytes().zip(found.bytes()).filter(|(a, b)| a == b).count();
    // A random value has 20 of 28 characters in common once in 10²⁹ cases.
    (same >= 20).then_some("the right value with characters changed".into())
}

/// Identifies a mistake that is visible without searching for the hashed input.
fn visible_mistake(key: &str, found: &str, right: &str) -> Option<&'static str> {
    if found == key {
        return Some("the key was sent back as it came");
    }
    if found == STANDARD.encode(format!("{key}{GUID}")) {
        return Some("the key and the GUID were not hashed");
    }
    if found.eq_ignore_ascii_case(right) {
        return Some("the right value in letters of the wrong case");
    }
    found.starts_with(right).then_some("the right value with more behind it")
}

/// Decodes a hash from the forms in which it is sent; also returns a description of the form if it is wrong.
fn decode_hash(found: &str) -> Option<([u8; 20], Option<&'static str>)> {
    if let Some(hash) = unhex(found.as_bytes()) {
        return Some((hash, Some("the hash is in hex instead of base64")));
    }
    if let Ok(bytes) = STANDARD_PAD_INDIFFERENT.decode(found) {
        let form = (!found.ends_with('=')).then_some("the padding was left out");
        return match <[u8; 20]>::try_from(bytes.as_slice()) {
            Ok(hash) => Some((hash, form)),
            Err(_) => Some((unhex(&bytes)?, Some("the hash was put into hex before base64"))),
        };
    }
    if let Ok(bytes) = URL_SAFE_PAD_INDIFFERENT.decode(found) {
        return Some((bytes.try_into().ok()?, Some("the hash is in the base64 of URLs")));
    }
    Some((LENIENT.decode(found).ok()?.try_into().ok()?, None))
}

fn unhex(text: &[u8]) -> Option<[u8; 20]> {
    if text.len() != 40 {
        return None;
    }
    let mut hash = [0; 20];
    for (byte, digits) in hash.iter_mut().zip(text.chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

/// Identifies what was hashed instead of the key and the GUID.
fn hashed_input(hash: &[u8; 20], key: &str, earlier: &[Box<str>]) -> Option<&'static str> {
    let is = |parts: &[&[u8]]| sha1(parts) == *hash;
    let (k, g) = (key.as_bytes(), GUID.as_bytes());
    if is(&[k]) {
        return Some("the GUID was left out");
    }
    if is(&[k, GUID.to_ascii_lowercase().as_bytes()]) {
        return Some("the GUID is in lower case");
    }
    if is(&[g, k]) {
        return Some("the GUID stands before the key");
    }
    if earlier.iter().any(|key| is(&[key.as_bytes(), g])) {
        return Some("it answers the key of an earlier request");
    }
    if LENIENT.decode(key).is_ok_and(|bytes| is(&[&bytes, g])) {
        return Some("the key was decoded from base64 before it was hashed");
    }
    if [" ", "\r", "\n", "\r\n", "\0"].iter().any(|end| is(&[k, end.as_bytes(), g])) {
        return Some("the key was hashed with the white space after it");
    }
    if is(&[b" ", k, g]) {
        return Some("the key was hashed with the blank before it");
    }
    if ["\n", "\r\n", "\0"].iter().any(|end| is(&[k, g, end.as_bytes()])) {
        return Some("the hash takes in a character after the GUID");
    }
    if is(&[key.trim_end_matches('=').as_bytes(), g]) {
        return Some("the key was hashed without its padding");
    }
    if is(&[key.to_ascii_lowercase().as_bytes(), g]) || is(&[key.to_ascii_uppercase().as_bytes(), g]) {
        return Some("the key was hashed in letters of the wrong case");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn hashed(text: &str) -> String {
        STANDARD.encode(Sha1::digest(text.as_bytes()))
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(expected(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_that_was_answered_right() {
        assert_eq!(expected("Zx8rNEkBE4xnwifpuh8DHQ=="), "52Rg3vW4JQ1yWpkvFlsTsiezlqw=");
    }

    #[test]
    fn the_widely_copied_sample_has_characters_changed() {
        let cause = cause("7+C600xYybOv2zmJ69RQsw==", "fYoqiH14DgI+SylEMwM2sDLzDiO=", &[]);
        assert_eq!(cause.as_deref(), Some("the right value with characters changed"));
    }

    #[test]
    fn every_known_mistake_is_named() {
        let lower = GUID.to_ascii_lowercase();
        let hash = sha1(&[KEY.as_bytes(), GUID.as_bytes()]);
        let hex: String = hash
            .iter()
            .flat_map(|b| [b >> 4, b & 15])
            .filter_map(|d| char::from_digit(d.into(), 16))
            .collect();
        let right = expected(KEY);
        let cases = [
            (hashed(KEY), "the GUID was left out"),
            (hashed(&format!("{KEY}{lower}")), "the GUID is in lower case"),
            (
                hashed(&format!("{KEY}258EAFA5-E914-47DA-95CA-5AB0DC85B11")),
                "the GUID is misspelt: 258EAFA5-E914-47DA-95CA-5AB0DC85B11",
            ),
            (hashed(&format!("{GUID}{KEY}")), "the GUID stands before the key"),
            (
                hashed(&format!("the sample nonce{GUID}")),
                "the key was decoded from base64 before it was hashed",
            ),
            (hashed(&format!("{KEY}\r\n{GUID}")), "the key was hashed with the white space after it"),
            (hashed(&format!("{KEY} {GUID}")), "the key was hashed with the white space after it"),
            (hashed(&format!(" {KEY}{GUID}")), "the key was hashed with the blank before it"),
            (hashed(&format!("{KEY}{GUID}\0")), "the hash takes in a character after the GUID"),
            (hashed(GUID), "the server did not find the key: it hashed nothing in its place"),
            (
                hashed(&format!("undefined{GUID}")),
                "the server did not find the key: it hashed \"undefined\" in its place",
            ),
            (
                hashed(&format!("null{GUID}")),
                "the server did not find the key: it hashed \"null\" in its place",
            ),
            (
                hashed(&format!("None{GUID}")),
                "the server did not find the key: it hashed \"None\" in its place",
            ),
            (hashed(&format!("dGhlIHNhbXBsZSBub25jZQ{GUID}")), "the key was hashed without its padding"),
            (
                hashed(&format!("{}{GUID}", KEY.to_uppercase())),
                "the key was hashed in letters of the wrong case",
            ),
            (hashed(&format!("earlier{GUID}")), "it answers the key of an earlier request"),
            (hex.clone(), "the hash is in hex instead of base64"),
            (hex.to_uppercase(), "the hash is in hex instead of base64"),
            (STANDARD.encode(&hex), "the hash was put into hex before base64"),
            (KEY.to_owned(), "the key was sent back as it came"),
            (STANDARD.encode(format!("{KEY}{GUID}")), "the key and the GUID were not hashed"),
            (right.trim_end_matches('=').to_owned(), "the padding was left out"),
            (right.replace('+', "-"), "the hash is in the base64 of URLs"),
            (right.to_uppercase(), "the right value in letters of the wrong case"),
            (format!("{right}-more"), "the right value with more behind it"),
            (right.replace("xOo=", "xOp="), "the right value with other bits in its last character"),
        ];
        for (found, name) in cases {
            assert_eq!(cause(KEY, &found, &["earlier".into()]).as_deref(), Some(name), "{found}");
        }
    }

    #[test]
    fn an_unknown_mistake_has_no_name() {
        for found in ["", "x", "KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "ÄÖÜ"] {
            assert_eq!(cause(KEY, found, &[]), None, "{found}");
        }
    }

    #[test]
    fn keys_of_every_length() {
        assert!(key_is_legal(KEY));
        assert!(key_is_legal("dGhlIHNhbXBsZSBub25jZR=="));
        for (key, length) in
            [("dGhlIHNhbXBsZSBub25jZQ", Some(16)), ("", Some(0)), ("AAAA", Some(3)), ("!", None)]
        {
            assert!(!key_is_legal(key), "{key}");
            assert_eq!(key_length(key), length, "{key}");
        }
    }
}

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::hello::{ClientHello, extension, is_grease};

/// Returns the JA4 fingerprint of a client over TCP, as specified by `FoxIO`.
pub(super) fn ja4(hello: &ClientHello) -> String {
    let version = match hello.versions().into_iter().max() {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        _ => "00",
    };
    let name = if hello.extensions.has(extension::SERVER_NAME) { 'd' } else { 'i' };
    let mut suites: Vec<_> = hello.suites.iter().copied().filter(|it| !is_grease(*it)).collect();
    let mut kinds: Vec<_> = hello.extensions.kinds().filter(|it| !is_grease(*it)).collect();
    let (suite_count, kind_count) = (suites.len().min(99), kinds.len().min(99));
    kinds.retain(|it| ![extension::SERVER_NAME, extension::ALPN].contains(it));
    suites.sort_unstable();
    kinds.sort_unstable();
    let mut listed = list(&kinds);
    let algorithms = hello.signature_algorithms();
    if !algorithms.is_empty() {
        listed.push('_');
        listed.push_str(&list(&algorithms));
    }
    let [first, last] = protocol(hello);
    let suites = digest(&list(&suites), suites.is_empty());
    let kinds = digest(&listed, kinds.is_empty());
    format!("t{version}{name}{suite_count:02}{kind_count:02}{first}{last}_{suites}_{kinds}")
}

/// Returns the first and the last character of the first protocol offered.
fn protocol(hello: &ClientHello) -> [char; 2] {
    let alpn = hello.extensions.alpn();
    let (first, last) = match alpn.first().map(|name| &name[..]) {
        Some([first, .., last]) => (*first, *last),
        Some([only]) => (*only, *only),
        _ => return ['0', '0'],
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first.into(), last.into()];
    }
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 0x0f)]
}

fn list(numbers: &[u16]) -> String {
    let mut text = String::new();
    for number in numbers {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}{number:04x}");
    }
    text
}

/// Returns the first 12 digits of the hash.
fn digest(text: &str, empty: bool) -> String {
    if empty {
        return "0".repeat(12);
    }
    Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    #[test]
    fn the_fingerprint_is_the_one_of_the_specification() {
        let suites = [
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        let kinds = [
            0x1b, 0x00, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0x0d, 0x05, 0x23, 0x12, 0x2b, 0xff01, 0x0b, 0x0a,
            0x15,
        ];
        let algorithms = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let mut bytes = b"\x03\x03".to_vec();
        bytes.extend([0; 32]);
        bytes.push(0);
        let block = |numbers: &[u16]| numbers.iter().flat_map(|it| it.to_be_bytes()).collect::<Vec<_>>();
        bytes.extend((suites.len() as u16 * 2 + 2).to_be_bytes());
        bytes.extend(block(&[0x8a8a]));
        bytes.extend(block(&suites));
        bytes.extend(b"\x01\0");
        let mut extensions = b"\x1a\x1a\0\0".to_vec();
        for kind in kinds {
            let data = match kind {
                extension::ALPN => b"\0\x0c\x02h2\x08http/1.1".to_vec(),
                extension::SUPPORTED_VERSIONS => b"\x06\x3a\x3a\x03\x04\x03\x03".to_vec(),
                extension::SIGNATURE_ALGORITHMS => block(&[&[16], &algorithms[..]].concat()),
                _ => Vec::new(),
            };
            extensions.extend(kind.to_be_bytes());
            extensions.extend((data.len() as u16).to_be_bytes());
            extensions.extend(data);
        }
        bytes.extend((extensions.len() as u16).to_be_bytes());
        bytes.extend(extensions);
        assert_eq!(ja4(&ClientHello::parse(&bytes).unwrap()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }
}

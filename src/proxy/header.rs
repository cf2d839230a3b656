//! The PROXY protocol, versions 1 and 2 (`HAProxy`, "The PROXY protocol").

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Invalid, Parsed, Proxied, Sniff};

/// The first bytes of version 2.
pub const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const V1_SIGNATURE: &[u8] = b"PROXY ";
/// The maximum length of a version 1 line, including its end.
const V1_LONGEST: usize = 107;

/// Returns whether the bytes may begin with a version 1 header.
pub(super) fn begins_v1(bytes: &[u8]) -> Sniff {
    begins(bytes, V1_SIGNATURE)
}

/// Returns whether the bytes may begin with a version 2 header.
pub(super) fn begins_v2(bytes: &[u8]) -> Sniff {
    begins(bytes, &V2_SIGNATURE)
}

fn begins(bytes: &[u8], signature: &[u8]) -> Sniff {
    match bytes.get(..signature.len()) {
        Some(start) if start == signature => Sniff::Yes,
        None if signature.starts_with(bytes) => Sniff::NeedMore,
        _ => Sniff::No,
    }
}

/// Parses a line such as `PROXY TCP4 192.0.2.7 10.0.0.1 56324 8080`.
pub(super) fn v1(bytes: &[u8]) -> Parsed<Proxied> {
    let window = bytes.get(..V1_LONGEST).unwrap_or(bytes);
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        return (bytes.len() >= V1_LONGEST).then_some(Err(Invalid));
    };
    let length = end.checked_add(1)?;
    Some(line(bytes.get(..end).unwrap_or_default()).map(|proxied| (proxied, length)).ok_or(Invalid))
}

fn line(line: &[u8]) -> Option<Proxied> {
    let text = std::str::from_utf8(line.strip_suffix(b"\r")?).ok()?;
    let mut words = text.split(' ').skip(1);
    let unknown = Proxied { protocol: "proxy-v1", client: None, server: None };
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(unknown);
    }
    let addresses: [IpAddr; 2] = [words.next()?.parse().ok()?, words.next()?.parse().ok()?];
    let ports: [u16; 2] = [words.next()?.parse().ok()?, words.next()?.parse().ok()?];
    let is_family = |address: &IpAddr| match family {
        "TCP4" => address.is_ipv4(),
        "TCP6" => address.is_ipv6(),
        _ => false,
    };
    if words.next().is_some() || !addresses.iter().all(is_family) {
        return None;
    }
    let [client, server] = addresses;
    Some(Proxied {
        client: Some(named(SocketAddr::new(client, ports[0]))),
        server: Some(named(SocketAddr::new(server, ports[1]))),
        ..unknown
    })
}

/// Parses a version 2 header, including any type-length-values.
pub(super) fn v2(bytes: &[u8]) -> Parsed<Proxied> {
    let (_, rest) = bytes.split_first_chunk::<12>()?;
    let (&[version, family, high, low], rest) = rest.split_first_chunk::<4>()?;
    // Version 2, and a command: LOCAL (0) or PROXY (1).
    if version >> 4 != 2 || version & 0x0f > 1 {
        return Some(Err(Invalid));
    }
    let body = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
    let length = body.len().checked_add(16)?;
    // The addresses of the proxy's own connections, such as health checks, are meaningless.
    let told = if version & 0x0f == 0 { Some((None, &[][..])) } else { addresses(family, body) };
    let Some((ends, values)) = told else { return Some(Err(Invalid)) };
    if !are_values(values) {
        return Some(Err(Invalid));
    }
    let (client, server) = ends.map_or((None, None), |(client, server)| (Some(client), Some(server)));
    Some(Ok((Proxied { protocol: "proxy-v2", client, server }, length)))
}

/// The two endpoints, if given, and the bytes after them.
type Ends<'a> = (Option<(Box<str>, Box<str>)>, &'a [u8]);

/// Parses the addresses for a family and transport, such as 0x11 for TCP over IPv4; returns `None` if there are too few
/// bytes.
fn addresses(family: u8, body: &[u8]) -> Option<Ends<'_>> {
    match family >> 4 {
        0 => Some((None, body)),
        1 => {
            let (from, rest) = body.split_first_chunk::<4>()?;
            let (to, rest) = rest.split_first_chunk::<4>()?;
            ports(Ipv4Addr::from(*from).into(), Ipv4Addr::from(*to).into(), rest)
        }
        2 => {
            let (from, rest) = body.split_first_chunk::<16>()?;
            let (to, rest) = rest.split_first_chunk::<16>()?;
            ports(Ipv6Addr::from(*from).into(), Ipv6Addr::from(*to).into(), rest)
        }
        3 => {
            let (from, rest) = body.split_first_chunk::<108>()?;
            let (to, rest) = rest.split_first_chunk::<108>()?;
            Some((Some((path(from), path(to))), rest))
        }
        _ => None,
    }
}

fn ports(from: IpAddr, to: IpAddr, rest: &[u8]) -> Option<Ends<'_>> {
    let (&[f0, f1, t0, t1], rest) = rest.split_first_chunk::<4>()?;
    let client = SocketAddr::new(from, u16::from_be_bytes([f0, f1]));
    let server = SocketAddr::new(to, u16::from_be_bytes([t0, t1]));
    Some((Some((named(client), named(server))), rest))
}

/// Returns the path of a local socket.
fn path(bytes: &[u8]) -> Box<str> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(bytes).into()
}

/// Returns whether the bytes consist entirely of type-length-values.
fn are_values(mut bytes: &[u8]) -> bool {
    while let Some(([_, high, low], rest)) = bytes.split_first_chunk::<3>() {
        let Some(rest) = rest.get(usize::from(u16::from_be_bytes([*high, *low]))..) else { return false };
        bytes = rest;
    }
    bytes.is_empty()
}

fn named(it: impl Display) -> Box<str> {
    it.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parsed: Parsed<Proxied>) -> (Option<String>, Option<String>, usize) {
        let (proxied, length) = parsed.unwrap().unwrap();
        (proxied.client.map(Into::into), proxied.server.map(Into::into), length)
    }

    fn ends(client: &str, server: &str, length: usize) -> (Option<String>, Option<String>, usize) {
        (Some(client.to_owned()), Some(server.to_owned()), length)
    }

    #[test]
    fn lines_of_version_1() {
        let four = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 8080\r\nGET /";
        assert_eq!(told(v1(four)), ends("192.0.2.7:56324", "10.0.0.1:8080", 42));
        let six = b"PROXY TCP6 2001:db8::7 fd00::1 56324 443\r\n";
        assert_eq!(told(v1(six)), ends("[2001:db8::7]:56324", "[fd00::1]:443", six.len()));
        assert_eq!(told(v1(b"PROXY UNKNOWN\r\n")), (None, None, 15));
        assert_eq!(told(v1(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nx")), (None, None, 35));
    }

    #[test]
    fn a_line_that_is_not_whole_and_one_that_is_wrong() {
        assert_eq!(v1(b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 8080\r"), None);
        let wrong: [&[u8]; 6] = [
            b"PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 8080 9\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 8080\n",
            b"PROXY TCP4 fd00::1 fd00::2 56324 8080\r\n",
            b"PROXY TCP9 192.0.2.7 10.0.0.1 56324 8080\r\n",
            &[b'P'; 108],
        ];
        for line in wrong {
            assert_eq!(v1(line), Some(Err(Invalid)), "{line:?}");
        }
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&V2_SIGNATURE[..], &[command, family], &length, body].concat()
    }

    #[test]
    fn headers_of_version_2() {
        let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 0x1f, 0x90];
        let values = [0x03, 0, 4, 1, 2, 3, 4, 0xea, 0, 3, 1, b'v', b'p'];
        let header = binary(0x21, 0x11, &[&addresses[..], &values].concat());
        assert_eq!(told(v2(&header)), ends("192.0.2.7:56324", "10.0.0.1:8080", header.len()));
        assert_eq!(v2(&header[..header.len() - 1]), None);
        let six = binary(0x21, 0x21, &[[0xfd; 32].as_slice(), &[0, 80, 1, 0xbb]].concat());
        let end = "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]";
        assert_eq!(told(v2(&six)), ends(&format!("{end}:80"), &format!("{end}:443"), six.len()));
        let mut local = [0; 216];
        local[..5].copy_from_slice(b"/tmp/");
        assert_eq!(told(v2(&binary(0x21, 0x31, &local))), ends("/tmp/", "", 232));
        // A health check of the proxy itself, and an unspecified family.
        assert_eq!(told(v2(&binary(0x20, 0, &[]))), (None, None, 16));
        assert_eq!(told(v2(&binary(0x20, 0x11, &addresses))), (None, None, 28));
        assert_eq!(told(v2(&binary(0x21, 0, &values))), (None, None, 16 + values.len()));
    }

    #[test]
    fn headers_of_version_2_that_are_wrong() {
        let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 0x1f, 0x90];
        let cut = [&addresses[..], &[4, 0, 9, 0]].concat();
        for header in [
            binary(0x11, 0x11, &addresses),
            binary(0x22, 0x11, &addresses),
            binary(0x21, 0x41, &addresses),
            binary(0x21, 0x11, &addresses[..9]),
            binary(0x21, 0x11, &cut),
        ] {
            assert_eq!(v2(&header), Some(Err(Invalid)));
        }
    }
}

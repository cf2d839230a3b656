//! SOCKS: version 4 with its extension 4A, and version 5 (RFC 1928, RFC 1929).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Invalid, Parsed};

/// The maximum length of a user name or host name in version 4.
const TEXT: usize = 255;

/// A client's request to a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// `host:port`.
    pub(super) target: Box<str>,
    /// Whether the target is a host name, to be resolved by the proxy.
    pub(super) by_name: bool,
}

/// The negotiated authentication method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// No authentication.
    None,
    /// User name and password (RFC 1929).
    Password,
    /// No acceptable method: the server closes the connection.
    Refused,
}

/// Parses a version 4 CONNECT request.
pub(super) fn request4(bytes: &[u8]) -> Parsed<Request> {
    let (&[version, command, p0, p1, a0, a1, a2, a3], rest) = bytes.split_first_chunk::<8>()?;
    let port = u16::from_be_bytes([p0, p1]);
    if version != 4 || command != 1 || port == 0 {
        return Some(Err(Invalid));
    }
    let (_, after_user) = match text(rest)? {
        Ok(read) => read,
        Err(invalid) => return Some(Err(invalid)),
    };
    let used = 8_usize.checked_add(after_user)?;
    // An invalid address means that a host name follows.
    if [a0, a1, a2] != [0; 3] || a3 == 0 {
        let target = SocketAddr::new(Ipv4Addr::new(a0, a1, a2, a3).into(), port).to_string().into();
        return Some(Ok((Request { target, by_name: false }, used)));
    }
    match text(bytes.get(used..)?)? {
        Ok((host, length)) if is_name(host) => {
            let target = format!("{}:{port}", String::from_utf8_lossy(host)).into();
            Some(Ok((Request { target, by_name: true }, used.checked_add(length)?)))
        }
        _ => Some(Err(Invalid)),
    }
}

/// Parses text up to a zero byte; the length includes that.
fn text(bytes: &[u8]) -> Parsed<&[u8]> {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) if end <= TEXT => Some(Ok((bytes.get(..end)?, end.checked_add(1)?))),
        None if bytes.len() <= TEXT => None,
        _ => Some(Err(Invalid)),
    }
}

fn is_name(host: &[u8]) -> bool {
    !host.is_empty() && host.iter().all(u8::is_ascii_graphic)
}

/// Parses a version 4 reply: whether the request was granted.
pub(super) fn reply4(bytes: &[u8]) -> Parsed<bool> {
    let &[version, code, ..] = bytes.first_chunk::<8>()?;
    Some(match (version, code) {
        (0, 90..=93) => Ok((code == 90, 8)),
        _ => Err(Invalid),
    })
}

/// Parses a version 5 greeting: the methods supported by the client.
pub(super) fn greeting(bytes: &[u8]) -> Parsed<()> {
    let (&[version, count], rest) = bytes.split_first_chunk::<2>()?;
    if version != 5 || count == 0 {
        return Some(Err(Invalid));
    }
    let methods = rest.get(..usize::from(count))?;
    // Assigned methods are below 0x0a (IANA "SOCKS Methods"), private ones start at 0x80.
    let known = methods.iter().all(|method| matches!(method, 0..=9 | 0x80..=0xfe));
    Some(if known { Ok(((), methods.len().checked_add(2)?)) } else { Err(Invalid) })
}

/// Parses the method chosen by the server; methods other than the supported ones are invalid here.
pub(super) fn method(bytes: &[u8]) -> Parsed<Method> {
    Some(match *bytes.first_chunk::<2>()? {
        [5, 0] => Ok((Method::None, 2)),
        [5, 2] => Ok((Method::Password, 2)),
        [5, 0xff] => Ok((Method::Refused, 2)),
        _ => Err(Invalid),
    })
}

/// Skips a user name and password.
pub(super) fn password(bytes: &[u8]) -> Parsed<()> {
    let (&[version, name], _) = bytes.split_first_chunk::<2>()?;
    if version != 1 {
        return Some(Err(Invalid));
    }
    let name_end = usize::from(name).checked_add(2)?;
    let length = usize::from(*bytes.get(name_end)?);
    let end = name_end.checked_add(1)?.checked_add(length)?;
    bytes.get(..end).map(|_| Ok(((), end)))
}

/// Parses whether the user name and password were accepted.
pub(super) fn password_reply(bytes: &[u8]) -> Parsed<bool> {
    let &[version, status] = bytes.first_chunk::<2>()?;
    // Some servers respond with the version of SOCKS instead of that of the subnegotiation.
    Some(if matches!(version, 1 | 5) { Ok((status == 0, 2)) } else { Err(Invalid) })
}

/// Parses a version 5 CONNECT request.
pub(super) fn request5(bytes: &[u8]) -> Parsed<Request> {
    let (&[version, command, reserved], rest) = bytes.split_first_chunk::<3>()?;
    if version != 5 || command != 1 || reserved != 0 {
        return Some(Err(Invalid));
    }
    let (host, length) = match address(rest)? {
        Ok(read) => read,
        Err(invalid) => return Some(Err(invalid)),
    };
    let (Host { text, by_name }, port) = host;
    let text = if text.contains(':') { format!("[{text}]:{port}") } else { format!("{text}:{port}") };
    Some(Ok((Request { target: text.into(), by_name }, length.checked_add(3)?)))
}

/// Parses a version 5 reply: whether the request was granted.
pub(super) fn reply5(bytes: &[u8]) -> Parsed<bool> {
    let (&[version, code, reserved], rest) = bytes.split_first_chunk::<3>()?;
    if version != 5 || code > 8 || reserved != 0 {
        return Some(Err(Invalid));
    }
    Some(match address(rest)? {
        Ok((_, length)) => Ok((code == 0, length.checked_add(3)?)),
        Err(invalid) => Err(invalid),
    })
}

/// A host as given in a request.
struct Host {
    text: String,
    by_name: bool,
}

/// Parses an address of any type and a port (RFC 1928 §5).
fn address(bytes: &[u8]) -> Parsed<(Host, u16)> {
    let (kind, rest) = bytes.split_first()?;
    let (text, by_name, length) = match kind {
        1 => (Ipv4Addr::from(*rest.first_chunk::<4>()?).to_string(), false, 5),
        4 => (Ipv6Addr::from(*rest.first_chunk::<16>()?).to_string(), false, 17),
        3 => {
            let (length, rest) = rest.split_first()?;
            let name = rest.get(..usize::from(*length))?;
            if !name.iter().all(u8::is_ascii_graphic) {
                return Some(Err(Invalid));
            }
            (String::from_utf8_lossy(name).into_owned(), true, name.len().checked_add(2)?)
        }
        _ => return Some(Err(Invalid)),
    };
    let port = u16::from_be_bytes(*bytes.get(length..)?.first_chunk::<2>()?);
    Some(Ok(((Host { text, by_name }, port), length.checked_add(2)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(parsed: Parsed<Request>) -> (String, bool, usize) {
        let (request, length) = parsed.unwrap().unwrap();
        (request.target.into(), request.by_name, length)
    }

    #[test]
    fn requests_of_version_4() {
        let by_address = b"\x04\x01\x00\x50\x0a\x00\x00\x09me\0GET";
        assert_eq!(asked(request4(by_address)), ("10.0.0.9:80".to_owned(), false, 11));
        let by_name = b"\x04\x01\x01\xbb\x00\x00\x00\x01\0server.example.com\0";
        assert_eq!(asked(request4(by_name)), ("server.example.com:443".to_owned(), true, by_name.len()));
        for end in 0..by_name.len() {
            assert_eq!(request4(&by_name[..end]), None, "{end}");
        }
        for wrong in [b"\x04\x02\x00\x50\x0a\0\0\x09\0", b"\x04\x01\x00\x00\x0a\0\0\x09\0"] {
            assert_eq!(request4(wrong), Some(Err(Invalid)));
        }
        assert_eq!(reply4(b"\0\x5a\0\0\0\0\0\0"), Some(Ok((true, 8))));
        assert_eq!(reply4(b"\0\x5b\0\0\0\0\0\0"), Some(Ok((false, 8))));
        assert_eq!(reply4(b"HTTP/1.1"), Some(Err(Invalid)));
    }

    #[test]
    fn requests_of_version_5() {
        let name = b"\x05\x01\x00\x03\x12server.example.com\x00\x50x";
        assert_eq!(asked(request5(name)), ("server.example.com:80".to_owned(), true, name.len() - 1));
        let four = b"\x05\x01\x00\x01\x0a\0\0\x09\x1f\x90";
        assert_eq!(asked(request5(four)), ("10.0.0.9:8080".to_owned(), false, 10));
        let six = [&[5, 1, 0, 4][..], &[0xfd; 16], &[1, 0xbb]].concat();
        let target = "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:443".to_owned();
        assert_eq!(asked(request5(&six)), (target, false, 22));
        for end in 0..name.len() - 1 {
            assert_eq!(request5(&name[..end]), None, "{end}");
        }
        assert_eq!(request5(b"\x05\x03\x00\x01\x0a\0\0\x09\x1f\x90"), Some(Err(Invalid)));
    }

    #[test]
    fn greetings_methods_and_passwords() {
        assert_eq!(greeting(b"\x05\x02\x00\x02"), Some(Ok(((), 4))));
        assert_eq!(greeting(b"\x05\x02\x00"), None);
        assert_eq!(greeting(b"\x05\x01\x47"), Some(Err(Invalid)));
        assert_eq!(greeting(b"\x05\x00"), Some(Err(Invalid)));
        assert_eq!(method(b"\x05\x00"), Some(Ok((Method::None, 2))));
        assert_eq!(method(b"\x05\x02"), Some(Ok((Method::Password, 2))));
        assert_eq!(method(b"\x05\xff"), Some(Ok((Method::Refused, 2))));
        assert_eq!(method(b"\x05\x01"), Some(Err(Invalid)));
        assert_eq!(password(b"\x01\x02me\x03pwdx"), Some(Ok(((), 8))));
        assert_eq!(password(b"\x01\x02me\x03pw"), None);
        assert_eq!(password_reply(b"\x01\x00"), Some(Ok((true, 2))));
        assert_eq!(password_reply(b"\x01\x01"), Some(Ok((false, 2))));
        assert_eq!(password_reply(b"\x05\x00"), Some(Ok((true, 2))));
        assert_eq!(password_reply(b"HT"), Some(Err(Invalid)));
        assert_eq!(reply5(b"\x05\x00\x00\x01\0\0\0\0\0\0"), Some(Ok((true, 10))));
        assert_eq!(reply5(b"\x05\x05\x00\x01\0\0\0\0\0\0"), Some(Ok((false, 10))));
        assert_eq!(reply5(b"\x05\x00\x00\x03\x01a\0\x50"), Some(Ok((true, 8))));
    }
}

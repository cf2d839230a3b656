//! Parsers of TLS hellos: `ClientHello`, `ServerHello` and `EncryptedExtensions` (RFC 8446 §4, RFC 5246 §7.4.1), and
//! the names of their numbers.

pub(crate) mod suite;

use nom::bytes::complete::take;
use nom::multi::many0;
use nom::number::complete::{be_u8, be_u16};
use nom::{IResult, Parser};

/// The random of a `ServerHello` that is a `HelloRetryRequest` (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Extension types, as numbered in the IANA registry.
pub(crate) mod extension {
    pub(crate) const SERVER_NAME: u16 = 0;
    pub(crate) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(crate) const ALPN: u16 = 16;
    pub(crate) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(crate) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(crate) const SESSION_TICKET: u16 = 35;
    pub(crate) const PRE_SHARED_KEY: u16 = 41;
    pub(crate) const EARLY_DATA: u16 = 42;
    pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
    pub(crate) const POST_HANDSHAKE_AUTH: u16 = 49;
    pub(crate) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
}

/// The extensions of a hello, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions(Vec<(u16, Vec<u8>)>);

impl Extensions {
    fn parse(input: &[u8]) -> Self {
        let Ok((rest, length)) = be_u16::<_, nom::error::Error<_>>.parse(input) else {
            return Extensions::default();
        };
        // Extensions before a malformed or truncated one are kept.
        let list = rest.get(..length.into()).unwrap_or(rest);
        let mut all = many0((be_u16, long));
        let found = all.parse(list).map(|(_, found)| found).unwrap_or_default();
        Extensions(found.into_iter().map(|(kind, data)| (kind, data.to_vec())).collect())
    }

    /// Returns the data of an extension.
    pub(crate) fn find(&self, kind: u16) -> Option<&[u8]> {
        self.0.iter().find(|(it, _)| *it == kind).map(|(_, data)| &data[..])
    }

    pub(crate) fn has(&self, kind: u16) -> bool {
        self.find(kind).is_some()
    }

    /// Returns the types, in order.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|(kind, _)| *kind)
    }

    /// Returns the protocols offered, or the one chosen (RFC 7301 §3.1).
    pub(crate) fn alpn(&self) -> Vec<Vec<u8>> {
        let parse = |data| -> IResult<&[u8], Vec<&[u8]>> {
            let (_, list) = long.parse(data)?;
            many0(short).parse(list)
        };
        let names = self.find(extension::ALPN).and_then(|data| parse(data).ok()).map(|(_, names)| names);
        names.unwrap_or_default().into_iter().map(<[u8]>::to_vec).collect()
    }
}

/// A `ClientHello`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientHello {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Vec<u8>,
    pub(crate) suites: Vec<u16>,
    pub(crate) extensions: Extensions,
}

/// A `ServerHello`, or a `HelloRetryRequest`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) legacy_version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Vec<u8>,
    pub(crate) suite: u16,
    pub(crate) extensions: Extensions,
}

/// Parses a vector with a one-byte length (RFC 8446 §3.4).
fn short(input: &[u8]) -> IResult<&[u8], &[u8]> {
    be_u8.flat_map(take).parse(input)
}

/// Parses a vector with a two-byte length.
fn long(input: &[u8]) -> IResult<&[u8], &[u8]> {
    be_u16.flat_map(take).parse(input)
}

fn random(input: &[u8]) -> IResult<&[u8], [u8; 32]> {
    take(32_usize).map_res(<[u8; 32]>::try_from).parse(input)
}

fn numbers(input: &[u8]) -> Vec<u16> {
    input.as_chunks::<2>().0.iter().map(|two| u16::from_be_bytes(*two)).collect()
}

impl ClientHello {
    /// Parses the body of the message.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = (be_u16, random, short, long, short);
        let (rest, (version, random, session_id, suites, _)) = fields.parse(body).ok()?;
        Some(ClientHello {
            version,
            random,
            session_id: session_id.to_vec(),
            suites: numbers(suites),
            extensions: Extensions::parse(rest),
        })
    }

    /// Returns the server name (RFC 6066 §3).
    pub(crate) fn server_name(&self) -> Option<Box<str>> {
        let parse = |data| -> IResult<&[u8], (u8, &[u8])> {
            let (_, list) = long.parse(data)?;
            (be_u8, long).parse(list)
        };
        let (_, (kind, name)) = parse(self.extensions.find(extension::SERVER_NAME)?).ok()?;
        (kind == 0).then(|| String::from_utf8_lossy(name).into())
    }

    /// Returns the versions offered, in order and without GREASE.
    pub(crate) fn versions(&self) -> Vec<u16> {
        match self.extensions.find(extension::SUPPORTED_VERSIONS) {
            Some([_, list @ ..]) => numbers(list).into_iter().filter(|it| !is_grease(*it)).collect(),
            _ => vec![self.version],
        }
    }

    /// Returns the signature algorithms, in order.
    pub(crate) fn signature_algorithms(&self) -> Vec<u16> {
        let data = self.extensions.find(extension::SIGNATURE_ALGORITHMS);
        data.and_then(|data| data.get(2..)).map(numbers).unwrap_or_default()
    }
}

impl ServerHello {
    /// Parses the body of the message.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = (be_u16, random, short, be_u16, be_u8);
        let (rest, (legacy_version, random, session_id, suite, _)) = fields.parse(body).ok()?;
        let extensions = Extensions::parse(rest);
        Some(ServerHello { legacy_version, random, session_id: session_id.to_vec(), suite, extensions })
    }

    /// Returns the chosen version.
    pub(crate) fn version(&self) -> u16 {
        let chosen = self.extensions.find(extension::SUPPORTED_VERSIONS);
        chosen.and_then(<[u8]>::first_chunk).map_or(self.legacy_version, |bytes| u16::from_be_bytes(*bytes))
    }

    /// Returns whether it is a `HelloRetryRequest`.
    pub(crate) fn is_retry(&self) -> bool {
        self.random == RETRY
    }
}

/// Parses the body of `EncryptedExtensions`.
pub(crate) fn encrypted_extensions(body: &[u8]) -> Extensions {
    Extensions::parse(body)
}

/// Parses the body of a `NewSessionTicket` up to TLS 1.2, returning the ticket (RFC 5077 §3.3).
pub(crate) fn session_ticket(body: &[u8]) -> Option<&[u8]> {
    let lifetime = 4_usize;
    (take(lifetime), long).parse(body).ok().map(|(_, (_, ticket))| ticket)
}

/// Returns the common name of a version; `None` if the number is unknown.
pub(crate) const fn version_name(version: u16) -> Option<&'static str> {
    Some(match version {
        0x0300 => "SSL 3.0",
        0x0301 => "1.0",
        0x0302 => "1.1",
        0x0303 => "1.2",
        0x0304 => "1.3",
        _ => return None,
    })
}

/// Returns whether a number is a GREASE value, sent to be ignored (RFC 8701).
pub(crate) const fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x03\x03".to_vec();
        bytes.extend([7; 32]);
        bytes.extend(b"\x02id\0\x04\x13\x01\x0a\x0a\x01\0");
        bytes.extend((extensions.len() as u16).to_be_bytes());
        bytes.extend(extensions);
        bytes
    }

    #[test]
    fn a_client_hello_says_what_it_offers() {
        let bytes = hello(
            b"\0\0\0\x0a\0\x08\0\0\x05a.com\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1\0\x2b\0\x05\x04\x0a\x0a\x03\x04",
        );
        let it = ClientHello::parse(&bytes).unwrap();
        assert_eq!(
            (it.random, &it.session_id[..], &it.suites[..]),
            ([7; 32], &b"id"[..], &[0x1301, 0x0a0a][..])
        );
        assert_eq!(it.server_name().as_deref(), Some("a.com"));
        assert_eq!(it.extensions.alpn(), [&b"h2"[..], b"http/1.1"]);
        assert_eq!(it.versions(), [0x0304]);
        assert!(!it.extensions.has(extension::EARLY_DATA));
        // Truncated within the extensions, and without any.
        let cut = ClientHello::parse(&bytes[..bytes.len() - 9]).unwrap();
        assert_eq!((cut.server_name().as_deref(), cut.versions()), (Some("a.com"), vec![0x0303]));
        assert_eq!(ClientHello::parse(&hello(b"")[..45]).unwrap().versions(), [0x0303]);
        assert_eq!(ClientHello::parse(&bytes[..40]), None);
    }

    #[test]
    fn a_server_hello_says_what_it_chose() {
        let mut bytes = b"\x03\x03".to_vec();
        bytes.extend(RETRY);
        bytes.extend(b"\0\x13\x02\0\0\x06\0\x2b\0\x02\x03\x04");
        let it = ServerHello::parse(&bytes).unwrap();
        assert_eq!((it.version(), it.suite, it.is_retry()), (0x0304, 0x1302, true));
        bytes[2] = 0;
        let it = ServerHello::parse(&bytes[..38]).unwrap();
        assert_eq!((it.version(), it.suite, it.is_retry()), (0x0303, 0x1302, false));
    }

    #[test]
    fn extensions_before_a_broken_one_count() {
        let it = Extensions::parse(b"\0\x0a\0\x17\0\0\0\x10\0\xff\0\0");
        assert!(it.has(extension::EXTENDED_MASTER_SECRET) && !it.has(extension::ALPN));
    }
}

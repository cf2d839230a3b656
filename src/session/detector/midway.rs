//! Recognition of other protocols mid-stream: by consecutive records without gaps, or lines of a known vocabulary, on
//! both sides.

/// Returns the length of the record at the beginning of the bytes; `None` if no record begins like this.
type Record = fn(&[u8]) -> Option<usize>;

/// A protocol whose records contain their length.
struct Framing {
    name: &'static str,
    client: Record,
    server: Record,
    /// The number of records on both sides together that is sufficient.
    least: usize,
}

/// The name of HTTP/2, which is handled separately.
pub(super) const HTTP2: &str = "HTTP/2";

const FRAMINGS: &[Framing] = &[
    Framing { name: "AMQP", client: amqp, server: amqp, least: 2 },
    Framing { name: "MongoDB", client: mongodb, server: mongodb, least: 2 },
    Framing { name: "LDAP", client: ldap, server: ldap, least: 2 },
    Framing { name: "DNS", client: |it| dns(it, false), server: |it| dns(it, true), least: 2 },
    Framing { name: HTTP2, client: http2, server: http2, least: 4 },
    Framing {
        name: "PostgreSQL",
        client: |it| postgresql(it, b"QPBECDSXFHpfcd"),
        server: |it| postgresql(it, b"RSKZTDCE123stnNAIGHWVv"),
        least: 3,
    },
    Framing { name: "Cassandra", client: |it| cassandra(it, 0), server: |it| cassandra(it, 0x80), least: 3 },
    Framing {
        name: "MySQL",
        client: |it| mysql(it, |number| number == 0),
        server: |it| mysql(it, |number| number > 0),
        least: 3,
    },
    Framing { name: "Kafka", client: kafka, server: |it| big_endian(it, 4), least: 3 },
    Framing { name: "Git", client: git, server: git, least: 3 },
];

/// A line-based protocol, by the beginnings of lines of the client and of the server, in capitals.
type Lines = (&'static str, &'static [&'static str], &'static [&'static str]);

const LINES: &[Lines] = &[
    (
        "NATS",
        &["PUB ", "HPUB ", "SUB ", "PING\r\n", "PONG\r\n", "CONNECT {"],
        &["MSG ", "HMSG ", "PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {"],
    ),
    (
        "memcached",
        &["GET ", "GETS ", "SET ", "ADD ", "INCR "],
        &["STORED\r\n", "NOT_STORED\r\n", "VALUE ", "END\r\n"],
    ),
    (
        "beanstalkd",
        &["PUT ", "RESERVE", "WATCH ", "USE "],
        &["INSERTED ", "RESERVED ", "WATCHING ", "USING "],
    ),
    ("SMTP", &["EHLO ", "HELO ", "MAIL FROM:", "RCPT TO:", "DATA\r\n"], &["220 ", "250 ", "250-", "354 "]),
    (
        "FTP",
        &["USER ", "PASS ", "RETR ", "STOR ", "LIST", "PASV", "EPSV", "TYPE "],
        &["150 ", "200 ", "226 ", "227 ", "229 ", "230 ", "331 "],
    ),
];

/// Returns the name of the protocol whose first captured bytes these are.
pub(super) fn name(client: &[u8], server: &[u8]) -> Option<&'static str> {
    let speaks = |bytes: &[u8], words: &[&str]| {
        words
            .iter()
            .any(|word| bytes.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes())))
    };
    let of_lines =
        || LINES.iter().find(|(_, asked, answered)| speaks(client, asked) && speaks(server, answered));
    let is_of = |it: &&Framing| match (chain(client, it.client), chain(server, it.server)) {
        (0, _) | (_, 0) => false,
        (asked, answered) => asked.saturating_add(answered) >= it.least,
    };
    FRAMINGS.iter().find(is_of).map(|it| it.name).or_else(|| of_lines().map(|(name, ..)| *name))
}

/// Counts consecutive records, the last of which may be incomplete; returns 0 if the bytes contain anything else.
fn chain(mut bytes: &[u8], record: Record) -> usize {
    let mut records = 0_usize;
    while !bytes.is_empty() {
        let Some(length) = record(bytes).filter(|length| *length > 0) else {
            // The kept bytes may end inside a record's length.
            return if bytes.len() < HEAD { records } else { 0 };
        };
        records = records.saturating_add(1);
        bytes = bytes.get(length..).unwrap_or_default();
    }
    records
}

/// The maximum number of bytes needed to determine a record's length.
const HEAD: usize = 16;

/// The maximum length accepted for a record.
const LONGEST: u32 = 1 << 24;

/// Reads a length in network order that excludes itself, and returns the total length.
fn big_endian(bytes: &[u8], least: u32) -> Option<usize> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?);
    (least..LONGEST).contains(&length).then_some((length as usize).saturating_add(4))
}

fn amqp(bytes: &[u8]) -> Option<usize> {
    let [1..=3 | 8, _, _, size @ ..] = bytes.first_chunk::<7>()? else { return None };
    let size = u32::from_be_bytes(*size);
    let end = (size as usize).saturating_add(7);
    let ends = bytes.get(end).is_none_or(|end| *end == 0xCE);
    (size < LONGEST && ends).then_some(end.saturating_add(1))
}

fn mongodb(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?);
    let operation = u32::from_le_bytes(*bytes.get(12..)?.first_chunk()?);
    let is_known = matches!(operation, 1 | 2004 | 2012 | 2013);
    (is_known && (16..LONGEST).contains(&length)).then_some(length as usize)
}

/// A message is a sequence of an ID and an operation (RFC 4511 §4.1.1).
fn ldap(bytes: &[u8]) -> Option<usize> {
    let (head, length) = match bytes {
        [0x30, 0x81, length, ..] => (3, usize::from(*length)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        [0x30, length @ ..=0x7F, ..] => (2, usize::from(*length)),
        _ => return None,
    };
    let [2, digits @ 1..=4, number @ ..] = bytes.get(head..)? else { return None };
    let operation = number.get(usize::from(*digits))?;
    matches!(operation, 0x42 | 0x4A | 0x50 | 0x60..=0x79).then_some(length.saturating_add(head))
}

/// A message over TCP is preceded by its length (RFC 1035 §4.2.2).
fn dns(bytes: &[u8], is_answer: bool) -> Option<usize> {
    let [l0, l1, _, _, f0, f1, 0, 1, a0, a1] = bytes.first_chunk()? else { return None };
    let is_of_side = (f0 & 0x80 != 0) == is_answer && f0 & 0x78 == 0 && f1 & 0x0F <= 5;
    let length = u16::from_be_bytes([*l0, *l1]);
    let asks = is_answer || [*a0, *a1] == [0, 0];
    (is_of_side && asks && length >= 17).then_some(usize::from(length).saturating_add(2))
}

/// A frame (RFC 9113 §4.1), whose type restricts its length and stream.
fn http2(bytes: &[u8]) -> Option<usize> {
    let [l0, l1, l2, kind, _, s0, s1, s2, s3] = *bytes.first_chunk()?;
    let length = u32::from_be_bytes([0, l0, l1, l2]);
    let stream = u32::from_be_bytes([s0, s1, s2, s3]);
    let fits = match kind {
        0 | 1 | 9 => stream > 0,
        2 => stream > 0 && length == 5,
        3 => stream > 0 && length == 4,
        4 => stream == 0 && length.is_multiple_of(6),
        5 => stream > 0 && length >= 4,
        6 => stream == 0 && length == 8,
        7 => stream == 0 && length >= 8,
        8 => length == 4,
        _ => false,
    };
    (fits && length <= 16_384 && stream >> 31 == 0).then_some((length as usize).saturating_add(9))
}

fn postgresql(bytes: &[u8], kinds: &[u8]) -> Option<usize> {
    let (kind, rest) = bytes.split_first()?;
    let length = big_endian(rest, 4)?.saturating_sub(4);
    kinds.contains(kind).then_some(length.saturating_add(1))
}

fn cassandra(bytes: &[u8], side: u8) -> Option<usize> {
    let [version, flags, _, _, operation, length @ ..] = bytes.first_chunk::<9>()?;
    let length = u32::from_be_bytes(*length);
    let fits = (3..=5).contains(&(version ^ side)) && *flags < 0x20 && *operation <= 0x10;
    (fits && length < LONGEST).then_some((length as usize).saturating_add(9))
}

fn mysql(bytes: &[u8], is_number: fn(u8) -> bool) -> Option<usize> {
    let [l0, l1, l2, number, first] = *bytes.first_chunk()?;
    let length = u32::from_le_bytes([l0, l1, l2, 0]);
    let is_command = number > 0 || first <= 0x1F;
    (is_number(number) && is_command && length > 0 && length < 1 << 20)
        .then_some((length as usize).saturating_add(4))
}

/// A request names its client.
fn kafka(bytes: &[u8]) -> Option<usize> {
    let [_, _, _, _, 0, api, 0, version, _, _, _, _, 0, name] = bytes.first_chunk()? else { return None };
    let name = bytes.get(14..)?.get(..usize::from(*name)).filter(|name| !name.is_empty())?;
    let fits = *api < 96 && *version < 24 && name.iter().all(u8::is_ascii_graphic);
    big_endian(bytes, 10).filter(|_| fits)
}

/// A line begins with its length in four hexadecimal digits; lengths below four are delimiters.
fn git(bytes: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(bytes.first_chunk::<4>()?).ok()?;
    let is_lower = digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    usize::from_str_radix(digits, 16).ok().filter(|_| is_lower).map(|length| length.max(4))
}

#[cfg(test)]
mod tests {
    use super::name;
    use proptest::prelude::*;

    #[test]
    fn records_and_lines_name_a_protocol_and_part_of_them_does_not() {
        let amqp: (&[u8], &[u8]) = (b"\x01\0\x01\0\0\0\x02\0\x0a\xce", b"\x01\0\x01\0\0\0\x02\0\x0b\xce");
        let frames: (&[u8], &[u8]) = (
            b"\0\0\x01\x00\0\0\0\0\x05a\0\0\x04\x08\0\0\0\0\0\0\0\0\x09",
            b"\0\0\x01\x01\x04\0\0\0\x05\x88\0\0\x01\x00\x01\0\0\0\x05b",
        );
        for ((client, server), want) in [
            (amqp, Some("AMQP")),
            (frames, Some("HTTP/2")),
            ((&amqp.0[..9], &b"no"[..]), None),
            ((b"Q\0\0\0\x06a\0", b"C\0\0\0\x06a\0Z\0\0\0\x05I"), Some("PostgreSQL")),
            ((b"0014command=ls-refs\n0000", b"000eversion 2\n"), Some("Git")),
            ((b"mail from:<a@b>\r\n", b"250 ok\r\n"), Some("SMTP")),
            ((b"GET k\r\n", b"HTTP/1.1 200 OK\r\n"), None),
            ((b"Q\0\0\0\x06a\0", b""), None),
            ((b"", b""), None),
        ] {
            assert_eq!(name(client, server), want, "{client:?} {server:?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_have_no_name(client in proptest::collection::vec(any::<u8>(), 64..400), server in proptest::collection::vec(any::<u8>(), 64..400)) {
            prop_assert_eq!(name(&client, &server), None);
        }

        #[test]
        fn no_bytes_panic(client: Vec<u8>, server: Vec<u8>) {
            name(&client, &server);
        }
    }
}

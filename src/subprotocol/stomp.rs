//! STOMP 1.0 to 1.2 (the STOMP specification): commands with headers, and a body terminated by a NUL.
//!
//! A message contains frames, line feeds that keep the connection alive, or, from peers that split large frames, part
//! of a frame.

use crate::model::{Anomaly, At, Pair, Side};

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static STOMP: Protocol = Protocol {
    headers: &["v10.stomp", "v11.stomp", "v12.stomp", "stomp"],
    sign: |input, _| match command(input.head()) {
        Some("CONNECT" | "STOMP" | "CONNECTED") => Evidence::Sure,
        Some("SEND" | "SUBSCRIBE" | "MESSAGE")
            if memchr::memmem::find(input.head(), b"\ndestination:").is_some() =>
        {
            Evidence::Sure
        }
        Some(_) => Evidence::Weak,
        None if input.head().iter().all(|byte| matches!(byte, b'\n' | b'\r')) => Evidence::Neutral,
        None => Evidence::Against,
    },
    inner: true,
    ..Protocol::new("stomp", |opening| {
        let agreed = opening.subprotocol.as_deref().and_then(|it| match it {
            "v10.stomp" => Some("1.0"),
            "v11.stomp" => Some("1.1"),
            "v12.stomp" => Some("1.2"),
            _ => None,
        });
        Box::new(Stomp { agreed, version: agreed.map(Into::into), sides: Pair::default() })
    })
};

const NAME: &str = "stomp";

/// Bounds the buffered part of a frame that spans messages, in bytes.
const MAX_FRAME: usize = 256 << 10;

/// Bounds the command and the headers of a frame, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// The scopes of receipts and of connecting.
const RECEIPTS: u64 = 1;
const CONNECTING: u64 = 2;

const COMMANDS: [&str; 15] = [
    "CONNECT",
    "STOMP",
    "CONNECTED",
    "SEND",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "ACK",
    "NACK",
    "BEGIN",
    "COMMIT",
    "ABORT",
    "DISCONNECT",
    "MESSAGE",
    "RECEIPT",
    "ERROR",
];

/// The headers that are shown, by name.
const SHOWN: [&str; 13] = [
    "destination",
    "subscription",
    "message-id",
    "receipt",
    "receipt-id",
    "ack",
    "transaction",
    "version",
    "accept-version",
    "host",
    "heart-beat",
    "content-type",
    "session",
];

/// Returns the command on the first line of the bytes.
fn command(bytes: &[u8]) -> Option<&'static str> {
    let end = memchr::memchr(b'\n', bytes.get(..bytes.len().min(16))?)?;
    let line = bytes.get(..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    COMMANDS.into_iter().find(|command| command.as_bytes() == line)
}

/// A decoder for STOMP.
#[derive(Debug)]
struct Stomp {
    /// The version implied by `Sec-WebSocket-Protocol`.
    agreed: Option<&'static str>,
    /// The version in CONNECTED; in 1.0, a backslash is not an escape.
    version: Option<Box<str>>,
    sides: Pair<Part>,
}

/// The start of a frame that ends in a later message.
#[derive(Debug, Default)]
struct Part {
    bytes: Vec<u8>,
    first: At,
    messages: u32,
    /// Whether its end is unknown: everything is skipped up to a message that begins with a command.
    lost: bool,
}

/// The end of a frame.
enum End {
    At(usize),
    /// More bytes are needed.
    More,
    Never,
}

/// The parsed beginning of a frame.
struct Head<'a> {
    headers: &'a [u8],
    body: usize,
    length: Option<usize>,
}

fn head(bytes: &[u8]) -> Option<Head<'_>> {
    let window = bytes.get(..bytes.len().min(MAX_HEAD))?;
    let first = memchr::memchr(b'\n', window)?.checked_add(1)?;
    // The line of the command may be followed directly by the empty line.
    let mut at = first;
    loop {
        let line_end = memchr::memchr(b'\n', window.get(at..)?)?;
        let line = window.get(at..at.checked_add(line_end)?)?;
        let next = at.checked_add(line_end)?.checked_add(1)?;
        if line.is_empty() || line == b"\r" {
            let headers = window.get(first..at)?;
            let length = header(headers, "content-length").and_then(|it| it.trim().parse().ok());
            return Some(Head { headers, body: next, length });
        }
        at = next;
    }
}

/// Returns the value of the first header with this name: the first of repeated ones counts (STOMP 1.2, "Repeated Header
/// Entries").
fn header<'a>(headers: &'a [u8], name: &str) -> Option<std::borrow::Cow<'a, str>> {
    headers.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line)?;
        (line.get(..colon)? == name.as_bytes())
            .then(|| String::from_utf8_lossy(line.get(colon.saturating_add(1)..).unwrap_or_default()))
    })
}

/// Decodes the escapes of a header (STOMP 1.2, "Value Encoding").
fn unescaped(text: std::borrow::Cow<'_, str>) -> std::borrow::Cow<'_, str> {
    if !text.contains('\\') {
        return text;
    }
    let (mut out, mut chars) = (String::with_capacity(text.len()), text.chars());
    while let Some(next) = chars.next() {
        match (next, chars.as_str().chars().next()) {
            ('\\', Some(escaped @ ('n' | 'c' | 'r' | '\\'))) => {
                chars.next();
                out.push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    'c' => ':',
                    other => other,
                });
            }
            _ => out.push(next),
        }
    }
    out.into()
}

fn end_of(bytes: &[u8]) -> End {
    let Some(head) = head(bytes) else {
        return if bytes.len() >= MAX_HEAD { End::Never } else { End::More };
    };
    let end = match head.length {
        Some(length) => head.body.checked_add(length).filter(|end| *end < bytes.len()),
        None => bytes
            .get(head.body..)
            .and_then(|body| memchr::memchr(0, body))
            .and_then(|at| at.checked_add(head.body)),
    };
    match end {
        Some(end) => End::At(end),
        None if bytes.len() >= MAX_FRAME => End::Never,
        None => End::More,
    }
}

impl Decoder for Stomp {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let bytes = input.head();
        let part = &mut self.sides[input.from];
        if part.lost || part.bytes.is_empty() {
            part.bytes.clear();
            if part.lost && command(bytes).is_none() {
                return;
            }
            part.lost = false;
            return self.frames(bytes, input, None, out);
        }
        // The frame continues: the bytes are examined again only once enough may have come.
        let mut whole = std::mem::take(&mut part.bytes);
        let begun = (part.first, part.messages.saturating_add(1));
        whole.extend_from_slice(bytes.get(..bytes.len().min(MAX_FRAME)).unwrap_or_default());
        self.frames(&whole, input, Some(begun), out);
    }

    fn lost(&mut self, from: Side) {
        let part = &mut self.sides[from];
        part.lost = !part.bytes.is_empty();
        part.bytes = Vec::new();
    }

    fn allocated(&self) -> usize {
        // The stored version is short.
        self.sides.client.bytes.capacity().saturating_add(self.sides.server.bytes.capacity())
    }
}

impl Stomp {
    fn frames(&mut self, mut bytes: &[u8], input: &Input<'_>, begun: Option<(At, u32)>, out: &mut Out<'_>) {
        let mut begun = begun;
        loop {
            let blank = bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            let (blanks, rest) = bytes.split_at_checked(blank).unwrap_or((bytes, &[]));
            // Line feeds after a frame are allowed and have no meaning; on their own, they keep the connection alive.
            if rest.is_empty() {
                if !blanks.is_empty() && input.length == blanks.len() as u64 {
                    out.unit(NAME, "heart-beat").heartbeat();
                }
                return;
            }
            bytes = rest;
            match end_of(bytes) {
                End::At(end) => {
                    let (frame, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
                    self.frame(frame, frame.len(), input, begun.take(), out);
                    bytes = rest.get(1..).unwrap_or_default();
                }
                End::More | End::Never if !input.is_whole() => {
                    self.frame(bytes, bytes.len().saturating_add(1), input, begun.take(), out);
                    self.sides[input.from].lost = true;
                    return;
                }
                End::More if command(bytes).is_some() || begun.is_some() => {
                    let (first, messages) = begun.unwrap_or((input.first, 1));
                    self.sides[input.from] = Part { bytes: bytes.to_vec(), first, messages, lost: false };
                    return out.part();
                }
                End::More | End::Never => {
                    self.sides[input.from].lost = begun.is_some();
                    return out.contradiction();
                }
            }
        }
    }

    /// Emits a frame, given its `known` bytes and the `length` sent, without its NUL.
    fn frame(
        &mut self,
        known: &[u8],
        length: usize,
        input: &Input<'_>,
        begun: Option<(At, u32)>,
        out: &mut Out<'_>,
    ) {
        let Some(command) = command(known) else { return out.contradiction() };
        let head = head(known);
        let headers = head.as_ref().map_or(&[][..], |it| it.headers);
        if let (Some(agreed), "CONNECTED", Some(version)) = (self.agreed, command, header(headers, "version"))
            && version != agreed
        {
            out.anomaly(Anomaly::StompVersion { agreed, found: version.as_ref().into() });
        }
        if command == "CONNECTED" {
            // There is none before 1.1.
            let version = header(headers, "version").unwrap_or("1.0".into());
            self.version = Some(version.chars().take(8).collect());
        }
        // Frames that open the connection have no escapes, for the sake of 1.0 servers.
        let escapes =
            self.version.as_deref() != Some("1.0") && !matches!(command, "CONNECT" | "STOMP" | "CONNECTED");
        let value = |name: &str| header(headers, name).map(|it| if escapes { unescaped(it) } else { it });
        let mut unit = out.unit(NAME, command);
        if let Some((first, messages)) = begun {
            unit.took(first, messages);
        }
        if let Some(destination) = value("destination") {
            unit.name(&destination);
        }
        if let Some(id) = ["id", "message-id", "receipt-id"].into_iter().find_map(value) {
            unit.id(&id);
        }
        for name in SHOWN {
            if let Some(value) = value(name) {
                unit.text(name, &value);
            }
        }
        for name in ["login", "passcode"] {
            if let Some(value) = header(headers, name) {
                unit.text(name, &value).secret(value.as_bytes());
            }
        }
        if let Some(head) = &head {
            let body = known.get(head.body..).unwrap_or_default();
            if !body.is_empty() {
                let format = if std::str::from_utf8(body).is_ok() { Format::Text } else { Format::Binary };
                unit.body_of(format, body, length.saturating_sub(head.body) as u64);
            }
        }
        if known.len() < length {
            unit.incomplete();
        }
        pair(&mut unit, command, headers, input.from);
    }
}

/// Makes a frame a question or an answer, depending on its command and its receipt.
fn pair(unit: &mut UnitBuilder<'_>, command: &str, headers: &[u8], from: Side) {
    match (command, header(headers, "receipt-id")) {
        ("ERROR", receipt) => {
            unit.error(&unescaped(header(headers, "message").unwrap_or("ERROR".into())));
            // It answers the frame that requested a receipt, if any.
            match receipt {
                Some(receipt) => unit.answer(RECEIPTS, &*receipt),
                None => unit.answer(CONNECTING, ""),
            };
        }
        ("CONNECTED", _) => {
            unit.answer(CONNECTING, "");
        }
        ("CONNECT" | "STOMP", _) => unit.ask(CONNECTING, ""),
        ("RECEIPT", Some(receipt)) => {
            unit.answer(RECEIPTS, &*receipt);
        }
        ("RECEIPT", None) => {}
        _ => {
            if let (Some(receipt), Side::Client) = (header(headers, "receipt"), from) {
                unit.ask(RECEIPTS, &*receipt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;

    fn reader() -> Reader {
        Reader::new(Opening { subprotocol: Some("v12.stomp".into()), ..Opening::default() })
    }

    #[test]
    fn frames_receipts_and_heart_beats() {
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, b"CONNECT\nlogin:u\npasscode:p\naccept-version:1.2\n\n\0"),
            (Side::Server, b"CONNECTED\nversion:1.1\n\n\0"),
            (Side::Client, b"SEND\ndestination:/t\nreceipt:r-1\ncontent-length:5\n\na\0b\0c\0\n"),
            (Side::Server, b"RECEIPT\nreceipt-id:r-1\n\n\0"),
            (Side::Client, b"\n"),
            (
                Side::Server,
                b"ERROR\nmessage:no\n\nbody\0MESSAGE\r\ndestination:/t\r\nmessage-id:7\r\n\r\nx\0",
            ),
        ];
        assert_eq!(
            said(&mut reader(), messages),
            [
                "stomp CONNECT role=question accept-version=1.2 login=(u) passcode=(p)",
                "stomp CONNECTED role=answer latency=1 version=1.1",
                "! stomp-version",
                "stomp SEND name=/t role=question receipt=r-1 body=a\0b\0c",
                "stomp RECEIPT id=r-1 role=answer of=/t latency=1 receipt-id=r-1",
                "stomp heart-beat heartbeat=",
                "stomp ERROR role=answer error=no body=body",
                "stomp MESSAGE name=/t id=7 destination=/t message-id=7 body=x",
            ]
            .map(|line| line.replace("role=question receipt", "role=question destination=/t receipt"))
        );
    }

    #[test]
    fn a_frame_over_several_messages_is_one_unit() {
        let frame = b"SEND\ndestination:/t\ncontent-length:11\n\nhello world\0";
        let whole = said(&mut reader(), &[(Side::Client, &frame[..])]);
        for at in 1..frame.len() {
            let (head, tail) = frame.split_at(at);
            let mut reader = reader();
            let cut = said(&mut reader, &[(Side::Client, head), (Side::Client, tail)]);
            if command(head).is_some() {
                assert_eq!(cut, [whole[0].replace(" destination", " messages=2 destination")], "cut at {at}");
            }
        }
    }

    #[test]
    fn escapes_are_undone_but_in_what_opens_and_in_1_0() {
        for (version, name) in [("1.2", "/topic/a:b"), ("1.0", "/topic/a\\cb")] {
            let connected = format!("CONNECTED\nversion:{version}\nsession:a\\cb\n\n\0");
            let mut reader =
                Reader::new(Opening { subprotocol: Some("v12.stomp".into()), ..Opening::default() });
            let messages: &[(Side, &[u8])] = &[
                (Side::Client, b"CONNECT\naccept-version:1.0,1.2\nhost:a\\cb\n\n\0"),
                (Side::Server, connected.as_bytes()),
                (Side::Client, b"SEND\ndestination:/topic/a\\cb\nreceipt:r\\n1\n\nhi\0"),
                (Side::Server, b"RECEIPT\nreceipt-id:r\\n1\n\n\0"),
            ];
            let lines: Vec<_> =
                said(&mut reader, messages).into_iter().filter(|it| !it.starts_with('!')).collect();
            assert!(lines[0].ends_with("host=a\\cb"), "{lines:?}");
            assert!(lines[1].ends_with("session=a\\cb"), "{lines:?}");
            assert!(lines[2].starts_with(&format!("stomp SEND name={name} role=question")), "{lines:?}");
            assert!(lines[3].contains("role=answer of=") && lines[3].contains("latency=1"), "{lines:?}");
        }
    }
}

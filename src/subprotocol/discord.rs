//! Discord's gateway (Discord developer documentation, "Gateway"): JSON payloads, either plain or in one zlib stream
//! for the entire conversation, in which each payload ends with a flush.
//!
//! The zlib stream corresponds to permessage-deflate with context takeover, so the same inflater decodes it, even after
//! lost bytes. A zstd stream cannot be continued after a loss.

use crate::model::{Anomaly, At, DeflateSide, Side};
use crate::streams::ZstdStream;
use crate::websocket::{Payload, deflate};

use super::decoder::{Decoder, Out};
use super::input::{Input, Piece};
use super::json;
use super::protocol::{Evidence, Opening, Protocol};
use super::unit::Format;

pub(super) static DISCORD: Protocol = Protocol {
    url: |opening| {
        let host = opening.host.as_deref().unwrap_or_default();
        opening.query("encoding").is_some()
            && opening.query("v").is_some()
            && (opening.query("compress").is_some() || host.contains("discord"))
    },
    members: &["op"],
    sign: |input, _| match json::pick(input.head(), input.is_whole(), ["op", "d", "s", "t"]) {
        Some([Some(op), Some(d), ..])
            if op.number() == Some(10)
                && d.get("heartbeat_interval").is_some()
                && input.from == Side::Server =>
        {
            Evidence::Sure
        }
        Some([Some(op), Some(d), ..])
            if op.number() == Some(2)
                && d.get("token").is_some()
                && (d.get("intents").is_some() || d.get("properties").is_some())
                && input.from == Side::Client =>
        {
            Evidence::Sure
        }
        Some([Some(_), Some(_), ..]) => Evidence::Neutral,
        // The end of a flushed deflate stream; a payload may span several messages.
        None if !input.is_text() && input.is_whole() && input.bytes.ends_with(&FLUSH) => Evidence::Weak,
        None if !input.is_text() && input.from == Side::Server => Evidence::Neutral,
        _ => Evidence::Against,
    },
    ..Protocol::new("discord", |opening| {
        Box::new(Discord { server: Compression::of(opening), begun: None, window_said: false })
    })
};

const NAME: &str = "discord";

/// The end of each payload in a zlib stream (RFC 1951 §3.2.4: an empty stored block).
const FLUSH: [u8; 4] = [0, 0, 0xff, 0xff];

/// Bounds the size of an inflated payload, in bytes.
const MAX_PAYLOAD: usize = 1 << 20;

/// The scope of heartbeats.
const HEARTBEATS: u64 = 1;

/// The opcodes and their names.
const OPERATIONS: [(u64, &str); 12] = [
    (0, "Dispatch"),
    (1, "Heartbeat"),
    (2, "Identify"),
    (3, "Presence Update"),
    (4, "Voice State Update"),
    (6, "Resume"),
    (7, "Reconnect"),
    (8, "Request Guild Members"),
    (9, "Invalid Session"),
    (10, "Hello"),
    (11, "Heartbeat ACK"),
    (31, "Request Soundboard Sounds"),
];

/// The compression of the server's payloads.
#[derive(Debug)]
enum Compression {
    /// None, or each message is compressed separately.
    None,
    Zlib(Box<Zlib>),
    Zstd(Box<Zstd>),
    /// It can no longer be decoded, which has been reported.
    GivenUp,
}

#[derive(Debug)]
struct Zlib {
    inflater: deflate::Inflater,
    payload: Payload,
    /// The number of bytes of the zlib header (RFC 1950 §2.2) still to come.
    header: u8,
    /// The last bytes received, to detect the end of a payload.
    tail: [u8; 4],
}

/// A zstd stream (RFC 8878), one frame for the entire conversation.
#[derive(Debug, Default)]
struct Zstd {
    stream: ZstdStream,
    /// The current payload so far.
    text: Vec<u8>,
}

impl Compression {
    fn of(opening: &Opening) -> Compression {
        let seen = opening.target.is_some();
        let side = DeflateSide { no_context_takeover: false, max_window_bits: 15 };
        let limits = deflate::Limits { work: MAX_PAYLOAD as u64 };
        match opening.query("compress") {
            Some("zstd-stream") => Compression::Zstd(Box::default()),
            Some("zlib-stream") | None if !seen || opening.query("compress").is_some() => {
                Compression::Zlib(Box::new(Zlib {
                    inflater: if seen {
                        deflate::Inflater::new(side, limits)
                    } else {
                        deflate::Inflater::mid_stream(limits)
                    },
                    payload: Payload::new(MAX_PAYLOAD),
                    header: if seen { 2 } else { 0 },
                    tail: [1; 4],
                }))
            }
            _ => Compression::None,
        }
    }
}

/// A decoder for Discord's gateway.
#[derive(Debug)]
struct Discord {
    server: Compression,
    /// Where an unfinished payload began, and how many messages it spans so far.
    begun: Option<(At, u32)>,
    /// Whether the missing window was reported.
    window_said: bool,
}

impl Decoder for Discord {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if input.is_text() || input.from == Side::Client {
            payload(input.head(), input.is_whole(), None, out);
            return;
        }
        match &mut self.server {
            Compression::Zlib(zlib) => {
                let begun = self.begun.take().map_or((input.first, 1), |(at, n)| (at, n.saturating_add(1)));
                if zlib.message(input) {
                    let whole = zlib.payload.missing().is_empty() && zlib.payload.truncated_to().is_none();
                    let is_read = payload(known_head(&zlib.payload), whole, Some(begun), out);
                    // Its first bytes refer to data sent before the capture, or to lost data.
                    if !is_read && !std::mem::replace(&mut self.window_said, true) {
                        out.anomaly(Anomaly::SubprotocolCompression {
                            method: "zlib-stream, its window not captured",
                        });
                    }
                    zlib.payload.clear(false);
                } else {
                    self.begun = Some(begun);
                    out.part();
                }
                while zlib.inflater.next_anomaly().is_some() {}
            }
            Compression::Zstd(zstd) => {
                let begun = self.begun.take().map_or((input.first, 1), |(at, n)| (at, n.saturating_add(1)));
                if input.is_whole() && zstd.stream.push(input.bytes, &mut zstd.text).is_ok() {
                    if zstd.stream.is_flushed() {
                        payload(&std::mem::take(&mut zstd.text), true, Some(begun), out);
                    } else {
                        self.begun = Some(begun);
                        out.part();
                    }
                    return;
                }
                self.server = Compression::GivenUp;
                out.anomaly(Anomaly::SubprotocolCompression { method: "zstd-stream" });
                out.unit(NAME, "compressed").incomplete();
            }
            // Each message separately: a complete zlib stream (RFC 1950).
            Compression::None if input.head().first() == Some(&0x78) => {
                let mut text = Vec::new();
                let read =
                    std::io::Read::take(flate2::read::ZlibDecoder::new(input.head()), MAX_PAYLOAD as u64);
                let whole = std::io::Read::read_to_end(&mut { read }, &mut text).is_ok();
                payload(&text, whole, None, out);
            }
            Compression::None => out.contradiction(),
            Compression::GivenUp => {
                out.unit(NAME, "compressed").incomplete();
            }
        }
    }

    fn lost(&mut self, from: Side) {
        if from == Side::Client {
            return;
        }
        self.begun = None;
        match &mut self.server {
            Compression::Zlib(zlib) => {
                zlib.inflater.gap(&mut zlib.payload);
                zlib.inflater.finish(&mut zlib.payload);
                self.window_said = false;
                zlib.inflater.lose_history();
                zlib.payload.clear(false);
                zlib.header = 0;
            }
            Compression::Zstd(_) => self.server = Compression::GivenUp,
            Compression::None | Compression::GivenUp => {}
        }
    }

    fn allocated(&self) -> usize {
        match &self.server {
            Compression::Zlib(zlib) => zlib.inflater.allocated().saturating_add(zlib.payload.allocated()),
            Compression::Zstd(zstd) => zstd.stream.allocated().saturating_add(zstd.text.capacity()),
            Compression::None | Compression::GivenUp => 0,
        }
    }
}

/// Returns the bytes of a payload up to the first unknown one.
fn known_head(payload: &Payload) -> &[u8] {
    let known = payload.missing().first().map_or(u64::MAX, |missing| missing.offset);
    let bytes = payload.bytes();
    bytes.get(..usize::try_from(known).unwrap_or(usize::MAX).min(bytes.len())).unwrap_or_default()
}

impl Zlib {
    /// Processes a message; returns whether a payload ends with it.
    fn message(&mut self, input: &Input<'_>) -> bool {
        for piece in input.pieces() {
            match piece {
                Piece::Known(bytes) => self.push(bytes),
                Piece::Missing(_) => {
                    self.inflater.gap(&mut self.payload);
                    self.header = 0;
                    self.tail = [1; 4];
                }
            }
        }
        if self.tail != FLUSH {
            return false;
        }
        self.tail = [1; 4];
        self.inflater.finish(&mut self.payload);
        true
    }

    fn push(&mut self, bytes: &[u8]) {
        let skipped = usize::from(self.header).min(bytes.len());
        self.header = self.header.saturating_sub(skipped as u8);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        for byte in bytes.get(bytes.len().saturating_sub(4)..).unwrap_or_default() {
            let [_, b, c, d] = self.tail;
            self.tail = [b, c, d, *byte];
        }
        // `finish` appends the end of a payload, because permessage-deflate removes it.
        let ends = self.tail == FLUSH && bytes.len() >= FLUSH.len();
        let end = bytes.len().saturating_sub(if ends { FLUSH.len() } else { 0 });
        self.inflater.push(bytes.get(..end).unwrap_or_default(), &mut self.payload);
    }
}

/// Emits a payload; returns whether enough of it is known to identify it.
fn payload(bytes: &[u8], whole: bool, begun: Option<(At, u32)>, out: &mut Out<'_>) -> bool {
    let members = json::pick(bytes, whole, ["op", "d", "s", "t"]);
    let Some([op, d, s, t]) = members.filter(|[op, ..]| whole || op.is_some()) else {
        if whole {
            out.contradiction();
        } else {
            out.unit(NAME, "payload").incomplete();
        }
        return whole;
    };
    let code = op.and_then(|it| it.number());
    let kind = OPERATIONS.iter().find(|(of, _)| Some(*of) == code).map_or("unknown", |(_, name)| name);
    let mut unit = out.unit(NAME, kind);
    if let Some((first, messages)) = begun {
        unit.took(first, messages);
    }
    if let Some(event) = t.and_then(|it| it.text()) {
        unit.name(&event);
    }
    if let Some(code) = code {
        unit.number("op", code);
    }
    if let Some(sequence) = s.and_then(|it| it.number()) {
        unit.number("s", sequence);
    }
    if let Some(token) = d.and_then(|it| it.get("token")) {
        unit.text("d.token", &token.text().unwrap_or_default()).secret(token.inner());
    }
    if let Some(d) = d.filter(|it| it.whole) {
        unit.body(Format::Json, d.raw);
    }
    if !whole {
        unit.incomplete();
    }
    match kind {
        "Heartbeat" => {
            unit.heartbeat();
            unit.ask(HEARTBEATS, "");
        }
        "Heartbeat ACK" => {
            unit.heartbeat();
            unit.answer(HEARTBEATS, "");
        }
        "Reconnect" | "Invalid Session" => {
            unit.error(kind);
        }
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::tests::lines_of;
    use super::super::{Opening, Reader};
    use super::*;
    use crate::websocket::Opcode;

    fn stream(payloads: &[&str]) -> Vec<Vec<u8>> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        let mut given = 0;
        let mut pieces = Vec::new();
        for payload in payloads {
            encoder.write_all(payload.as_bytes()).unwrap();
            encoder.flush().unwrap();
            pieces.push(encoder.get_ref()[given..].to_vec());
            given = encoder.get_ref().len();
        }
        pieces
    }

    const PAYLOADS: &[&str] = &[
        r#"{"op":10,"d":{"heartbeat_interval":300},"s":null,"t":null}"#,
        r#"{"op":0,"d":{"v":10,"heartbeat_interval":300},"s":1,"t":"READY"}"#,
        r#"{"op":11,"d":null}"#,
    ];

    fn reader() -> Reader {
        let target = Some("/?v=10&encoding=json&compress=zlib-stream".into());
        Reader::new(Opening { target, ..Opening::default() })
    }

    #[test]
    fn payloads_of_one_stream_also_cut_in_two() {
        let mut reader = reader();
        let mut lines = Vec::new();
        for (n, piece) in stream(PAYLOADS).iter().enumerate() {
            let (head, tail) = piece.split_at(piece.len() / 2);
            lines.extend(lines_of(&mut reader, Side::Server, Opcode::BINARY, head, n as u64));
            lines.extend(lines_of(&mut reader, Side::Server, Opcode::BINARY, tail, n as u64));
        }
        assert_eq!(
            lines,
            [
                r#"discord Hello messages=2 op=10 body={"heartbeat_interval":300}"#,
                r#"discord Dispatch name=READY messages=2 op=0 s=1 body={"v":10,"heartbeat_interval":300}"#,
                "discord Heartbeat ACK role=answer heartbeat= messages=2 op=11 body=null",
            ]
        );
    }

    #[test]
    fn behind_a_loss_nothing_is_invented() {
        let mut reader = reader();
        let pieces = stream(PAYLOADS);
        lines_of(&mut reader, Side::Server, Opcode::BINARY, &pieces[0], 1);
        reader.lost(Side::Server);
        for line in lines_of(&mut reader, Side::Server, Opcode::BINARY, &pieces[2], 2) {
            assert!(
                line.contains("incomplete")
                    || line == "! subprotocol-compression"
                    || line == "discord Heartbeat ACK role=answer heartbeat= op=11 body=null",
                "{line}"
            );
        }
    }

    #[test]
    fn joined_late_it_is_said_that_the_window_is_not_known() {
        let like =
            |n: u32| format!(r#"{{"op":0,"d":{{"content":"hello there"}},"s":{n},"t":"MESSAGE_CREATE"}}"#);
        let payloads: Vec<_> = (1..5).map(like).collect();
        let pieces = stream(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
        let mut reader = Reader::new(Opening::default());
        let identify = br#"{"op":2,"d":{"token":"made-up","intents":513,"properties":{"os":"linux"}}}"#;
        let mut lines = lines_of(&mut reader, Side::Client, Opcode::TEXT, identify, 1);
        for (n, piece) in (2..).zip(&pieces[1..]) {
            lines.extend(lines_of(&mut reader, Side::Server, Opcode::BINARY, piece, n));
        }
        let said = "! subprotocol-compression";
        assert_eq!(lines[0].split(" d.token").next(), Some("discord Identify op=2"), "{lines:?}");
        assert_eq!(lines.iter().filter(|line| *line == said).count(), 1, "{lines:?}");
        assert_eq!(
            lines.iter().filter(|line| *line == "discord payload incomplete=").count(),
            3,
            "{lines:?}"
        );
    }
}

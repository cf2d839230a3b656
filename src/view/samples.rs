//! Events for the tests of `view` and `export`.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;
use std::time::Duration;

use crate::event::{
    CloseBody, Closed, ConnId, DirectionTotals, Event, Frame, Framing, Kind, Message, Missing, Opening,
    Rejected, Transport, Unanswered, Wire,
};
use crate::http::{Accept, Field, Handshake, Request, Response};
use crate::model::{At, DeflateSide, Endpoint, Pair, Side, Timestamp};
use crate::websocket::{Header, Opcode};

/// 2024-02-29T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_nanos(1_709_208_000_000_000_000);

pub(crate) fn at(packet: u64, micros: u64) -> At {
    At { packet, time: NOON.plus(Duration::from_micros(micros)) }
}

pub(crate) fn event(packet: u64, micros: u64, kind: Kind<'_>) -> Event<'_> {
    Event::new(NonZeroU64::new(4).map(ConnId::new), at(packet, micros), kind)
}

pub(crate) fn message(from: Side, opcode: Opcode, payload: &[u8]) -> Message<'_> {
    Message {
        from,
        opcode,
        number: 1,
        delta: Duration::from_micros(400),
        payload,
        length: payload.len() as u64,
        text: opcode != Opcode::BINARY && std::str::from_utf8(payload).is_ok(),
        missing: &[],
        truncated_to: None,
        close: None,
        rtt: None,
        framing: Framing::Counted,
        verified: true,
        wire: Wire {
            frames: 1,
            bytes: payload.len() as u64 + if from == Side::Client { 6 } else { 2 },
            compressed: false,
            inflated: false,
            masked: from == Side::Client,
            first: at(12, 400),
        },
        meaning: None,
        fields: &[],
    }
}

pub(crate) fn close(from: Side, payload: &[u8]) -> Message<'_> {
    let (code, reason) = match payload {
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), std::str::from_utf8(reason).unwrap()),
        _ => (1005, ""),
    };
    Message { close: Some(CloseBody { code, reason }), ..message(from, Opcode::CLOSE, payload) }
}

pub(crate) const HOLES: &[Missing] =
    &[Missing { offset: 2, length: Some(3) }, Missing { offset: 900, length: None }];

pub(crate) fn frame(from: Side, opcode: Opcode, length: u64, offset: u64) -> Frame {
    let mask = (from == Side::Client).then_some([0x07, 0xfa, 0x21, 0x3d]);
    let header_length = if mask.is_some() { 6 } else { 2 };
    Frame { from, header: Header { fin: true, rsv: 0, opcode, mask, length, header_length }, offset }
}

fn fields(list: &[(&str, &str)]) -> Vec<Field> {
    list.iter().map(|&(name, value)| Field { name: name.into(), value: value.into() }).collect()
}

pub(crate) fn opened() -> Opening {
    Opening {
        client: Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2)), 51314),
        server: Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1)), 9001),
        handshake: Some(Box::new(Handshake {
            request: Some(Request {
                method: "GET".into(),
                target: "/path?x=1".into(),
                version: "1.1".into(),
                headers: fields(&[
                    ("Host", "host:9001"),
                    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                    ("User-Agent", "evil\u{1b}]0;title\u{7}\u{202e}"),
                ]),
            }),
            response: Some(Response {
                version: "1.1".into(),
                status: 101,
                reason: "Switching Protocols".into(),
                headers: fields(&[("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")]),
            }),
            url: Some("ws://host:9001/path?x=1".into()),
            accept: Some(Accept {
                key: Some("dGhlIHNhbXBsZSBub25jZQ==".into()),
                found: Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into()),
                expected: Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into()),
                valid: true,
            }),
            subprotocol: Some("chat".into()),
            deflate: Some(Pair {
                client: DeflateSide::default(),
                server: DeflateSide { no_context_takeover: true, max_window_bits: 9 },
            }),
            per_frame: false,
        })),
        over: None,
        transport: Transport::WebSocket,
    }
}

pub(crate) fn not_captured() -> Opening {
    Opening { handshake: None, ..opened() }
}

pub(crate) fn refused() -> Rejected {
    let mut opening = opened();
    if let Some(handshake) = &mut opening.handshake {
        handshake.response = Some(Response {
            version: "1.1".into(),
            status: 426,
            reason: "Upgrade Required".into(),
            headers: fields(&[("Sec-WebSocket-Version", "13")]),
        });
        handshake.accept = None;
        handshake.subprotocol = None;
        handshake.deflate = None;
    }
    Rejected { opening, ended: false, tcp: None }
}

pub(crate) fn closed() -> Closed {
    Closed {
        code: Some(1000),
        reason: "bye".into(),
        by: Some(Side::Client),
        lost: false,
        clean: true,
        half_closed: None,
        duration: Duration::from_millis(1204),
        totals: Pair {
            client: DirectionTotals { messages: 3, frames: 4, bytes: 120, wire_bytes: 98 },
            server: DirectionTotals { messages: 1, frames: 1, bytes: 70_000, wire_bytes: 70_010 },
        },
        unanswered: Unanswered::default(),
    }
}

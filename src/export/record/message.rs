use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;

use super::value::OpcodeName;
use super::{Seconds, Side, Time, number, stream};
use crate::event::{self, Event};
use crate::view::close_code_name;

/// A `frame` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Frame {
    /// When: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection.
    pub conn: u64,
    /// The stream; absent where the conversation has the connection to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet that held the last byte of the header.
    pub packet: u64,
    /// Who sent it.
    pub from: Side,
    /// The FIN bit.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as one number; RSV1 is 4.
    #[schemars(range(max = 7))]
    pub rsv: u8,
    /// The opcode's name.
    #[schemars(with = "OpcodeName")]
    pub opcode: &'static str,
    /// The mask bit.
    pub masked: bool,
    /// The masking key in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// The payload length that the header declares.
    pub length: u64,
    /// How many bytes the header itself has.
    #[schemars(range(min = 2, max = 14))]
    pub header_length: u8,
    /// The frame's place in the WebSocket bytes of its side.
    pub offset: u64,
}

impl Frame {
    pub(super) fn new(event: &Event<'_>, frame: event::Frame) -> Self {
        let header = frame.header;
        Frame {
            time: Time(event.at.time),
            conn: number(event.conn),
            stream: stream(event.conn),
            packet: event.at.packet,
            from: Side::new(frame.from),
            fin: header.fin,
            rsv: header.rsv,
            opcode: header.opcode.name(),
            masked: header.mask.is_some(),
            mask: header.mask.map(|key| format!("{:08x}", u32::from_be_bytes(key))),
            length: header.length,
            header_length: header.header_length,
            offset: frame.offset,
        }
    }
}

/// A `message` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Message<'a> {
    /// When its last byte was captured: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection.
    pub conn: u64,
    /// The stream; absent where the conversation has the connection to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet that held its last byte.
    pub packet: u64,
    /// Who sent it.
    pub from: Side,
    /// The opcode's name.
    #[schemars(with = "OpcodeName")]
    pub opcode: &'static str,
    /// The payload bytes it has, unmasked and inflated, whether known or not.
    pub length: u64,
    /// The known bytes, where they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// The known bytes, where they are not text or `close` does not tell all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("contentEncoding" = "base64"))]
    pub base64: Option<String>,
    /// A close frame's body, in place of `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<CloseBody<'a>>,
    /// A pong's seconds since the ping that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Seconds>,
    /// `false` where bytes of it are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub complete: Option<bool>,
    /// Offset and length of every range that is not known; a length of `null` cannot be told.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub missing: Vec<(u64, Option<u64>)>,
    /// How many bytes are shown, where a limit cut the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated_to: Option<u64>,
    /// What it took on the wire.
    pub wire: Wire,
}

impl<'a> Message<'a> {
    pub(super) fn new(event: &Event<'a>, message: &event::Message<'a>) -> Self {
        let text = if message.text { std::str::from_utf8(message.payload).ok() } else { None };
        let (mut text, mut base64) = (text, text.is_none().then(|| STANDARD.encode(message.payload)));
        if let Some(close) = &message.close {
            text = None;
            base64 = (!tells_all(close, message)).then(|| STANDARD.encode(message.payload));
        }
        Message {
            time: Time(event.at.time),
            conn: number(event.conn),
            stream: stream(event.conn),
            packet: event.at.packet,
            from: Side::new(message.from),
            opcode: message.opcode.name(),
            length: message.length,
            text,
            base64,
            close: message.close.as_ref().map(CloseBody::new),
            rtt: message.rtt.map(Seconds),
            complete: (!message.is_complete()).then_some(false),
            missing: message.missing.iter().map(|range| (range.offset, range.length)).collect(),
            truncated_to: message.truncated_to,
            wire: Wire::new(&message.wire),
        }
    }
}

/// Tells whether a close body's code and reason are all that the payload holds.
pub(in crate::export) fn tells_all(close: &event::CloseBody<'_>, message: &event::Message<'_>) -> bool {
    match message.payload {
        [] => true,
        [high, low, reason @ ..] => {
            u16::from_be_bytes([*high, *low]) == close.code && reason == close.reason.as_bytes()
        }
        [_] => false,
    }
}

/// A close frame's body (RFC 6455 §5.5.1).
#[derive(Debug, Serialize, JsonSchema)]
pub struct CloseBody<'a> {
    /// The code; 1005 stands for none.
    pub code: u16,
    /// The code in words.
    pub name: &'static str,
    /// The reason, where one was given.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
}

impl<'a> CloseBody<'a> {
    pub(super) fn new(close: &event::CloseBody<'a>) -> Self {
        CloseBody { code: close.code, name: close_code_name(close.code), reason: close.reason }
    }
}

/// What a message took on the wire.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Wire {
    /// How many frames carried it.
    pub frames: u64,
    /// How many bytes those frames had, headers included.
    pub bytes: u64,
    /// It was sent compressed.
    pub compressed: bool,
    /// `false` where it was sent compressed and is shown as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub inflated: Option<bool>,
    /// Its first frame was masked.
    pub masked: bool,
    /// The packet that held its first byte.
    pub first_packet: u64,
    /// When its first byte was captured.
    pub first_time: Time,
}

impl Wire {
    pub(super) fn new(wire: &event::Wire) -> Self {
        Wire {
            frames: wire.frames,
            bytes: wire.bytes,
            compressed: wire.compressed,
            inflated: (wire.compressed && !wire.inflated).then_some(false),
            masked: wire.masked,
            first_packet: wire.first.packet,
            first_time: Time(wire.first.time),
        }
    }
}

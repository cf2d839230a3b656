use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Opcode, Place, Side, Time, Wide};

/// A `frame` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// The place; the packet is the one that contained the last byte of the header.
    #[serde(flatten)]
    pub place: Place,
    /// The sender.
    pub from: Side,
    /// The FIN bit.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as one number; RSV1 is 4.
    #[schemars(range(max = 7))]
    pub rsv: u8,
    /// The opcode's name.
    pub opcode: Opcode,
    /// The mask bit.
    pub masked: bool,
    /// The masking key in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// The payload length that the header declares.
    pub length: u64,
    /// The length of the header in bytes.
    #[schemars(range(min = 2, max = 14))]
    pub header_length: u8,
    /// The frame's offset in the WebSocket bytes of its side.
    pub offset: u64,
    /// Added by `--wide`.
    #[serde(flatten)]
    pub wide: Wide,
}

/// A `message` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// The place; the packet is the one that contained the last byte.
    #[serde(flatten)]
    pub place: Place,
    /// The sender.
    pub from: Side,
    /// The opcode's name.
    pub opcode: Opcode,
    /// The number of the message in its conversation, from 1.
    #[schemars(range(min = 1))]
    pub n: u64,
    /// Seconds since the previous message of the conversation; for the first one, since the opening.
    #[schemars(range(min = 0))]
    pub delta: f64,
    /// The payload length after unmasking and inflating, including unknown bytes.
    pub length: u64,
    /// The known bytes, if they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The known bytes, if they are not text or `close` does not include all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("contentEncoding" = "base64"))]
    pub base64: Option<String>,
    /// A close frame's body, in place of `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<CloseBody>,
    /// For a pong, the seconds since the ping that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rtt: Option<f64>,
    /// `false` if some of its bytes are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub complete: Option<bool>,
    /// Offset and length of every range that is not known; a length of `null` is unknown itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<(u64, Option<u64>)>,
    /// How many bytes are shown, if a limit truncated the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated_to: Option<u64>,
    /// `searched` if its frames were found by searching for headers, after lost bytes or without a handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = "searched"))]
    pub framing: Option<String>,
    /// `false` if nothing confirms the bytes shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub verified: Option<bool>,
    /// Its frames and bytes on the wire.
    pub wire: Wire,
    /// Its meaning in its sub-protocol, in wire order; absent if the sub-protocol is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<Vec<Sub>>,
    /// Facts about the transport, if it is not a WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Map<String, Value>>,
    /// Added by `--wide`.
    #[serde(flatten)]
    pub wide: Wide,
}

/// A close frame's body (RFC 6455 §5.5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloseBody {
    /// The code; 1005 means that there was none.
    pub code: u16,
    /// The code in words.
    pub name: String,
    /// The reason, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The frames and bytes that a message took on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wire {
    /// The number of its frames.
    pub frames: u64,
    /// The total length of its frames in bytes, headers included.
    pub bytes: u64,
    /// Whether it was sent compressed.
    pub compressed: bool,
    /// `false` if it was sent compressed and is shown as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub inflated: Option<bool>,
    /// Whether its first frame was masked.
    pub masked: bool,
    /// The packet that contained its first byte.
    pub first_packet: u64,
    /// The time at which its first byte was captured.
    pub first_time: Time,
}

/// One unit of a sub-protocol: an event, a call, a packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sub {
    /// The sub-protocol: `socket.io`, `mqtt`.
    pub protocol: String,
    /// The sub-protocol that carried this one, if it is itself a sub-protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// The protocol's own term for the kind of unit: `EVENT`, `PUBLISH`.
    pub kind: String,
    /// The event, method, topic or operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The identifier that its sender gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its role in an exchange: `question`, `answer`, `progress`, `event` or `part`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it only keeps the connection alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<bool>,
    /// The error that the protocol reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// For an answer, the seconds since its question.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub latency: Option<f64>,
    /// For an answer, the name of its question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The sender, if it ended in an earlier message whose meaning was not known then: this message reveals it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// The packet that completed that earlier message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// How many messages it was split into, if more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// The packet that contained its first byte, if it was split into several messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_packet: Option<u64>,
    /// `false` if some of its bytes are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub complete: Option<bool>,
    /// Its body, with `--sub full`: JSON as sent, other formats as JSON, bytes under `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The protocol's own fields, under the names of its specification.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

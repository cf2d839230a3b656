use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Opcode, Place, Side, Time, Wide};

/// A `frame` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// Where: the packet is the one that held the last byte of the header.
    #[serde(flatten)]
    pub place: Place,
    /// Who sent it.
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
    /// How many bytes the header itself has.
    #[schemars(range(min = 2, max = 14))]
    pub header_length: u8,
    /// The frame's place in the WebSocket bytes of its side.
    pub offset: u64,
    /// What `--wide` adds.
    #[serde(flatten)]
    pub wide: Wide,
}

/// A `message` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Where: the packet is the one that held its last byte.
    #[serde(flatten)]
    pub place: Place,
    /// Who sent it.
    pub from: Side,
    /// The opcode's name.
    pub opcode: Opcode,
    /// Which message of its conversation it is, from 1.
    #[schemars(range(min = 1))]
    pub n: u64,
    /// Seconds since the message before it in its conversation; of the first one, since the opening.
    #[schemars(range(min = 0))]
    pub delta: f64,
    /// The payload bytes it has, unmasked and inflated, whether known or not.
    pub length: u64,
    /// The known bytes, where they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The known bytes, where they are not text or `close` does not tell all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("contentEncoding" = "base64"))]
    pub base64: Option<String>,
    /// A close frame's body, in place of `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<CloseBody>,
    /// A pong's seconds since the ping that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rtt: Option<f64>,
    /// `false` where bytes of it are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub complete: Option<bool>,
    /// Offset and length of every range that is not known; a length of `null` cannot be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<(u64, Option<u64>)>,
    /// How many bytes are shown, where a limit cut the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated_to: Option<u64>,
    /// `searched` where its frames were found by looking for headers, behind lost bytes or without a handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = "searched"))]
    pub framing: Option<String>,
    /// `false` where nothing vouches for the bytes shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub verified: Option<bool>,
    /// What it took on the wire.
    pub wire: Wire,
    /// What it means in its sub-protocol, in the order of the wire; absent where the sub-protocol is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<Vec<Sub>>,
    /// Facts of the transport, where it is no WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Map<String, Value>>,
    /// What `--wide` adds.
    #[serde(flatten)]
    pub wide: Wide,
}

/// A close frame's body (RFC 6455 §5.5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloseBody {
    /// The code; 1005 stands for none.
    pub code: u16,
    /// The code in words.
    pub name: String,
    /// The reason, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The frames and bytes that a message took on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// One unit of a sub-protocol: an event, a call, a packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sub {
    /// The sub-protocol: `socket.io`, `mqtt`.
    pub protocol: String,
    /// The sub-protocol that carried this one, where that is one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// The protocol's own word for what it is: `EVENT`, `PUBLISH`.
    pub kind: String,
    /// The event, method, topic or operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What its sender calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its part in an exchange: `question`, `answer`, `progress`, `event` or `part`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// It keeps the connection alive and says nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<bool>,
    /// What went wrong, as the protocol says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Of an answer, the seconds since its question.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub latency: Option<f64>,
    /// Of an answer, the name of its question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Who sent it, where it ended in an earlier message that had no meaning then: this one tells what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// The packet that completed that earlier message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// How many messages it took, where that is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// The packet that held its first byte, where it took more than one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_packet: Option<u64>,
    /// `false` where bytes of it are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub complete: Option<bool>,
    /// What it carries, with `--sub full`: JSON as sent, other formats as JSON, bytes under `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The protocol's own fields, under the names of its specification.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

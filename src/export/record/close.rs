use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Place, Side, Wide};

/// A `close` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Close {
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// The close code: 1005 for a close frame without one, 1006 without a close frame; absent if the capture ended
    /// before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The reason, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The side that sent the first close frame, or ended TCP without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Side>,
    /// Whether both sides sent a close frame.
    pub clean: bool,
    /// The side that closed its half of TCP before the capture ended, while the other did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_closed: Option<Side>,
    /// Seconds from the opening to the end.
    #[schemars(range(min = 0))]
    pub duration: f64,
    /// What the client sent.
    pub client_totals: DirectionTotals,
    /// What the server sent.
    pub server_totals: DirectionTotals,
    /// Added by `--wide`.
    #[serde(flatten)]
    pub wide: Wide,
}

/// The totals of one side's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionTotals {
    /// Messages and control frames.
    pub messages: u64,
    /// Frames.
    pub frames: u64,
    /// Payload bytes, unmasked and inflated.
    pub bytes: u64,
    /// WebSocket bytes on the wire, headers included.
    pub wire_bytes: u64,
}

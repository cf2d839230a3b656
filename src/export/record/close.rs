use schemars::JsonSchema;
use serde::Serialize;

use super::{Seconds, Side, Time, number, stream};
use crate::event::{self, Event};

/// A `close` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Close<'a> {
    /// When: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection.
    pub conn: u64,
    /// The stream; absent where the conversation has the connection to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet that ended it.
    pub packet: u64,
    /// The close code: 1005 for a close frame without one, 1006 for no close frame; absent where the capture ended
    /// first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The reason, where one was given.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
    /// Who sent the first close frame, or ended TCP without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Side>,
    /// Both sides sent a close frame.
    pub clean: bool,
    /// Seconds from the opening to the end.
    pub duration: Seconds,
    /// What the client sent.
    pub client_totals: DirectionTotals,
    /// What the server sent.
    pub server_totals: DirectionTotals,
}

impl<'a> Close<'a> {
    pub(super) fn new(event: &Event<'_>, closed: &'a event::Closed) -> Self {
        Close {
            time: Time(event.at.time),
            conn: number(event.conn),
            stream: stream(event.conn),
            packet: event.at.packet,
            code: closed.code,
            reason: &closed.reason,
            by: closed.by.map(Side::new),
            clean: closed.clean,
            duration: Seconds(closed.duration),
            client_totals: DirectionTotals::new(closed.totals.client),
            server_totals: DirectionTotals::new(closed.totals.server),
        }
    }
}

/// Adds up what one side sent.
#[derive(Debug, Serialize, JsonSchema)]
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

impl DirectionTotals {
    pub(super) fn new(totals: event::DirectionTotals) -> Self {
        let event::DirectionTotals { messages, frames, bytes, wire_bytes } = totals;
        DirectionTotals { messages, frames, bytes, wire_bytes }
    }
}

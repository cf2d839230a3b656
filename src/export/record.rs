//! The NDJSON promise as types: what a line holds, in what order, and what is left out.
//!
//! These types are apart from the analyzer's own, so that those may change and the lines do not.
//! `docs/ndjson.schema.json` is generated from them. Lines that are written often go through `line`
//! instead, by hand; these types are its oracle.

mod anomaly;
mod close;
mod message;
mod open;
mod schema;
mod value;

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::anomaly::{Anomaly, EvidenceMap, EvidenceValue};
pub use self::close::{Close, DirectionTotals};
pub(super) use self::message::tells_all;
pub use self::message::{CloseBody, Frame, Message, Wire};
pub use self::open::{Accept, Deflate, Endpoint, Open, Request, Response};
pub use self::schema::schema;
pub use self::value::{Seconds, Side, Time};
use crate::event::{self, Event, Kind};
use crate::view::write_json;

/// The version of the promise, told in every `open` line.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Record<'a> {
    /// A conversation began, its upgrade was refused, or one without a captured handshake was found.
    Open(Open<'a>),
    /// One frame (with `--frames`), control frames and those after a broken rule included.
    Frame(Frame),
    /// One message or control frame, its fragments joined.
    Message(Message<'a>),
    /// Something was wrong.
    Anomaly(Anomaly<'a>),
    /// A conversation ended.
    Close(Close<'a>),
}

impl<'a> Record<'a> {
    /// Returns the line that tells `event`.
    pub fn of(event: &Event<'a>) -> Self {
        match event.kind {
            Kind::Opened(opened) => Record::Open(Open::new(event, opened)),
            Kind::Rejected(rejected) => Record::Open(Open::new(event, &rejected.opening)),
            Kind::Frame(frame) => Record::Frame(Frame::new(event, frame)),
            Kind::Message(message) => Record::Message(Message::new(event, &message)),
            Kind::Anomaly { from, anomaly } => Record::Anomaly(Anomaly::new(event, from, anomaly)),
            Kind::Closed(closed) => Record::Close(Close::new(event, closed)),
        }
    }

    /// Appends the line, without a line feed.
    pub fn write(&self, out: &mut Vec<u8>) {
        write(self, out);
    }
}

/// Returns a connection's number; what belongs to a conversation always has one.
pub(super) fn number(conn: Option<event::ConnId>) -> u64 {
    conn.map_or(0, |conn| conn.packet.get())
}

/// Returns a stream's number, where a connection carries several.
pub(super) fn stream(conn: Option<event::ConnId>) -> Option<u64> {
    conn.and_then(event::ConnId::stream)
}

/// Returns `value` as JSON that is safe to print on a terminal.
#[cfg(test)]
pub(super) fn to_vec(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Writing into memory cannot fail, and every key is a string.
    let _: io::Result<()> = write_json(value, out);
}

//! One line per event.

use std::fmt::Write;

use super::origin::Origin;
use super::pieces::{Piece, dots, pieces};
use super::style::{Style, StyledWriter, arrow, side_style};
use super::units_row;
use crate::event::{
    Anomaly, Closed, DirectionTotals, Event, Evidence, Frame, Framing, Message, Opening, Rejected, Severity,
    Transport, Value,
};
use crate::model::{Pair, Side};
use crate::text::{bytes, close_code_name, count, span};
use crate::websocket::Opcode;

const TIME: usize = 12;
const CONN: usize = 8;
const WORD: usize = 8;
const SIZE: usize = 9;

/// How many bytes of a payload are examined per column: shown in hexadecimal if binary, else scanned as text.
const BYTES_PER_COLUMN: usize = 4;

/// The row of one event.
pub(super) struct Row<'a, 'o> {
    pub(super) writer: &'a mut StyledWriter<'o>,
    pub(super) event: &'a Event<'a>,
    pub(super) origin: Origin,
    pub(super) width: usize,
}

impl<'o> Row<'_, 'o> {
    /// Writes the columns common to all rows: time, connection, arrow, word and size. A long sub-protocol word extends
    /// into the column of the size.
    fn begin(&mut self, style: Style, arrow: &str, word: &str, size: Option<u64>) -> &mut StyledWriter<'o> {
        let writer = &mut *self.writer;
        writer.right(Style::Dim, self.origin.shown(self.event).as_str(), TIME);
        let conn = self.event.conn.map(|conn| format!("#{conn}")).unwrap_or_default();
        writer.right(Style::Dim, &conn, CONN);
        writer.blanks(2);
        writer.left(style, arrow, 3);
        let (end, size) = (writer.column().saturating_add(WORD).saturating_add(SIZE), size.map(bytes));
        writer.wire(style, word.as_bytes(), 40);
        let size = size.unwrap_or_default();
        let least = size.chars().count().saturating_add(usize::from(!size.is_empty()));
        writer.right(Style::Dim, &size, end.saturating_sub(writer.column()).max(least));
        writer.blanks(2);
        writer
    }

    /// Writes the opening of a conversation.
    pub(super) fn opened(&mut self, opening: &Opening) {
        let width = self.width;
        let writer = self.begin(Style::Strong, "⇄", "open", None);
        ends(writer, opening, width);
        if opening.transport != Transport::WebSocket {
            writer.put(Style::Note, &format!("  {}", opening.transport.name()));
        }
        match opening.handshake.as_deref() {
            None => writer.put(Style::Note, "  handshake not captured"),
            Some(handshake) if handshake.response.is_none() => {
                writer.put(Style::Note, "  answer not captured");
            }
            Some(handshake) if handshake.request.is_none() => writer.put(Style::Note, "  request not known"),
            Some(_) => {}
        }
        agreed(writer, opening, width);
        writer.end();
    }

    /// Writes an upgrade that was refused or never answered.
    pub(super) fn rejected(&mut self, rejected: &Rejected) {
        let opening = &rejected.opening;
        let response = opening.handshake.as_deref().and_then(|it| it.response.as_ref());
        let word = match response {
            Some(response) if response.status != 101 => "refused",
            _ => "failed",
        };
        let width = self.width;
        let writer = self.begin(Style::Warning, "⇄", word, None);
        ends(writer, opening, width);
        match response {
            Some(response) => {
                writer.put(Style::Warning, &format!("  {} ", response.status));
                writer.wire(Style::Warning, response.reason.as_bytes(), width);
            }
            None => writer.put(Style::Warning, &format!("  {}", rejected.why())),
        }
        agreed(writer, opening, width);
        writer.end();
    }

    /// Writes a message or control frame, without its payload if `width` is 0.
    pub(super) fn message(&mut self, message: &Message<'_>) {
        let said = message.meaning.is_some_and(|it| it.units().next().is_some());
        let unit = message.meaning.and_then(|it| it.units().find(|unit| unit.earlier().is_none()));
        let style = unit.map_or(side_style(message.from), |unit| units_row::unit_style(&unit, message.from));
        let (width, word) = (self.width, unit.map_or(message.opcode.name(), |unit| unit.kind()));
        let writer = self.begin(style, arrow(message.from), word, Some(message.length));
        let remarks = remarks(message);
        let taken = if remarks.is_empty() { 0 } else { remarks.chars().count().saturating_add(2) };
        let room = width.saturating_sub(writer.column()).saturating_sub(taken).max(20);
        if width == 0 {
            // The payload is written below the row.
        } else if let Some(meaning) = message.meaning.filter(|_| said) {
            units_row::units(writer, meaning, message.from, room);
        } else if let Some(close) = &message.close {
            close_code(writer, close.code, close.reason, room);
        } else {
            let end = writer.column().saturating_add(room);
            fields(writer, message, room);
            preview(writer, message, end.saturating_sub(writer.column()).max(20));
        }
        if !remarks.is_empty() {
            writer.blanks(2);
            writer.put(Style::Dim, &remarks);
        }
        writer.end();
    }

    /// Writes a frame header.
    pub(super) fn frame(&mut self, frame: &Frame) {
        let Frame { from, header, offset } = *frame;
        let writer = self.begin(Style::Dim, arrow(from), "frame", Some(header.length));
        let mut words = header.opcode.name().to_owned();
        if header.fin {
            words.push_str(" fin");
        } else if header.opcode != Opcode::CONTINUATION {
            words.push_str(" begins");
        }
        for (bit, name) in [(4, " rsv1"), (2, " rsv2"), (1, " rsv3")] {
            if header.rsv & bit != 0 {
                words.push_str(name);
            }
        }
        if let Some(key) = header.mask {
            // Writing into a string cannot fail.
            let _ = write!(words, " mask {:08x}", u32::from_be_bytes(key));
        }
        let _ = write!(words, " at {offset}");
        writer.put(Style::Dim, &words);
        writer.end();
    }

    /// Writes an anomaly with its evidence.
    pub(super) fn anomaly(&mut self, from: Option<Side>, anomaly: &Anomaly) {
        let style = match anomaly.severity() {
            Severity::Error => Style::Error,
            Severity::Warning => Style::Warning,
            Severity::Note => Style::Note,
        };
        let writer = self.begin(style, from.map_or("!", arrow), anomaly.severity().name(), None);
        writer.put(style, anomaly.code());
        writer.put(Style::Plain, &format!(": {anomaly}"));
        if let Some(spec) = anomaly.spec() {
            writer.put(Style::Dim, &format!(" ({spec})"));
        }
        let mut comma = "  ";
        anomaly.evidence(|name, value| {
            writer.put(Style::Dim, comma);
            writer.put(Style::Dim, &format!("{} ", name.replace('_', " ")));
            match value {
                Evidence::Number(number) => writer.put(Style::Plain, &number.to_string()),
                Evidence::Text(text) => {
                    writer.wire(Style::Plain, text.as_bytes(), 200);
                }
            }
            comma = ", ";
        });
        writer.end();
    }

    /// Writes the end of a conversation.
    pub(super) fn closed(&mut self, closed: &Closed) {
        let writer = self.begin(Style::Strong, "■", "closed", None);
        match closed.code {
            Some(code) => close_code(writer, code, &closed.reason, 80),
            None if closed.lost => writer.put(Style::Plain, "ended; a close may have been lost"),
            None if closed.is_seen() && closed.clean => writer.put(Style::Plain, "complete"),
            None if closed.is_seen() => writer.put(Style::Plain, "incomplete"),
            None => writer.put(Style::Plain, "still open when the capture ended"),
        }
        if let Some(by) = closed.by {
            writer.put(Style::Plain, &format!(", by {}", by.name()));
        }
        if closed.clean && closed.code.is_some() {
            writer.put(Style::Plain, ", answered");
        }
        let Pair { client, server } = closed.totals;
        let [client, server] = [client, server].map(|DirectionTotals { messages, bytes: sent, .. }| {
            format!("{}, {}", count(messages, "message"), bytes(sent))
        });
        writer.put(Style::Dim, &format!(" · {} · → {client} · ← {server}", span(closed.duration)));
        writer.end();
    }
}

/// Writes both endpoints, the URL and the proxy, if any.
fn ends(writer: &mut StyledWriter<'_>, opening: &Opening, width: usize) {
    writer.put(Style::Plain, &format!("{} → {}", opening.client, opening.server));
    if let Some(url) = opening.handshake.as_deref().and_then(|it| it.url.as_ref()) {
        writer.blanks(2);
        writer.wire(Style::Strong, url.as_bytes(), width);
    }
    if let Some(proxy) = opening.over.as_ref().and_then(|over| over.proxy.as_ref()) {
        writer.put(Style::Dim, &format!("  {}", proxy.protocol));
        if let Some(client) = &proxy.client {
            writer.put(Style::Dim, " for ");
            writer.wire(Style::Client, client.as_bytes(), width);
        }
    }
}

/// Writes the negotiated sub-protocol and compression.
fn agreed(writer: &mut StyledWriter<'_>, opening: &Opening, width: usize) {
    let Some(handshake) = opening.handshake.as_deref() else { return };
    if let Some(subprotocol) = &handshake.subprotocol {
        writer.put(Style::Dim, "  protocol ");
        writer.wire(Style::Plain, subprotocol.as_bytes(), width);
    }
    if handshake.deflate.is_some() {
        writer.put(Style::Dim, "  deflate");
    }
}

/// Writes the fields that the transport carries beside the payload.
fn fields(writer: &mut StyledWriter<'_>, message: &Message<'_>, room: usize) {
    for (name, value) in message.fields.iter().filter(|(name, _)| *name != "sid") {
        writer.put(Style::Dim, &format!("{name} "));
        match value {
            Value::Number(number) => writer.put(Style::Plain, &number.to_string()),
            Value::Text(text) => drop(writer.wire(Style::Plain, text.as_bytes(), room / 3)),
            _ => {}
        }
        writer.blanks(2);
    }
}

/// Writes a close code with its name and reason.
fn close_code(writer: &mut StyledWriter<'_>, code: u16, reason: &str, room: usize) {
    let words = format!("{code} {}", close_code_name(code));
    writer.put(Style::Plain, &words);
    if !reason.is_empty() {
        writer.put(Style::Dim, " “");
        writer.wire(Style::Plain, reason.as_bytes(), room.saturating_sub(words.len()).max(20));
        writer.put(Style::Dim, "”");
    }
}

/// Writes as much of a payload as fits: text as text, bytes in hexadecimal, missing bytes as dots.
fn preview(writer: &mut StyledWriter<'_>, message: &Message<'_>, room: usize) {
    let end = writer.column().saturating_add(room);
    for piece in pieces(message.payload, message.missing) {
        let room = end.saturating_sub(writer.column());
        let left = match piece {
            Piece::Known(_, known) => {
                let known =
                    known.get(..room.saturating_mul(BYTES_PER_COLUMN).saturating_add(8)).unwrap_or(known);
                if message.text {
                    writer.wire(Style::Plain, known, room)
                } else {
                    writer.wire(Style::Plain, hex(known).as_bytes(), room)
                }
            }
            Piece::Missing(gap) => writer.wire(Style::Note, dots(&gap).as_bytes(), room),
        };
        if left.is_none() {
            return;
        }
    }
}

fn hex(known: &[u8]) -> String {
    let mut text = String::with_capacity(known.len().saturating_mul(3));
    for byte in known {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x} ");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Describes what is unusual about a message.
fn remarks(message: &Message<'_>) -> String {
    let mut remarks = Vec::new();
    let wire = &message.wire;
    let has_frames = wire.frames > 0;
    if has_frames && wire.frames != 1 {
        remarks.push(count(wire.frames, "frame"));
    }
    match (wire.compressed, wire.inflated) {
        (true, true) if has_frames => remarks.push(format!("deflated to {}", bytes(wire.bytes))),
        (true, _) => remarks.push("compressed".to_owned()),
        (false, _) => {}
    }
    if !message.is_complete() {
        let known = message.missing.iter().try_fold(0_u64, |sum, gap| Some(sum.saturating_add(gap.length?)));
        remarks.push(match known {
            Some(lost) => format!("{} missing", count(lost, "byte")),
            None => "bytes missing".to_owned(),
        });
    }
    if message.framing == Framing::Searched {
        remarks.push(message.framing.name().to_owned());
    }
    if let Some(kept) = message.truncated_to {
        remarks.push(format!("cut to {}", bytes(kept)));
    }
    if let Some(rtt) = message.rtt {
        remarks.push(format!("round trip {}", span(rtt)));
    }
    if remarks.is_empty() { String::new() } else { format!("({})", remarks.join(", ")) }
}

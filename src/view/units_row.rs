//! The units of a sub-protocol in a message's row.

use super::row::side_style;
use super::style::{Style, StyledWriter};
use super::units::{bytes, count, span};
use crate::event::{Message, Unit};
use crate::subprotocol::{Format, Role, Value, write_body};

/// Writes the units one after the other: name, id and body of each, an answer's latency, what went wrong.
pub(super) fn units(pen: &mut StyledWriter<'_>, message: &Message<'_>, first: &Unit<'_>, room: usize) {
    let Some(meaning) = message.meaning else { return };
    let end = pen.column().saturating_add(room);
    for (index, unit) in meaning.units().enumerate() {
        if pen.column() >= end {
            break;
        }
        if index > 0 {
            pen.put(Style::Dim, "  ·  ");
            pen.wire(style(&unit, message), unit.kind().as_bytes(), 40);
            pen.blanks(1);
        }
        one(pen, &unit, end);
    }
    if first.messages() > 1 {
        pen.put(Style::Dim, &format!("  (in {})", count(u64::from(first.messages()), "message")));
    }
    if meaning.more() > 0 {
        pen.put(Style::Note, &format!("  and {} more", meaning.more()));
    }
}

/// Returns the style of a unit's kind: what went wrong stands out, what only keeps the connection alive does not.
pub(super) fn style(unit: &Unit<'_>, message: &Message<'_>) -> Style {
    match unit {
        _ if unit.error().is_some() => Style::Error,
        _ if unit.heartbeat() => Style::Dim,
        _ => side_style(message.from),
    }
}

fn one(pen: &mut StyledWriter<'_>, unit: &Unit<'_>, end: usize) {
    let plain = if unit.heartbeat() { Style::Dim } else { Style::Plain };
    let room = |pen: &StyledWriter<'_>| end.saturating_sub(pen.column()).max(8);
    if let Some(name) = unit.name() {
        let name_style = if unit.heartbeat() { Style::Dim } else { Style::Strong };
        pen.wire(name_style, name.as_bytes(), room(pen));
    } else if let Some(of) = unit.of() {
        pen.put(Style::Dim, if unit.role() == Role::Part { "of " } else { "" });
        pen.wire(plain, of.as_bytes(), room(pen));
    }
    if let Some(id) = unit.id() {
        pen.put(Style::Dim, " #");
        pen.wire(Style::Dim, id.as_bytes(), room(pen).min(40));
    }
    if let Some(latency) = unit.latency() {
        pen.put(Style::Note, &format!(" ({})", span(latency)));
    }
    if let Some(error) = unit.error() {
        pen.put(Style::Error, " error ");
        pen.wire(Style::Error, error.as_bytes(), room(pen));
    }
    fields(pen, unit, end);
    body(pen, unit, plain, end);
    if !unit.is_complete() {
        pen.put(Style::Note, " (incomplete)");
    }
}

/// Writes a body as far as there is room.
fn body(pen: &mut StyledWriter<'_>, unit: &Unit<'_>, plain: Style, end: usize) {
    let Some(body) = unit.body() else { return };
    let room = end.saturating_sub(pen.column());
    if body.length == 0 || room < 4 {
        return;
    }
    pen.blanks(1);
    if body.format == Format::Binary {
        pen.put(Style::Dim, &format!("{} ", bytes(body.length)));
    }
    let mut text = String::new();
    write_body(&body, room.saturating_mul(4), &mut text);
    pen.wire(plain, text.as_bytes(), end.saturating_sub(pen.column()));
}

/// Writes the fields, a secret one without its value.
fn fields(pen: &mut StyledWriter<'_>, unit: &Unit<'_>, end: usize) {
    for field in unit.fields() {
        let room = end.saturating_sub(pen.column());
        if room < 12 {
            return;
        }
        // What is as usual needs no word.
        let text = match field.value {
            _ if field.secret => "…".to_owned(),
            Value::Flag(false) => continue,
            Value::Flag(true) => {
                pen.put(Style::Dim, &format!(" {}", field.name));
                continue;
            }
            Value::Text("/") if field.name == "namespace" => continue,
            Value::Text(text) | Value::Json(text) => text.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Negative(number) => number.to_string(),
            Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        pen.put(Style::Dim, &format!(" {} ", field.name));
        pen.wire(Style::Dim, text.as_bytes(), room.saturating_sub(field.name.len()).clamp(8, 60));
    }
}

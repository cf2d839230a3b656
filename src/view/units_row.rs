//! Sub-protocol units in a message's row.

use super::style::{Style, StyledOutput, arrow, side_style};
use crate::event::{Meaning, Unit};
use crate::model::Side;
use crate::subprotocol::{Field, Format, Role, Value, write_body, write_guess};
use crate::text::{bytes, count, span};

/// Writes the units in order: name, id and body of each, the latency of an answer, and errors.
///
/// The kind of the first unit is omitted because the row already shows it before the size.
pub fn units(writer: &mut dyn StyledOutput, meaning: Meaning<'_>, from: Side, room: usize) {
    let Some(first) = meaning.units().next() else { return };
    let end = writer.column().saturating_add(room);
    for (index, unit) in meaning.units().enumerate() {
        if writer.column() >= end {
            break;
        }
        let earlier = unit.earlier();
        let from = earlier.map_or(from, |it| it.from);
        if index > 0 || earlier.is_some() {
            writer.put(Style::Dim, if index > 0 { "  ·  " } else { "" });
            if let Some(earlier) = earlier {
                writer.put(side_style(from), arrow(from));
                writer.put(Style::Dim, &format!(" in packet {}: ", earlier.at.packet));
            }
            writer.wire(unit_style(&unit, from), unit.kind().as_bytes(), 40);
            writer.put(Style::Plain, " ");
        }
        one(writer, &unit, end);
    }
    if first.messages() > 1 {
        writer.put(Style::Dim, &format!("  (in {})", count(u64::from(first.messages()), "message")));
    }
    if meaning.more() > 0 {
        writer.put(Style::Note, &format!("  and {} more", meaning.more()));
    }
}

/// Returns the style of a unit's kind: errors stand out, heartbeats are dimmed.
pub fn unit_style(unit: &Unit<'_>, from: Side) -> Style {
    match unit {
        _ if unit.error().is_some() => Style::Error,
        _ if unit.heartbeat() => Style::Dim,
        _ => side_style(from),
    }
}

fn one(writer: &mut dyn StyledOutput, unit: &Unit<'_>, end: usize) {
    let plain = if unit.heartbeat() { Style::Dim } else { Style::Plain };
    let room = |writer: &dyn StyledOutput| end.saturating_sub(writer.column()).max(8);
    if let Some(name) = unit.name() {
        let name_style = if unit.heartbeat() { Style::Dim } else { Style::Strong };
        writer.wire(name_style, name.as_bytes(), room(writer));
    } else if let Some(of) = unit.of() {
        writer.put(Style::Dim, if unit.role() == Role::Part { "of " } else { "" });
        writer.wire(plain, of.as_bytes(), room(writer));
    }
    if let Some(id) = unit.id() {
        writer.put(Style::Dim, " #");
        writer.wire(Style::Dim, id.as_bytes(), room(writer).min(40));
    }
    if let Some(latency) = unit.latency() {
        writer.put(Style::Note, &format!(" ({})", span(latency)));
    }
    if let Some(error) = unit.error() {
        writer.put(Style::Error, " error ");
        writer.wire(Style::Error, error.as_bytes(), room(writer));
    }
    fields(writer, unit, end);
    body(writer, unit, plain, end);
    if !unit.is_complete() {
        writer.put(Style::Note, " (incomplete)");
    }
}

/// Writes as much of a body as fits.
fn body(writer: &mut dyn StyledOutput, unit: &Unit<'_>, plain: Style, end: usize) {
    let Some(body) = unit.body() else { return };
    let room = end.saturating_sub(writer.column());
    if body.length == 0 || room < 4 {
        return;
    }
    writer.put(Style::Plain, " ");
    if matches!(body.format, Format::Binary | Format::Protobuf) {
        writer.put(Style::Dim, &format!("{} ", bytes(body.length)));
    }
    let mut text = String::new();
    write_body(&body, room.saturating_mul(4), &mut text);
    writer.wire(plain, text.as_bytes(), end.saturating_sub(writer.column()));
}

/// Writes the fields, hiding the values of secret ones.
fn fields(writer: &mut dyn StyledOutput, unit: &Unit<'_>, end: usize) {
    for field in unit.fields() {
        let room = end.saturating_sub(writer.column());
        if room < 12 {
            return;
        }
        // Omit default values.
        match field.value {
            _ if field.secret => {}
            Value::Flag(false) => continue,
            Value::Flag(true) => {
                writer.put(Style::Dim, &format!(" {}", field.name));
                continue;
            }
            Value::Text("/") if field.name == "namespace" => continue,
            _ => {}
        }
        writer.put(Style::Dim, &format!(" {} ", field.name));
        writer.wire(
            Style::Dim,
            field_text(&field).as_bytes(),
            room.saturating_sub(field.name.len()).clamp(8, 60),
        );
    }
}

/// Returns a field's value as text, or `…` if it is secret.
pub fn field_text(field: &Field<'_>) -> String {
    match field.value {
        _ if field.secret => "…".to_owned(),
        Value::Text(text) | Value::Json(text) => text.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Negative(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Returns about `most` bytes of a body as text, with a guess marked as such.
pub fn body_text(unit: &Unit<'_>, most: usize) -> Option<String> {
    let (body, mut text) = (unit.body()?, "guessed ".to_owned());
    if !write_guess(&body, most, &mut text) {
        text.clear();
        write_body(&body, most, &mut text);
    }
    Some(text)
}

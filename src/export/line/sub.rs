//! The `sub` array: a message's meaning in its sub-protocol.

use super::super::string::string;
use super::super::text::{base64, hex, number, put, seconds};
use crate::event::{Meaning, Unit};
use crate::subprotocol::{Body, Format, Role, Value, write_body, write_guess};

/// The maximum length of a body that is converted to JSON from another format, in bytes.
const MAX_BODY: usize = 1 << 20;

/// Appends the units in wire order, with their bodies if requested; nothing if nothing was recognised.
pub(super) fn units(meaning: Meaning<'_>, bodies: bool, out: &mut Vec<u8>) {
    if meaning.units().next().is_none() && !meaning.is_part() {
        return;
    }
    put(out, r#","sub":["#);
    let mut comma = "";
    for it in meaning.units() {
        put(out, comma);
        comma = ",";
        unit(&it, bodies, out);
    }
    put(out, "]");
}

fn unit(unit: &Unit<'_>, bodies: bool, out: &mut Vec<u8>) {
    put(out, r#"{"protocol":"#);
    string(out, unit.protocol());
    text(r#","inside":"#, unit.inside(), out);
    put(out, r#","kind":"#);
    string(out, unit.kind());
    text(r#","name":"#, unit.name(), out);
    text(r#","id":"#, unit.id(), out);
    text(r#","role":"#, (unit.role() != Role::Event).then_some(unit.role().name()), out);
    if unit.heartbeat() {
        put(out, r#","heartbeat":true"#);
    }
    text(r#","error":"#, unit.error(), out);
    if let Some(latency) = unit.latency() {
        put(out, r#","latency":"#);
        seconds(out, latency);
    }
    text(r#","of":"#, unit.of(), out);
    if let Some(earlier) = unit.earlier() {
        text(r#","from":"#, Some(earlier.from.name()), out);
        put(out, r#","packet":"#);
        number(out, earlier.at.packet);
    }
    if unit.messages() > 1 {
        put(out, r#","messages":"#);
        number(out, unit.messages());
        put(out, r#","first_packet":"#);
        number(out, unit.first().packet);
    }
    if !unit.is_complete() {
        put(out, r#","complete":false"#);
    }
    fields(unit, out);
    let is_null = |it: &Body<'_>| it.format == Format::Json && it.bytes.trim_ascii() == b"null";
    if let Some(it) = unit.body().filter(|it| bodies && !is_null(it)) {
        put(out, r#","body":"#);
        body(&it, out);
    }
    put(out, "}");
}

/// Appends the transport's own facts about the message, if there are any.
pub(super) fn transport_fields(fields: &[(&'static str, Value<'_>)], out: &mut Vec<u8>) {
    let mut opening = r#","fields":{"#;
    for (name, it) in fields {
        put(out, opening);
        opening = ",";
        string(out, name);
        put(out, ":");
        value(*it, out);
    }
    if !fields.is_empty() {
        put(out, "}");
    }
}

fn text(name: &str, value: Option<&str>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        put(out, name);
        string(out, value);
    }
}

/// Appends the protocol's own fields: each name once, with a list if the protocol has one.
fn fields(unit: &Unit<'_>, out: &mut Vec<u8>) {
    let mut opening = r#","fields":{"#;
    let mut any = false;
    for (index, field) in unit.fields().enumerate() {
        // A repeated name is written with all its values at its first occurrence.
        if unit.fields().take(index).any(|before| before.name == field.name) {
            continue;
        }
        put(out, opening);
        (opening, any) = (",", true);
        string(out, field.name);
        put(out, ":");
        if !field.listed {
            value(field.value, out);
            continue;
        }
        let mut comma = "[";
        for item in unit.fields().filter(|item| item.name == field.name) {
            put(out, comma);
            comma = ",";
            value(item.value, out);
        }
        put(out, "]");
    }
    if any {
        put(out, "}");
    }
}

fn value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => string(out, text),
        Value::Number(it) => number(out, it),
        Value::Negative(it) => put(out, itoa::Buffer::new().format(it)),
        Value::Flag(it) => put(out, if it { "true" } else { "false" }),
        Value::Json(text) => json(text, out),
        Value::Bytes(bytes) => {
            put(out, "\"");
            bytes.iter().for_each(|byte| hex(out, [*byte]));
            put(out, "\"");
        }
    }
}

/// Appends JSON as it was sent, on one line; invalid JSON becomes a string.
fn json(text: &str, out: &mut Vec<u8>) {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) if !text.contains(['\n', '\r']) => put(out, text),
        Ok(_) => {
            // In valid JSON, line feeds occur only between tokens.
            let line: String = text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }).collect();
            put(out, &line);
        }
        Err(_) => string(out, text),
    }
}

fn body(body: &Body<'_>, out: &mut Vec<u8>) {
    match (body.format, std::str::from_utf8(body.bytes)) {
        (Format::Json, Ok(text)) => json(text, out),
        (Format::JsonItems, Ok(text)) => json(&format!("[{text}]"), out),
        (Format::Text, Ok(text)) => string(out, text),
        (Format::MessagePack | Format::Cbor, _) => {
            let mut text = String::new();
            write_body(body, MAX_BODY, &mut text);
            json(&text, out);
        }
        (Format::Protobuf, _) => {
            // Guessed values are distinguished from those sent.
            let mut text = String::new();
            put(out, "{");
            if write_guess(body, MAX_BODY, &mut text) {
                put(out, r#""guessed":"#);
                json(&text, out);
                put(out, ",");
            }
            put(out, r#""base64":"#);
            base64(out, body.bytes);
            put(out, "}");
        }
        _ => {
            put(out, r#"{"base64":"#);
            base64(out, body.bytes);
            put(out, "}");
        }
    }
}

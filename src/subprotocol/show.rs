//! A unit's body in one line, for human eyes.

use std::fmt::Write as _;

use super::packed::{Packing, write_json};
use super::unit::{Body, Format, Meaning, Role, Value};

/// What a message means in one line: for lists that keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The kind of its first unit.
    pub kind: String,
    /// Names, ids, latencies, errors, fields and bodies of its units.
    pub text: String,
    /// One of them says that something went wrong.
    pub error: bool,
    /// All of them only keep the connection alive.
    pub heartbeat: bool,
}

/// Bounds the length of a summary, in bytes.
const MAX_SUMMARY: usize = 400;

/// Returns what a message means in one line; `None` where no unit ends in it.
///
/// What it says comes from the wire and is not made safe for a terminal.
pub fn summary(meaning: Meaning<'_>) -> Option<Summary> {
    let mut it = Summary { heartbeat: true, ..Summary::default() };
    let mut any = false;
    for unit in meaning.units() {
        if any {
            let _ = write!(it.text, "  ·  {} ", unit.kind());
        } else {
            it.kind = unit.kind().chars().take(24).collect();
        }
        any = true;
        it.error |= unit.error().is_some();
        it.heartbeat &= unit.heartbeat();
        if it.text.len() > MAX_SUMMARY {
            continue;
        }
        let text = &mut it.text;
        if let Some(name) = unit.name().or(unit.of()) {
            text.push_str(if unit.role() == Role::Part { "of " } else { "" });
            text.push_str(name);
        }
        if let Some(id) = unit.id() {
            let _ = write!(text, " #{id}");
        }
        if let Some(latency) = unit.latency() {
            let _ = write!(text, " ({:.1} ms)", latency.as_secs_f64() * 1000.0);
        }
        if let Some(error) = unit.error() {
            let _ = write!(text, " error {error}");
        }
        for field in unit.fields().filter(|field| !field.secret) {
            let _ = match field.value {
                Value::Flag(false) => Ok(()),
                Value::Flag(true) => write!(text, " {}", field.name),
                Value::Text("/") if field.name == "namespace" => Ok(()),
                Value::Text(value) | Value::Json(value) => write!(text, " {} {value}", field.name),
                Value::Number(number) => write!(text, " {} {number}", field.name),
                Value::Negative(number) => write!(text, " {} {number}", field.name),
                Value::Bytes(bytes) => write!(text, " {} {} B", field.name, bytes.len()),
            };
        }
        if let Some(body) = unit.body().filter(|body| body.length > 0) {
            text.push(' ');
            write_body(&body, MAX_SUMMARY, text);
        }
        if unit.messages() > 1 {
            let _ = write!(text, "  (in {} messages)", unit.messages());
        }
    }
    any.then_some(it)
}

/// Writes a body as text: JSON and text as sent, MessagePack and CBOR as JSON, bytes in hexadecimal; `most` bounds it.
///
/// What it appends comes from the wire and is not made safe for a terminal.
pub fn write_body(body: &Body<'_>, most: usize, out: &mut String) {
    match body.format {
        Format::Json | Format::JsonItems | Format::Text => {
            let bytes = body.bytes.get(..body.bytes.len().min(most)).unwrap_or_default();
            out.push_str(&String::from_utf8_lossy(bytes));
        }
        Format::MessagePack => {
            write_json(Packing::MessagePack, body.bytes, most, out);
        }
        Format::Cbor => {
            write_json(Packing::Cbor, body.bytes, most, out);
        }
        Format::Binary => {
            for byte in body.bytes.iter().take(most / 3) {
                let _ = write!(out, "{byte:02x} ");
            }
            out.truncate(out.trim_end().len());
        }
    }
}

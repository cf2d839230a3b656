//! A unit's body on one line, for display.

use super::packed::{Packing, write_json};
use super::protobuf;
use super::unit::{Body, Format};

/// Writes a body as text: JSON and text as sent, MessagePack and CBOR as JSON, everything else in hexadecimal; `most`
/// bounds it.
///
/// The output comes from the wire and is not escaped for terminals.
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
        Format::Binary | Format::Protobuf => {
            use std::fmt::Write as _;
            for byte in body.bytes.iter().take(most / 3) {
                let _ = write!(out, "{byte:02x} ");
            }
            out.truncate(out.trim_end().len());
        }
    }
}

/// Writes a likely interpretation of a body as JSON, if its format is open to guessing; returns `false` if it is not.
pub fn write_guess(body: &Body<'_>, most: usize, out: &mut String) -> bool {
    let is_whole = body.bytes.len() as u64 == body.length;
    body.format == Format::Protobuf && is_whole && protobuf::write_guess(body.bytes, most, out)
}

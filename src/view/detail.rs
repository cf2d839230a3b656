//! Details printed with `-v`: the handshake as sent, and the check of its accept key.

use super::style::{Style, StyledWriter, arrow, side_style};
use crate::http::{Accept, Field, Handshake};
use crate::model::Side;

/// The column of the arrows in rows.
const INDENT: usize = 22;

/// The maximum length of a printed header line: ample for real ones, and a bound for hostile ones.
const LONGEST: usize = 1000;

/// Writes the request and response heads, and the result of the accept check.
pub(super) fn handshake(writer: &mut StyledWriter<'_>, handshake: &Handshake) {
    if let Some(request) = &handshake.request {
        let start = format!("{} {} HTTP/{}", request.method, request.target, request.version);
        head(writer, Side::Client, &start, &request.headers);
    }
    if let Some(response) = &handshake.response {
        let start = format!("HTTP/{} {} {}", response.version, response.status, response.reason);
        head(writer, Side::Server, &start, &response.headers);
    }
    if let Some(it) = &handshake.accept {
        accept(writer, it);
    }
    if let Some(pair) = &handshake.deflate {
        for side in Side::BOTH {
            let takeover =
                if pair[side].no_context_takeover { "no context takeover" } else { "context takeover" };
            let words =
                format!("deflate, {}: {} window bits, {takeover}", side.name(), pair[side].max_window_bits);
            line(writer, (Style::Dim, "·"), Style::Dim, &words);
        }
    }
}

fn head(writer: &mut StyledWriter<'_>, from: Side, start: &str, fields: &[Field]) {
    let mark = (side_style(from), arrow(from));
    line(writer, mark, Style::Strong, start);
    for Field { name, value } in fields {
        writer.blanks(INDENT);
        writer.left(mark.0, mark.1, 3);
        writer.wire(Style::Dim, name.as_bytes(), LONGEST);
        writer.put(Style::Dim, ": ");
        writer.wire(Style::Plain, value.as_bytes(), LONGEST);
        writer.end();
    }
}

fn accept(writer: &mut StyledWriter<'_>, accept: &Accept) {
    if accept.valid {
        return line(writer, (Style::Server, "✓"), Style::Plain, "the accept value answers the key");
    }
    let found = accept.found.as_deref().unwrap_or("nothing");
    let words = match &accept.expected {
        Some(expected) => format!("the accept value is {found}, but the key demands {expected}"),
        None => format!("the accept value is {found}, and there is no key"),
    };
    line(writer, (Style::Error, "✗"), Style::Plain, &words);
}

/// Writes a line that may contain text from the wire.
fn line(writer: &mut StyledWriter<'_>, mark: (Style, &str), style: Style, text: &str) {
    writer.blanks(INDENT);
    writer.left(mark.0, mark.1, 3);
    writer.wire(style, text.as_bytes(), LONGEST);
    writer.end();
}

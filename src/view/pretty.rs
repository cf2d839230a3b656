//! JSON laid out below a message's row.

use super::layout::{self, TokenKind};
use super::style::{Style, StyledWriter};

/// The column at which lines begin.
const INDENT: usize = 24;
/// The indentation per level, in columns.
const STEP: usize = 2;

/// Writes a JSON payload as indented lines.
///
/// The payload is only split into lines, never re-encoded, so that it is shown exactly as sent.
pub(super) fn write(writer: &mut StyledWriter<'_>, lines: &[layout::Line], payload: &[u8]) {
    for line in lines {
        writer.blanks(INDENT.saturating_add(line.depth().saturating_mul(STEP)));
        for (kind, range) in line.pieces(payload) {
            let token = payload.get(range).unwrap_or_default();
            writer.wire(style(kind), token, usize::MAX / 8);
            if kind == TokenKind::Punctuation && token == b":" {
                writer.blanks(1);
            }
        }
        writer.end();
    }
    if lines.len() > layout::LINES {
        writer.blanks(INDENT);
        writer.put(Style::Dim, &format!("… the lines after these {} are not shown", lines.len()));
        writer.end();
    }
}

const fn style(kind: TokenKind) -> Style {
    match kind {
        TokenKind::Punctuation => Style::Dim,
        TokenKind::Name => Style::Strong,
        TokenKind::String => Style::Server,
        TokenKind::Number => Style::Client,
        TokenKind::Word => Style::Escape,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_as_they_were_sent() {
        let payload = br#"{"price":1.10,"id":12345678901234567890123,"s":"a\u0041","l":[ 1,{}],"n":null}"#;
        let mut out = Vec::new();
        let lines = layout::lay_out(payload).unwrap();
        write(&mut StyledWriter::new(&mut out, false), &lines, payload);
        let text = String::from_utf8(out).unwrap();
        for line in [
            "{",
            "  \"price\": 1.10,",
            "  \"id\": 12345678901234567890123,",
            "  \"s\": \"a\\u0041\",",
            "  \"n\": null",
            "}",
        ] {
            assert!(text.lines().any(|it| it == format!("{:24}{line}", "")), "{line:?} in\n{text}");
        }
    }
}

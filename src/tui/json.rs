//! What the screen does with JSON that is laid out in lines: places, paths and copies.

use std::ops::Range;

pub(super) use crate::view::layout::{LINES, Line, TokenKind, elements, lay_out};

/// Returns JSON in lines, numbers and strings as they were sent; `None` where it is none or too long.
pub(super) fn pretty(text: &[u8]) -> Option<Vec<u8>> {
    let lines = lay_out(text).filter(|lines| lines.len() <= LINES)?;
    let mut out = Vec::with_capacity(text.len());
    for line in &lines {
        out.resize(out.len().saturating_add(usize::from(line.depth).saturating_mul(2)), b' ');
        for (kind, range) in &line.pieces {
            let piece = text.get(range.clone()).unwrap_or_default();
            out.extend_from_slice(piece);
            if *kind == TokenKind::Punctuation && piece == b":" {
                out.push(b' ');
            }
        }
        out.push(b'\n');
    }
    Some(out)
}

/// Returns where the value stands that line `at` holds, or opens.
pub(super) fn value_at(lines: &[Line], at: usize) -> Option<Range<usize>> {
    // A line that only closes a bracket stands for what the bracket holds.
    let at = lines.iter().position(|line| line.closes == Some(at)).unwrap_or(at);
    let line = lines.get(at)?;
    let is_named = matches!(line.pieces.first(), Some((TokenKind::Name, _)));
    let (_, first) = line.pieces.get(if is_named { 2 } else { 0 })?;
    let last = match line.closes {
        Some(closes) => &lines.get(closes)?.pieces.first()?.1,
        None => {
            // `[]` and `{}` are two pieces; a comma behind a value is not of it.
            let pieces = line.pieces.get(if is_named { 2 } else { 0 }..)?;
            let is_opened = matches!(pieces, [(TokenKind::Punctuation, _), ..]);
            &pieces.get(usize::from(is_opened))?.1
        }
    };
    Some(first.start..last.end)
}

/// Returns the path to the value in line `at`, as a filter has it: `.a.b[2]`.
pub(super) fn path_to(lines: &[Line], text: &[u8], at: usize) -> String {
    let mut at = lines.iter().position(|line| line.closes == Some(at)).unwrap_or(at);
    let mut steps = Vec::new();
    while let Some(line) = lines.get(at).filter(|line| line.depth > 0) {
        let siblings = lines.get(..at).unwrap_or_default();
        let parent = siblings.iter().rposition(|other| other.depth < line.depth).unwrap_or(0);
        steps.push(match line.pieces.first() {
            Some((TokenKind::Name, range)) => {
                let name = text.get(range.clone()).and_then(|name| serde_json::from_slice(name).ok());
                step_to(&name.unwrap_or_else(String::new))
            }
            _ => {
                let inside = siblings.get(parent.saturating_add(1)..).unwrap_or_default();
                let is_element = |other: &&Line| other.depth == line.depth && !is_closing(other, text);
                format!("[{}]", inside.iter().filter(is_element).count())
            }
        });
        at = parent;
    }
    steps.reverse();
    steps.concat()
}

/// Tells whether a line only closes a bracket.
fn is_closing(line: &Line, text: &[u8]) -> bool {
    let first = line.pieces.first().and_then(|(_, range)| text.get(range.start));
    matches!(first, Some(b']' | b'}'))
}

/// Returns the step to a member, quoted where its name is no word.
fn step_to(name: &str) -> String {
    let is_word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word { format!(".{name}") } else { format!("[{}]", super::matcher::quoted(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place_and_a_path() {
        let text = r#"{"a":[1.50,{"b c":"x"},[]],"d":{"e":null},"f":{}}"#;
        let lines = lay_out(text.as_bytes()).unwrap();
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut seen = 0;
        for at in 0..lines.len() {
            let path = path_to(&lines, text.as_bytes(), at);
            let found = &text[value_at(&lines, at).unwrap()];
            let pointer = path.replace(['.', '['], "/").replace([']', '"'], "");
            let want = value.pointer(&pointer).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(&serde_json::from_str::<serde_json::Value>(found).unwrap(), want, "{path}");
            seen += 1;
        }
        assert_eq!(seen, lines.len());
        assert_eq!(path_to(&lines, text.as_bytes(), 4), r#".a[1]["b c"]"#);
        assert_eq!(pretty(b"[1,{\"a\":2}]").unwrap(), b"[\n  1,\n  {\n    \"a\": 2\n  }\n]\n");
    }
}

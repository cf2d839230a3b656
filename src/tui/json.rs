//! Positions, paths and copies of values in JSON that is laid out in lines.

use std::ops::Range;

pub(super) use crate::view::layout::{DEPTH, LINES, Line, TokenKind, elements, lay_out};

/// Returns JSON in lines, with numbers and strings as sent, or `None` if it is not JSON or too long.
pub(super) fn pretty(text: &[u8]) -> Option<Vec<u8>> {
    let lines = lay_out(text).filter(|lines| lines.len() <= LINES)?;
    let mut out = Vec::with_capacity(text.len());
    for line in &lines {
        out.resize(out.len().saturating_add(line.depth().saturating_mul(2)), b' ');
        for (kind, range) in line.pieces(text) {
            let piece = text.get(range).unwrap_or_default();
            out.extend_from_slice(piece);
            if kind == TokenKind::Punctuation && piece == b":" {
                out.push(b' ');
            }
        }
        out.push(b'\n');
    }
    Some(out)
}

/// Returns the range of the value that line `at` contains, opens or closes.
pub(super) fn value_at(lines: &[Line], text: &[u8], at: usize) -> Option<Range<usize>> {
    value_in(lines, text, opening(lines, at))
}

/// Returns the range of the value that line `at` contains or opens.
pub(super) fn value_in(lines: &[Line], text: &[u8], at: usize) -> Option<Range<usize>> {
    let line = lines.get(at)?;
    let value = value_of(*line, text)?;
    match line.closes() {
        Some(closes) => Some(value.start..lines.get(closes)?.pieces(text).next()?.1.end),
        None => Some(value),
    }
}

/// Returns the range of the value that a line contains, or of the bracket it opens.
pub(super) fn value_of(line: Line, text: &[u8]) -> Option<Range<usize>> {
    let is_named = name_of(line, text).is_some();
    let mut pieces = line.pieces(text).skip(if is_named { 2 } else { 0 });
    let (kind, first) = pieces.next()?;
    // `[]` and `{}` are two tokens; a comma after a value is not part of it.
    let is_empty = kind == TokenKind::Punctuation && line.closes().is_none();
    let last = if is_empty { pieces.next()?.1 } else { first.clone() };
    Some(first.start..last.end)
}

/// A step from a value to one of its children.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Member(String),
    Element(usize),
}

/// Returns the line of the opening bracket if line `at` closes one, otherwise `at`.
fn opening(lines: &[Line], at: usize) -> usize {
    lines.iter().position(|line| line.closes() == Some(at)).unwrap_or(at)
}

/// Returns the range of the member name at the start of a line.
pub(super) fn name_of(line: Line, text: &[u8]) -> Option<Range<usize>> {
    line.pieces(text).next().filter(|(kind, _)| *kind == TokenKind::Name).map(|(_, range)| range)
}

/// Returns the path to the value in line `at` in the notation of the filter language: `.a.b[2]`.
pub(super) fn path_to(lines: &[Line], text: &[u8], at: usize) -> String {
    let mut at = opening(lines, at);
    let mut steps = Vec::new();
    while let Some(line) = lines.get(at).filter(|line| line.depth() > 0) {
        let siblings = lines.get(..at).unwrap_or_default();
        let parent = siblings.iter().rposition(|other| other.depth() < line.depth()).unwrap_or(0);
        steps.push(match name_of(*line, text) {
            Some(range) => {
                let name = text.get(range).and_then(|name| serde_json::from_slice(name).ok());
                step_to(&name.unwrap_or_else(String::new))
            }
            None => {
                let inside = siblings.get(parent.saturating_add(1)..).unwrap_or_default();
                let closes = |other: &Line| matches!(text.get(other.range().start), Some(b']' | b'}'));
                let is_element = |other: &&Line| other.depth() == line.depth() && !closes(other);
                format!("[{}]", inside.iter().filter(is_element).count())
            }
        });
        at = parent;
    }
    steps.reverse();
    steps.concat()
}

impl Step {
    /// Returns the step in the notation of the filter language.
    pub(super) fn words(&self) -> String {
        match self {
            Step::Member(name) => step_to(name),
            Step::Element(at) => format!("[{at}]"),
        }
    }
}

/// Returns the step to a member, with its name quoted if it is not an identifier.
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
            let found = &text[value_at(&lines, text.as_bytes(), at).unwrap()];
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

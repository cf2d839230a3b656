//! What the screen does with JSON that is laid out in lines: places, paths and copies.

use std::ops::Range;

pub(super) use crate::view::layout::{DEPTH, LINES, Line, TokenKind, elements, lay_out};

/// Returns JSON in lines, numbers and strings as they were sent; `None` where it is none or too long.
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

/// Returns where the value stands that line `at` of a text holds, or opens.
pub(super) fn value_at(lines: &[Line], text: &[u8], at: usize) -> Option<Range<usize>> {
    let line = lines.get(opening(lines, at))?;
    let value = value_of(*line, text)?;
    match line.closes() {
        Some(closes) => Some(value.start..lines.get(closes)?.pieces(text).next()?.1.end),
        None => Some(value),
    }
}

/// Returns where the value stands that a line holds, or the bracket that it opens.
fn value_of(line: Line, text: &[u8]) -> Option<Range<usize>> {
    let is_named = name_of(line, text).is_some();
    let mut pieces = line.pieces(text).skip(if is_named { 2 } else { 0 });
    let (kind, first) = pieces.next()?;
    // `[]` and `{}` are two pieces; a comma behind a value is not of it.
    let is_empty = kind == TokenKind::Punctuation && line.closes().is_none();
    let last = if is_empty { pieces.next()?.1 } else { first.clone() };
    Some(first.start..last.end)
}

/// A step from a value to one within.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Member(String),
    Element(usize),
}

/// Calls `found` with each value that holds no other, in order: how many steps to it are those of the value before, the
/// further ones, and where it stands; until that says that it is enough.
pub(super) fn leaves(
    lines: &[Line],
    text: &[u8],
    mut found: impl FnMut(usize, &[Step], Range<usize>) -> bool,
) {
    let (mut steps, mut known): (Vec<Step>, usize) = (Vec::new(), 0);
    // How many members or elements were seen of each bracket that is open.
    let mut counts: Vec<usize> = Vec::new();
    for line in lines {
        counts.truncate(line.depth());
        steps.truncate(line.depth().saturating_sub(1));
        known = known.min(steps.len());
        if matches!(text.get(line.range().start), Some(b']' | b'}')) {
            continue;
        }
        if let Some(count) = counts.last_mut() {
            let name = name_of(*line, text).and_then(|range| text.get(range));
            steps.push(match name {
                Some(name) => Step::Member(serde_json::from_slice(name).unwrap_or_default()),
                None => Step::Element(*count),
            });
            *count = count.saturating_add(1);
        }
        if line.closes().is_some() {
            counts.push(0);
        } else if let Some(value) = value_of(*line, text) {
            if !found(known, steps.get(known..).unwrap_or_default(), value) {
                return;
            }
            known = steps.len();
        }
    }
}

/// Returns the line that stands for what line `at` does: the one that opens a bracket for one that only closes it.
fn opening(lines: &[Line], at: usize) -> usize {
    lines.iter().position(|line| line.closes() == Some(at)).unwrap_or(at)
}

/// Returns where the name of the member stands that a line begins with.
fn name_of(line: Line, text: &[u8]) -> Option<Range<usize>> {
    line.pieces(text).next().filter(|(kind, _)| *kind == TokenKind::Name).map(|(_, range)| range)
}

/// Returns the path to the value in line `at`, as a filter has it: `.a.b[2]`.
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
    /// Returns the step as a filter has it.
    pub(super) fn words(&self) -> String {
        match self {
            Step::Member(name) => step_to(name),
            Step::Element(at) => format!("[{at}]"),
        }
    }
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

//! JSON laid out in lines, its numbers and strings kept as they were sent.

use std::ops::Range;

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Punctuation,
    Name,
    String,
    Number,
    Word,
}

/// One line: how deep it is, its pieces as ranges of the payload, and where its bracket closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) depth: u16,
    pub(super) pieces: Vec<(TokenKind, Range<usize>)>,
    /// For a line that opens a bracket, the line that closes it.
    pub(super) closes: Option<usize>,
}

/// Bounds the lines, the depth and the bytes that are laid out.
const LINES: usize = 50_000;
const DEPTH: usize = 200;

/// Lays `text` out; `None` where it is not JSON as far as the bounds reach.
///
/// The text itself is only cut, never made anew: what is shown is what was sent.
pub(super) fn lay_out(text: &[u8]) -> Option<Vec<Line>> {
    let mut maker = Maker { text, at: 0, lines: Vec::new(), open: Vec::new() };
    maker.blanks();
    if !matches!(maker.peek()?, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') {
        return None;
    }
    maker.line();
    maker.run()?;
    Some(maker.lines)
}

/// Returns how many members or elements the bracket has that line `at` opens.
pub(super) fn elements(lines: &[Line], at: usize) -> usize {
    let Some(Line { depth, closes: Some(closes), .. }) = lines.get(at) else { return 0 };
    let inside = depth.saturating_add(1);
    let (mut count, mut next) = (0_usize, at.saturating_add(1));
    while let Some(line) = lines.get(next).filter(|_| next < *closes) {
        count = count.saturating_add(usize::from(line.depth == inside));
        next = line.closes.unwrap_or(next).saturating_add(1);
    }
    count
}

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

struct Maker<'a> {
    text: &'a [u8],
    at: usize,
    lines: Vec<Line>,
    /// The lines whose brackets are open, and the bracket that closes them.
    open: Vec<(usize, u8)>,
}

impl Maker<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn line(&mut self) {
        let depth = u16::try_from(self.open.len()).unwrap_or(u16::MAX);
        self.lines.push(Line { depth, pieces: Vec::new(), closes: None });
    }

    fn piece(&mut self, tint: TokenKind, length: usize) {
        let range = self.at..self.at.saturating_add(length).min(self.text.len());
        self.at = range.end;
        if let Some(line) = self.lines.last_mut() {
            line.pieces.push((tint, range));
        }
    }

    /// Reads values until the outermost one ends.
    fn run(&mut self) -> Option<()> {
        loop {
            if self.lines.len() > LINES {
                return Some(());
            }
            self.value()?;
            // Behind a value: commas and closing brackets.
            loop {
                self.blanks();
                let Some((line, close)) = self.open.last().copied() else {
                    return (self.at == self.text.len()).then_some(());
                };
                match self.peek()? {
                    b',' => {
                        self.piece(TokenKind::Punctuation, 1);
                        self.blanks();
                        self.line();
                        if close == b'}' {
                            self.name()?;
                        }
                        break;
                    }
                    byte if byte == close => {
                        self.open.pop();
                        self.line();
                        let last = self.lines.len().saturating_sub(1);
                        if let Some(line) = self.lines.get_mut(line) {
                            line.closes = Some(last);
                        }
                        self.piece(TokenKind::Punctuation, 1);
                    }
                    _ => return None,
                }
            }
        }
    }

    /// Reads a value; of one with members, up to the first of them.
    fn value(&mut self) -> Option<()> {
        loop {
            self.blanks();
            match self.peek()? {
                bracket @ (b'{' | b'[') => {
                    let close = if bracket == b'{' { b'}' } else { b']' };
                    self.piece(TokenKind::Punctuation, 1);
                    self.blanks();
                    if self.peek()? == close {
                        self.piece(TokenKind::Punctuation, 1);
                        return Some(());
                    }
                    if self.open.len() >= DEPTH {
                        return None;
                    }
                    self.open.push((self.lines.len().saturating_sub(1), close));
                    self.line();
                    if close == b'}' {
                        self.name()?;
                    }
                }
                b'"' => return self.string(TokenKind::String),
                b'-' | b'0'..=b'9' => {
                    let rest = self.text.get(self.at..)?;
                    let is = |b: &u8| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                    self.piece(TokenKind::Number, rest.iter().take_while(|b| is(b)).count());
                    return Some(());
                }
                _ => {
                    let rest = self.text.get(self.at..)?;
                    let word =
                        [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word))?;
                    self.piece(TokenKind::Word, word.len());
                    return Some(());
                }
            }
        }
    }

    fn name(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        self.string(TokenKind::Name)?;
        self.blanks();
        if self.peek()? != b':' {
            return None;
        }
        self.piece(TokenKind::Punctuation, 1);
        Some(())
    }

    fn string(&mut self, tint: TokenKind) -> Option<()> {
        let mut escaped = false;
        let rest = self.text.get(self.at.saturating_add(1)..)?;
        let length = rest.iter().position(|b| {
            let ends = *b == b'"' && !escaped;
            escaped = *b == b'\\' && !escaped;
            ends
        })?;
        self.piece(tint, length.saturating_add(2));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(text: &str) -> Option<String> {
        let lines = lay_out(text.as_bytes())?;
        Some(
            lines
                .iter()
                .map(|line| {
                    let pieces: String = line.pieces.iter().map(|(_, range)| &text[range.clone()]).collect();
                    format!("{}{pieces}\n", "  ".repeat(line.depth.into()))
                })
                .collect(),
        )
    }

    #[test]
    fn numbers_and_escapes_stay_as_they_were_sent() {
        let text = r#" {"a":[1.10,-2E+5,12345678901234567890123], "b\"\u00e9" :{},"c":[ ],"d":{"e":null}} "#;
        let want = "{\n  \"a\":[\n    1.10,\n    -2E+5,\n    12345678901234567890123\n  ],\n  \"b\\\"\\u00e9\":{},\n  \"c\":[],\n  \"d\":{\n    \"e\":null\n  }\n}\n";
        assert_eq!(show(text).unwrap(), want);
    }

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

    #[test]
    fn brackets_know_where_they_close() {
        let lines = lay_out(br#"{"a":[1,{"b":2}]}"#).unwrap();
        let closes: Vec<_> = lines.iter().map(|line| line.closes).collect();
        assert_eq!(closes, [Some(7), Some(6), None, Some(5), None, None, None, None]);
    }

    #[test]
    fn elements_are_counted_and_those_within_them_are_not() {
        let lines = lay_out(br#"{"a":[1,{"b":2,"c":[3,4]},[]],"d":{}}"#).unwrap();
        assert_eq!([0, 1, 3, 5].map(|at| elements(&lines, at)), [2, 3, 2, 2]);
    }

    #[test]
    fn what_is_not_json_is_not_laid_out() {
        for text in ["", "hello", "{\"a\"}", "{\"a\":1", "[1,]x", "[1 2]", "{} {}", "42[", "\"abc"] {
            assert_eq!(show(text), None, "{text}");
        }
        assert_eq!(show(&"[".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_is_lost(value in any::<(Vec<(String, i64)>, Vec<Option<bool>>)>()) {
            let value = serde_json::json!([value.0.into_iter().collect::<std::collections::BTreeMap<_, _>>(), value.1]);
            let text = serde_json::to_string_pretty(&value).unwrap();
            let shown = show(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }

        #[test]
        fn any_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = lay_out(&bytes);
        }
    }
}

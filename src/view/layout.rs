//! JSON laid out in lines, its numbers and strings kept as they were sent.

use std::ops::Range;

/// The kind of a piece of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Brackets, commas and colons.
    Punctuation,
    /// The name of a member, in quotes.
    Name,
    /// A string, in quotes.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// One line: how deep it is, its pieces as ranges of the payload, and where its bracket closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How many brackets are open around it.
    pub depth: u16,
    /// Its pieces.
    pub pieces: Vec<(TokenKind, Range<usize>)>,
    /// For a line that opens a bracket, the line that closes it.
    pub closes: Option<usize>,
}

/// Bounds the lines, the depth and the bytes that are laid out.
pub const LINES: usize = 200_000;
const DEPTH: usize = 200;

/// Lays `text` out; `None` where it is not JSON as far as the bounds reach.
///
/// The text itself is only cut, never made anew: what is shown is what was sent.
pub fn lay_out(text: &[u8]) -> Option<Vec<Line>> {
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
pub fn elements(lines: &[Line], at: usize) -> usize {
    let Some(Line { depth, closes: Some(closes), .. }) = lines.get(at) else { return 0 };
    let inside = depth.saturating_add(1);
    let (mut count, mut next) = (0_usize, at.saturating_add(1));
    while let Some(line) = lines.get(next).filter(|_| next < *closes) {
        count = count.saturating_add(usize::from(line.depth == inside));
        next = line.closes.unwrap_or(next).saturating_add(1);
    }
    count
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

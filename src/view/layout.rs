//! JSON laid out in lines, with numbers and strings exactly as sent.

use std::ops::Range;

/// The kind of a token in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Brackets, commas and colons.
    Punctuation,
    /// The name of an object member, in quotes.
    Name,
    /// A string, in quotes.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// One line of laid-out JSON: its depth, its range in the text, and the line that closes its bracket.
///
/// Kept small because a text may have millions of lines; tokens are parsed again on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    depth: u32,
    start: u32,
    end: u32,
    /// The line that closes the bracket opened here, or 0 if none is opened.
    closes: u32,
}

/// The maximum number of lines.
pub const LINES: usize = 8 << 20;
/// The maximum nesting depth.
pub const DEPTH: usize = 200;

impl Line {
    /// Returns the number of brackets open around the line.
    pub const fn depth(&self) -> usize {
        self.depth as usize
    }

    /// Returns the line's range in the text.
    pub const fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the line that closes the bracket this line opens, if it opens one.
    pub const fn closes(&self) -> Option<usize> {
        if self.closes == 0 { None } else { Some(self.closes as usize) }
    }

    /// Returns the line's tokens as ranges of `text`, the text that was laid out.
    pub fn pieces(self, text: &[u8]) -> impl Iterator<Item = (TokenKind, Range<usize>)> {
        let mut at = self.start as usize;
        std::iter::from_fn(move || {
            let line = text.get(..self.end as usize)?;
            at = after_blanks(line, at);
            let (mut kind, length) = token(line, at)?;
            let range = at..at.saturating_add(length);
            at = range.end;
            if kind == TokenKind::String && line.get(after_blanks(line, at)) == Some(&b':') {
                kind = TokenKind::Name;
            }
            Some((kind, range))
        })
    }
}

/// Returns the position of the first non-blank at or after `at`.
fn after_blanks(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    at.saturating_add(rest.iter().position(|byte| !is_blank(byte)).unwrap_or(rest.len()))
}

/// Returns the kind and length of the token at `at`, or `None` if it is not JSON.
fn token(text: &[u8], at: usize) -> Option<(TokenKind, usize)> {
    let rest = text.get(at..)?;
    Some(match rest.first()? {
        b'{' | b'}' | b'[' | b']' | b',' | b':' => (TokenKind::Punctuation, 1),
        b'"' => (TokenKind::String, string(rest)?),
        b'-' | b'0'..=b'9' => {
            let is_part = |b: &u8| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
            (TokenKind::Number, rest.iter().take_while(|b| is_part(b)).count())
        }
        _ => {
            let words = [&b"true"[..], b"false", b"null"];
            (TokenKind::Word, words.into_iter().find(|word| rest.starts_with(word))?.len())
        }
    })
}

/// Returns the length of the string at the start of `text`, including its quotes.
fn string(text: &[u8]) -> Option<usize> {
    let mut at = 1_usize;
    loop {
        let found = memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        at = at.saturating_add(found).saturating_add(1);
        if text.get(at.saturating_sub(1)) == Some(&b'"') {
            return Some(at);
        }
        // An escaped byte does not end the string.
        at = at.saturating_add(1);
    }
}

/// Lays `text` out in lines. Returns `None` if it is not JSON or exceeds the bounds.
///
/// The text is only split, never re-encoded, so that it is shown exactly as sent.
pub fn lay_out(text: &[u8]) -> Option<Vec<Line>> {
    u32::try_from(text.len()).ok()?;
    let mut maker = LayoutParser { text, at: 0, lines: Vec::new(), open: Vec::new() };
    maker.line();
    maker.run()?;
    Some(maker.lines)
}

/// Returns the number of members or elements of the object or array that line `at` opens.
pub fn elements(lines: &[Line], at: usize) -> usize {
    let Some((line, closes)) = lines.get(at).and_then(|line| Some((line, line.closes()?))) else { return 0 };
    let inside = line.depth().saturating_add(1);
    let (mut count, mut next) = (0_usize, at.saturating_add(1));
    while let Some(line) = lines.get(next).filter(|_| next < closes) {
        count = count.saturating_add(usize::from(line.depth() == inside));
        next = line.closes().unwrap_or(next).saturating_add(1);
    }
    count
}

struct LayoutParser<'a> {
    text: &'a [u8],
    at: usize,
    lines: Vec<Line>,
    /// The lines whose brackets are open, each with its closing bracket.
    open: Vec<(usize, u8)>,
}

impl LayoutParser<'_> {
    /// Begins a line at the next token.
    fn line(&mut self) {
        self.at = after_blanks(self.text, self.at);
        let [depth, start] = [self.open.len(), self.at].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        self.lines.push(Line { depth, start, end: start, closes: 0 });
    }

    /// Appends the next token to the line and returns its first byte and kind.
    fn take(&mut self) -> Option<(u8, TokenKind)> {
        self.at = after_blanks(self.text, self.at);
        let first = self.text.get(self.at).copied()?;
        let (kind, length) = token(self.text, self.at)?;
        self.at = self.at.saturating_add(length);
        if let Some(line) = self.lines.last_mut() {
            line.end = u32::try_from(self.at).unwrap_or(u32::MAX);
        }
        Some((first, kind))
    }

    fn peek(&mut self) -> Option<u8> {
        self.at = after_blanks(self.text, self.at);
        self.text.get(self.at).copied()
    }

    /// Parses values until the outermost one ends.
    fn run(&mut self) -> Option<()> {
        while self.lines.len() <= LINES {
            self.value()?;
            // After a value: commas and closing brackets.
            loop {
                let next = self.peek();
                let Some((line, close)) = self.open.last().copied() else {
                    return next.is_none().then_some(());
                };
                match next? {
                    b',' => {
                        self.take()?;
                        self.line();
                        if close == b'}' {
                            self.name()?;
                        }
                        break;
                    }
                    byte if byte == close => {
                        self.open.pop();
                        self.line();
                        let last = u32::try_from(self.lines.len().saturating_sub(1)).unwrap_or(0);
                        if let Some(line) = self.lines.get_mut(line) {
                            line.closes = last;
                        }
                        self.take()?;
                    }
                    _ => return None,
                }
            }
        }
        Some(())
    }

    /// Parses a value; descends into the first members of objects and arrays down to a scalar or an empty value.
    fn value(&mut self) -> Option<()> {
        loop {
            let close = match self.take()? {
                (b'{', _) => b'}',
                (b'[', _) => b']',
                (_, TokenKind::Punctuation) => return None,
                _ => return Some(()),
            };
            if self.peek()? == close {
                self.take()?;
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
    }

    fn name(&mut self) -> Option<()> {
        let is_named = self.take()?.1 == TokenKind::String && self.take()?.0 == b':';
        is_named.then_some(())
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
                    let pieces: String =
                        line.pieces(text.as_bytes()).map(|(_, range)| &text[range]).collect();
                    format!("{}{pieces}\n", "  ".repeat(line.depth()))
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
        let closes: Vec<_> = lines.iter().map(Line::closes).collect();
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

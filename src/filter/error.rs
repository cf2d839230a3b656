use std::borrow::Cow;
use std::fmt;

use unicode_width::UnicodeWidthStr;

/// The place where a filter is invalid, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    input: Box<str>,
    offset: usize,
    expected: Cow<'static, str>,
}

impl Error {
    /// Creates an error at the byte `offset` of `input`.
    pub(super) fn new(input: &str, offset: usize, expected: Cow<'static, str>) -> Self {
        Error { input: input.into(), offset, expected }
    }

    /// Returns the same error in `whole`, of which the parsed text begins at the byte `start`.
    #[must_use]
    pub fn within(self, whole: &str, start: usize) -> Self {
        Error { input: whole.into(), offset: start.saturating_add(self.offset), expected: self.expected }
    }

    /// Returns the offset of the error in bytes.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the column of the error in characters, from 1.
    pub fn column(&self) -> usize {
        self.before().chars().count().saturating_add(1)
    }

    /// Returns what was expected there.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns the word, string or sign at the error; empty at the end.
    pub fn found(&self) -> &str {
        let rest = self.input.get(self.offset..).unwrap_or_default();
        let mut characters = rest.char_indices();
        let Some((_, first)) = characters.next() else { return "" };
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let end = if is_word(first) {
            characters.find(|(_, c)| !is_word(*c))
        } else if matches!(first, '"' | '\'') {
            let mut escaped = false;
            characters.find(|(_, c)| {
                let is_end = *c == first && !escaped;
                escaped = *c == '\\' && !escaped;
                is_end
            });
            characters.next()
        } else {
            characters.next()
        };
        rest.get(..end.map_or(rest.len(), |(end, _)| end)).unwrap_or_default()
    }

    /// Returns the filter with a caret under the error, in two lines.
    pub fn caret(&self) -> String {
        let flat = |text: &str| text.replace(char::is_control, " ");
        format!("{}\n{:indent$}^", flat(&self.input), "", indent = flat(self.before()).width())
    }

    fn before(&self) -> &str {
        self.input.get(..self.offset).unwrap_or(&self.input)
    }
}

impl std::error::Error for Error {}

/// Formats the error in one line: `column 7: expected a size such as 100, found "x"`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: expected {}, found ", self.column(), self.expected)?;
        match self.found() {
            "" => f.write_str("the end"),
            found => write!(f, "`{}`", found.replace(char::is_control, " ")),
        }
    }
}

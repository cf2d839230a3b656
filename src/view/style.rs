use std::io::Write;
use std::ops::ControlFlow;

use unicode_width::UnicodeWidthChar;

use crate::model::Side;
use crate::text::{Shown, printable};

/// The meaning of a piece of text, independent of how it is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Ordinary text.
    Plain,
    /// Context of secondary importance.
    Dim,
    /// The subject of a row.
    Strong,
    /// An action of the client.
    Client,
    /// An action of the server.
    Server,
    /// A violated MUST.
    Error,
    /// A violated SHOULD, or something suspicious.
    Warning,
    /// A limit of the capture or of the analyzer.
    Note,
    /// A placeholder for bytes that cannot be shown literally.
    Escape,
}

/// Returns the arrow of a side: `→` for the client.
pub(super) const fn arrow(from: Side) -> &'static str {
    match from {
        Side::Client => "→",
        Side::Server => "←",
    }
}

/// Returns the style of a side.
pub(super) const fn side_style(from: Side) -> Style {
    match from {
        Side::Client => Style::Client,
        Side::Server => Style::Server,
    }
}

impl Style {
    /// Returns the SGR parameters of the style (ECMA-48), to be put between `ESC [` and `m`.
    const fn code(self) -> &'static str {
        match self {
            Style::Plain => "0",
            Style::Dim => "2",
            Style::Strong => "1",
            Style::Client => "36",
            Style::Server => "32",
            Style::Error => "1;31",
            Style::Warning => "33",
            Style::Note => "34",
            Style::Escape => "35",
        }
    }
}

/// A writer of styled text that counts the columns of the current line.
///
/// Bytes from the wire are written only with [`StyledWriter::wire`].
#[derive(Debug)]
pub struct StyledWriter<'o> {
    out: &'o mut Vec<u8>,
    colour: bool,
    style: Style,
    column: usize,
    /// The maximum width of a line, in columns.
    most: usize,
}

impl<'o> StyledWriter<'o> {
    /// Creates a writer that appends to `out`, with or without colour.
    pub const fn new(out: &'o mut Vec<u8>, colour: bool) -> Self {
        StyledWriter { out, colour, style: Style::Plain, column: 0, most: usize::MAX }
    }

    /// Truncates lines longer than `columns`, ending them with `…`.
    #[must_use]
    pub const fn within(self, columns: usize) -> Self {
        StyledWriter { most: columns, ..self }
    }

    /// Returns the number of columns written to the current line.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// Writes trusted text.
    pub fn put(&mut self, style: Style, words: &str) {
        let columns = width(words);
        if columns > self.left_of_line() {
            self.wire(style, words.as_bytes(), usize::MAX);
        } else if !words.is_empty() {
            self.set(style);
            self.out.extend_from_slice(words.as_bytes());
            self.column = self.column.saturating_add(columns);
        }
    }

    const fn left_of_line(&self) -> usize {
        self.most.saturating_sub(self.column)
    }

    /// Writes trusted text, left-aligned in `columns`.
    pub fn left(&mut self, style: Style, words: &str, columns: usize) {
        self.put(style, words);
        self.blanks(columns.saturating_sub(width(words)));
    }

    /// Writes trusted text, right-aligned in `columns`.
    pub fn right(&mut self, style: Style, words: &str, columns: usize) {
        self.blanks(columns.saturating_sub(width(words)));
        self.put(style, words);
    }

    /// Writes blanks.
    pub fn blanks(&mut self, count: usize) {
        let count = count.min(self.left_of_line());
        self.set(Style::Plain);
        self.out.resize(self.out.len().saturating_add(count), b' ');
        self.column = self.column.saturating_add(count);
    }

    /// Writes bytes from the wire, escaped for a terminal and truncated to `room` columns, ending with `…` if
    /// truncated.
    ///
    /// Returns the remaining columns, or `None` if the text was truncated.
    pub fn wire(&mut self, style: Style, bytes: &[u8], room: usize) -> Option<usize> {
        let room = room.min(self.left_of_line());
        if let Some(left) = self.plain(style, bytes, room) {
            return left;
        }
        let end = self.column.saturating_add(room);
        // The last state after which `…` would still fit, for truncating back to it.
        let mut fits = (self.out.len(), self.style, self.column);
        let result = printable(bytes, |shown| {
            let columns = match shown {
                Shown::AsIs(c) => c.width().unwrap_or(0),
                Shown::Escaped(words) => width(words),
            };
            self.column = self.column.saturating_add(columns);
            if self.column > end {
                return ControlFlow::Break(());
            }
            match shown {
                Shown::AsIs(c) => {
                    self.set(style);
                    self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Shown::Escaped(words) => {
                    self.set(Style::Escape);
                    self.out.extend_from_slice(words.as_bytes());
                }
            }
            if self.column < end {
                fits = (self.out.len(), self.style, self.column);
            }
            ControlFlow::Continue(())
        });
        if result.is_continue() {
            return Some(end.saturating_sub(self.column));
        }
        self.out.truncate(fits.0);
        (self.style, self.column) = (fits.1, fits.2);
        if room > 0 {
            self.put(Style::Dim, "…");
        }
        None
    }

    /// Writes bytes if those that fit are all printable ASCII, the common case; returns `None` without writing
    /// otherwise.
    fn plain(&mut self, style: Style, bytes: &[u8], room: usize) -> Option<Option<usize>> {
        let (fitting, more) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        let looked_at = bytes.get(..room.saturating_add(1)).unwrap_or(bytes);
        if looked_at.is_empty() || !looked_at.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'))
        {
            return None;
        }
        let kept = if more.is_empty() { fitting } else { fitting.split_last()?.1 };
        if !kept.is_empty() {
            self.set(style);
            self.out.extend_from_slice(kept);
            self.column = self.column.saturating_add(kept.len());
        }
        if more.is_empty() {
            return Some(Some(room.saturating_sub(kept.len())));
        }
        self.put(Style::Dim, "…");
        Some(None)
    }

    /// Ends the line.
    pub fn end(&mut self) {
        self.set(Style::Plain);
        self.out.push(b'\n');
        self.column = 0;
    }

    fn set(&mut self, style: Style) {
        if self.style == style {
            return;
        }
        self.style = style;
        if self.colour {
            // Reset first, because a style does not undo the attributes of the previous one.
            let begin = if style == Style::Plain { "" } else { "0;" };
            // Writing into memory cannot fail.
            let _ = write!(self.out, "\x1b[{begin}{}m", style.code());
        }
    }
}

/// An output for rows: plain text, coloured text, or the cells of a screen.
pub trait StyledOutput {
    /// Returns the number of columns written to the current line.
    fn column(&self) -> usize;

    /// Writes trusted text.
    fn put(&mut self, style: Style, words: &str);

    /// Writes bytes from the wire, escaped for a terminal and truncated to `room` columns.
    fn wire(&mut self, style: Style, bytes: &[u8], room: usize);
}

impl StyledOutput for StyledWriter<'_> {
    fn column(&self) -> usize {
        StyledWriter::column(self)
    }

    fn put(&mut self, style: Style, words: &str) {
        StyledWriter::put(self, style, words);
    }

    fn wire(&mut self, style: Style, bytes: &[u8], room: usize) {
        StyledWriter::wire(self, style, bytes, room);
    }
}

/// Returns the width of trusted text, in columns.
fn width(words: &str) -> usize {
    if words.is_ascii() {
        return words.len();
    }
    words.chars().fold(0, |sum, c| sum.saturating_add(c.width().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(bytes: &[u8], room: usize) -> (String, Option<usize>) {
        let mut out = Vec::new();
        let left = StyledWriter::new(&mut out, false).wire(Style::Plain, bytes, room);
        (String::from_utf8(out).unwrap(), left)
    }

    #[test]
    fn cuts_by_columns_and_says_so() {
        assert_eq!(wire(b"hello", 6), ("hello".into(), Some(1)));
        assert_eq!(wire(b"hello", 5), ("hello".into(), Some(0)));
        assert_eq!(wire(b"hello", 4), ("hel…".into(), None));
        assert_eq!(wire("我是阿宝哥".as_bytes(), 10), ("我是阿宝哥".into(), Some(0)));
        assert_eq!(wire("我是阿宝哥".as_bytes(), 9), ("我是阿宝…".into(), None));
        assert_eq!(wire("我是阿宝哥".as_bytes(), 8), ("我是阿…".into(), None));
        assert_eq!(wire(b"ab\xff", 5), ("ab…".into(), None));
        assert_eq!(wire(b"ab", 0), (String::new(), None));
        assert_eq!(wire(b"", 0), (String::new(), Some(0)));
    }

    proptest! {
        #[test]
        fn the_quick_way_writes_the_same(text in "[ -~]{0,40}", room in 0_usize..50) {
            // A non-ASCII character at the end forces the slow path.
            let slow = wire(format!("{text}é").as_bytes(), room.max(text.len() + 1));
            let quick = wire(text.as_bytes(), room.max(text.len() + 1));
            prop_assert_eq!(format!("{}é", quick.0), slow.0);
            let (cut, left) = wire(text.as_bytes(), room);
            if text.len() > room {
                let kept = text.get(..room.saturating_sub(1)).unwrap_or_default();
                prop_assert_eq!((cut, left), (if room == 0 { String::new() } else { format!("{kept}…") }, None));
            } else {
                prop_assert_eq!((cut, left), (text.clone(), Some(room - text.len())));
            }
        }
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let (mut plain, mut coloured) = (Vec::new(), Vec::new());
        for (out, colour) in [(&mut plain, false), (&mut coloured, true)] {
            let mut writer = StyledWriter::new(out, colour);
            writer.left(Style::Client, "→", 3);
            writer.wire(Style::Plain, b"a\x1b[31mb", 80);
            assert_eq!(writer.column(), 10);
            writer.end();
        }
        assert_eq!(String::from_utf8(plain).unwrap(), "→  a␛[31mb\n");
        assert_eq!(String::from_utf8(coloured).unwrap(), "\x1b[0;36m→\x1b[0m  a\x1b[0;35m␛\x1b[0m[31mb\n");
    }
}

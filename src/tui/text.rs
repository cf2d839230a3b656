use std::ops::{ControlFlow, Range};

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar as _;

use crate::text;
use crate::text::Shown;

/// The maximum number of combining marks per character.
const MARKS: usize = 4;

/// A highlighted range of a text and its style.
pub(super) type Highlight = (Range<usize>, Style);

/// A writer of one row of the screen, from left to right, that never exceeds it.
///
/// It is the only way for text into the buffer. Bytes from the wire go through [`text::printable`] first. The columns
/// after a character stay aligned: combining marks join the preceding character, and joiners and variation selectors
/// are dropped, so that emoji are not combined.
pub(super) struct RowWriter<'a> {
    buffer: &'a mut Buffer,
    y: u16,
    x: u16,
    end: u16,
    /// The column of the last character written, and the number of its marks.
    last: Option<(u16, usize)>,
    full: bool,
}

impl<'a> RowWriter<'a> {
    /// Creates a writer that starts at a column of a row and may write `width` columns.
    pub(super) fn new(buffer: &'a mut Buffer, x: u16, y: u16, width: u16) -> Self {
        let area = *buffer.area();
        let inside = y >= area.top() && y < area.bottom();
        let end = if inside { x.saturating_add(width).min(area.right()) } else { x };
        RowWriter { buffer, y, x, end, last: None, full: false }
    }

    /// Returns the next column.
    pub(super) const fn x(&self) -> u16 {
        self.x
    }

    /// Returns the number of columns left.
    pub(super) const fn left(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Writes trusted text.
    pub(super) fn word(&mut self, text: &str, style: Style) -> &mut Self {
        for c in text.chars() {
            if self.put(c, style).is_break() {
                break;
            }
        }
        self
    }

    /// Writes bytes from the wire.
    pub(super) fn wire(&mut self, bytes: &[u8], style: Style, escape: Style) -> &mut Self {
        let _: ControlFlow<()> = text::printable(bytes, |shown| match shown {
            Shown::AsIs(c) => self.put(c, style),
            Shown::Escaped(words) => words.chars().try_for_each(|c| self.put(c, escape)),
        });
        self
    }

    /// Writes bytes from the wire with highlighted ranges, which must be sorted.
    pub(super) fn lit(&mut self, text: &[u8], lights: &[Highlight], (plain, escape): (Style, Style)) {
        let mut at = 0;
        for (range, style) in lights {
            self.wire(text.get(at..range.start).unwrap_or_default(), plain, escape);
            self.wire(text.get(range.clone()).unwrap_or_default(), *style, *style);
            at = range.end;
        }
        self.wire(text.get(at..).unwrap_or_default(), plain, escape);
    }

    /// Writes trusted text, right-aligned in `width` columns.
    pub(super) fn right(&mut self, text: &str, width: u16, style: Style) -> &mut Self {
        let blank = width.saturating_sub(columns(text));
        self.blank(blank, style);
        let end = self.end;
        self.end = self.x.saturating_add(width.saturating_sub(blank)).min(end);
        self.word(text, style);
        self.end = end;
        self.full = false;
        self
    }

    /// Writes trusted text in a field of `width` columns.
    pub(super) fn field(&mut self, text: &str, width: u16, style: Style) -> &mut Self {
        self.within(width, |writer| {
            writer.word(text, style);
        });
        self
    }

    /// Calls `write` with a writer for the next `width` columns and continues after them.
    pub(super) fn within(&mut self, width: u16, write: impl FnOnce(&mut RowWriter<'_>)) -> &mut Self {
        let end = self.x.saturating_add(width).min(self.end);
        write(&mut RowWriter::new(self.buffer, self.x, self.y, end.saturating_sub(self.x)));
        self.x = end;
        self.last = None;
        self
    }

    /// Skips columns, changing only their style.
    pub(super) fn blank(&mut self, width: u16, style: Style) -> &mut Self {
        for _ in 0..width.min(self.left()) {
            if let Some(cell) = self.buffer.cell_mut((self.x, self.y)) {
                cell.set_style(style);
            }
            self.x = self.x.saturating_add(1);
        }
        self.last = None;
        self
    }

    /// Fills the remaining columns with a character.
    pub(super) fn fill(&mut self, c: char, style: Style) {
        while self.left() > 0 {
            if self.put(c, style).is_break() {
                return;
            }
        }
    }

    fn put(&mut self, c: char, style: Style) -> ControlFlow<()> {
        // A safeguard: no caller passes a control character.
        let c = if c.is_control() { '·' } else { c };
        let width = u16::try_from(c.width().unwrap_or(1)).unwrap_or(1);
        if width == 0 {
            self.mark(c);
            return ControlFlow::Continue(());
        }
        if self.full || width > self.left() {
            self.overflow();
            return ControlFlow::Break(());
        }
        if let Some(cell) = self.buffer.cell_mut((self.x, self.y)) {
            cell.set_char(c).set_style(style);
        }
        self.last = Some((self.x, 0));
        self.x = self.x.saturating_add(1);
        if width == 2 {
            if let Some(cell) = self.buffer.cell_mut((self.x, self.y)) {
                // Empty, not blank: a narrow character written here later is then a change and gets drawn.
                cell.set_symbol("").set_style(style);
            }
            self.x = self.x.saturating_add(1);
        }
        ControlFlow::Continue(())
    }

    /// Appends a combining mark to the preceding character.
    fn mark(&mut self, c: char) {
        let selects = matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
        let (false, Some((x, marks))) = (selects, &mut self.last) else { return };
        if *marks < MARKS
            && let Some(cell) = self.buffer.cell_mut((*x, self.y))
        {
            *marks = marks.saturating_add(1);
            let mut symbol = cell.symbol().to_owned();
            symbol.push(c);
            cell.set_symbol(&symbol);
        }
    }

    /// Marks the row as truncated.
    fn overflow(&mut self) {
        if self.full {
            return;
        }
        self.full = true;
        let at = match self.last {
            _ if self.left() > 0 => self.x,
            Some((x, _)) => x,
            None => return,
        };
        for x in at..self.end {
            if let Some(cell) = self.buffer.cell_mut((x, self.y)) {
                cell.set_char(if x == at { '…' } else { ' ' });
            }
        }
        self.x = self.end;
    }
}

/// Breaks bytes from the wire into lines, at line feeds and after at most `width` columns.
pub(super) fn wrap(bytes: &[u8], width: usize) -> Vec<Range<usize>> {
    let (mut lines, mut start, mut at, mut used) = (Vec::new(), 0_usize, 0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().chars().map(|c| (c.len_utf8(), c, shown_columns(c)));
        // An invalid byte is shown in four columns.
        let invalid = chunk.invalid().iter().map(|_| (1, '?', 4));
        for (length, c, columns) in valid.chain(invalid) {
            if used.saturating_add(columns) > width && at > start {
                lines.push(start..at);
                (start, used) = (at, 0);
            }
            at = at.saturating_add(length);
            used = used.saturating_add(columns);
            if c == '\n' {
                lines.push(start..at.saturating_sub(1));
                (start, used) = (at, 0);
            }
        }
    }
    lines.push(start..at);
    lines
}

/// Returns the width of a character or of its escaped form.
fn shown_columns(c: char) -> usize {
    if c.is_ascii() {
        return 1;
    }
    let mut sum = 0_usize;
    let _: ControlFlow<()> = text::printable(c.encode_utf8(&mut [0; 4]).as_bytes(), |shown| {
        sum = sum.saturating_add(match shown {
            Shown::AsIs(c) => c.width().unwrap_or(1),
            Shown::Escaped(words) => usize::from(columns(words)),
        });
        ControlFlow::Continue(())
    });
    sum
}

/// Truncates text in the middle if it is wider than `room` columns, because both ends are more informative.
pub(super) fn truncate_middle(words: &str, room: u16) -> String {
    if columns(words) <= room {
        return words.to_owned();
    }
    let width = |c: char| u16::try_from(c.width().unwrap_or(1)).unwrap_or(1);
    let end = room.saturating_sub(1) / 3;
    let (mut head, mut tail, mut used) = (String::new(), Vec::new(), 0_u16);
    for c in words.chars().take_while(|c| {
        used = used.saturating_add(width(*c));
        used <= end
    }) {
        head.push(c);
    }
    let mut left = room.saturating_sub(columns(&head)).saturating_sub(1);
    for c in words.chars().rev() {
        let Some(rest) = left.checked_sub(width(c)) else { break };
        left = rest;
        tail.push(c);
    }
    head.push('…');
    head.extend(tail.into_iter().rev());
    head
}

/// Returns the width of trusted text, in columns.
pub(super) fn columns(text: &str) -> u16 {
    text.chars().fold(0, |sum: u16, c| sum.saturating_add(u16::try_from(c.width().unwrap_or(1)).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use unicode_width::UnicodeWidthStr as _;

    fn row(buffer: &Buffer) -> String {
        let mut text = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, 0)].symbol();
            skip = symbol.width().saturating_sub(1);
            text.push_str(symbol);
        }
        text
    }

    fn paint(bytes: &[u8], width: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        let mut writer = RowWriter::new(&mut buffer, 1, 0, width);
        writer.wire(bytes, Style::new(), Style::new());
        row(&buffer)
    }

    #[test]
    fn wide_characters_are_not_cut_in_halves() {
        assert_eq!(paint("我是阿宝哥".as_bytes(), 10), " 我是阿宝哥 ");
        assert_eq!(paint("我是阿宝哥".as_bytes(), 9), " 我是阿宝…  ");
        assert_eq!(paint("我是阿宝哥".as_bytes(), 8), " 我是阿…    ");
        assert_eq!(paint(b"abc", 2), " a…         ");
    }

    #[test]
    fn names_are_cut_in_the_middle() {
        assert_eq!(truncate_middle("abc", 3), "abc");
        assert_eq!(truncate_middle("abcdefghij", 7), "ab…ghij");
        assert_eq!(truncate_middle("我是阿宝哥", 6), "…宝哥");
        assert_eq!(truncate_middle("abc", 0), "…");
    }

    #[test]
    fn marks_join_and_joiners_go() {
        assert_eq!(paint("e\u{301}x".as_bytes(), 10), " e\u{301}x         ");
        assert_eq!(paint("👨\u{200d}👩".as_bytes(), 10), " 👨👩       ");
        assert_eq!(paint("❤\u{fe0f}x".as_bytes(), 10), " ❤x         ");
    }

    #[test]
    fn lines_are_cut_where_what_is_shown_would_be_too_long() {
        let cut = |text: &str, width| -> Vec<String> {
            wrap(text.as_bytes(), width).into_iter().map(|range| text[range].to_owned()).collect()
        };
        assert_eq!(cut("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(cut("ab\ncd", 4), ["ab", "cd"]);
        assert_eq!(cut("我是阿", 5), ["我是", "阿"]);
        assert_eq!(cut("a\u{202e}bc", 9), ["a\u{202e}", "bc"]);
        assert_eq!(cut("我我", 1), ["我", "我"]);
    }

    proptest! {
        #[test]
        fn never_leaves_its_columns(text: String, bytes: Vec<u8>, x in 0_u16..14, width in 0_u16..14) {
            for bytes in [text.as_bytes(), &bytes] {
                let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
                for cell in &mut buffer.content { cell.set_char('#'); }
                RowWriter::new(&mut buffer, x, 0, width).wire(bytes, Style::new(), Style::new());
                for (n, cell) in buffer.content.iter().enumerate() {
                    let n = u16::try_from(n).unwrap();
                    if n < x || n >= x + width {
                        prop_assert_eq!(cell.symbol(), "#");
                    }
                    prop_assert!(cell.symbol().chars().all(|c| !c.is_control()));
                }
                prop_assert_eq!(row(&buffer).width(), 12);
            }
        }
    }
}

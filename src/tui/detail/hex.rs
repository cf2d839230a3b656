use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::super::paint::scroll;
use super::super::text::RowWriter;
use super::hex_rows::{Cell, HexLine, HexLines, OFFSET, Row, characters, width_of};
use super::{Detail, Look};

impl Detail {
    /// Lays out the bytes in rows and computes the first visible one.
    pub(super) fn lay_out_bytes(&mut self, area: Rect) {
        let per_row = *[32, 16, 8].iter().find(|bytes| width_of(**bytes) <= area.width).unwrap_or(&4);
        if self.rows.per_row != per_row {
            self.rows = HexLines::of(&self.document, per_row);
        }
        let selected = self.rows.line_of(self.byte);
        let last = self.rows.count.saturating_sub(1);
        let height = usize::from(area.height);
        self.hex_top = scroll(self.hex_top, selected.saturating_add(1).min(last), height, self.rows.count);
        if self.hex_top == selected && selected > 0 {
            // Keep the heading of the part in view if there is room.
            self.hex_top = selected.saturating_sub(1);
        }
    }

    fn bytes_seen(&self) -> impl Iterator<Item = (u16, HexLine)> {
        let area = self.panes.hex.unwrap_or_default();
        (area.y..area.bottom()).zip((self.hex_top..self.rows.count).filter_map(|n| self.rows.line(n)))
    }

    /// Returns the byte at a position of the screen.
    pub(super) fn byte_at(&self, at: Position) -> Option<usize> {
        let area = self.panes.hex?;
        let (_, line) = self.bytes_seen().find(|(y, _)| *y == at.y)?;
        let HexLine::Row(row) = line else { return None };
        let x = at.x.checked_sub(area.x)?;
        let cells = row.cells(&self.document);
        let found = (0..area.width).zip(&cells).find(|(n, _)| {
            let hex = OFFSET.saturating_add(n.saturating_mul(3)).saturating_add(n / 8).saturating_add(1);
            (hex..hex.saturating_add(3)).contains(&x) || characters(self.rows.per_row).saturating_add(*n) == x
        });
        match found?.1 {
            Cell::Byte(byte) => Some(*byte),
            Cell::None | Cell::Missing => None,
        }
    }

    /// Draws bytes in hex and as characters, highlighting those of the selected field.
    pub(super) fn draw_bytes(&self, look: &Look<'_>, buffer: &mut Buffer) {
        let (Some(area), theme, document) = (self.panes.hex, look.theme, &self.document) else { return };
        let room = area.width.saturating_sub(1);
        if self.rows.count == 0 {
            let words = document.absent.unwrap_or("no bytes");
            RowWriter::new(buffer, area.x.saturating_add(1), area.y, room).word(words, theme.dim);
        }
        let lit = document.fields.get(self.field).and_then(|field| field.bytes.clone()).unwrap_or(0..0);
        for (y, line) in self.bytes_seen() {
            let mut writer = RowWriter::new(buffer, area.x, y, area.width);
            match line {
                HexLine::Part(n) => {
                    let words = document.parts.get(n).map_or("", |(_, words)| words);
                    writer.word(" ", theme.text).word(words, theme.dim);
                }
                HexLine::Missing(offset, words) => {
                    writer.word(&format!(" {offset:06x}  "), theme.rule).word(&words, theme.note);
                }
                HexLine::Row(row) => {
                    self.draw_hex(look, &mut writer, &row, &lit);
                    let column = characters(self.rows.per_row);
                    let (x, width) = (area.x.saturating_add(column), area.width.saturating_sub(column));
                    self.draw_characters(look, &mut RowWriter::new(buffer, x, y, width), &row, &lit);
                }
            }
        }
    }

    /// Returns the style of a byte, which is `plain` unless it is highlighted.
    fn byte_style(&self, look: &Look<'_>, lit: &Range<usize>, at: usize, plain: Style) -> Style {
        let selected = at == self.byte && look.focus;
        let place = at.checked_sub(self.document.payload.start);
        let hit = place.and_then(|at| self.hits.get(self.hits.partition_point(|hit| hit.end <= at)));
        if selected || place.is_some_and(|at| hit.is_some_and(|hit| hit.contains(&at))) {
            look.theme.hit
        } else if lit.contains(&at) {
            look.theme.field
        } else {
            plain
        }
    }

    fn draw_hex(&self, look: &Look<'_>, writer: &mut RowWriter<'_>, row: &Row, lit: &Range<usize>) {
        let theme = look.theme;
        writer.word(&format!(" {:06x} ", row.offset), theme.rule);
        let cells = row.cells(&self.document);
        for (n, cell) in cells.iter().enumerate() {
            if n % 8 == 0 {
                writer.word(" ", theme.text);
            }
            match cell {
                Cell::None => drop(writer.blank(3, theme.text)),
                Cell::Missing => drop(writer.word("··", theme.note).word(" ", theme.text)),
                Cell::Byte(at) => {
                    let byte = self.document.bytes.get(*at).copied().unwrap_or(0);
                    let plain = match byte {
                        0 => theme.rule,
                        0x20..0x7f => theme.text,
                        _ => theme.number,
                    };
                    writer.word(&format!("{byte:02x}"), self.byte_style(look, lit, *at, plain));
                    let next = n.saturating_add(1);
                    let beside = matches!(cells.get(next), Some(Cell::Byte(beside)) if lit.contains(beside));
                    let joined = lit.contains(at) && beside && next % 8 != 0;
                    writer.word(" ", if joined { theme.field } else { theme.text });
                }
            }
        }
    }

    fn draw_characters(&self, look: &Look<'_>, writer: &mut RowWriter<'_>, row: &Row, lit: &Range<usize>) {
        let theme = look.theme;
        for cell in &row.cells(&self.document) {
            match cell {
                Cell::None => drop(writer.blank(1, theme.text)),
                Cell::Missing => drop(writer.word("·", theme.note)),
                Cell::Byte(at) => {
                    let byte = self.document.bytes.get(*at).copied().unwrap_or(0);
                    let c = if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '·' };
                    let plain = if c == '·' { theme.dim } else { theme.text };
                    writer.word(c.encode_utf8(&mut [0; 4]), self.byte_style(look, lit, *at, plain));
                }
            }
        }
    }
}

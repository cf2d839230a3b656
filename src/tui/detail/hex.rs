use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::super::clock::grouped;
use super::super::document::Document;
use super::super::draw::scroll;
use super::super::patched::{Part, Patched};
use super::super::text::RowWriter;
use super::{Detail, Look};

/// From how many rows on of which nothing is known they are one line.
const FOLDED: u64 = 3;

impl Detail {
    /// Puts the bytes into rows, and finds the first to be seen.
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
            // The heading of the part stays in view where there is room.
            self.hex_top = selected.saturating_sub(1);
        }
    }

    fn bytes_seen(&self) -> impl Iterator<Item = (u16, HexLine)> {
        let area = self.panes.hex.unwrap_or_default();
        (area.y..area.bottom()).zip((self.hex_top..self.rows.count).filter_map(|n| self.rows.line(n)))
    }

    /// Returns the byte that lies under a place on the screen.
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

    /// Draws bytes in hex and as characters; those of the selected field are lit.
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

    /// Returns how a byte looks that is `plain` where nothing lights it.
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

/// How many columns an offset takes.
const OFFSET: u16 = 8;

/// Returns the column at which the characters of rows of so many bytes begin.
const fn characters(per_row: usize) -> u16 {
    width_of(per_row).saturating_sub(per_row as u16)
}

/// Returns how many columns a row of so many bytes takes: its offset, the bytes in hex, and as characters.
pub(super) const fn width_of(bytes: usize) -> u16 {
    (bytes as u16).saturating_mul(4).saturating_add(bytes as u16 / 8).saturating_add(9)
}

#[derive(Clone, Debug)]
enum HexLine {
    /// The heading of one of the document's parts.
    Part(usize),
    Row(Row),
    /// Rows of which nothing is known: the offset of the first, and words in their place.
    Missing(u64, String),
}

/// A row of cells, or many rows that follow each other and of which all is known.
#[derive(Clone, Debug)]
struct Row {
    /// The offset of its first cell in its part.
    offset: u64,
    /// The cells that there are; those without a byte are missing.
    cells: Range<usize>,
    /// The bytes that are known.
    bytes: Range<usize>,
}

/// The lines that show bytes, made when they are wanted of what follows each other.
#[derive(Debug, Default)]
pub(super) struct HexLines {
    pub(super) per_row: usize,
    /// How many lines there are.
    count: usize,
    /// What follows each other, and the number of its first line.
    runs: Vec<(usize, HexLine)>,
}

impl HexLines {
    fn of(document: &Document, per_row: usize) -> HexLines {
        let mut lines = Vec::new();
        for (n, (start, _)) in document.parts.iter().enumerate() {
            let end = document.parts.get(n.saturating_add(1)).map_or(document.bytes.len(), |(next, _)| *next);
            lines.push(HexLine::Part(n));
            if let Some(patched) = document.patched.as_ref().filter(|_| *start == document.payload.start) {
                rows_with_gaps(patched, *start, per_row, &mut lines);
            } else if *start < end {
                let cells = 0..end.saturating_sub(*start);
                lines.push(HexLine::Row(Row { offset: 0, cells, bytes: *start..end }));
            }
        }
        let mut count = 0_usize;
        let mut number = |line: HexLine| {
            let first = count;
            let rows = if let HexLine::Row(row) = &line { row.cells.end.div_ceil(per_row) } else { 1 };
            count = count.saturating_add(rows);
            (first, line)
        };
        let runs = lines.into_iter().map(&mut number).collect();
        HexLines { per_row, count, runs }
    }

    fn line(&self, n: usize) -> Option<HexLine> {
        let run = self.runs.partition_point(|(first, _)| *first <= n).checked_sub(1)?;
        let (first, line) = self.runs.get(run)?;
        let HexLine::Row(row) = line else { return Some(line.clone()) };
        if row.cells.end <= self.per_row {
            return Some(line.clone());
        }
        let skipped = n.saturating_sub(*first).saturating_mul(self.per_row);
        let start = row.bytes.start.saturating_add(skipped);
        let bytes = start..start.saturating_add(self.per_row).min(row.bytes.end);
        let offset = row.offset.saturating_add(skipped as u64);
        Some(HexLine::Row(Row { offset, cells: 0..bytes.len(), bytes }))
    }

    /// Returns the line that a byte is in.
    fn line_of(&self, byte: usize) -> usize {
        let found = self.runs.iter().find_map(|(first, line)| match line {
            HexLine::Row(row) if row.bytes.contains(&byte) => {
                let rows = byte.saturating_sub(row.bytes.start).checked_div(self.per_row).unwrap_or(0);
                Some(first.saturating_add(if row.cells.end > self.per_row { rows } else { 0 }))
            }
            _ => None,
        });
        found.unwrap_or(0)
    }
}

/// Lays out a payload of which parts are missing; rows of which nothing is known are one line.
fn rows_with_gaps(patched: &Patched, start: usize, per_row: usize, lines: &mut Vec<HexLine>) {
    let width = per_row.max(1) as u64;
    let row_of = |offset: u64| offset.saturating_sub(offset.checked_rem(width).unwrap_or(0));
    let cell = |offset: u64, row: u64| usize::try_from(offset.saturating_sub(row)).unwrap_or(per_row);
    // What is not known to lie in a row before this offset does not lie there: its place is not known.
    let (mut end, mut first) = (0_u64, 0_u64);
    for part in &patched.parts {
        match part {
            Part::Known { bytes, offset, .. } => {
                end = *offset;
                let mut at = bytes.start;
                while at < bytes.end {
                    let row = row_of(end);
                    let left = bytes.end.saturating_sub(at);
                    let whole = left.saturating_sub(left.checked_rem(per_row).unwrap_or(0));
                    // Rows of which all is known are one run.
                    let is_run = row == end && whole > per_row && first <= end;
                    let room = if is_run { whole } else { per_row.saturating_sub(cell(end, row)).max(1) };
                    let to = at.saturating_add(room).min(bytes.end);
                    let last = end.saturating_add(to.saturating_sub(at) as u64);
                    let place = start.saturating_add(at)..start.saturating_add(to);
                    extend(lines, row, cell(first.max(row), row)..cell(last, row), place);
                    (at, end) = (to, last);
                }
            }
            Part::Missing { hole, before } => {
                let here = start.saturating_add(*before)..start.saturating_add(*before);
                let Some(length) = hole.length else {
                    lines.push(HexLine::Missing(
                        hole.offset,
                        "··· how many bytes are missing is not known ···".into(),
                    ));
                    (first, end) = (hole.offset, hole.offset);
                    continue;
                };
                end = hole.offset.max(end);
                let last = end.saturating_add(length);
                while end < last {
                    let row = row_of(end);
                    let whole = last.saturating_sub(end).checked_div(width).unwrap_or(0);
                    if row == end && whole >= FOLDED {
                        let folded = whole.saturating_mul(width);
                        let words = format!("··· {} bytes missing ···", grouped(folded));
                        lines.push(HexLine::Missing(end, words));
                        end = end.saturating_add(folded);
                        continue;
                    }
                    let to = row.saturating_add(width).min(last);
                    extend(lines, row, cell(first.max(row), row)..cell(to, row), here.clone());
                    end = to;
                }
            }
        }
    }
}

/// Adds cells to the last row, or begins one.
fn extend(lines: &mut Vec<HexLine>, offset: u64, cells: Range<usize>, bytes: Range<usize>) {
    match lines.last_mut() {
        Some(HexLine::Row(row)) if row.offset == offset && row.cells.end <= cells.end => {
            row.cells.end = cells.end;
            if row.bytes.is_empty() {
                row.bytes.start = bytes.start;
            }
            row.bytes.end = bytes.end;
        }
        _ => lines.push(HexLine::Row(Row { offset, cells, bytes })),
    }
}

/// The content of a cell of a row.
#[derive(Clone, Copy)]
enum Cell {
    None,
    Missing,
    Byte(usize),
}

impl Row {
    /// Lists its cells, with the known bytes in their places.
    fn cells(&self, document: &Document) -> Vec<Cell> {
        let mut cells = vec![Cell::None; self.cells.start];
        cells.resize(self.cells.end, Cell::Missing);
        for at in self.bytes.clone() {
            let place = match &document.patched {
                Some(patched) if document.payload.contains(&at) => {
                    patched.offset(at.saturating_sub(document.payload.start)).saturating_sub(self.offset)
                }
                _ => at.saturating_sub(self.bytes.start) as u64,
            };
            if let Some(cell) = usize::try_from(place).ok().and_then(|place| cells.get_mut(place)) {
                *cell = Cell::Byte(at);
            }
        }
        cells
    }
}

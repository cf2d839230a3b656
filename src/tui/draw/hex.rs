use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::clock::grouped;
use super::super::document::Document;
use super::super::patched::{Part, Patched};
use super::super::state::{App, Panel};
use super::super::text::RowWriter;
use super::detail::Place;
use super::scroll;

/// From how many rows on of which nothing is known they are one line.
const FOLDED: u64 = 3;

/// Draws bytes in hex and as characters; those of the selected field are lit.
pub(super) fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let per_row = *[32, 16, 8].iter().find(|bytes| width_of(**bytes) <= area.width).unwrap_or(&4);
    app.detail.per_row = per_row;
    let lines = hex_lines(&app.detail.document, per_row);
    let byte = app.detail.byte;
    let selected = lines
        .iter()
        .position(|line| matches!(line, HexLine::Row(row) if row.bytes.contains(&byte)))
        .unwrap_or(0);
    let [_, _, _, top] = &mut app.detail.tops;
    *top = scroll(
        *top,
        selected.saturating_add(1).min(lines.len().saturating_sub(1)),
        usize::from(area.height),
        lines.len(),
    );
    if *top == selected && selected > 0 {
        // The heading of the part stays in view where there is room.
        *top = selected.saturating_sub(1);
    }
    let from = *top;
    let lit = app
        .detail
        .document
        .fields
        .get(app.detail.field)
        .and_then(|field| field.bytes.clone())
        .unwrap_or(0..0);
    if lines.is_empty() {
        let words = app.detail.document.absent.unwrap_or("no bytes");
        RowWriter::new(buffer, area.x.saturating_add(1), area.y, area.width).word(words, app.theme.dim);
    }
    let start = app.detail.document.payload.start;
    let shift = |hit: Range<usize>| hit.start.saturating_add(start)..hit.end.saturating_add(start);
    let hits = app.detail.document.hits(app.pattern.as_ref()).into_iter().map(shift).collect::<Vec<_>>();
    let mut places = Vec::new();
    for (n, line) in lines.iter().skip(from).take(usize::from(area.height)).enumerate() {
        let y = area.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        match line {
            HexLine::Part(words) => {
                RowWriter::new(buffer, area.x.saturating_add(1), y, area.width).word(words, app.theme.dim);
            }
            HexLine::Missing(offset, words) => {
                RowWriter::new(buffer, area.x, y, area.width)
                    .word(&format!(" {offset:06x}  "), app.theme.rule)
                    .word(words, app.theme.note);
            }
            HexLine::Row(row) => {
                places.extend(hex_row(app, buffer, (area, y), row, (&lit, &hits)));
            }
        }
    }
    app.detail_drawn.extend(places);
}

/// Returns how many columns a row of so many bytes takes: its offset, the bytes in hex, and as characters.
pub(super) const fn width_of(bytes: usize) -> u16 {
    (bytes as u16).saturating_mul(4).saturating_add(bytes as u16 / 8).saturating_add(9)
}

enum HexLine<'a> {
    Part(&'a str),
    Row(Row),
    /// Rows of which nothing is known: the offset of the first, and words in their place.
    Missing(u64, String),
}

/// A row of cells.
struct Row {
    /// The offset of its first cell in its part.
    offset: u64,
    /// The cells that there are; those without a byte are missing.
    cells: Range<usize>,
    /// The bytes that are known.
    bytes: Range<usize>,
}

fn hex_lines(document: &Document, per_row: usize) -> Vec<HexLine<'_>> {
    let mut lines = Vec::new();
    for (n, (start, words)) in document.parts.iter().enumerate() {
        let end = document.parts.get(n.saturating_add(1)).map_or(document.bytes.len(), |(next, _)| *next);
        lines.push(HexLine::Part(words));
        if let Some(patched) = document.patched.as_ref().filter(|_| *start == document.payload.start) {
            rows_with_gaps(patched, *start, per_row, &mut lines);
            continue;
        }
        let mut at = *start;
        while at < end {
            let to = at.saturating_add(per_row).min(end);
            let offset = at.saturating_sub(*start) as u64;
            lines.push(HexLine::Row(Row { offset, cells: 0..to.saturating_sub(at), bytes: at..to }));
            at = to;
        }
    }
    lines
}

/// Lays out a payload of which parts are missing; rows of which nothing is known are one line.
fn rows_with_gaps(patched: &Patched, start: usize, per_row: usize, lines: &mut Vec<HexLine<'_>>) {
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
                    let room = per_row.saturating_sub(cell(end, row)).max(1);
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
fn extend(lines: &mut Vec<HexLine<'_>>, offset: u64, cells: Range<usize>, bytes: Range<usize>) {
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

fn hex_row(
    app: &App,
    buffer: &mut Buffer,
    (area, y): (Rect, u16),
    row: &Row,
    (lit, hits): (&Range<usize>, &[Range<usize>]),
) -> Vec<(Rect, Place)> {
    let per_row = app.detail.per_row;
    let theme = &app.theme;
    let document = &app.detail.document;
    let mut writer = RowWriter::new(buffer, area.x, y, area.width);
    writer.word(&format!(" {:06x} ", row.offset), theme.rule);
    let style = |at: usize, plain: Style| {
        let selected = at == app.detail.byte && app.panel == Panel::Detail;
        if selected || hits.iter().any(|hit| hit.contains(&at)) {
            theme.hit
        } else if lit.contains(&at) {
            theme.field
        } else {
            plain
        }
    };
    let cells = row.cells(document);
    let mut drawn = Vec::new();
    for (n, cell) in cells.iter().enumerate() {
        if n % 8 == 0 {
            writer.word(" ", theme.text);
        }
        let at = match cell {
            Cell::None => {
                writer.blank(3, theme.text);
                continue;
            }
            Cell::Missing => {
                writer.word("··", theme.note).word(" ", theme.text);
                continue;
            }
            Cell::Byte(at) => *at,
        };
        let byte = document.bytes.get(at).copied().unwrap_or(0);
        let plain = match byte {
            0 => theme.rule,
            0x20..0x7f => theme.text,
            _ => theme.number,
        };
        drawn.push((Rect { x: writer.x(), y, width: 3, height: 1 }, Place::Byte(at)));
        writer.word(&format!("{byte:02x}"), style(at, plain));
        let next = n.saturating_add(1);
        let beside = matches!(cells.get(next), Some(Cell::Byte(beside)) if lit.contains(beside));
        let joined = lit.contains(&at) && beside && next % 8 != 0;
        writer.word(" ", if joined { theme.field } else { theme.text });
    }
    let column = width_of(per_row).saturating_sub(u16::try_from(per_row).unwrap_or(u16::MAX));
    let x = area.x.saturating_add(column);
    let mut writer = RowWriter::new(buffer, x, y, area.right().saturating_sub(x));
    for cell in &cells {
        let at = match cell {
            Cell::None => {
                writer.blank(1, theme.text);
                continue;
            }
            Cell::Missing => {
                writer.word("·", theme.note);
                continue;
            }
            Cell::Byte(at) => *at,
        };
        let byte = document.bytes.get(at).copied().unwrap_or(0);
        let c = if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '·' };
        let plain = if c == '·' { theme.dim } else { theme.text };
        drawn.push((Rect { x: writer.x(), y, width: 1, height: 1 }, Place::Byte(at)));
        writer.word(c.encode_utf8(&mut [0; 4]), style(at, plain));
    }
    drawn
}

/// What stands in a cell of a row.
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

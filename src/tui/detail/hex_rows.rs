use std::ops::Range;

use super::super::clock::grouped;
use super::super::document::Document;
use super::super::patched::{Part, Patched};

/// From how many rows on of which nothing is known they are one line.
const FOLDED: u64 = 3;

/// How many columns an offset takes.
pub(super) const OFFSET: u16 = 8;

/// Returns the column at which the characters of rows of so many bytes begin.
pub(super) const fn characters(per_row: usize) -> u16 {
    width_of(per_row).saturating_sub(per_row as u16)
}

/// Returns how many columns a row of so many bytes takes: its offset, the bytes in hex, and as characters.
pub(super) const fn width_of(bytes: usize) -> u16 {
    (bytes as u16).saturating_mul(4).saturating_add(bytes as u16 / 8).saturating_add(9)
}

#[derive(Clone, Debug)]
pub(super) enum HexLine {
    /// The heading of one of the document's parts.
    Part(usize),
    Row(Row),
    /// Rows of which nothing is known: the offset of the first, and words in their place.
    Missing(u64, String),
}

/// A row of cells, or many rows that follow each other and of which all is known.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The offset of its first cell in its part.
    pub(super) offset: u64,
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
    pub(super) count: usize,
    /// What follows each other, and the number of its first line.
    runs: Vec<(usize, HexLine)>,
}

impl HexLines {
    pub(super) fn of(document: &Document, per_row: usize) -> HexLines {
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

    pub(super) fn line(&self, n: usize) -> Option<HexLine> {
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
    pub(super) fn line_of(&self, byte: usize) -> usize {
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
pub(super) enum Cell {
    None,
    Missing,
    Byte(usize),
}

impl Row {
    /// Lists its cells, with the known bytes in their places.
    pub(super) fn cells(&self, document: &Document) -> Vec<Cell> {
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

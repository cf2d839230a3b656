use std::ops::Range;

use super::super::clock::grouped;
use super::super::document::Document;
use super::super::patched::{Part, PartialPayload};

/// The minimum number of consecutive unknown rows that are shown as a single line.
const FOLDED: u64 = 3;

/// The width of an offset, in columns.
pub(super) const OFFSET: u16 = 8;

/// Returns the column of the character part in rows of `per_row` bytes.
pub(super) const fn characters(per_row: usize) -> u16 {
    width_of(per_row).saturating_sub(per_row as u16)
}

/// Returns the width of a row of `bytes` bytes: its offset, the bytes in hex, and as characters.
pub(super) const fn width_of(bytes: usize) -> u16 {
    (bytes as u16).saturating_mul(4).saturating_add(bytes as u16 / 8).saturating_add(9)
}

#[derive(Clone, Debug)]
pub(super) enum HexLine {
    /// The heading of a part of the document.
    Part(usize),
    Row(Row),
    /// Unknown rows: the offset of the first, and the text shown instead.
    Missing(u64, String),
}

/// A row of cells, or a run of consecutive rows whose bytes are all known.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The offset of its first cell in its part.
    pub(super) offset: u64,
    /// The range of cells in use; those without a byte are missing.
    cells: Range<usize>,
    /// The range of the known bytes.
    bytes: Range<usize>,
}

/// The lines that show bytes; rows within a run are created on demand.
#[derive(Debug, Default)]
pub(super) struct HexLines {
    pub(super) per_row: usize,
    /// The number of lines.
    pub(super) count: usize,
    /// The runs, each with the number of its first line.
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

    /// Returns the line that contains a byte.
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

/// Lays out a payload with missing parts; consecutive unknown rows become a single line.
fn rows_with_gaps(patched: &PartialPayload, start: usize, per_row: usize, lines: &mut Vec<HexLine>) {
    let width = per_row.max(1) as u64;
    let row_of = |offset: u64| offset.saturating_sub(offset.checked_rem(width).unwrap_or(0));
    let cell = |offset: u64, row: u64| usize::try_from(offset.saturating_sub(row)).unwrap_or(per_row);
    // Cells of a row before offset `first` stay empty, because the position of their bytes is unknown.
    let (mut end, mut first) = (0_u64, 0_u64);
    for part in &patched.parts {
        match part {
            Part::Observed { bytes, offset, .. } => {
                end = *offset;
                let mut at = bytes.start;
                while at < bytes.end {
                    let row = row_of(end);
                    let left = bytes.end.saturating_sub(at);
                    let whole = left.saturating_sub(left.checked_rem(per_row).unwrap_or(0));
                    // Fully known rows form one run.
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

/// Appends cells to the last row, or begins a new row.
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
    /// Returns its cells, with the known bytes in their positions.
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

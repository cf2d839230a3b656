use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::document::Document;
use super::super::state::{App, Panel};
use super::super::text::Brush;
use super::detail::Place;
use super::scroll;

/// Draws bytes in hex and as characters; those of the selected field are lit.
pub(super) fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let per_row: usize = match area.width {
        0..=43 => 4,
        44..=73 => 8,
        _ => 16,
    };
    app.detail.per_row = per_row;
    let lines = hex_lines(&app.detail.document, per_row);
    let byte = app.detail.byte;
    let selected = lines
        .iter()
        .position(|line| matches!(line, HexLine::Bytes(range) if range.contains(&byte)))
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
        Brush::new(buffer, area.x.saturating_add(1), area.y, area.width).word(words, app.theme.dim);
    }
    let hits = app.needle.as_ref().map_or(Vec::new(), |needle| {
        let start = app.detail.document.payload.start;
        let shift = |range: Range<usize>| range.start.saturating_add(start)..range.end.saturating_add(start);
        needle.places(app.detail.document.payload(), 1000).into_iter().map(shift).collect()
    });
    let mut places = Vec::new();
    for (n, line) in lines.iter().skip(from).take(usize::from(area.height)).enumerate() {
        let y = area.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        match line {
            HexLine::Part(words) => {
                Brush::new(buffer, area.x.saturating_add(1), y, area.width).word(words, app.theme.dim);
            }
            HexLine::Bytes(range) => {
                places.extend(hex_row(app, buffer, (area, y), range.clone(), (&lit, &hits)));
            }
        }
    }
    app.detail_drawn.extend(places);
}

enum HexLine<'a> {
    Part(&'a str),
    Bytes(Range<usize>),
}

fn hex_lines(document: &Document, per_row: usize) -> Vec<HexLine<'_>> {
    let mut lines = Vec::new();
    for (n, (start, words)) in document.parts.iter().enumerate() {
        let end = document.parts.get(n.saturating_add(1)).map_or(document.bytes.len(), |(next, _)| *next);
        lines.push(HexLine::Part(words));
        let mut at = *start;
        while at < end {
            let to = at.saturating_add(per_row).min(end);
            lines.push(HexLine::Bytes(at..to));
            at = to;
        }
    }
    lines
}

fn hex_row(
    app: &App,
    buffer: &mut Buffer,
    (area, y): (Rect, u16),
    range: Range<usize>,
    (lit, hits): (&Range<usize>, &[Range<usize>]),
) -> Vec<(Rect, Place)> {
    let per_row = app.detail.per_row;
    let theme = &app.theme;
    let document = &app.detail.document;
    let part =
        document.parts.iter().rev().find(|(start, _)| *start <= range.start).map_or(0, |(start, _)| *start);
    let mut brush = Brush::new(buffer, area.x, y, area.width);
    brush.word(&format!(" {:06x} ", range.start.saturating_sub(part)), theme.rule);
    let style = |at: usize, plain: Style| {
        if at == app.detail.byte && app.panel == Panel::Detail {
            theme.hit
        } else if lit.contains(&at) {
            theme.field
        } else if hits.iter().any(|hit| hit.contains(&at)) {
            theme.hit
        } else {
            plain
        }
    };
    let shown = document.bytes.get(range.clone()).unwrap_or_default();
    let mut drawn = Vec::new();
    for (n, byte) in shown.iter().enumerate() {
        let at = range.start.saturating_add(n);
        if n % 8 == 0 {
            brush.word(" ", theme.text);
        }
        let plain = match byte {
            0 => theme.rule,
            0x20..0x7f => theme.text,
            _ => theme.number,
        };
        drawn.push((Rect { x: brush.x(), y, width: 3, height: 1 }, Place::Byte(at)));
        brush.word(&format!("{byte:02x}"), style(at, plain));
        let joined = lit.contains(&at)
            && lit.contains(&at.saturating_add(1))
            && n.saturating_add(1) % 8 != 0
            && n.saturating_add(1) < shown.len();
        brush.word(" ", if joined { theme.field } else { theme.text });
    }
    let column = u16::try_from(per_row.saturating_mul(3).saturating_add(per_row / 8).saturating_add(9))
        .unwrap_or(u16::MAX);
    let x = area.x.saturating_add(column);
    let mut brush = Brush::new(buffer, x, y, area.right().saturating_sub(x));
    for (n, byte) in shown.iter().enumerate() {
        let at = range.start.saturating_add(n);
        let c = if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '·' };
        let plain = if c == '·' { theme.dim } else { theme.text };
        drawn.push((Rect { x: brush.x(), y, width: 1, height: 1 }, Place::Byte(at)));
        brush.word(c.encode_utf8(&mut [0; 4]), style(at, plain));
    }
    drawn
}

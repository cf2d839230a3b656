use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::document::{Document, Tone};
use super::super::json::Tint;
use super::super::state::{App, Detail, Panel, Tab};
use super::super::text::{Brush, columns};
use super::{scroll, tint};

/// Says what is drawn at a place of the detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Place {
    Field(usize),
    Byte(usize),
}

/// From how many columns on the tree and the bytes stand side by side.
const BOTH: u16 = 96;

/// Draws the tabs into the rule above the detail.
pub(super) fn tabs(app: &App, buffer: &mut Buffer) {
    let area = app.layout.detail;
    let focus = app.panel == Panel::Detail;
    let mut brush =
        Brush::new(buffer, area.x.saturating_add(1), area.y.saturating_sub(1), area.width.saturating_sub(2));
    brush.word(if focus { "▸" } else { " " }, app.theme.focus);
    for (n, (tab, name)) in Tab::ALL.iter().enumerate() {
        let style = if *tab == app.detail.tab {
            if focus { app.theme.focus } else { app.theme.title }
        } else {
            app.theme.dim
        };
        brush.word(&format!(" {}", n.saturating_add(1)), app.theme.rule).word(&format!(" {name} "), style);
    }
}

/// Returns the tab whose name stands at a column.
pub(in super::super) fn tab_at(area: Rect, x: u16) -> Option<Tab> {
    let mut at = area.x.saturating_add(2);
    for (tab, name) in Tab::ALL {
        let end = at.saturating_add(columns(name)).saturating_add(4);
        if (at..end).contains(&x) {
            return Some(tab);
        }
        at = end;
    }
    None
}

/// Draws the selected entry.
pub(super) fn draw(app: &mut App, buffer: &mut Buffer) {
    let area = app.layout.detail;
    app.detail_drawn.clear();
    if area.width == 0 || area.height == 0 {
        return;
    }
    app.detail.height = usize::from(area.height);
    match app.detail.tab {
        Tab::Tree => both(app, buffer, area, false),
        Tab::Hex => both(app, buffer, area, true),
        Tab::Text => text(app, buffer, area),
        Tab::Json => json(app, buffer, area),
    }
}

/// Draws tree and bytes in step where there is room for both, else the one that was asked for.
fn both(app: &mut App, buffer: &mut Buffer, area: Rect, hex_first: bool) {
    if area.width >= BOTH {
        let left = Rect { width: area.width.saturating_sub(75).min(area.width / 2).max(20), ..area };
        tree(app, buffer, left);
        let x = left.right().saturating_add(1);
        hex(app, buffer, Rect { x, width: area.right().saturating_sub(x), ..area });
    } else if area.height >= 24 {
        let upper = Rect { height: area.height.saturating_mul(3) / 5, ..area };
        tree(app, buffer, upper);
        super::rule(buffer, area.x, upper.bottom(), area.width, app.theme.rule);
        let y = upper.bottom().saturating_add(1);
        hex(app, buffer, Rect { y, height: area.bottom().saturating_sub(y), ..area });
    } else if hex_first {
        hex(app, buffer, area);
    } else {
        tree(app, buffer, area);
    }
}

/// Lists the fields that no folded one hides.
pub(in super::super) fn shown_fields(detail: &Detail) -> Vec<usize> {
    let mut shown = Vec::new();
    let mut hidden_below: Option<u16> = None;
    for (n, field) in detail.document.fields.iter().enumerate() {
        if hidden_below.is_some_and(|depth| field.depth > depth) {
            continue;
        }
        hidden_below = detail.folded.contains(&n).then_some(field.depth);
        shown.push(n);
    }
    shown
}

fn tree(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let shown = shown_fields(&app.detail);
    let selected = shown.iter().position(|n| *n == app.detail.field).unwrap_or(0);
    let [top, ..] = &mut app.detail.tops;
    *top = scroll(*top, selected, usize::from(area.height), shown.len());
    let from = *top;
    let theme = &app.theme;
    for (line, n) in shown.iter().skip(from).take(usize::from(area.height)).enumerate() {
        let y = area.y.saturating_add(u16::try_from(line).unwrap_or(u16::MAX));
        let Some(field) = app.detail.document.fields.get(*n) else { continue };
        let mut brush = Brush::new(buffer, area.x, y, area.width);
        brush.blank(field.depth.saturating_mul(2).saturating_add(1), theme.text);
        let fold = match (app.detail.document.has_children(*n), app.detail.folded.contains(n)) {
            (true, true) => "▸ ",
            (true, false) => "▾ ",
            (false, _) => "  ",
        };
        let (name, value) = match field.tone {
            Tone::Heading => (theme.title, theme.text),
            Tone::Plain => (theme.name_of, theme.text),
            Tone::Quiet => (theme.name_of, theme.dim),
            Tone::Good => (theme.name_of, theme.good),
            Tone::Bad(severity) => (theme.severity(severity), theme.severity(severity)),
            Tone::From(side) => (theme.side(side), theme.text),
        };
        brush.word(fold, theme.dim).word(&field.name, name);
        if !field.value.is_empty() {
            brush.word("  ", theme.dim).wire(&field.value, value, theme.escape);
        }
        if *n == app.detail.field {
            let style = if app.panel == Panel::Detail { theme.selected } else { theme.unfocused };
            tint(buffer, area, y, style);
        }
        app.detail_drawn.push((Rect { y, height: 1, ..area }, Place::Field(*n)));
    }
}

/// Draws bytes in hex and as characters; those of the selected field are lit.
fn hex(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let per_row: usize = match area.width {
        0..=43 => 4,
        44..=75 => 8,
        _ => 16,
    };
    let per_row = if area.width >= 74 { 16 } else { per_row };
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
                places.extend(hex_row(app, buffer, (area, y), range.clone(), (&lit, &hits)))
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

/// Draws the payload as text, its lines broken where they are too long.
fn text(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let document = &app.detail.document;
    let payload = document.payload();
    if payload.is_empty() {
        Brush::new(buffer, area.x.saturating_add(1), area.y, area.width)
            .word(document.absent.unwrap_or("no payload"), theme.dim);
        return;
    }
    let width = usize::from(area.width.saturating_sub(2)).max(1);
    let height = usize::from(area.height);
    let hits = app.needle.as_ref().map_or(Vec::new(), |needle| needle.places(payload, 1000));
    let lines = broken(payload, width);
    let top = app.detail.text_top.min(lines.len().saturating_sub(height));
    for (n, range) in lines.iter().skip(top).take(height).enumerate() {
        let y = area.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        let mut brush = Brush::new(buffer, area.x.saturating_add(1), y, area.width.saturating_sub(1));
        let inside: Vec<Range<usize>> = hits
            .iter()
            .filter(|hit| hit.start < range.end && hit.end > range.start)
            .map(|hit| {
                hit.start.max(range.start).saturating_sub(range.start)
                    ..hit.end.min(range.end).saturating_sub(range.start)
            })
            .collect();
        let line = payload.get(range.clone()).unwrap_or_default();
        super::timeline::lit(&mut brush, line, &inside, (theme.text, theme.hit, theme.escape));
    }
    app.detail.text_top = top;
}

/// Cuts text into lines at its line feeds, and where they are longer than `width` columns.
fn broken(text: &[u8], width: usize) -> Vec<Range<usize>> {
    use unicode_width::UnicodeWidthChar as _;
    let (mut lines, mut start, mut at, mut used) = (Vec::new(), 0_usize, 0_usize, 0_usize);
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid().chars().map(|c| (c.len_utf8(), c, c.width().unwrap_or(1)));
        // A byte that is no character is shown in four columns.
        let invalid = chunk.invalid().iter().map(|_| (1, '?', 4));
        for (length, c, columns) in valid.chain(invalid) {
            if used.saturating_add(columns) > width {
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

/// Lists the lines of JSON that no folded one hides.
pub(in super::super) fn shown_lines(detail: &Detail) -> Vec<usize> {
    let Some(lines) = &detail.document.json else { return Vec::new() };
    let mut shown = Vec::new();
    let mut n = 0;
    while let Some(line) = lines.get(n) {
        shown.push(n);
        n = match line.closes {
            Some(closes) if detail.json_folded.contains(&n) => closes.saturating_add(1),
            _ => n.saturating_add(1),
        };
    }
    shown
}

fn json(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let shown = shown_lines(&app.detail);
    let theme = &app.theme;
    if shown.is_empty() {
        let words = app.detail.document.absent.unwrap_or("the payload is not JSON");
        Brush::new(buffer, area.x.saturating_add(1), area.y, area.width).word(words, theme.dim);
        return;
    }
    let selected = shown.iter().position(|n| *n == app.detail.json_line).unwrap_or(0);
    let [_, _, top, _] = &mut app.detail.tops;
    *top = scroll(*top, selected, usize::from(area.height), shown.len());
    let from = *top;
    let detail = &app.detail;
    let payload = detail.document.payload();
    let hits = app.needle.as_ref().map_or(Vec::new(), |needle| needle.places(payload, 1000));
    for (row, n) in shown.iter().skip(from).take(usize::from(area.height)).enumerate() {
        let y = area.y.saturating_add(u16::try_from(row).unwrap_or(u16::MAX));
        let Some(line) = detail.document.json.as_ref().and_then(|lines| lines.get(*n)) else { continue };
        let mut brush = Brush::new(buffer, area.x, y, area.width);
        let folded = detail.json_folded.contains(n) && line.closes.is_some();
        brush.word(
            if folded {
                " ▸"
            } else if line.closes.is_some() {
                " ▾"
            } else {
                "  "
            },
            theme.dim,
        );
        brush.blank(line.depth.saturating_mul(2).saturating_add(1), theme.text);
        for (tint, range) in &line.pieces {
            let style = match tint {
                Tint::Punctuation => theme.dim,
                Tint::Name => theme.name_of,
                Tint::String => theme.string,
                Tint::Number => theme.number,
                Tint::Word => theme.word,
            };
            let inside: Vec<Range<usize>> = hits
                .iter()
                .filter(|hit| hit.start < range.end && hit.end > range.start)
                .map(|hit| {
                    hit.start.max(range.start).saturating_sub(range.start)
                        ..hit.end.min(range.end).saturating_sub(range.start)
                })
                .collect();
            let piece = payload.get(range.clone()).unwrap_or_default();
            super::timeline::lit(&mut brush, piece, &inside, (style, theme.hit, theme.escape));
            if *tint == Tint::Punctuation && piece == b":" {
                brush.word(" ", theme.dim);
            }
        }
        if folded {
            let count = line.closes.unwrap_or(*n).saturating_sub(*n).saturating_sub(1);
            brush.word(&format!(" … {} ", crate::view::count(count as u64, "line")), theme.dim);
            let last = line.closes.and_then(|closes| detail.document.json.as_ref()?.get(closes));
            for (_, range) in last.iter().flat_map(|line| &line.pieces) {
                brush.wire(payload.get(range.clone()).unwrap_or_default(), theme.dim, theme.escape);
            }
        }
        if *n == detail.json_line {
            let style = if app.panel == Panel::Detail { theme.selected } else { Style::new() };
            tint(buffer, area, y, style);
        }
    }
}

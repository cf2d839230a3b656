use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::json::Tint;
use super::super::state::{App, Detail, Panel};
use super::super::text::{Brush, broken};
use super::{scroll, tint};

/// Draws the payload as text, its lines broken where they are too long.
pub(super) fn text(app: &mut App, buffer: &mut Buffer, area: Rect) {
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
    if app.detail.lines.0 != width {
        app.detail.lines = (width, broken(payload, width));
    }
    let lines = &app.detail.lines.1;
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

/// Draws the payload as JSON.
pub(super) fn json(app: &mut App, buffer: &mut Buffer, area: Rect) {
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

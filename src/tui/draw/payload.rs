use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::json::{self, TokenKind};
use super::super::state::{App, Detail, Panel};
use super::super::text::{RowWriter, broken};
use super::timeline::{Light, lit};
use super::{scroll, tint};

/// Draws the payload as text, its lines broken where they are too long.
pub(super) fn text(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let theme = &app.theme;
    let document = &app.detail.document;
    let shown = document.shown_text();
    if shown.is_empty() {
        RowWriter::new(buffer, area.x.saturating_add(1), area.y, area.width)
            .word(document.absent.unwrap_or("no payload"), theme.dim);
        return;
    }
    let width = usize::from(area.width.saturating_sub(2)).max(1);
    let height = usize::from(area.height);
    let mut lights: Vec<Light> = document
        .hits(app.pattern.as_ref())
        .iter()
        .map(|hit| (document.patched.as_ref().map_or_else(|| hit.clone(), |it| it.in_text(hit)), theme.hit))
        .collect();
    let dots = document.patched.iter().flat_map(|patched| &patched.dots);
    lights.extend(dots.map(|dots| (dots.clone(), theme.note)));
    lights.sort_by_key(|(range, _)| range.start);
    if app.detail.lines.0 != width {
        app.detail.lines = (width, broken(shown, width));
    }
    let lines = &app.detail.lines.1;
    if let Some(at) = app.detail.reveal.take() {
        let line = lines.partition_point(|line| line.end <= at);
        if !(app.detail.text_top..app.detail.text_top.saturating_add(height)).contains(&line) {
            app.detail.text_top = line.saturating_sub(height / 3);
        }
    }
    let top = app.detail.text_top.min(lines.len().saturating_sub(height));
    for (n, range) in lines.iter().skip(top).take(height).enumerate() {
        let y = area.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        let mut writer = RowWriter::new(buffer, area.x.saturating_add(1), y, area.width.saturating_sub(1));
        let line = shown.get(range.clone()).unwrap_or_default();
        lit(&mut writer, line, &within(&lights, range), (theme.text, theme.escape));
    }
    app.detail.text_top = top;
}

/// Returns the lights that fall into a range, counted from where it begins.
fn within(lights: &[Light], range: &Range<usize>) -> Vec<Light> {
    // They are in order and do not overlap.
    let first = lights.partition_point(|(light, _)| light.end <= range.start);
    let inside = lights.get(first..).unwrap_or_default().iter();
    inside
        .take_while(|(light, _)| light.start < range.end)
        .map(|(light, style)| {
            let start = light.start.saturating_sub(range.start);
            (start..light.end.min(range.end).saturating_sub(range.start), *style)
        })
        .collect()
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
pub(super) fn tree(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let shown = shown_lines(&app.detail);
    let theme = &app.theme;
    if shown.is_empty() {
        let document = &app.detail.document;
        let words = match (document.absent, document.payload().is_empty()) {
            (Some(absent), _) => absent.to_owned(),
            (None, true) => "no payload".to_owned(),
            (None, false) if document.is_short() => {
                format!("not parsed: {}", document.extent())
            }
            (None, false) => "the payload is not JSON".to_owned(),
        };
        let width = area.width.saturating_sub(2);
        for (n, line) in broken(words.as_bytes(), usize::from(width).max(1)).into_iter().enumerate() {
            let y = area.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
            let line = words.get(line).unwrap_or_default().trim_start();
            if y < area.bottom() {
                RowWriter::new(buffer, area.x.saturating_add(1), y, width).word(line, theme.dim);
            }
        }
        return;
    }
    let selected = shown.iter().position(|n| *n == app.detail.json_line).unwrap_or(0);
    let [_, _, top, _] = &mut app.detail.tops;
    *top = scroll(*top, selected, usize::from(area.height), shown.len());
    let from = *top;
    let detail = &app.detail;
    let payload = detail.document.payload();
    let hits = detail.document.hits(app.pattern.as_ref());
    let lights: Vec<Light> = hits.into_iter().map(|hit| (hit, theme.hit)).collect();
    for (row, n) in shown.iter().skip(from).take(usize::from(area.height)).enumerate() {
        let y = area.y.saturating_add(u16::try_from(row).unwrap_or(u16::MAX));
        let Some(line) = detail.document.json.as_ref().and_then(|lines| lines.get(*n)) else { continue };
        let mut writer = RowWriter::new(buffer, area.x, y, area.width);
        let folded = detail.json_folded.contains(n) && line.closes.is_some();
        writer.word(
            if folded {
                " ▸"
            } else if line.closes.is_some() {
                " ▾"
            } else {
                "  "
            },
            theme.dim,
        );
        writer.blank(line.depth.saturating_mul(2).saturating_add(1), theme.text);
        for (tint, range) in &line.pieces {
            let style = match tint {
                TokenKind::Punctuation => theme.dim,
                TokenKind::Name => theme.name_of,
                TokenKind::String => theme.string,
                TokenKind::Number => theme.number,
                TokenKind::Word => theme.word,
            };
            let piece = payload.get(range.clone()).unwrap_or_default();
            lit(&mut writer, piece, &within(&lights, range), (style, theme.escape));
            if *tint == TokenKind::Punctuation && piece == b":" {
                writer.word(" ", theme.dim);
            }
        }
        if folded {
            let lines = detail.document.json.as_deref().unwrap_or_default();
            let opening = line.pieces.last().and_then(|(_, range)| payload.get(range.clone()));
            let noun = if opening == Some(b"[") { "element" } else { "member" };
            let count = json::elements(lines, *n) as u64;
            writer.word(&format!(" … {} ", crate::view::counted(count, noun)), theme.dim);
            let last = line.closes.and_then(|closes| detail.document.json.as_ref()?.get(closes));
            for (_, range) in last.iter().flat_map(|line| &line.pieces) {
                writer.wire(payload.get(range.clone()).unwrap_or_default(), theme.dim, theme.escape);
            }
        }
        if *n == detail.json_line {
            let style = if app.panel == Panel::Detail { theme.selected } else { Style::new() };
            tint(buffer, area, y, style, app.theme.hit);
        }
    }
}

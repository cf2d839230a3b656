use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::super::json::{self, TokenKind};
use super::super::paint::apply_row_style;
use super::super::text::{Highlight, RowWriter, wrap};
use super::{Detail, Look};

impl Detail {
    /// Draws the payload as text, with long lines wrapped.
    pub(super) fn draw_text(&self, look: &Look<'_>, buffer: &mut Buffer) {
        let (area, theme, document) = (self.panes.whole, look.theme, &self.document);
        let shown = document.shown_text();
        let room = area.width.saturating_sub(1);
        if shown.is_empty() {
            let words = document.absent.unwrap_or("no payload");
            RowWriter::new(buffer, area.x.saturating_add(1), area.y, room).word(words, theme.dim);
            return;
        }
        let place =
            |hit: &Range<usize>| document.patched.as_ref().map_or_else(|| hit.clone(), |it| it.in_text(hit));
        let mut lights: Vec<Highlight> = self.hits.iter().map(|hit| (place(hit), theme.hit)).collect();
        let dots = document.patched.iter().flat_map(|patched| &patched.dots);
        lights.extend(dots.map(|dots| (dots.clone(), theme.note)));
        lights.sort_by_key(|(range, _)| range.start);
        for (y, range) in (area.y..area.bottom()).zip(self.lines.1.iter().skip(self.text_top)) {
            let mut writer = RowWriter::new(buffer, area.x.saturating_add(1), y, room);
            let line = shown.get(range.clone()).unwrap_or_default();
            writer.lit(line, &within(&lights, range), (theme.text, theme.escape));
        }
    }

    /// Draws the payload as JSON.
    pub(super) fn draw_json(&self, look: &Look<'_>, buffer: &mut Buffer) {
        if self.shown_lines.is_empty() {
            return self.draw_no_json(look, buffer);
        }
        let area = self.panes.whole;
        let lights: Vec<Highlight> = self.hits.iter().map(|hit| (hit.clone(), look.theme.hit)).collect();
        for (y, n) in (area.y..area.bottom()).zip(self.shown_lines.iter().skip(self.json_top)) {
            let mut writer = RowWriter::new(buffer, area.x, y, area.width);
            let n = *n as usize;
            self.json_line(look, &mut writer, &lights, n);
            if n == self.json_line {
                let style = if look.focus { look.theme.selected } else { Style::new() };
                apply_row_style(buffer, area, y, style, look.theme.hit);
            }
        }
    }

    /// Draws the reason why no JSON is shown.
    fn draw_no_json(&self, look: &Look<'_>, buffer: &mut Buffer) {
        let (area, document) = (self.panes.whole, &self.document);
        let words = match (document.absent, document.payload().is_empty()) {
            (Some(absent), _) => absent.to_owned(),
            (None, true) => "no payload".to_owned(),
            (None, false) if document.is_short() => format!("not parsed: {}", document.extent()),
            (None, false) => format!("the payload is not JSON, or more than {} brackets deep", json::DEPTH),
        };
        let width = area.width.saturating_sub(2);
        let lines = wrap(words.as_bytes(), usize::from(width).max(1));
        for (y, line) in (area.y..area.bottom()).zip(lines) {
            let line = words.get(line).unwrap_or_default().trim_start();
            RowWriter::new(buffer, area.x.saturating_add(1), y, width).word(line, look.theme.dim);
        }
    }

    fn json_line(&self, look: &Look<'_>, writer: &mut RowWriter<'_>, lights: &[Highlight], n: usize) {
        let (theme, payload) = (look.theme, self.document.payload());
        let lines = self.document.json().unwrap_or_default();
        let Some(line) = lines.get(n) else { return };
        let is_folded = self.json_folded.contains(&n) && line.closes().is_some();
        let sign = match (is_folded, line.closes()) {
            (true, _) => " ▸",
            (false, Some(_)) => " ▾",
            (false, None) => "  ",
        };
        let indent = line.depth().saturating_mul(2).saturating_add(1);
        writer.word(sign, theme.dim).blank(u16::try_from(indent).unwrap_or(u16::MAX), theme.text);
        for (kind, range) in line.pieces(payload) {
            let style = match kind {
                TokenKind::Punctuation => theme.dim,
                TokenKind::Name => theme.name_of,
                TokenKind::String => theme.string,
                TokenKind::Number => theme.number,
                TokenKind::Word => theme.word,
            };
            let piece = payload.get(range.clone()).unwrap_or_default();
            writer.lit(piece, &within(lights, &range), (style, theme.escape));
            if kind == TokenKind::Punctuation && piece == b":" {
                writer.word(" ", theme.dim);
            }
        }
        if !is_folded {
            return;
        }
        let opening = line.pieces(payload).last().and_then(|(_, range)| payload.get(range));
        let noun = if opening == Some(b"[") { "element" } else { "member" };
        let count = json::elements(lines, n) as u64;
        writer.word(&format!(" … {} ", crate::text::counted(count, noun)), theme.dim);
        if let Some(last) = line.closes().and_then(|closes| lines.get(closes)) {
            writer.wire(payload.get(last.range()).unwrap_or_default(), theme.dim, theme.escape);
        }
    }
}

/// Returns the highlights within a range, relative to its start.
fn within(lights: &[Highlight], range: &Range<usize>) -> Vec<Highlight> {
    // Highlights are sorted and do not overlap.
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

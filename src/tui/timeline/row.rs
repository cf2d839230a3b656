//! What a row says: the words of a message or of an event, what a search looks for lit up.

use ratatui::style::Style;

use super::super::clock;
use super::super::text::{Light, RowWriter};
use super::super::words::{Role, Stretch, Words};
use super::Look;
use crate::event::Opcode;
use crate::model::Side;
use crate::store::{Entry, Facts};
use crate::text;

/// Returns an opcode's name in six columns.
const fn short_name(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::CONTINUATION => "cont",
        Opcode::TEXT => "text",
        Opcode::BINARY => "binary",
        Opcode::CLOSE => "close",
        Opcode::PING => "ping",
        Opcode::PONG => "pong",
        Opcode(3) => "rsv-3",
        Opcode(4) => "rsv-4",
        Opcode(5) => "rsv-5",
        Opcode(6) => "rsv-6",
        Opcode(7) => "rsv-7",
        Opcode(11) => "rsv-11",
        Opcode(12) => "rsv-12",
        Opcode(13) => "rsv-13",
        Opcode(14) => "rsv-14",
        _ => "rsv-15",
    }
}

/// Says what a message is: by its sub-protocol's word where there is one, else by its opcode.
pub(super) fn kind(look: &mut Look<'_>, number: u32, entry: &Entry) -> (Vec<u8>, Style) {
    let theme = look.theme;
    if let Some((kind, _)) = Words::of_meaning(look.store, number) {
        return (kind.bytes, theme.role(kind.role));
    }
    let side = theme.side(entry.from().unwrap_or(Side::Client));
    (short_name(entry.opcode()).into(), if entry.opcode().is_control() { theme.control } else { side })
}

/// Says what is particular about a message, in few columns.
pub(super) fn flags(entry: &Entry) -> String {
    let mut words = Vec::new();
    if let Some(rtt) = entry.rtt() {
        words.push(format!("↻ {}", text::span(rtt)));
    }
    if entry.facts().has(Facts::MISSING) {
        words.push("gap".to_owned());
    }
    if entry.facts().has(Facts::TRUNCATED) {
        words.push("cut".to_owned());
    }
    if entry.frames() > 1 {
        words.push(format!("{}f", clock::grouped(u64::from(entry.frames()))));
    }
    if entry.facts().has(Facts::COMPRESSED) {
        words.push("z".to_owned());
    }
    words.join(" ")
}

/// Draws the beginning of a payload, what a search looks for lit up; a hit beyond what is seen has a sign.
pub(super) fn preview(look: &mut Look<'_>, writer: &mut RowWriter<'_>, number: u32) {
    let words = Words::of_payload(look.store, number, writer.left().into());
    let pattern = look.search.pattern.as_ref().filter(|_| look.search.tally.has(number));
    if pattern.is_some_and(|pattern| !words.show(pattern, writer.left())) {
        writer.word("/", look.theme.hit).word(" ", look.theme.text);
    }
    draw_words(look, writer, &words);
}

/// Draws the row of an opening, an end or an anomaly, what a search looks for lit up.
pub(super) fn words(look: &Look<'_>, writer: &mut RowWriter<'_>, entry: &Entry) {
    draw_words(look, writer, &Words::of(look.store, entry));
    if entry.is_gap()
        && let Some((_, severity)) = entry.anomaly()
    {
        writer.fill('╳', look.theme.severity(severity));
    }
}

fn draw_words(look: &Look<'_>, writer: &mut RowWriter<'_>, words: &Words) {
    let theme = look.theme;
    for Stretch { bytes, role } in &words.0 {
        let pattern = look.search.pattern.as_ref().filter(|_| *role != Role::Hex);
        let hits = pattern.map_or(Vec::new(), |pattern| pattern.places(bytes, 16));
        let lights: Vec<Light> = hits.into_iter().map(|hit| (hit, theme.hit)).collect();
        writer.lit(bytes, &lights, (theme.role(*role), theme.escape));
    }
}

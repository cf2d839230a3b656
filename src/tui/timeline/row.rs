//! What a row says: the words of a message or of an event, what a search looks for lit up.

use ratatui::style::Style;

use super::super::clock;
use super::super::patched::Patched;
use super::super::text::{Light, RowWriter, columns};
use super::super::theme::Theme;
use super::super::words::{PREVIEW, Stretch, Words};
use super::Look;
use crate::event::{Missing, Opcode};
use crate::model::Side;
use crate::store::{Entry, Facts, PayloadLocation, Record};
use crate::text;
use crate::view::{self, Piece};

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

/// How many columns of what a message means are made ready: more than any row shows.
const MEANING: usize = 400;

/// Says what a message is: by its sub-protocol's word where there is one, else by its opcode.
pub(super) fn kind(look: &mut Look<'_>, number: u32, entry: &Entry) -> (Vec<u8>, Style) {
    let theme = look.theme;
    if let Some((kind, _)) = Words::of_message(look.store, number, 1) {
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

/// Draws the beginning of a payload, what a search looks for lit up.
pub(super) fn preview(look: &mut Look<'_>, writer: &mut RowWriter<'_>, number: u32, entry: &Entry) {
    let theme = look.theme;
    if let Some(code) = entry.close_code() {
        writer.word(&format!("{code} {} ", text::close_code_name(code)), theme.control);
    }
    if look.store.kept(entry) == PayloadLocation::Dropped {
        writer.word("dropped to stay within the bounds", theme.dim);
        return;
    }
    if let Some((_, words)) = Words::of_message(look.store, number, MEANING) {
        let pattern = look.search.pattern.as_ref().filter(|_| look.search.tally.has(number));
        if pattern.is_some_and(|pattern| pattern.count(&words.bytes(), 1) == 0) {
            writer.word("/", theme.hit).word(" ", theme.text);
        }
        return draw_words(look, writer, &words);
    }
    if look.search.tally.has(number) && !shows_hit(look, number, entry, writer.left()) {
        writer.word("/", theme.hit).word(" ", theme.text);
    }
    if entry.facts().has(Facts::MISSING) {
        return match look.store.record(number, PREVIEW) {
            Some(record) if !record.dropped => in_part(look, writer, entry, &record),
            _ => drop(writer.word("cannot be read back", theme.warning)),
        };
    }
    let Some(payload) = look.store.payload(number, PREVIEW) else {
        writer.word("cannot be read back", theme.warning);
        return;
    };
    if entry.close_code().is_some() {
        let reason = payload.get(2..).unwrap_or_default();
        if !reason.is_empty() {
            writer.word("“", theme.dim).wire(reason, theme.text, theme.escape).word("”", theme.dim);
        }
        return;
    }
    if entry.facts().has(Facts::TEXT) {
        let hits = look.search.pattern.as_ref().map_or(Vec::new(), |pattern| pattern.places(payload, 16));
        let lights: Vec<Light> = hits.into_iter().map(|hit| (hit, theme.hit)).collect();
        writer.lit(payload, &lights, (theme.text, theme.escape));
    } else {
        binary(theme, writer, payload, &[]);
    }
}

/// Returns whether the beginning of a payload that `room` columns show has what is searched for, lit up.
fn shows_hit(look: &mut Look<'_>, number: u32, entry: &Entry, room: u16) -> bool {
    let (Some(pattern), true) = (&look.search.pattern, entry.facts().has(Facts::TEXT)) else { return false };
    let (text, hit) = if entry.facts().has(Facts::MISSING) {
        let Some(record) = look.store.record(number, PREVIEW) else { return false };
        let patched = Patched::of(&record.payload, &record.missing, true);
        let hit = patched.hits(pattern, &record.payload, 1).first().map(|hit| patched.in_text(hit));
        (patched.text, hit)
    } else {
        let Some(payload) = look.store.payload(number, PREVIEW) else { return false };
        (payload.to_vec(), pattern.places(payload, 1).into_iter().next())
    };
    let before = hit.and_then(|hit| text.get(..hit.start));
    before.is_some_and(|before| {
        entry.close_code().is_none() && columns(&text::printable_string(before)).saturating_add(1) < room
    })
}

/// Draws what is known of a payload, and dots for what is not.
fn in_part(look: &Look<'_>, writer: &mut RowWriter<'_>, entry: &Entry, record: &Record) {
    let theme = look.theme;
    let payload = &record.payload;
    if !entry.facts().has(Facts::TEXT) && entry.close_code().is_none() {
        return binary(theme, writer, payload, &record.missing);
    }
    let patched = Patched::of(payload, &record.missing, payload.len() >= entry.kept() as usize);
    // The code of a close frame is told already, where it is known.
    let from = if entry.close_code().is_some() && patched.begins_with(2) { 2 } else { 0 };
    let hits = look.search.pattern.as_ref().map_or(Vec::new(), |pattern| patched.hits(pattern, payload, 16));
    let mut lights: Vec<Light> = hits.iter().map(|hit| (patched.in_text(hit), theme.hit)).collect();
    lights.extend(patched.dots.iter().map(|dots| (dots.clone(), theme.note)));
    lights.retain(|(range, _)| range.start >= from);
    lights.sort_by_key(|(range, _)| range.start);
    let shift =
        |(range, style): &Light| (range.start.saturating_sub(from)..range.end.saturating_sub(from), *style);
    let lights: Vec<Light> = lights.iter().map(shift).collect();
    writer.lit(patched.text.get(from..).unwrap_or_default(), &lights, (theme.text, theme.escape));
}

/// Draws bytes in hex, then as the characters they might be.
fn binary(theme: &Theme, writer: &mut RowWriter<'_>, known: &[u8], missing: &[Missing]) {
    let (mut room, mut is_cut) = ((usize::from(writer.left()) / 4).min(24), false);
    for piece in view::pieces(known, missing) {
        if room == 0 {
            is_cut = true;
            break;
        }
        match piece {
            Piece::Known(_, bytes) => {
                let shown = bytes.get(..room).unwrap_or(bytes);
                for byte in shown {
                    writer.word(&format!("{byte:02x}"), theme.dim);
                }
                is_cut = shown.len() < bytes.len();
                room = room.saturating_sub(shown.len());
            }
            Piece::Missing(hole) => {
                let dots = view::dots(&hole);
                // Two dots stand for a byte here, unless they are counted.
                let dots = if dots.trim_matches('·').is_empty() { dots.repeat(2) } else { dots };
                writer.word(&dots, theme.note);
                room = room.saturating_sub(usize::from(columns(&dots)) / 2);
            }
        }
    }
    writer.word(if is_cut { "… " } else { " " }, theme.dim);
    for piece in view::pieces(known.get(..200).unwrap_or(known), missing) {
        match piece {
            Piece::Known(_, bytes) => {
                let sign = |b: &u8| if (0x20..0x7f).contains(b) { char::from(*b) } else { '·' };
                let printable: String = bytes.iter().map(sign).collect();
                writer.wire(printable.as_bytes(), theme.text, theme.escape);
            }
            Piece::Missing(hole) => drop(writer.word(&view::dots(&hole), theme.note)),
        }
        if writer.left() == 0 {
            break;
        }
    }
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
        let hits = look.search.pattern.as_ref().map_or(Vec::new(), |pattern| pattern.places(bytes, 16));
        let lights: Vec<Light> = hits.into_iter().map(|hit| (hit, theme.hit)).collect();
        writer.lit(bytes, &lights, (theme.role(*role), theme.escape));
    }
}

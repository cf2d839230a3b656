//! What each fuzz target does: shared by the targets and by the ordinary test that replays their seeds.

use std::io::Cursor;

use wirefin::capture::{Files, Next, Round, Source};
use wirefin::export::{AnyFormat, Settings};
use wirefin::http::Exchanges;
use wirefin::model::{At, DeflateSide, LinkType, Packet, Side};
use wirefin::pipeline::{Formatted, Options};
use wirefin::websocket::deflate::{self, Inflater};
use wirefin::websocket::{Frames, Payload};
use wirefin::wire::{self, Decoder};

/// Every target by its name, which is also that of its folder of seeds.
pub const ALL: &[(&str, fn(&[u8]))] = &[
    ("capture", capture),
    ("wire", wire_packet),
    ("http", http),
    ("frames", frames),
    ("inflate", inflate),
    ("trip", trip),
    ("filter", filter),
];

/// Reads a capture file.
pub fn capture(data: &[u8]) {
    let mut source = Files::from_reader("fuzz", Box::new(Cursor::new(data.to_vec())));
    let mut round = Round::default();
    while let Ok(next) = source.next(&mut round) {
        assert!(round.packets().all(|packet| packet.data.len() <= data.len().max(1 << 24)));
        if next == Next::End {
            return;
        }
    }
}

/// Decodes one packet: two bytes of link type, then the packet.
pub fn wire_packet(data: &[u8]) {
    let Some((link, packet)) = data.split_first_chunk::<2>() else { return };
    let link = LinkType(u16::from_be_bytes(*link).into());
    let original_length = packet.len() as u32;
    let packet = Packet { at: At::default(), link, original_length, data: packet };
    let _ = Decoder::new(wire::Limits::default()).decode(&packet);
}

/// Feeds pieces to both sides of HTTP exchanges: a byte of side and length before each.
pub fn http(mut data: &[u8]) {
    let mut exchanges = Exchanges::new(wirefin::http::Limits::default());
    while let Some((&first, rest)) = data.split_first() {
        let side = if first & 0x80 == 0 { Side::Client } else { Side::Server };
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(first & 0x7f) * 8));
        if piece.is_empty() {
            exchanges.gap(side, u64::from(first));
        }
        exchanges.push(side, piece);
        while exchanges.next().is_some() {}
        data = rest;
    }
}

/// Cuts bytes into frames, in two pieces.
pub fn frames(data: &[u8]) {
    let (one, two) = data.split_at(data.len() / 3);
    let mut machine = Frames::default();
    for mut piece in [one, two] {
        while machine.next(&mut piece).is_some() {}
        assert!(piece.is_empty());
        machine.gap(5);
    }
}

/// Inflates messages: a byte of options, then messages of a byte of length each.
pub fn inflate(data: &[u8]) {
    let Some((&options, mut rest)) = data.split_first() else { return };
    let limits = deflate::Limits { work: 1 << 20 };
    let side = DeflateSide { no_context_takeover: options & 1 == 1, max_window_bits: 8 + (options >> 1 & 7) };
    let mut inflater =
        if options & 0x80 == 0 { Inflater::new(side, limits) } else { Inflater::joined_late(limits) };
    while let Some((&length, more)) = rest.split_first() {
        let (message, more) = more.split_at(more.len().min(usize::from(length)));
        let mut out = Payload::new(1 << 12);
        inflater.push(message, &mut out);
        if length & 64 != 0 {
            inflater.gap(&mut out);
        }
        inflater.finish(&mut out);
        assert!(out.bytes().len() <= 1 << 12);
        while inflater.next_anomaly().is_some() {}
        rest = more;
    }
}

/// Makes the whole trip with a capture file.
pub fn trip(data: &[u8]) {
    let mut source = Files::from_reader("fuzz", Box::new(Cursor::new(data.to_vec())));
    let Some(format) = AnyFormat::new("ndjson", &Settings { frames: true }) else { return };
    let options = Options { threads: std::num::NonZeroUsize::MIN, ..Options::default() };
    let _ = wirefin::pipeline::run(&mut source, &options, &mut Formatted::new(format, std::io::sink(), None));
}

/// Parses a filter.
pub fn filter(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = wirefin::filter::Filter::parse(text);
    }
}

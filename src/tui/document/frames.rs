use std::ops::Range;

use super::super::clock::grouped;
use super::{Document, octets};
use crate::event::Frame;
use crate::store::{Entry, Facts};
use crate::text;

impl Document {
    /// Adds the compression ratio of a message, from its payload sizes without frame headers.
    pub(super) fn deflate(&mut self, entry: &Entry, frames: &[Frame]) {
        if !entry.facts().has(Facts::COMPRESSED) {
            return;
        }
        let words = if entry.facts().has(Facts::INFLATED) {
            let sent = frames.iter().fold(0_u64, |sum, frame| sum.saturating_add(frame.header.length));
            let part = sent as f64 * 100.0 / (entry.length().max(1) as f64);
            let is_known = !entry.facts().has(Facts::MISSING);
            if frames.is_empty() || frames.len() < usize::from(entry.frames()) {
                "shown inflated".to_owned()
            } else if is_known && entry.length() > 0 {
                format!("{} compressed to {} ({part:.0} %)", text::bytes(entry.length()), text::bytes(sent))
            } else {
                format!("{} compressed", text::bytes(sent))
            }
        } else {
            "shown as sent".to_owned()
        };
        self.plain("deflate", words);
    }

    pub(super) fn close_body(&mut self, start: usize) {
        if self.patched.as_ref().is_some_and(|patched| !patched.begins_with(2)) {
            return self.within(|it| it.note("code", "not known"));
        }
        let payload = self.payload().to_vec();
        self.within(|it| match payload.split_first_chunk::<2>() {
            Some((code, reason)) => {
                let code = u16::from_be_bytes(*code);
                it.ranged(
                    "code",
                    format!("{code} {}", text::close_code_name(code)),
                    start..start.saturating_add(2),
                );
                it.ranged("reason", reason, start.saturating_add(2)..start.saturating_add(payload.len()));
            }
            None => it.quiet("code", "none: 1005 no status received"),
        });
    }

    /// Adds the frames, each with its part of the payload if nothing was compressed or lost.
    pub(super) fn frames(&mut self, frames: &[Frame], entry: &Entry) {
        let declared = frames.iter().fold(0_u64, |sum, frame| sum.saturating_add(frame.header.length));
        let plain = !entry.facts().has(Facts::COMPRESSED) && declared == u64::from(entry.kept());
        let heads = frames
            .iter()
            .fold(0_usize, |sum, frame| sum.saturating_add(usize::from(frame.header.header_length)));
        let mut share = heads;
        for (n, frame) in frames.iter().enumerate() {
            let header = &frame.header;
            let at = self.bytes.len();
            self.parts.push((
                at,
                if frames.len() == 1 {
                    "frame header".to_owned()
                } else {
                    format!("header of frame {}", n.saturating_add(1))
                },
            ));
            crate::store::write_header(header, &mut self.bytes);
            let end = self.bytes.len();
            let title = format!("frame {}", n.saturating_add(1));
            let value = format!(
                "{}{}, {}, offset {}",
                header.opcode.name(),
                if header.fin { " FIN" } else { "" },
                octets(header.length),
                grouped(frame.offset)
            );
            self.ranged(&title, value, at..end);
            let length = usize::try_from(header.length).unwrap_or(0);
            self.within(|it| it.header(frame, at, end, plain.then(|| share..share.saturating_add(length))));
            share = share.saturating_add(length);
        }
        if frames.len() < usize::from(entry.frames()) {
            let words = format!(
                "headers of {} of {} are kept",
                grouped(frames.len() as u64),
                grouped(u64::from(entry.frames()))
            );
            self.note("frames", words);
        }
    }

    fn header(&mut self, frame: &Frame, at: usize, end: usize, share: Option<Range<usize>>) {
        let header = &frame.header;
        let (first, second) = (at..at.saturating_add(1), at.saturating_add(1)..at.saturating_add(2));
        let bit = |on: bool, words: &str| format!("{} {words}", if on { "1" } else { "0" });
        self.ranged(
            "FIN",
            bit(header.fin, if header.fin { "the last of its message" } else { "more follow" }),
            first.clone(),
        );
        let rsv1 = if header.rsv1() { "compressed" } else { "" };
        self.ranged("RSV", format!("{:03b} {rsv1}", header.rsv), first.clone());
        self.ranged("opcode", format!("{} {}", header.opcode.0, header.opcode.name()), first);
        self.ranged(
            "MASK",
            bit(header.mask.is_some(), if header.mask.is_some() { "masked" } else { "not masked" }),
            second,
        );
        let key = if header.mask.is_some() { 4 } else { 0 };
        let length_end = end.saturating_sub(key);
        let form = if header.is_minimal() { "" } else { " (not in the shortest form)" };
        self.ranged("length", format!("{}{form}", grouped(header.length)), at.saturating_add(1)..length_end);
        if let Some(mask) = header.mask {
            let hex = format!("{:08x}", u32::from_be_bytes(mask));
            self.ranged("masking key", hex, length_end..end);
        }
        if let Some(share) = share.filter(|share| !share.is_empty()) {
            self.ranged("payload", octets(share.len() as u64), share);
        }
    }
}

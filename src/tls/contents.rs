//! The contents of records: handshake messages, alerts and application data, including those of incomplete records.

use std::ops::Range;

use super::facts::EarlyData;
use super::handshake::{Message, PREFIX, message};
use super::keylog::KeyLog;
use super::keys::Epoch;
use super::protection::{PartialPlaintext, Pieces, Tail};
use super::record::content;
use super::record_reader::PartialRecord;
use super::stream::Stream;
use super::{End, Output, alert};
use crate::hello::{ClientHello, ServerHello, encrypted_extensions, session_ticket};
use crate::model::{Anomaly, At, Lost, Side};

impl Stream {
    /// Processes the content of an unencrypted record.
    pub(super) fn clear(&mut self, side: Side, kind: u8, content: &[u8], at: At, keys: &KeyLog) {
        match kind {
            content::HANDSHAKE => self.handshake(side, content, at, keys),
            content::ALERT => self.alert(side, content, at),
            _ => {}
        }
    }

    /// Processes the content of a decrypted record, which is in the output buffer.
    pub(super) fn content(&mut self, side: Side, kind: u8, range: Range<usize>, at: (At, At), keys: &KeyLog) {
        self.facts.keys = Some(self.negotiation.origin);
        if kind == content::APPLICATION_DATA {
            self.sides[side].data = true;
            if self.sides[side].epoch == Epoch::Early && self.facts.early_data != Some(EarlyData::Accepted) {
                let bytes = self.outputs.plain().get(range).unwrap_or_default().to_vec();
                let kept: usize = self.early.iter().map(|(_, _, bytes)| bytes.len()).sum();
                if kept < self.limits.held {
                    self.early.push((at.0, at.1, bytes));
                }
                return;
            }
            self.report_gap(side, at.1);
            self.report_facts();
            self.outputs.bytes(side, range, at, true);
            return;
        }
        let bytes = self.outputs.plain().get(range).unwrap_or_default().to_vec();
        match kind {
            content::CHANGE_CIPHER_SPEC => {
                // A renegotiation, protected by the keys of the previous handshake.
                if let Epoch::Session(now) = self.sides[side].epoch {
                    self.sides[side].enter(Epoch::Session(now.saturating_add(1)));
                }
            }
            _ => self.clear(side, kind, &bytes, at.1, keys),
        }
    }

    /// Reports the plaintext that is missing before the next output.
    fn report_gap(&mut self, side: Side, at: At) {
        if let Some(lost) = self.sides[side].missing_plaintext.take() {
            self.report_facts();
            self.outputs.push(Output::Gap { side, lost, at });
        }
    }

    /// Reports the end of a side.
    pub(super) fn report_end(&mut self, side: Side, how: End, at: At) {
        self.report_gap(side, at);
        self.report_facts();
        self.sides[side].closed = true;
        self.outputs.push(Output::End { side, how, at });
    }

    fn alert(&mut self, side: Side, content: &[u8], at: At) {
        let [level, number] = *content else { return };
        if number == alert::CLOSE_NOTIFY {
            self.report_end(side, End::CloseNotify, at);
            return;
        }
        let name = alert::name(number);
        self.outputs.anomaly(side, Anomaly::TlsAlert { alert: name }, at);
        // Since TLS 1.3, the level has no meaning.
        if level != alert::WARNING || self.facts.version == Some(0x0304) && number != alert::USER_CANCELED {
            self.report_end(side, End::Alert(name), at);
        }
    }

    fn handshake(&mut self, side: Side, content: &[u8], at: At, keys: &KeyLog) {
        self.sides[side].messages.push(content);
        // The transcript is needed only if a premaster secret may come.
        if self.sides[side].epoch == Epoch::Clear && keys.has_premasters() {
            self.negotiation.record_messages(side, content);
        }
        let mut side = side;
        while let Some(message) = self.sides[side].messages.next() {
            if self.message(side, &message, at, keys) {
                side = !side;
            }
        }
    }

    /// Processes a handshake message; returns whether the sides were swapped.
    fn message(&mut self, side: Side, message: &Message, at: At, keys: &KeyLog) -> bool {
        match message.kind {
            message::CLIENT_HELLO => return self.client_hello(side, message, keys),
            message::SERVER_HELLO => self.server_hello(message, keys),
            message::ENCRYPTED_EXTENSIONS => {
                self.negotiation.encrypted_extensions(&encrypted_extensions(message.body()), &mut self.facts);
                self.settle_early_data(at);
            }
            message::NEW_SESSION_TICKET if self.negotiation.is_13() == Some(false) => {
                if let Some(ticket) = session_ticket(message.body()) {
                    self.negotiation.new_session_ticket(ticket);
                }
            }
            message::SERVER_HELLO_DONE => {
                self.negotiation.look_up(keys);
                self.held.release();
            }
            message::CERTIFICATE_REQUEST => self.facts.certificate_requested = true,
            message::CLIENT_KEY_EXCHANGE => {
                self.negotiation.client_key_exchange(message.body(), keys);
                self.negotiation.look_up(keys);
                self.held.release();
            }
            message::END_OF_EARLY_DATA if self.sides[side].epoch == Epoch::Early => {
                self.facts.early_data = Some(EarlyData::Accepted);
                self.settle_early_data(at);
                self.sides[side].enter(Epoch::Handshake);
            }
            message::FINISHED if self.sides[side].epoch == Epoch::Handshake => {
                if side == Side::Client {
                    self.settle_early_data(at);
                }
                self.sides[side].enter(Epoch::Traffic(0));
            }
            message::KEY_UPDATE => {
                if let Epoch::Traffic(now) = self.sides[side].epoch {
                    self.sides[side].enter(Epoch::Traffic(now.saturating_add(1)));
                }
            }
            _ => {}
        }
        false
    }

    fn client_hello(&mut self, side: Side, message: &Message, keys: &KeyLog) -> bool {
        let Some(hello) = ClientHello::parse(message.body()) else {
            return false;
        };
        let swapped = side == Side::Server;
        if swapped {
            self.swap();
        }
        if self.sides.client.epoch == Epoch::Early {
            // The server asked for another hello and thereby rejected the early data.
            self.sides.client.enter(Epoch::Clear);
        }
        self.negotiation.client_hello(&hello, &mut self.facts);
        self.negotiation.look_up(keys);
        self.held.release();
        swapped
    }

    fn server_hello(&mut self, message: &Message, keys: &KeyLog) {
        let Some(hello) = ServerHello::parse(message.body()) else {
            return;
        };
        if hello.is_retry() {
            self.facts.retried = true;
        } else {
            self.negotiation.server_hello(&hello, &mut self.facts);
            self.negotiation.look_up(keys);
        }
        self.held.release();
    }

    /// Reports early data if the server accepted it; otherwise discards it.
    fn settle_early_data(&mut self, at: At) {
        if self.early.is_empty() {
            return;
        }
        let early = std::mem::take(&mut self.early);
        if self.facts.early_data != Some(EarlyData::Accepted) {
            let bytes = early.iter().map(|(_, _, bytes)| bytes.len() as u64).sum();
            self.outputs.anomaly(Side::Client, Anomaly::TlsEarlyDataRejected { bytes }, at);
            return;
        }
        self.report_facts();
        for (first, at, bytes) in early {
            self.report_plain(Side::Client, &bytes, (first, at), true);
        }
    }

    fn report_plain(&mut self, side: Side, bytes: &[u8], at: (At, At), verified: bool) {
        self.report_gap(side, at.1);
        let plain = self.outputs.plain();
        let start = plain.len();
        plain.extend_from_slice(bytes);
        let end = plain.len();
        self.outputs.bytes(side, start..end, at, verified);
    }

    /// Processes a record with missing bytes.
    pub(super) fn cut(&mut self, side: Side, cut: &PartialRecord, at: At) {
        let header = cut.header;
        let is_session = matches!(self.sides[side].epoch, Epoch::Session(_));
        self.sides[side].gapped = true;
        if self.sides[side].closed {
            return;
        }
        if header.kind == content::CHANGE_CIPHER_SPEC && !is_session {
            // Its content is implied by its header.
            self.change_cipher_spec(side);
            return;
        }
        if self.sides[side].epoch == Epoch::Clear && header.kind != content::APPLICATION_DATA {
            self.sides[side].messages.gap();
            self.negotiation.lose_transcript();
            return;
        }
        let direction = &mut self.sides[side];
        let before = direction.before;
        direction.before = match cut.pieces.last() {
            Some((start, bytes)) if start.saturating_add(bytes.len()) == header.length => {
                Some(Tail::of(bytes))
            }
            _ => None,
        };
        let is_data = header.kind == content::APPLICATION_DATA;
        let is_counted = matches!(direction.epoch, Epoch::Session(_) | Epoch::Traffic(_));
        let Some(now) = direction.keys.as_ref().filter(|_| direction.passed.records == 0 && is_counted)
        else {
            direction.pass(header, is_data);
            return;
        };
        let record = Pieces { header, all: &cut.pieces, before };
        let revealed = now.cipher.protection().decrypt_partial(&record, direction.number);
        if is_session {
            direction.count();
            if is_data {
                self.report_partial(side, &revealed, true, (cut.first, at));
            } else {
                self.sides[side].messages.gap();
            }
            return;
        }
        let (revealed, kind) = inner(revealed, &mut direction.padded);
        if kind.is_some_and(|kind| kind != content::APPLICATION_DATA)
            || kind.is_none() && direction.may_be_key_update(header.length)
        {
            direction.messages.gap();
            direction.pass(header, kind.is_none());
            return;
        }
        direction.count();
        let is_certain = kind.is_some() || direction.data && !direction.padded && !may_be_message(&revealed);
        self.report_partial(side, &revealed, is_certain, (cut.first, at));
    }

    /// Processes the end of a record whose header was lost.
    pub(super) fn report_tail(&mut self, side: Side, revealed: PartialPlaintext, at: At) {
        let direction = &mut self.sides[side];
        if matches!(direction.epoch, Epoch::Session(_)) {
            // The first record belongs to the handshake.
            let is_certain = direction.number > 1;
            self.report_partial(side, &revealed, is_certain, (at, at));
            return;
        }
        let (revealed, kind) = inner(revealed, &mut direction.padded);
        match kind {
            Some(content::APPLICATION_DATA) => self.report_partial(side, &revealed, true, (at, at)),
            Some(content::HANDSHAKE | content::ALERT) => {}
            _ => self.report_partial(side, &revealed, false, (at, at)),
        }
    }

    /// Reports the captured parts of a record's content; if it is not certain to be application data, reports only that
    /// plaintext is missing.
    fn report_partial(&mut self, side: Side, revealed: &PartialPlaintext, is_certain: bool, at: (At, At)) {
        let unknown = Lost::Unknown { least: 0 };
        if !is_certain {
            self.sides[side].messages.gap();
            self.sides[side].add_missing(unknown);
            return;
        }
        let bytes = revealed.pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if bytes > 0 {
            self.report_facts();
            self.outputs.anomaly(side, Anomaly::TlsUnverified { bytes }, at.1);
        }
        let mut position = 0;
        for (start, bytes) in &revealed.pieces {
            self.sides[side].add_missing(Lost::Exact(start.saturating_sub(position) as u64));
            self.report_plain(side, bytes, at, false);
            position = start.saturating_add(bytes.len());
        }
        self.sides[side].add_missing(match revealed.length {
            Some(length) => Lost::Exact(length.saturating_sub(position) as u64),
            None => unknown,
        });
    }
}

/// Removes type and padding from a record's inner plaintext (RFC 8446 §5.2), as far as they were captured.
fn inner(mut revealed: PartialPlaintext, padded: &mut bool) -> (PartialPlaintext, Option<u8>) {
    let length = revealed.length.unwrap_or_default();
    let end = |(start, bytes): &(usize, Vec<u8>)| start.saturating_add(bytes.len());
    let reaches_end = revealed.pieces.last().is_some_and(|piece| end(piece) == length);
    let Some((start, bytes)) = revealed.pieces.last_mut().filter(|_| reaches_end) else {
        // The type is missing.
        revealed.length = length.checked_sub(1);
        return (revealed, None);
    };
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    *padded |= padding > 0;
    bytes.truncate(bytes.len().saturating_sub(padding));
    let kind = bytes.pop();
    revealed.length = kind.map(|_| start.saturating_add(bytes.len()));
    if bytes.is_empty() {
        revealed.pieces.pop();
    }
    (revealed, kind)
}

/// Returns whether a content may be a handshake message or an alert, judging by the lengths these declare.
fn may_be_message(revealed: &PartialPlaintext) -> bool {
    let Some(length) = revealed.length else {
        return true;
    };
    if length == 2 {
        return true;
    }
    match revealed.pieces.first() {
        Some((0, bytes)) if bytes.len() >= PREFIX => {
            let Some([kind, high, middle, low]) = bytes.first_chunk() else {
                return true;
            };
            let body = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
            message::KNOWN.contains(kind) && body.saturating_add(PREFIX) == length
        }
        // Without its beginning, a content as short as a ticket may be one.
        _ => length < 300,
    }
}

//! Opening of records: with the current keys, with those that may be next, and at the sequence numbers that are
//! possible after a gap.

use std::mem;
use std::ops::RangeInclusive;

use super::direction::{Attempt, Opening, Taken, UnopenedRecords};
use super::handshake::begins_message;
use super::held::Input;
use super::identify::{identify, master_of_session};
use super::keylog::KeyLog;
use super::keys::{Epoch, Keys};
use super::protection::{Record, Tail};
use super::record::{HEADER, Header, content};
use super::resync::Gap;
use super::stream::Stream;
use super::{Opaque, Output};
use crate::model::{Anomaly, At, Lost, Side};

/// The verdict on a candidate for a record.
enum Verdict {
    Record,
    Refused,
    /// More bytes are needed.
    Undecided,
    Waits,
}

impl Stream {
    /// Opens a record with the current keys under the next sequence number, provided nothing is missing before it.
    pub(super) fn open(&mut self, side: Side, record: &Record<'_>, at: (At, At), keys: &KeyLog) -> bool {
        let direction = &mut self.sides[side];
        let Some(now) = &direction.keys else {
            return false;
        };
        if direction.passed.records > 0 {
            return false;
        }
        let plain = self.outputs.plain();
        let start = plain.len();
        if !now.cipher.protection().open(record, direction.number, plain) {
            return false;
        }
        direction.opened(record);
        let mut end = plain.len();
        let mut kind = record.header.kind;
        if !matches!(direction.epoch, Epoch::Session(_)) {
            let inner = plain.get(start..).unwrap_or_default();
            let padding = inner.iter().rev().take_while(|byte| **byte == 0).count();
            direction.padded |= padding > 0;
            end = end.saturating_sub(padding.saturating_add(1)).max(start);
            kind = plain.get(end).copied().unwrap_or_default();
        }
        self.content(side, kind, start..end, at, keys);
        true
    }

    /// Searches for the keys and the sequence number under which a record after a gap is authentic; on success, updates
    /// the state so that it is the next record.
    pub(super) fn attempt(
        &mut self,
        side: Side,
        record: &Record<'_>,
        gap: Gap<'_>,
        at: At,
        keys: &KeyLog,
    ) -> Attempt {
        let missed = self.sides[side].missed(gap.skipped);
        let mut tried = false;
        for round in rounds(missed) {
            for epoch in self.epochs(side, missed) {
                let direction = &mut self.sides[side];
                if direction.epoch == epoch && direction.keys.is_some() {
                    tried = true;
                    if let Some(number) = direction.find_now(record, &round) {
                        self.resume(side, Opening { epoch, keys: None, number }, record, gap, at);
                        return Attempt::Opens;
                    }
                    continue;
                }
                for candidate in self.candidates(side, epoch) {
                    tried = true;
                    if let Some(number) = self.sides[side].find(&candidate, epoch, record, &round) {
                        self.resume(side, Opening { epoch, keys: Some(candidate), number }, record, gap, at);
                        return Attempt::Opens;
                    }
                }
            }
        }
        if tried {
            return Attempt::Fails;
        }
        if self.find_session(side, record, missed, keys) {
            return self.attempt(side, record, gap, at, keys);
        }
        self.identify(side, record, missed, at, keys)
    }

    /// Searches the entire key log for the master secret of the session that is being resumed.
    fn find_session(&mut self, side: Side, record: &Record<'_>, missed: u64, keys: &KeyLog) -> bool {
        if !self.negotiation.resumes_unnamed() {
            return false;
        }
        let found = master_of_session(record, side, missed, &self.negotiation, keys, &mut self.budget);
        if let Some((first, master)) = found {
            self.negotiation.resume(first, master, keys);
        }
        self.negotiation.secrets() > 0
    }

    fn epochs(&self, side: Side, missed: u64) -> Vec<Epoch> {
        let early_data = side == Side::Client && self.negotiation.early_data;
        self.sides[side].epochs(early_data, self.negotiation.is_13(), missed > 0)
    }

    /// Returns the possible keys of an epoch that a side has not entered yet.
    fn candidates(&self, side: Side, epoch: Epoch) -> Vec<Keys> {
        let direction = &self.sides[side];
        match (&direction.keys, direction.epoch, epoch) {
            (Some(keys), Epoch::Traffic(now), Epoch::Traffic(then)) => {
                let mut next = keys.updated();
                for _ in now.saturating_add(1)..then {
                    next = next.and_then(|keys| keys.updated());
                }
                next.into_iter().collect()
            }
            _ => self.negotiation.keys(side, epoch),
        }
    }

    /// Identifies the connection among all those of the key log, if its own random is of no use.
    fn identify(&mut self, side: Side, record: &Record<'_>, missed: u64, at: At, keys: &KeyLog) -> Attempt {
        let is_hidden = self.negotiation.client_random.is_none() || self.facts.encrypted_hello;
        if !is_hidden || self.negotiation.secrets() > 0 {
            return Attempt::NoKeys;
        }
        let most = if self.has_no_beginning { u64::MAX } else { missed };
        let Some(found) = identify(record, most, &self.negotiation, keys, &mut self.budget) else {
            return Attempt::NoKeys;
        };
        self.negotiation.client_random = Some(found.client_random);
        self.negotiation.look_up(keys);
        let mut side = side;
        if found.side != side {
            self.swap();
            side = found.side;
        }
        let opening = Opening { epoch: found.epoch, keys: Some(found.keys), number: found.number };
        if self.has_no_beginning {
            self.outputs.anomaly(side, Anomaly::TlsMidStream { number: found.number }, at);
        }
        self.resume(side, opening, record, Gap::NONE, at);
        self.held.release();
        Attempt::Opens
    }

    /// Swaps the sides.
    pub(super) fn swap(&mut self) {
        self.sides.swap();
        self.held.swap();
        self.swapped = !self.swapped;
        self.outputs.push(Output::Swapped);
    }

    /// Continues with a record that opens as described, and reports what is missing before it.
    fn resume(&mut self, side: Side, opening: Opening, record: &Record<'_>, gap: Gap<'_>, at: At) {
        let Opening { epoch, keys, number } = opening;
        let post_handshake = self.negotiation.post_handshake;
        // Early data may have come before the first record of the traffic keys.
        let may_have_early = self.has_no_beginning || self.facts.ja4.is_none() || self.negotiation.early_data;
        let direction = &mut self.sides[side];
        let is_same = direction.epoch == epoch && keys.is_none();
        let is_missing =
            gap.skipped != Lost::Exact(0) || direction.passed.bytes > 0 || self.has_no_beginning && !is_same;
        let is_missing = is_missing && (may_have_early || !direction.begins_with(epoch, number));
        let mut tail = None;
        let (mut records, mut lost) = (direction.passed.records, Lost::Unknown { least: 0 });
        if is_same {
            records = number.saturating_sub(direction.number);
            let missing = number.checked_sub(1).filter(|_| is_missing && records > 0);
            tail = missing.and_then(|number| direction.tail(number, gap, record));
            lost = match (&tail, missing) {
                (Some(_), Some(_)) if direction.passed.records == 0 => Lost::Exact(0),
                (Some(_), Some(before)) => direction.missing_between(before, Lost::Exact(0), post_handshake),
                _ => direction.missing_between(number, gap.skipped, post_handshake),
            };
        } else {
            direction.enter(epoch);
            direction.keys = keys;
        }
        direction.number = number;
        direction.passed = UnopenedRecords::default();
        if let Some(keys) = &direction.keys {
            self.facts.suite = self.facts.suite.or(Some(keys.suite.id));
        }
        if !matches!(epoch, Epoch::Session(_)) {
            self.facts.version = self.facts.version.or(Some(0x0304));
        }
        if !is_missing || matches!(epoch, Epoch::Clear | Epoch::Handshake) {
            return;
        }
        self.sides[side].messages.gap();
        self.sides[side].add_missing(lost);
        if records > 0 {
            let bytes = if let Lost::Exact(bytes) = lost { Some(bytes) } else { None };
            let bytes = bytes.filter(|_| tail.is_none());
            // Nothing was lost: only records that were captured and not decrypted are missing.
            let were_captured = gap.skipped == Lost::Exact(0) && !self.sides[side].gapped;
            let anomaly = if were_captured {
                Anomaly::TlsKeysLate { records, bytes }
            } else {
                Anomaly::TlsRecordsLost { records, bytes }
            };
            self.outputs.anomaly(side, anomaly, at);
        }
        if let Some(revealed) = tail {
            self.report_tail(side, revealed, at);
        }
    }

    /// Searches the bytes collected after a loss for the next record; returns the bytes from it on.
    pub(super) fn search(&mut self, side: Side, at: At, keys: &KeyLog) -> Vec<(At, Vec<u8>)> {
        let mut reader = mem::take(&mut self.sides[side].reader);
        let mut found = Vec::new();
        if let Some(search) = reader.search() {
            while let Some(candidate) = search.candidate() {
                let before = Some(Tail::of(candidate.gap.earlier));
                let record = Record { header: candidate.header, fragment: candidate.fragment, before };
                match self.judge(side, &record, candidate.gap, candidate.behind, at, keys) {
                    Verdict::Refused => search.refuse(),
                    Verdict::Undecided => break,
                    Verdict::Record => {
                        self.sides[if self.swapped { !side } else { side }].before = before;
                        found = search.rest();
                        break;
                    }
                    Verdict::Waits => {
                        for (at, bytes) in search.rest() {
                            self.hold(side, at, Input::Bytes(bytes));
                        }
                        search.withdraw();
                        break;
                    }
                }
                if self.is_opaque() {
                    return found;
                }
            }
            search.trim();
        }
        if !found.is_empty() {
            reader.resume();
        }
        self.sides[if self.swapped { !side } else { side }].reader = reader;
        found
    }

    /// Decides whether a candidate is a record.
    fn judge(
        &mut self,
        side: Side,
        record: &Record<'_>,
        gap: Gap<'_>,
        behind: &[u8],
        at: At,
        keys: &KeyLog,
    ) -> Verdict {
        let is_clear = self.sides[side].epoch == Epoch::Clear;
        if record.header.kind == content::CHANGE_CIPHER_SPEC {
            let is_one = is_clear && record.fragment == [1];
            return if is_one { Verdict::Record } else { Verdict::Refused };
        }
        if is_clear && record.header.kind == content::HANDSHAKE && begins_message(record.fragment) {
            // After a lost ChangeCipherSpec, an encrypted Finished whose nonce is its sequence number looks like a message.
            let may_be_finished = self.negotiation.is_13() == Some(false) && self.negotiation.secrets() > 0;
            if may_be_finished
                && matches!(gap.skipped, Lost::Exact(_))
                && matches!(self.attempt(side, record, gap, at, keys), Attempt::Opens)
            {
                return Verdict::Record;
            }
            if behind.len() < HEADER {
                return Verdict::Undecided;
            }
            self.sides[side].messages.gap();
            self.negotiation.lose_transcript();
            return if Header::parse(behind).is_some() { Verdict::Record } else { Verdict::Refused };
        }
        match self.attempt(side, record, gap, at, keys) {
            Attempt::Opens => Verdict::Record,
            Attempt::Fails if self.sides[side].can_search() => Verdict::Refused,
            Attempt::Fails => {
                self.give_up(Opaque::KeysWrong, at, keys);
                Verdict::Refused
            }
            Attempt::NoKeys => match self.wait_or_give_up(at, keys) {
                Taken::Waits => Verdict::Waits,
                Taken::Done => Verdict::Refused,
            },
        }
    }
}

/// Divides the sequence numbers to try into rounds, so that every key is tried with the small ones first.
fn rounds(missed: u64) -> impl Iterator<Item = RangeInclusive<u64>> {
    [(0, 1 << 12), (1 << 12, 1 << 16), (1 << 16, 1 << 20), (1 << 20, u64::MAX)]
        .into_iter()
        .filter(move |(from, _)| *from <= missed)
        .map(move |(from, until): (u64, u64)| from..=missed.min(until.saturating_sub(1)))
}
